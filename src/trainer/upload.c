/* The server's functions angle_push_begin(), angle_push_chunk() and
 * angle_push_end() do the work, in one transaction. Chunks are sent ahead of the
 * answers to those before them, so that a long way to the server costs its
 * bandwidth and not a round trip for each. */
#include "trainer/upload.h"

#include <arpa/inet.h>
#include <endian.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/database.h"
#include "trainer/progress.h"

/* Chunks whose answers are not there yet: what libpq holds in memory, and what
 * is sent in vain after an error. */
#define WINDOW 4

/* A value of at most this many bytes is what PostgreSQL takes. */
#define LARGEST_CHUNK (1 << 29)

/* Types of the server, by the numbers that they have in every one. */
enum
{
	TYPE_BYTEA = 17,
	TYPE_INT8 = 20,
	TYPE_INT4 = 23,
	TYPE_TEXT = 25,
};

typedef struct Upload
{
	PGconn *connection;
	const char *schema; /* quoted */
	const char *name;
	AngleBytes image;
	size_t chunk;  /* bytes of each but the last */
	size_t count;  /* chunks */
	size_t sent;   /* chunks */
	size_t stored; /* chunks that the server has answered */
	EVP_MD_CTX *hash;
	AngleProgress progress;
} Upload;

/* ---- what is there ------------------------------------------------------ */

/* One row if the extension is there. */
static const char find_extension[] =
	"SELECT e.extversion, quote_ident(n.nspname), quote_ident(current_user),\n"
	"    count(p.oid) = 4, bool_and(has_function_privilege(p.oid, 'EXECUTE')),\n"
	"    has_schema_privilege(n.oid, 'USAGE'),\n"
	"    string_agg(p.oid::regprocedure::text, ', ' ORDER BY p.oid)\n"
	"        FILTER (WHERE NOT has_function_privilege(p.oid, 'EXECUTE'))\n"
	"FROM pg_extension e\n"
	"    LEFT JOIN (pg_depend d JOIN pg_proc p ON p.oid = d.objid\n"
	"            AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'\n"
	"            AND p.proname IN ('angle_push_begin', 'angle_push_chunk',\n"
	"                'angle_push_chunk_size', 'angle_push_end'))\n"
	"        ON d.refobjid = e.oid AND d.refclassid = 'pg_extension'::regclass\n"
	"    JOIN pg_namespace n\n"
	"        ON n.oid = coalesce(p.pronamespace, e.extnamespace)\n"
	"WHERE e.extname = 'angle'\n"
	"GROUP BY e.extversion, n.oid, n.nspname";

enum
{
	FOUND_VERSION,
	FOUND_SCHEMA,
	FOUND_USER,
	FOUND_FUNCTIONS,
	FOUND_EXECUTE,
	FOUND_USAGE,
	FOUND_FORBIDDEN,
};

static bool
is_true(const PGresult *found, int column)
{
	return strcmp(PQgetvalue(found, 0, column), "t") == 0;
}

static AngleStatus
fail_missing(PGconn *connection, AngleError *err)
{
	angle_fail(err, ANGLE_UNSUPPORTED, "database \"%s\" has no extension angle",
			   PQdb(connection));
	angle_hint(err,
			   "Run CREATE EXTENSION angle in it, or name another database "
			   "with --dbname.");
	return ANGLE_UNSUPPORTED;
}

static AngleStatus
fail_version(PGconn *connection, const PGresult *found, AngleError *err)
{
	angle_fail(err, ANGLE_UNSUPPORTED,
			   "the extension angle in database \"%s\" has version %s, which "
			   "takes no models",
			   PQdb(connection), PQgetvalue(found, 0, FOUND_VERSION));
	angle_hint(err,
			   "Install 0.2 or later on the server and run ALTER EXTENSION "
			   "angle UPDATE.");
	return ANGLE_UNSUPPORTED;
}

static AngleStatus
fail_schema(const PGresult *found, AngleError *err)
{
	const char *user = PQgetvalue(found, 0, FOUND_USER);
	const char *schema = PQgetvalue(found, 0, FOUND_SCHEMA);

	angle_fail(err, ANGLE_UNSUPPORTED,
			   "role %s may not use the extension's schema %s", user, schema);
	angle_hint(err, "Its owner can allow it: GRANT USAGE ON SCHEMA %s TO %s;",
			   schema, user);
	return ANGLE_UNSUPPORTED;
}

static AngleStatus
fail_privilege(PGconn *connection, const PGresult *found, AngleError *err)
{
	const char *user = PQgetvalue(found, 0, FOUND_USER);

	angle_fail(err, ANGLE_UNSUPPORTED,
			   "role %s may not push models to database \"%s\"", user,
			   PQdb(connection));
	angle_hint(
		err,
		"The extension's owner can allow it: GRANT EXECUTE ON FUNCTION %s TO "
		"%s;",
		PQgetvalue(found, 0, FOUND_FORBIDDEN), user);
	return ANGLE_UNSUPPORTED;
}

static AngleStatus
check_found(PGconn *connection, const PGresult *found, AngleError *err)
{
	if (PQntuples(found) == 0)
		return fail_missing(connection, err);
	if (!is_true(found, FOUND_FUNCTIONS))
		return fail_version(connection, found, err);
	if (!is_true(found, FOUND_USAGE))
		return fail_schema(found, err);
	if (!is_true(found, FOUND_EXECUTE))
		return fail_privilege(connection, found, err);
	return ANGLE_OK;
}

AngleStatus
angle_upload_check(PGconn *connection, AngleArena *arena, const char **schema,
				   AngleError *err)
{
	const AngleStatement statement = {.text = find_extension};
	PGresult *found;
	AngleStatus status;

	ANGLE_TRY(angle_database_run(connection, &statement, &found, err));
	status = check_found(connection, found, err);
	if (status == ANGLE_OK)
	{
		const char *name = PQgetvalue(found, 0, FOUND_SCHEMA);

		*schema = angle_arena_strdup(arena, name, strlen(name));
		if (*schema == NULL)
			status = angle_no_memory(err);
	}
	PQclear(found);
	return status;
}

/* ---- single statements -------------------------------------------------- */

static AngleStatus
run_plain(Upload *upload, const char *text, AngleError *err)
{
	const AngleStatement statement = {.text = text};
	PGresult *result;

	ANGLE_TRY(angle_database_run(upload->connection, &statement, &result, err));
	PQclear(result);
	return ANGLE_OK;
}

/* Calls a function of the extension with these arguments, or sends the call
 * only, if there is no place for its result. */
static AngleStatus
call(Upload *upload, const char *function, AngleStatement *statement,
	 PGresult **result, AngleError *err)
{
	static const char *const places[] = {"", "$1", "$1, $2", "$1, $2, $3"};
	char text[256];

	snprintf(text, sizeof(text), "SELECT %s.%s(%s)", upload->schema, function,
			 places[statement->count]);
	statement->text = text;
	if (result == NULL)
		return angle_database_send(upload->connection, statement, err);
	return angle_database_run(upload->connection, statement, result, err);
}

static AngleStatus
ask_chunk_size(Upload *upload, AngleError *err)
{
	AngleStatement statement = {.count = 0};
	PGresult *result;
	long size;

	ANGLE_TRY(call(upload, "angle_push_chunk_size", &statement, &result, err));
	size = strtol(PQgetvalue(result, 0, 0), NULL, 10);
	PQclear(result);
	if (size < 1 || size > LARGEST_CHUNK)
		return angle_fail(err, ANGLE_UNSUPPORTED,
						  "the server asks for chunks of %ld bytes", size);
	upload->chunk = (size_t) size;
	upload->count = (upload->image.size + upload->chunk - 1) / upload->chunk;
	return ANGLE_OK;
}

static AngleStatus
begin_model(Upload *upload, AngleError *err)
{
	const uint64_t bytes = htobe64(upload->image.size);
	const Oid types[] = {TYPE_TEXT, TYPE_INT8};
	const char *const values[] = {upload->name, (const char *) &bytes};
	const int sizes[] = {(int) strlen(upload->name), sizeof(bytes)};
	AngleStatement statement = {
		.count = 2, .types = types, .values = values, .sizes = sizes};
	PGresult *result;

	ANGLE_TRY(call(upload, "angle_push_begin", &statement, &result, err));
	PQclear(result);
	return ANGLE_OK;
}

static AngleStatus
end_model(Upload *upload, const char *sha256, AngleError *err)
{
	const Oid types[] = {TYPE_TEXT, TYPE_TEXT};
	const char *const values[] = {upload->name, sha256};
	const int sizes[] = {(int) strlen(upload->name), (int) strlen(sha256)};
	AngleStatement statement = {
		.count = 2, .types = types, .values = values, .sizes = sizes};
	PGresult *result;

	ANGLE_TRY(call(upload, "angle_push_end", &statement, &result, err));
	PQclear(result);
	return ANGLE_OK;
}

/* ---- chunks ------------------------------------------------------------- */

static AngleStatus
fail_hash(AngleError *err)
{
	return angle_fail(err, ANGLE_IO_ERROR,
					  "the cryptographic library computes no SHA-256");
}

static AngleStatus
send_chunk(Upload *upload, AngleError *err)
{
	const size_t start = upload->sent * upload->chunk;
	const size_t left = upload->image.size - start;
	const size_t size = left < upload->chunk ? left : upload->chunk;
	const uint32_t number = htonl((uint32_t) upload->sent);
	const Oid types[] = {TYPE_TEXT, TYPE_INT4, TYPE_BYTEA};
	const char *const values[] = {upload->name, (const char *) &number,
								  (const char *) upload->image.data + start};
	const int sizes[] = {(int) strlen(upload->name), sizeof(number),
						 (int) size};
	AngleStatement statement = {
		.count = 3, .types = types, .values = values, .sizes = sizes};

	if (EVP_DigestUpdate(upload->hash, upload->image.data + start, size) != 1)
		return fail_hash(err);
	ANGLE_TRY(call(upload, "angle_push_chunk", &statement, NULL, err));
	/* or the server would keep its answers until the pipeline ends */
	PQsendFlushRequest(upload->connection);
	upload->sent++;
	return ANGLE_OK;
}

/* Takes the answers that are there. */
static AngleStatus
take_answers(Upload *upload, AngleError *err)
{
	while (upload->stored < upload->sent && !PQisBusy(upload->connection))
	{
		PGresult *result;

		ANGLE_TRY(angle_database_result(upload->connection, &result, err));
		/* after each answer comes the word that it was the only one */
		if (result == NULL)
			continue;
		PQclear(result);
		upload->stored++;
	}
	return ANGLE_OK;
}

static void
show(Upload *upload)
{
	uint64_t bytes = (uint64_t) upload->stored * upload->chunk;

	if (bytes > upload->image.size)
		bytes = upload->image.size;
	angle_progress_update(&upload->progress,
						  (double) bytes / (double) upload->image.size, bytes);
}

static AngleStatus
send_chunks(Upload *upload, AngleError *err)
{
	while (upload->stored < upload->count)
	{
		while (upload->sent < upload->count &&
			   upload->sent - upload->stored < WINDOW)
			ANGLE_TRY(send_chunk(upload, err));
		ANGLE_TRY(angle_database_exchange(upload->connection, err));
		ANGLE_TRY(take_answers(upload, err));
		show(upload);
	}
	return ANGLE_OK;
}

/* Reads what ends the pipeline: the end of the last answer, and the mark. */
static AngleStatus
leave_pipeline(Upload *upload, AngleError *err)
{
	bool reached = false;

	if (PQpipelineSync(upload->connection) != 1)
		return angle_fail(err, ANGLE_IO_ERROR, "could not end the pipeline");
	while (!reached)
	{
		PGresult *result;

		ANGLE_TRY(angle_database_result(upload->connection, &result, err));
		reached = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
		PQclear(result);
	}
	if (PQexitPipelineMode(upload->connection) != 1)
		return angle_fail(err, ANGLE_IO_ERROR, "could not end the pipeline");
	return ANGLE_OK;
}

static AngleStatus
push_chunks(Upload *upload, AngleError *err)
{
	if (PQenterPipelineMode(upload->connection) != 1)
		return angle_fail(err, ANGLE_IO_ERROR, "could not start a pipeline");
	ANGLE_TRY(send_chunks(upload, err));
	return leave_pipeline(upload, err);
}

/* ---- the transaction ---------------------------------------------------- */

static AngleStatus
finish_hash(Upload *upload, char *hex, AngleError *err)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int size;

	if (EVP_DigestFinal_ex(upload->hash, digest, &size) != 1)
		return fail_hash(err);
	for (unsigned int i = 0; i < size; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return ANGLE_OK;
}

/* If the connection breaks here, nobody but the server knows the outcome. */
static AngleStatus
commit(Upload *upload, AngleError *err)
{
	AngleStatus status = run_plain(upload, "COMMIT", err);

	if (status == ANGLE_IO_ERROR &&
		PQstatus(upload->connection) == CONNECTION_BAD)
	{
		angle_fail(err, status,
				   "the connection was lost in the moment of the commit");
		angle_hint(err, "Look into the view angle_models: the model is either "
						"there or not.");
	}
	return status;
}

static AngleStatus
push(Upload *upload, AngleError *err)
{
	char sha256[2 * EVP_MAX_MD_SIZE + 1];

	if (upload->hash == NULL ||
		EVP_DigestInit_ex(upload->hash, EVP_sha256(), NULL) != 1)
		return fail_hash(err);
	ANGLE_TRY(ask_chunk_size(upload, err));
	ANGLE_TRY(run_plain(upload, "BEGIN", err));
	ANGLE_TRY(begin_model(upload, err));
	ANGLE_TRY(push_chunks(upload, err));
	ANGLE_TRY(finish_hash(upload, sha256, err));
	ANGLE_TRY(end_model(upload, sha256, err));
	return commit(upload, err);
}

AngleStatus
angle_upload_run(PGconn *connection, const char *schema, const char *name,
				 AngleBytes image, AngleError *err)
{
	Upload upload = {.connection = connection,
					 .schema = schema,
					 .name = name,
					 .image = image,
					 .hash = EVP_MD_CTX_new()};
	AngleStatus status;

	angle_progress_start(&upload.progress, "pushing", NULL);
	status = push(&upload, err);
	angle_progress_end(&upload.progress, status == ANGLE_OK, image.size);
	EVP_MD_CTX_free(upload.hash);
	return status;
}
