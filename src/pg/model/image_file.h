/*
 * The images of models as files under PGDATA: pg_angle/SHA256. A file appears
 * there by a rename, whole and flushed, and is never written again, so it can be
 * mapped. Removing one is always safe: a mapping outlives it, and the next
 * backend makes it again from the database.
 *
 * A file in the making is a draft; a backend has one at a time. Its name starts
 * as those of temporary files do, which base backups leave out, and holds the
 * process number, so that others know when its maker is dead.
 */
#ifndef ANGLE_IMAGE_FILE_H
#define ANGLE_IMAGE_FILE_H

#include <stdio.h>

#include "core/base/arena.h"
#include "core/base/status.h"
#include "core/model/config.h"
#include "pg/model/catalog.h"

/* What an image says of itself; strings lie in the arena it was read with. */
typedef struct AngleImageFacts
{
	AngleModelConfig config;
	uint64_t parameters;
} AngleImageFacts;

/* Starts the draft, empty, after removing what dead backends and dropped models
 * have left. Transaction end closes and removes it unless it is published. */
FILE *angle_draft_start(void);

/* Raises the error of a failed write to the draft, as errno says. */
_Noreturn void angle_draft_fail(void);

/* Writes out what the stream buffers, so that the draft can be mapped. */
void angle_draft_flush(FILE *draft);

/* Closes the draft and makes it the file of the image with this digest. */
void angle_draft_publish(FILE *draft, const uint8_t *sha256);

/* Writes the file of row's model from its chunks, verified. Damage raises
 * ERRCODE_DATA_CORRUPTED, which names the model, the chunk and the offset. */
void angle_image_materialise(const AngleModelRow *row);

/* Says that the file at path is in use, for a day. */
void angle_image_touch(const char *path);

/* Opens the image at path, checks all of it and fills facts.
 * Errors: those of angle_file_map() and angle_model_open(). */
ANGLE_MUST_CHECK AngleStatus angle_image_inspect(const char *path,
												 AngleArena *arena,
												 AngleImageFacts *facts,
												 AngleError *err);

/* Whether the file at path has this SHA-256. Can be cancelled. */
bool angle_file_has_sha256(const char *path, const uint8_t *sha256);

#endif
