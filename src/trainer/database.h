/* A connection to a database, as psql makes it, on which signals end every
 * wait. Needs libpq: for push alone. */
#ifndef ANGLE_DATABASE_H
#define ANGLE_DATABASE_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "core/base/status.h"

/* NULL: what libpq takes from the environment, or its default. */
typedef struct AngleDatabaseOptions
{
	const char *database; /* a name, a connection string or a URI */
	const char *host;
	const char *port;
	const char *user;
	bool no_password; /* never ask for one */
} AngleDatabaseOptions;

/* Connects; asks for the password on the terminal if the server wants one and
 * none is known. In the session that begins, what is not in pg_catalog needs
 * its schema. A signal that comes while the connection is made ends the process
 * at once: hold nothing then that must be removed.
 * Errors: ANGLE_IO_ERROR, ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus angle_database_connect(
	const AngleDatabaseOptions *options, PGconn **connection, AngleError *err);

/* Ends the connection; a transaction that is not committed is rolled back, and
 * a statement that runs because the work was cancelled is ended. */
void angle_database_close(PGconn *connection, AngleStatus status);

/* Waits until something has come from the server or has been sent to it, and
 * reads and sends what can be without waiting more.
 * Errors: ANGLE_IO_ERROR, ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus angle_database_exchange(PGconn *connection,
													 AngleError *err);

/* A statement with its arguments, in the binary form of their types. */
typedef struct AngleStatement
{
	const char *text;
	int count;				   /* arguments */
	const Oid *types;		   /* (count) */
	const char *const *values; /* (count) */
	const int *sizes;		   /* (count), bytes */
} AngleStatement;

/* Puts a statement on its way. Errors: ANGLE_IO_ERROR. */
ANGLE_MUST_CHECK AngleStatus angle_database_send(
	PGconn *connection, const AngleStatement *statement, AngleError *err);

/* Waits for the result of a statement that was sent; NULL where there are no
 * more of it. The caller clears it with PQclear(). A failed statement is
 * ANGLE_IO_ERROR, and the words of the server are on stderr: whole, and as psql
 * shows them. err names no more than that. */
ANGLE_MUST_CHECK AngleStatus angle_database_result(PGconn *connection,
												   PGresult **result,
												   AngleError *err);

/* Both, with the one result that there is. */
ANGLE_MUST_CHECK AngleStatus angle_database_run(PGconn *connection,
												const AngleStatement *statement,
												PGresult **result,
												AngleError *err);

#endif
