/* Every test of PostgreSQL's version, and nothing else. */
#ifndef ANGLE_PG_COMPAT_H
#define ANGLE_PG_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "angle needs PostgreSQL 15 or later"
#endif

/* PostgreSQL 16 took the varlena macros out of postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* PostgreSQL 18 lets a module say its name and version. */
#if PG_VERSION_NUM >= 180000
#define ANGLE_MODULE_MAGIC \
	PG_MODULE_MAGIC_EXT(.name = "angle", .version = ANGLE_VERSION)
#else
#define ANGLE_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/* PostgreSQL 16 lets a type's input function report an error softly, for
 * pg_input_is_valid() and the like; before, every error is raised. */
#if PG_VERSION_NUM < 160000
#define errsave(context, ...) ereport(ERROR, __VA_ARGS__)
#define ereturn(context, dummy, ...) ereport(ERROR, __VA_ARGS__)
#endif

/* Whether the query is to be cancelled or the backend to end. PostgreSQL 17
 * has a third reason, transaction_timeout. Needs miscadmin.h. */
#if PG_VERSION_NUM >= 170000
#define ANGLE_QUERY_ENDS \
	(QueryCancelPending || ProcDiePending || TransactionTimeoutPending)
#else
#define ANGLE_QUERY_ENDS (QueryCancelPending || ProcDiePending)
#endif

#endif
