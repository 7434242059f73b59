/* Writing the tables of the models. Callers have checked privileges; the rows
 * are written as the owner of the tables, who alone may. */
#ifndef ANGLE_STORE_H
#define ANGLE_STORE_H

#include "pg/model/catalog.h"
#include "pg/model/image_file.h"

#define ANGLE_CHUNK_BYTES (1024 * 1024)

/* What is stored of a model beside its chunks. */
typedef struct AngleNewModel
{
	const char *name;
	int64_t bytes;
	uint8_t sha256[ANGLE_SHA256_BYTES];
	AngleImageFacts facts;
} AngleNewModel;

/* Locks the name until the transaction ends against others that load, push,
 * drop or share a model of this name; waits for them. Raises where nothing can
 * be written, as on a standby, or the extension has to be updated. what is the
 * function that was called. */
void angle_store_lock(const char *name, const char *what);

/* Raises ERRCODE_DUPLICATE_OBJECT if the name, locked, is taken by a model of
 * the database or by a file of the model directory. */
void angle_store_check_free(const char *name);

/* Adds a chunk. */
void angle_store_chunk(const char *name, int32_t sequence, AngleBytes data);

/* Removes chunks that are there without a model. */
void angle_store_discard_chunks(const char *name);

/* Adds the model, with the current user as its owner. */
void angle_store_model(const AngleNewModel *model);

/* Removes it, with its chunks. */
void angle_store_delete(const char *name);

/* Replaces the names of the roles that may use it, a list of C strings. */
void angle_store_users(const char *name, const List *users);

/* The columns of the view angle_models from architecture to quantization. */
#define ANGLE_FACT_COLUMNS 8
void angle_image_facts_columns(const AngleImageFacts *facts, Datum *values,
							   bool *nulls);

#endif
