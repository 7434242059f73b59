/*
 * angle_load_model(): a model directory, or a packed file, of the server becomes
 * a model of the database. It is packed into the draft of its image, looked
 * into, and read from there into the chunks; the draft then is the file that
 * the first use would have made.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "catalog/pg_authid.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "core/encoder/pack.h"
#include "pg/bridge.h"
#include "pg/model/image_path.h"
#include "pg/model/image_removal.h"
#include "pg/model/load_progress.h"
#include "pg/model/store.h"
#include "pg/pg_compat.h"

typedef struct Load
{
	AngleNewModel model;
	const char *path;	  /* of the source */
	const char *quantize; /* NULL: the default */
	FILE *draft;
	AngleArena *arena;
} Load;

static void
check_may_read_files(void)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(
			ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			errmsg("permission denied to load a model from the server's files"),
			errdetail(
				"Only roles with privileges of the \"%s\" role may load models from files.",
				"pg_read_server_files"),
			errhint("\"angle push\" brings a model over the connection."));
}

static AngleQuantization
wanted_quantization(const char *name)
{
	AngleQuantization quantization = ANGLE_QUANTIZATION_INT8;

	if (name != NULL && !angle_quantization_from_name(name, &quantization))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("unknown quantization \"%.63s\"", name),
				errhint("It is \"int8\" or \"f32\"."));
	return quantization;
}

/* ---- from a directory ---------------------------------------------------- */

static void
report_packing(void *context, uint64_t done, uint64_t total)
{
	angle_progress_report((int64_t) done, (int64_t) total);
}

static void
pack_directory(const Load *load)
{
	const AngleCancel cancel = {angle_interrupt_pending, NULL};
	const AnglePackOptions options = {
		.quantization = wanted_quantization(load->quantize),
		.progress = report_packing,
		.cancel = &cancel,
	};
	AngleError err;
	AngleStatus status;

	errno = 0;
	status = angle_pack_directory(load->path, &options, load->draft,
								  load->arena, &err);
	if (status == ANGLE_IO_ERROR && ferror(load->draft))
		angle_draft_fail();
	if (status != ANGLE_OK && status != ANGLE_CANCELLED)
		angle_prefix(&err, "model \"%s\"", load->model.name);
	angle_check(status, &err);
}

/* ---- from a packed file -------------------------------------------------- */

/* Read and not mapped: a file that shrinks meanwhile would end the server. */
static void
copy_file(const Load *load, int64_t size)
{
	FILE *source = AllocateFile(load->path, "rb");
	char *buffer = palloc(ANGLE_CHUNK_BYTES);
	int64_t done = 0;
	size_t part;

	if (source == NULL)
		ereport(
			ERROR, errcode_for_file_access(),
			errmsg("could not open file \"%s\" for reading: %m", load->path));
	while ((part = fread(buffer, 1, ANGLE_CHUNK_BYTES, source)) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		errno = 0;
		if (fwrite(buffer, 1, part, load->draft) != part)
			angle_draft_fail();
		done += (int64_t) part;
		angle_progress_report(done, size);
	}
	if (ferror(source))
		ereport(ERROR, errcode_for_file_access(),
				errmsg("could not read file \"%s\": %m", load->path));
	FreeFile(source);
	pfree(buffer);
}

static void
fill_draft(Load *load)
{
	struct stat st;

	if (stat(load->path, &st) != 0)
		ereport(
			ERROR, errcode_for_file_access(),
			errmsg("could not read model directory \"%s\": %m", load->path));
	angle_progress_start(ANGLE_LOAD_PACKING);
	load->draft = angle_draft_start();
	if (S_ISDIR(st.st_mode))
		pack_directory(load);
	else if (S_ISREG(st.st_mode))
		copy_file(load, st.st_size);
	else
		ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("\"%s\" is neither a directory nor a file", load->path));
	angle_draft_flush(load->draft);
}

static void
inspect_draft(Load *load)
{
	AngleError err;
	AngleStatus status = angle_image_inspect(angle_draft_path(), load->arena,
											 &load->model.facts, &err);
	AngleQuantization found;

	if (status != ANGLE_OK)
		angle_prefix(&err, "model \"%s\" from \"%s\"", load->model.name,
					 load->path);
	angle_check(status, &err);
	found = load->model.facts.config.quantization;
	if (load->quantize != NULL && found != wanted_quantization(load->quantize))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the packed model \"%s\" has quantization \"%s\", not "
					   "\"%s\"",
					   load->path, angle_quantization_name(found),
					   load->quantize),
				errhint("Leave quantize out, or load the model's directory."));
}

/* ---- into the database --------------------------------------------------- */

static int64_t
draft_size(const Load *load)
{
	struct stat st;

	if (fstat(fileno(load->draft), &st) != 0)
		ereport(ERROR, errcode_for_file_access(),
				errmsg("could not stat file \"%s\": %m", angle_draft_path()));
	return st.st_size;
}

/* Reads the draft once for its chunks and its digest. */
static void
store_chunks(Load *load)
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	uint8_t *buffer = palloc(ANGLE_CHUNK_BYTES);
	int64_t size = draft_size(load);
	int32_t sequence = 0;
	size_t part;

	angle_progress_start(ANGLE_LOAD_STORING);
	angle_progress_report(0, size);
	rewind(load->draft);
	if (hash == NULL || pg_cryptohash_init(hash) < 0)
		elog(ERROR, "could not compute SHA-256");
	while ((part = fread(buffer, 1, ANGLE_CHUNK_BYTES, load->draft)) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		if (pg_cryptohash_update(hash, buffer, part) < 0)
			elog(ERROR, "could not compute SHA-256: %s",
				 pg_cryptohash_error(hash));
		angle_store_chunk(load->model.name, sequence++,
						  (AngleBytes){buffer, part});
		load->model.bytes += (int64_t) part;
		angle_progress_report(load->model.bytes, size);
	}
	if (pg_cryptohash_final(hash, load->model.sha256, ANGLE_SHA256_BYTES) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(hash));
	pg_cryptohash_free(hash);
	pfree(buffer);
	if (ferror(load->draft) || load->model.bytes != size)
		ereport(ERROR, errcode_for_file_access(),
				errmsg("could not read file \"%s\": %m", angle_draft_path()));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_load_model);

Datum
angle_load_model(PG_FUNCTION_ARGS)
{
	Load load = {.arena = angle_context_arena(CurrentMemoryContext)};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("name and directory must not be null"));
	load.model.name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	load.path = text_to_cstring(PG_GETARG_TEXT_PP(1));
	load.quantize =
		PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	check_may_read_files();
	(void) wanted_quantization(load.quantize);
	angle_store_lock(load.model.name, "angle_load_model()");
	angle_store_check_free(load.model.name);
	fill_draft(&load);
	inspect_draft(&load);
	angle_store_discard_chunks(load.model.name);
	store_chunks(&load);
	angle_store_model(&load.model);
	angle_image_remove(load.model.sha256, ANGLE_REMOVE_AT_ABORT);
	angle_draft_publish(load.draft, load.model.sha256);
	angle_progress_end();
	angle_arena_destroy(load.arena);
	PG_RETURN_VOID();
}
