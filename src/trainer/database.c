#include "trainer/database.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "trainer/interrupt.h"
#include "trainer/progress.h"

/* A signal that comes just before a wait begins is seen after this, in ms. */
#define LONGEST_WAIT 100

/* ---- messages ----------------------------------------------------------- */

/* What libpq says is one line or more, with a newline at the end. */
static void
show_words(const char *words)
{
	size_t length = strlen(words);

	angle_progress_hide();
	if (length > 0)
		fprintf(stderr, "%s%s", words, words[length - 1] == '\n' ? "" : "\n");
}

static void
show_notice(void *context, const char *words)
{
	(void) context;
	show_words(words);
}

/* Fails with the words of libpq, whose lines are joined to one. */
static AngleStatus
fail_connection(PGconn *connection, AngleError *err)
{
	const char *words = PQerrorMessage(connection);
	char line[sizeof(err->message)] = "";
	size_t length = 0;

	while (*words != '\0' && length < sizeof(line) - 1)
	{
		size_t size = strcspn(words, "\n");

		length +=
			(size_t) snprintf(line + length, sizeof(line) - length, "%s%.*s",
							  length > 0 ? "; " : "", (int) size, words);
		words += size + strspn(words + size, "\n\t");
	}
	return angle_fail(err, ANGLE_IO_ERROR, "%s", line);
}

static AngleStatus
check_interrupt(AngleError *err)
{
	return angle_cancelled(angle_interrupt_cancel()) ? angle_fail_cancelled(err)
													 : ANGLE_OK;
}

/* ---- password ----------------------------------------------------------- */

/* False at the end, and when a signal has come. */
static bool
read_byte(int fd, char *byte)
{
	struct pollfd input = {.fd = fd, .events = POLLIN};

	while (poll(&input, 1, LONGEST_WAIT) <= 0)
	{
		if (angle_cancelled(angle_interrupt_cancel()))
			return false;
	}
	return read(fd, byte, 1) == 1;
}

static bool
read_line(int fd, char *line, size_t size)
{
	size_t length = 0;
	char byte;

	while (read_byte(fd, &byte))
	{
		if (byte == '\n')
		{
			line[length] = '\0';
			return true;
		}
		if (length < size - 1)
			line[length++] = byte;
	}
	return false;
}

/* Reads a line of the terminal without showing it; false without a terminal,
 * and when a signal has come. */
static bool
ask_password(const char *user, char *password, size_t size)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios shown;
	struct termios hidden;
	bool done = false;

	if (fd < 0)
		return false;
	if (tcgetattr(fd, &shown) == 0)
	{
		hidden = shown;
		hidden.c_lflag &= ~(tcflag_t) ECHO;
		tcsetattr(fd, TCSAFLUSH, &hidden);
		dprintf(fd, "Password for user %s: ", user);
		done = read_line(fd, password, size);
		tcsetattr(fd, TCSAFLUSH, &shown);
		dprintf(fd, "\n");
	}
	close(fd);
	return done;
}

/* ---- connecting --------------------------------------------------------- */

/* libpq waits without looking at signals, so they have their usual effect. */
static PGconn *
try_connect(const AngleDatabaseOptions *options, const char *password)
{
	static const char *const names[] = {
		"dbname",
		"host",
		"port",
		"user",
		"password",
		"fallback_application_name",
		"client_encoding",
		NULL,
	};
	const char *const values[] = {
		options->database, options->host, options->port, options->user,
		password,		   "angle",		  "UTF8",		 NULL,
	};
	PGconn *connection;

	angle_interrupt_suspend();
	connection = PQconnectdbParams(names, values, 1);
	angle_interrupt_install();
	return connection;
}

static AngleStatus
connect_asking(const AngleDatabaseOptions *options, PGconn **connection,
			   AngleError *err)
{
	char password[1024];

	*connection = try_connect(options, NULL);
	if (PQstatus(*connection) != CONNECTION_BAD)
		return ANGLE_OK;
	if (options->no_password || !PQconnectionNeedsPassword(*connection) ||
		!ask_password(PQuser(*connection), password, sizeof(password)))
		return fail_connection(*connection, err);
	PQfinish(*connection);
	*connection = try_connect(options, password);
	explicit_bzero(password, sizeof(password));
	return PQstatus(*connection) == CONNECTION_BAD
			   ? fail_connection(*connection, err)
			   : ANGLE_OK;
}

/* So that nothing that someone has put into a schema of the search path stands
 * for what is meant. */
static AngleStatus
empty_search_path(PGconn *connection, AngleError *err)
{
	const AngleStatement statement = {
		.text = "SELECT pg_catalog.set_config('search_path', '', false)"};
	PGresult *result;

	ANGLE_TRY(angle_database_run(connection, &statement, &result, err));
	PQclear(result);
	return ANGLE_OK;
}

AngleStatus
angle_database_connect(const AngleDatabaseOptions *options, PGconn **connection,
					   AngleError *err)
{
	AngleStatus status;

	*connection = NULL;
	ANGLE_TRY(check_interrupt(err));
	status = connect_asking(options, connection, err);
	if (status == ANGLE_OK)
	{
		PQsetNoticeProcessor(*connection, show_notice, NULL);
		PQsetnonblocking(*connection, 1);
		status = empty_search_path(*connection, err);
	}
	if (status != ANGLE_OK)
	{
		PQfinish(*connection);
		*connection = NULL;
	}
	return status;
}

void
angle_database_close(PGconn *connection, AngleStatus status)
{
	PGcancel *cancel =
		status == ANGLE_CANCELLED ? PQgetCancel(connection) : NULL;
	char words[256];

	if (cancel != NULL)
	{
		/* a second signal need not wait for a server that does not answer */
		angle_interrupt_suspend();
		PQcancel(cancel, words, sizeof(words));
		PQfreeCancel(cancel);
	}
	PQfinish(connection);
}

/* ---- statements --------------------------------------------------------- */

AngleStatus
angle_database_exchange(PGconn *connection, AngleError *err)
{
	struct pollfd socket = {.fd = PQsocket(connection), .events = POLLIN};
	int left = PQflush(connection);

	if (left < 0)
		return fail_connection(connection, err);
	if (left > 0)
		socket.events |= POLLOUT;
	if (poll(&socket, 1, LONGEST_WAIT) < 0 && errno != EINTR)
		return angle_fail(err, ANGLE_IO_ERROR,
						  "could not wait for the server: %s", strerror(errno));
	ANGLE_TRY(check_interrupt(err));
	if ((socket.revents & ~POLLOUT) && PQconsumeInput(connection) != 1)
		return fail_connection(connection, err);
	return ANGLE_OK;
}

AngleStatus
angle_database_send(PGconn *connection, const AngleStatement *statement,
					AngleError *err)
{
	static const int binary[] = {1, 1, 1, 1};

	if (!PQsendQueryParams(connection, statement->text, statement->count,
						   statement->types, statement->values,
						   statement->sizes, binary, 0))
		return fail_connection(connection, err);
	return ANGLE_OK;
}

AngleStatus
angle_database_result(PGconn *connection, PGresult **result, AngleError *err)
{
	/* true before it was sent, so that this sends it as well */
	while (PQisBusy(connection))
		ANGLE_TRY(angle_database_exchange(connection, err));
	*result = PQgetResult(connection);
	switch (PQresultStatus(*result))
	{
		case PGRES_COMMAND_OK:
		case PGRES_TUPLES_OK:
		case PGRES_PIPELINE_SYNC:
			return ANGLE_OK;
		default:
			break;
	}
	if (*result == NULL)
		return ANGLE_OK;
	show_words(PQresultErrorMessage(*result));
	PQclear(*result);
	*result = NULL;
	return angle_fail(err, ANGLE_IO_ERROR, "the server reported an error");
}

AngleStatus
angle_database_run(PGconn *connection, const AngleStatement *statement,
				   PGresult **result, AngleError *err)
{
	PGresult *end;
	AngleStatus status;

	ANGLE_TRY(angle_database_send(connection, statement, err));
	ANGLE_TRY(angle_database_result(connection, result, err));
	status = angle_database_result(connection, &end, err);
	if (status != ANGLE_OK)
		PQclear(*result);
	return status;
}
