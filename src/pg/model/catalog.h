/*
 * The models in the database: the tables _angle.model and _angle.chunk, read
 * with index scans and no SQL, so that parallel workers, index builds and
 * standbys can. They are read as catalogs are, by the latest committed state and
 * the own transaction's, whatever snapshot the query has.
 */
#ifndef ANGLE_CATALOG_H
#define ANGLE_CATALOG_H

#include "nodes/pg_list.h"

#include "core/base/bytes.h"

#define ANGLE_MODEL_NAME_MAX 63
#define ANGLE_SHA256_BYTES 32

/* What must be known of a model to open and guard it. Roles are names, because
 * a dump has to restore where they do not exist. */
typedef struct AngleModelRow
{
	char name[ANGLE_MODEL_NAME_MAX + 1];
	uint8_t sha256[ANGLE_SHA256_BYTES]; /* of the image */
	int64_t bytes;						/* of the image */
	char *owner;
	List *users; /* of C strings; "public" is everyone */
} AngleModelRow;

/* A piece of a model's image. */
typedef struct AngleModelChunk
{
	int32_t sequence; /* from 0 */
	uint32_t crc32c;  /* what data's must be */
	AngleBytes data;
} AngleModelChunk;

/* Columns of _angle.model, in the order of its definition. */
enum
{
	MODEL_NAME = 1,
	MODEL_ARCHITECTURE,
	MODEL_DIMENSIONS,
	MODEL_MAX_TOKENS,
	MODEL_POOLING,
	MODEL_PROMPTS,
	MODEL_DEFAULT_PROMPT,
	MODEL_PARAMETERS,
	MODEL_QUANTIZATION,
	MODEL_BYTES,
	MODEL_SHA256,
	MODEL_LOADED_AT,
	MODEL_OWNER,
	MODEL_USERS,
};

/* Whether name can be a model's: letters, digits, dots, underscores and
 * hyphens, not starting with a dot. So no name leads out of a directory. */
bool angle_model_name_valid(const char *name);

/* Raises ERRCODE_INVALID_NAME unless it can. */
void angle_model_name_check(const char *name);

/* Changes whenever rows of _angle.model, roles or their memberships may have
 * changed: what was derived from them has to be looked up again. */
uint64_t angle_catalog_generation(void);

/* The tables, or InvalidOid where the extension in this database has none
 * because it is of version 0.1. */
Oid angle_catalog_model_table(void);
Oid angle_catalog_chunk_table(void);

/* Finds the model called name; false if there is none. Strings and lists are
 * palloc'd. */
bool angle_catalog_find(const char *name, AngleModelRow *row);

/* All of them as palloc'd AngleModelRow, in the order of their names. */
List *angle_catalog_models(void);

/* Whether a model in rows, a list as above, has this image. */
bool angle_catalog_has_image(const List *rows, const uint8_t *sha256);

/* Calls take for each chunk of the model called name in order; take may raise.
 * The data is valid until take returns. */
typedef void (*AngleTakeChunk)(void *context, const AngleModelChunk *chunk);
void
angle_catalog_each_chunk(const char *name, AngleTakeChunk take, void *context);

#endif
