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

/* Abilities of an index access method that came later: PostgreSQL 16 asks whether
 * an index stores one entry for many rows, 17 whether it is built in parallel. */
#if PG_VERSION_NUM >= 170000
#define ANGLE_SET_LATER_ABILITIES(am) \
	((am)->amsummarizing = false, (am)->amcanbuildparallel = true)
#elif PG_VERSION_NUM >= 160000
#define ANGLE_SET_LATER_ABILITIES(am) ((am)->amsummarizing = false)
#else
#define ANGLE_SET_LATER_ABILITIES(am) ((void) (am))
#endif

/* Workers that a build may launch. PostgreSQL 17 has asked the planner already,
 * before that it does so for btree only. */
#if PG_VERSION_NUM >= 170000
#define ANGLE_BUILD_WORKERS(heap, index, info) ((info)->ii_ParallelWorkers)
#else
#define ANGLE_BUILD_WORKERS(heap, index, info) \
	plan_create_index_workers(RelationGetRelid(heap), RelationGetRelid(index))
#endif

/* PostgreSQL 18 counts how many nodes of a path are to be avoided; before, their
 * cost alone says it. */
#if PG_VERSION_NUM >= 180000
#define ANGLE_DISABLE_PATH(path) ((path)->path.disabled_nodes = 2)
#else
#define ANGLE_DISABLE_PATH(path) ((void) (path))
#endif

/* Since PostgreSQL 18 the pause of VACUUM knows whether it is ANALYZE's. */
#if PG_VERSION_NUM >= 180000
#define ANGLE_VACUUM_DELAY_POINT() vacuum_delay_point(false)
#else
#define ANGLE_VACUUM_DELAY_POINT() vacuum_delay_point()
#endif

/* PostgreSQL 16 hands the table to VACUUM's functions of an index. Where it is
 * not given, visibility is judged by the horizon of all databases. */
#if PG_VERSION_NUM >= 160000
#define ANGLE_VACUUM_HEAP(info) ((info)->heaprel)
#else
#define ANGLE_VACUUM_HEAP(info) NULL
#endif

/* PostgreSQL 16 gave what says where a relation's files are another name. */
#if PG_VERSION_NUM >= 160000
#define ANGLE_RELATION_LOCATOR(relation) ((relation)->rd_locator)
#define ANGLE_RELATION_FILE(relation) ((relation)->rd_locator.relNumber)
#else
#define ANGLE_RELATION_LOCATOR(relation) ((relation)->rd_node)
#define ANGLE_RELATION_FILE(relation) ((relation)->rd_node.relNode)
#endif

/* A snapshot that sees chunks of TOAST, in space or not. PostgreSQL 18 has one for
 * all. Needs access/toast_internals.h. */
#if PG_VERSION_NUM >= 180000
#define angle_toast_snapshot(space) ((void) (space), get_toast_snapshot())
#else
#define angle_toast_snapshot(space) (init_toast_snapshot(space), (space))
#endif

/* PostgreSQL 18 takes a place for statistics of the scan. */
#if PG_VERSION_NUM >= 180000
#define angle_index_beginscan(heap, index, snapshot, keys, orders) \
	index_beginscan(heap, index, snapshot, NULL, keys, orders)
#else
#define angle_index_beginscan(heap, index, snapshot, keys, orders) \
	index_beginscan(heap, index, snapshot, keys, orders)
#endif

#endif
