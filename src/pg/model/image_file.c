#include "postgres.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "access/xact.h"
#include "common/cryptohash.h"
#include "common/file_perm.h"
#include "common/file_utils.h"
#include "common/sha2.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"
#include "storage/procarray.h"
#include "utils/memutils.h"

#include "core/base/file.h"
#include "core/encoder/model.h"
#include "pg/bridge.h"
#include "pg/model/image_file.h"
#include "pg/model/image_path.h"
#include "pg/model/image_removal.h"

/* A file that nobody has opened for so long and no model of this database
 * names is removed: its model was dropped on the primary, or in a transaction
 * that a crash ended. */
#define UNUSED_SECONDS (24 * 60 * 60)

void
angle_image_touch(const char *path)
{
	/* where it cannot be said, the file may have to be made again */
	(void) utime(path, NULL);
}

/* ---- sweeping ----------------------------------------------------------- */

static bool
is_dead_draft(const char *name)
{
	int pid;

	if (strncmp(name, ANGLE_DRAFT_PREFIX, strlen(ANGLE_DRAFT_PREFIX)) != 0)
		return false;
	pid = atoi(name + strlen(ANGLE_DRAFT_PREFIX));
	return pid != MyProcPid && BackendPidGetProc(pid) == NULL;
}

static bool
is_unused_image(const char *name, const char *path, const List *rows)
{
	struct stat st;
	ListCell *cell;

	if (strlen(name) != ANGLE_SHA256_HEX ||
		strspn(name, "0123456789abcdef") != ANGLE_SHA256_HEX ||
		stat(path, &st) != 0)
		return false;
	foreach(cell, rows)
	{
		const AngleModelRow *row = lfirst(cell);

		if (strcmp(angle_sha256_hex(row->sha256), name) == 0)
			return false;
	}
	return time(NULL) - st.st_mtime > UNUSED_SECONDS;
}

static void
sweep(void)
{
	List *rows = angle_catalog_models();
	DIR *dir = AllocateDir(ANGLE_IMAGE_DIRECTORY);
	struct dirent *entry;

	while ((entry = ReadDirExtended(dir, ANGLE_IMAGE_DIRECTORY, LOG)) != NULL)
	{
		char *path = psprintf(ANGLE_IMAGE_DIRECTORY "/%s", entry->d_name);

		if (is_dead_draft(entry->d_name) ||
			is_unused_image(entry->d_name, path, rows))
			(void) unlink(path);
		pfree(path);
	}
	if (dir != NULL)
		FreeDir(dir);
}

/* ---- the draft ---------------------------------------------------------- */

static void
make_directory(void)
{
	if (MakePGDirectory(ANGLE_IMAGE_DIRECTORY) == 0)
		fsync_fname(DataDir, true);
	else if (errno != EEXIST)
		ereport(ERROR, errcode_for_file_access(),
				errmsg("could not create directory \"%s\": %m",
					   ANGLE_IMAGE_DIRECTORY));
}

/* The draft is written in pieces that the page cache can keep in large pages. After
 * an error the stream is closed while TopTransactionContext still stands. */
static char *draft_buffer;

static void
buffer_draft(FILE *draft)
{
	size_t size = 2 * ANGLE_LARGE_PAGE;

	draft_buffer = MemoryContextAlloc(TopTransactionContext, size);
	if (setvbuf(draft, draft_buffer, _IOFBF, size) != 0)
		elog(ERROR, "could not set the buffer of file \"%s\"",
			 angle_draft_path());
}

FILE *
angle_draft_start(void)
{
	FILE *draft;

	make_directory();
	sweep();
	angle_removal_guard_draft();
	draft = AllocateFile(angle_draft_path(), "w+b");
	if (draft == NULL)
		ereport(ERROR, errcode_for_file_access(),
				errmsg("could not create file \"%s\": %m", angle_draft_path()));
	buffer_draft(draft);
	return draft;
}

void
angle_draft_fail(void)
{
	/* a short write without a reason is one for lack of space */
	if (errno == 0)
		errno = ENOSPC;
	if (errno == EFBIG)
		ereport(ERROR, errcode(ERRCODE_DISK_FULL),
				errmsg("could not write file \"%s\": %m", angle_draft_path()));
	ereport(ERROR, errcode_for_file_access(),
			errmsg("could not write file \"%s\": %m", angle_draft_path()));
}

void
angle_draft_flush(FILE *draft)
{
	errno = 0;
	if (fflush(draft) != 0 || ferror(draft))
		angle_draft_fail();
}

void
angle_draft_publish(FILE *draft, const uint8_t *sha256)
{
	angle_draft_flush(draft);
	if (pg_fsync(fileno(draft)) != 0)
		angle_draft_fail();
	if (FreeFile(draft) != 0)
		angle_draft_fail();
	pfree(draft_buffer);
	durable_rename(angle_draft_path(), angle_image_path(sha256), ERROR);
	angle_removal_release_draft();
}

/* ---- from the database to the file -------------------------------------- */

typedef struct Materialisation
{
	const AngleModelRow *row;
	FILE *draft;
	pg_cryptohash_ctx *hash;
	int32_t next;	 /* the chunk that must follow */
	int64_t written; /* bytes */
} Materialisation;

static void
report_damage(const AngleModelRow *row, const char *what)
{
	ereport(
		ERROR, errcode(ERRCODE_DATA_CORRUPTED),
		errmsg("model \"%s\" is damaged in the database: %s", row->name, what),
		errhint(
			"Drop the model with angle_drop_model('%s', force => true) and load it again, or restore the database.",
			row->name));
}

static bool
checksum_matches(const AngleModelChunk *chunk)
{
	pg_crc32c crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, chunk->data.data, chunk->data.size);
	FIN_CRC32C(crc);
	return crc == chunk->crc32c;
}

static void
check_chunk(const Materialisation *work, const AngleModelChunk *chunk)
{
	if (chunk->sequence != work->next)
		report_damage(work->row,
					  psprintf("chunk %d, at byte " INT64_FORMAT
							   " of " INT64_FORMAT ", is missing",
							   work->next, work->written, work->row->bytes));
	if (!checksum_matches(chunk))
		report_damage(work->row,
					  psprintf("chunk %d, at byte " INT64_FORMAT
							   " of " INT64_FORMAT ", has a wrong checksum",
							   work->next, work->written, work->row->bytes));
	if ((int64_t) chunk->data.size > work->row->bytes - work->written)
		report_damage(work->row,
					  psprintf("chunk %d, at byte " INT64_FORMAT
							   ", goes beyond its " INT64_FORMAT " bytes",
							   work->next, work->written, work->row->bytes));
}

static void
write_chunk(void *context, const AngleModelChunk *chunk)
{
	Materialisation *work = context;

	check_chunk(work, chunk);
	errno = 0;
	if (fwrite(chunk->data.data, 1, chunk->data.size, work->draft) !=
		chunk->data.size)
		angle_draft_fail();
	if (pg_cryptohash_update(work->hash, chunk->data.data, chunk->data.size) <
		0)
		elog(ERROR, "could not compute SHA-256: %s",
			 pg_cryptohash_error(work->hash));
	work->next++;
	work->written += (int64_t) chunk->data.size;
}

void
angle_image_materialise(const AngleModelRow *row)
{
	Materialisation work = {.row = row};
	uint8_t sha256[ANGLE_SHA256_BYTES];

	work.draft = angle_draft_start();
	work.hash = pg_cryptohash_create(PG_SHA256);
	if (work.hash == NULL || pg_cryptohash_init(work.hash) < 0)
		elog(ERROR, "could not compute SHA-256");
	angle_catalog_each_chunk(row->name, write_chunk, &work);
	if (work.written != row->bytes)
		report_damage(row, psprintf("its chunks end at byte " INT64_FORMAT
									" of " INT64_FORMAT,
									work.written, row->bytes));
	if (pg_cryptohash_final(work.hash, sha256, sizeof(sha256)) < 0)
		elog(ERROR, "could not compute SHA-256: %s",
			 pg_cryptohash_error(work.hash));
	pg_cryptohash_free(work.hash);
	if (memcmp(sha256, row->sha256, sizeof(sha256)) != 0)
		report_damage(row, psprintf("the SHA-256 of its chunks is %s, not %s",
									angle_sha256_hex(sha256),
									angle_sha256_hex(row->sha256)));
	angle_draft_publish(work.draft, sha256);
}

/* ---- looking into files ------------------------------------------------- */

AngleStatus
angle_image_inspect(const char *path, AngleArena *arena, AngleImageFacts *facts,
					AngleError *err)
{
	const AngleCancel cancel = {angle_interrupt_pending, NULL};
	AngleBytes image;
	AngleModel *model;
	AngleStatus status;

	ANGLE_TRY(angle_file_map(path, &image, err));
	status = angle_model_open(image, ANGLE_PACKED_CHECK_CONTENT, &cancel, arena,
							  &model, err);
	if (status == ANGLE_OK)
	{
		facts->config = *angle_model_config(model);
		facts->parameters = angle_model_parameters(model);
	}
	angle_file_unmap(&image);
	return status;
}

bool
angle_file_has_sha256(const char *path, const uint8_t *sha256)
{
	uint8_t found[ANGLE_SHA256_BYTES];
	const size_t step = 1024 * 1024;
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	char *buffer = palloc(step);
	FILE *file = AllocateFile(path, "rb");
	bool good = file != NULL && hash != NULL && pg_cryptohash_init(hash) == 0;
	size_t size;

	while (good && (size = fread(buffer, 1, step, file)) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		good = pg_cryptohash_update(hash, (const uint8 *) buffer, size) == 0;
	}
	good = good && pg_cryptohash_final(hash, found, sizeof(found)) == 0;
	if (file != NULL)
		FreeFile(file);
	pfree(buffer);
	pg_cryptohash_free(hash);
	return good && memcmp(found, sha256, sizeof(found)) == 0;
}
