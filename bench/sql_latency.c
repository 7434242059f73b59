/* What a query costs its client:
 *     sql-latency CONNECTION STATEMENT
 * prepares a statement with one text parameter, executes it with each line of
 * stdin and answers with the microseconds that took, result in binary. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double
microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

/* Ends the program with the server's message. */
static void
fail(PGconn *connection)
{
	fprintf(stderr, "sql-latency: %s", PQerrorMessage(connection));
	PQfinish(connection);
	exit(1);
}

static double
execute(PGconn *connection, const char *text)
{
	double start = microseconds();
	PGresult *result =
		PQexecPrepared(connection, "statement", 1, &text, NULL, NULL, 1);
	double stop = microseconds();

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail(connection);
	PQclear(result);
	return stop - start;
}

int
main(int argc, char **argv)
{
	const Oid text_type = 25;
	PGconn *connection;
	PGresult *result;
	char *line = NULL;
	size_t capacity = 0;

	if (argc != 3)
	{
		fprintf(stderr, "usage: sql-latency CONNECTION STATEMENT < TEXTS\n");
		return 2;
	}
	connection = PQconnectdb(argv[1]);
	result = PQprepare(connection, "statement", argv[2], 1, &text_type);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fail(connection);
	PQclear(result);
	while (getline(&line, &capacity, stdin) > 0)
	{
		line[strcspn(line, "\n")] = '\0';
		printf("%.2f\n", execute(connection, line));
		fflush(stdout);
	}
	PQfinish(connection);
	return 0;
}
