/* What the view angle_models shows of the model directory. */
#include "postgres.h"

#include <sys/stat.h>

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/base/file.h"
#include "core/encoder/model.h"
#include "pg/bridge.h"
#include "pg/model/image_path.h"
#include "pg/model/model_directory.h"
#include "pg/model/store.h"

/* What a row of the view says. */
typedef struct ModelFile
{
	const char *name;
	const char *path;
	struct stat stat;
	uint8 sha256[PG_SHA256_DIGEST_LENGTH];
	AngleModelConfig config;
	uint64_t parameters;
} ModelFile;

/* ---- SHA-256, computed once per backend and file ------------------------- */

/* The file is the one at path that has not changed since. */
typedef struct Fingerprint
{
	struct Fingerprint *next;
	struct stat stat;
	uint8 sha256[PG_SHA256_DIGEST_LENGTH];
	char path[FLEXIBLE_ARRAY_MEMBER];
} Fingerprint;

static Fingerprint *fingerprints = NULL;

static Fingerprint *
find_fingerprint(const char *path)
{
	Fingerprint *known = fingerprints;

	while (known != NULL && strcmp(known->path, path) != 0)
		known = known->next;
	return known;
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
		   a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
		   a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Fills file->sha256 if it is known. */
static bool
recall_fingerprint(ModelFile *file)
{
	const Fingerprint *known = find_fingerprint(file->path);

	if (known == NULL || !same_file(&known->stat, &file->stat))
		return false;
	memcpy(file->sha256, known->sha256, sizeof(file->sha256));
	return true;
}

static void
remember_fingerprint(const ModelFile *file)
{
	Fingerprint *known = find_fingerprint(file->path);

	if (known == NULL)
	{
		known =
			MemoryContextAlloc(TopMemoryContext, offsetof(Fingerprint, path) +
													 strlen(file->path) + 1);
		strcpy(known->path, file->path);
		known->next = fingerprints;
		fingerprints = known;
	}
	known->stat = file->stat;
	memcpy(known->sha256, file->sha256, sizeof(file->sha256));
}

/* The digest of image; a few hundred MB/s, so it can be cancelled. */
static AngleStatus
compute_sha256(AngleBytes image, pg_cryptohash_ctx *hash, uint8 *digest,
			   AngleError *err)
{
	const size_t step = 1024 * 1024;
	bool good = pg_cryptohash_init(hash) == 0;

	for (size_t at = 0; good && at < image.size; at += step)
	{
		if (angle_interrupt_pending(NULL))
			return angle_fail(err, ANGLE_CANCELLED, "cancelled");
		good = pg_cryptohash_update(hash, image.data + at,
									Min(step, image.size - at)) == 0;
	}
	if (good && pg_cryptohash_final(hash, digest, PG_SHA256_DIGEST_LENGTH) == 0)
		return ANGLE_OK;
	return angle_fail(err, ANGLE_IO_ERROR, "could not compute SHA-256: %s",
					  pg_cryptohash_error(hash));
}

/* ---- reading one file ---------------------------------------------------- */

/* Without a hash the content is known to be good. The strings of file->config
 * lie in arena, so the image need not outlive the call. */
static AngleStatus
read_image(ModelFile *file, AngleBytes image, pg_cryptohash_ctx *hash,
		   AngleArena *arena, AngleError *err)
{
	const AngleCancel cancel = {angle_interrupt_pending, NULL};
	AngleModel *model;

	ANGLE_TRY(angle_model_open(image,
							   hash == NULL ? ANGLE_PACKED_CHECK_HEADER
											: ANGLE_PACKED_CHECK_CONTENT,
							   &cancel, arena, &model, err));
	file->config = *angle_model_config(model);
	file->parameters = angle_model_parameters(model);
	if (hash == NULL)
		return ANGLE_OK;
	return compute_sha256(image, hash, file->sha256, err);
}

static AngleStatus
read_file(ModelFile *file, pg_cryptohash_ctx *hash, AngleError *err)
{
	AngleAllocator allocator = angle_context_allocator(CurrentMemoryContext);
	AngleArena *arena = angle_arena_create(&allocator);
	AngleBytes image;
	AngleStatus status;

	if (arena == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(angle_file_map(file->path, &image, err));
	status = read_image(file, image, hash, arena, err);
	angle_file_unmap(&image);
	return status;
}

/* Fills file from its name; false, with a warning, if the file cannot be read
 * as a model. */
static bool
describe_model(ModelFile *file)
{
	pg_cryptohash_ctx *hash = NULL;
	AngleStatus status;
	AngleError err;

	file->path = angle_model_file_path(file->name);
	if (stat(file->path, &file->stat) != 0)
		memset(&file->stat, 0, sizeof(file->stat));
	if (!recall_fingerprint(file))
		hash = pg_cryptohash_create(PG_SHA256);
	status = read_file(file, hash, &err);
	if (hash != NULL)
		pg_cryptohash_free(hash);
	if (status == ANGLE_CANCELLED || status == ANGLE_NO_MEMORY)
		angle_check(status, &err);
	if (status != ANGLE_OK)
	{
		ereport(WARNING, errmsg("skipping model file \"%s\": %s", file->path,
								angle_readable(err.message)));
		return false;
	}
	if (hash != NULL)
		remember_fingerprint(file);
	return true;
}

/* ---- rows ---------------------------------------------------------------- */

static void
put_model(ReturnSetInfo *rsinfo, const ModelFile *file)
{
	const AngleImageFacts facts = {file->config, file->parameters};
	Datum values[12] = {CStringGetTextDatum(file->name)};
	bool nulls[12] = {false};

	angle_image_facts_columns(&facts, values + 1, nulls + 1);
	values[9] = Int64GetDatum((int64) file->stat.st_size);
	values[10] = CStringGetTextDatum(angle_sha256_hex(file->sha256));
	values[11] =
		TimestampTzGetDatum(time_t_to_timestamptz(file->stat.st_mtime));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_list_models);

Datum
angle_list_models(PG_FUNCTION_ARGS)
{
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, angle_model_file_names(WARNING))
	{
		ModelFile file = {.name = lfirst(cell)};

		CHECK_FOR_INTERRUPTS();
		if (describe_model(&file))
			put_model((ReturnSetInfo *) fcinfo->resultinfo, &file);
	}
	return (Datum) 0;
}
