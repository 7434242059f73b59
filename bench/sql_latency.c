/* What a query costs its client:
 *     sql-latency CONNECTION STATEMENT
 * prepares a statement with one text parameter and executes it with each text
 * of the batch, one after the other, result in binary. Commands: driver.h, and
 *
 *     *SECONDS  executes with the texts in turn for that long: one line with
 *               the microseconds of each
 *     @         connects anew, and executes twice with the first text, not
 *               prepared: the microseconds of these three steps
 *     #         the process ID of the backend
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

typedef struct QueryState
{
	const char *connection_string;
	const char *statement;
	PGconn *connection;
} QueryState;

enum
{
	TEXT_FORMAT,
	BINARY_FORMAT
};

static const Oid text_type = 25;

/* Ends the program with the server's message. */
static void
fail(PGconn *connection)
{
	fprintf(stderr, "sql-latency: %s", PQerrorMessage(connection));
	PQfinish(connection);
	exit(1);
}

/* Takes the result of a query; ends the program unless it has rows. */
static PGresult *
require_rows(QueryState *state, PGresult *result)
{
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail(state->connection);
	return result;
}

static PGresult *
execute(QueryState *state, const char *text, int format)
{
	return require_rows(state, PQexecPrepared(state->connection, "statement", 1,
											  &text, NULL, NULL, format));
}

static double
time_execute(QueryState *state, const char *text)
{
	double start = driver_microseconds();
	PGresult *result = execute(state, text, BINARY_FORMAT);
	double stop = driver_microseconds();

	PQclear(result);
	return stop - start;
}

/* The same, parsed and planned as a client that prepares nothing has it. */
static double
time_unprepared(QueryState *state, const char *text)
{
	double start = driver_microseconds();
	PGresult *result = require_rows(
		state, PQexecParams(state->connection, state->statement, 1, &text_type,
							&text, NULL, NULL, BINARY_FORMAT));
	double stop = driver_microseconds();

	PQclear(result);
	return stop - start;
}

static void
embed(void *context, const DriverBatch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		time_execute(context, batch->texts[i]);
}

static void
print(void *context, const DriverBatch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
	{
		PGresult *result = execute(context, batch->texts[i], TEXT_FORMAT);

		puts(PQgetvalue(result, 0, 0));
		PQclear(result);
	}
}

static void
connect_to_server(QueryState *state)
{
	state->connection = PQconnectdb(state->connection_string);
	if (PQstatus(state->connection) != CONNECTION_OK)
		fail(state->connection);
}

static void
prepare(QueryState *state)
{
	PGresult *result = PQprepare(state->connection, "statement",
								 state->statement, 1, &text_type);

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fail(state->connection);
	PQclear(result);
}

static void
run_for(QueryState *state, const DriverBatch *batch, double seconds)
{
	double stop = driver_microseconds() + seconds * 1e6;

	for (size_t i = 0; driver_microseconds() < stop; i++)
		printf("%.1f ", time_execute(state, batch->texts[i % batch->count]));
	putchar('\n');
}

static void
run_fresh(QueryState *state, const DriverBatch *batch)
{
	double start = driver_microseconds();
	double connected, first;

	PQfinish(state->connection);
	connect_to_server(state);
	connected = driver_microseconds() - start;
	first = time_unprepared(state, batch->texts[0]);
	printf("%.2f %.2f %.2f\n", connected, first,
		   time_unprepared(state, batch->texts[0]));
	prepare(state);
}

static void
command(void *context, const DriverBatch *batch, const char *line)
{
	if (line[0] == '#')
		printf("%d\n", PQbackendPID(((QueryState *) context)->connection));
	else if (line[0] == '*' && batch->count > 0)
		run_for(context, batch, atof(line + 1));
	else if (line[0] == '@' && batch->count > 0)
		run_fresh(context, batch);
	else
	{
		fprintf(stderr, "sql-latency: cannot do \"%s\"\n", line);
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	QueryState state;
	Driver driver = {&state, embed, print, command};

	if (argc != 3)
	{
		fprintf(stderr, "usage: sql-latency CONNECTION STATEMENT\n");
		return 2;
	}
	state = (QueryState){argv[1], argv[2], NULL};
	connect_to_server(&state);
	prepare(&state);
	driver_run(&driver);
	PQfinish(state.connection);
	return 0;
}
