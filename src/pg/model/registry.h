/*
 * The models that this backend has open. A model is opened by the first call
 * that names it and stays open until the backend ends; its weights are a
 * read-only mapping that all backends share.
 */
#ifndef ANGLE_REGISTRY_H
#define ANGLE_REGISTRY_H

#include "fmgr.h"
#include "nodes/pg_list.h"

#include "core/encoder/model.h"

#define ANGLE_MODEL_NAME_MAX 63
#define ANGLE_MODEL_SUFFIX ".angle"

/* Whether name can be a model's: letters, digits, dots, underscores and
 * hyphens, not starting with a dot. So no name leads out of a directory. */
bool angle_model_name_valid(const char *name);

/* The open model called name, which lasts as long as the backend.
 * Raises ERRCODE_INVALID_NAME, ERRCODE_UNDEFINED_OBJECT, ERRCODE_DATA_CORRUPTED
 * and what else angle_check() has. */
const AngleModel *angle_registry_model(const char *name);

/* The same for the argument at position of an IMMUTABLE function. NULL raises
 * ERRCODE_NULL_VALUE_NOT_ALLOWED: it would make the result depend on a
 * setting. */
const AngleModel *
angle_registry_argument(FunctionCallInfo fcinfo, int position);

/* The names of the models in the model directory, sorted, as palloc'd C
 * strings. A directory that cannot be read gives none and a report of elevel,
 * which is below ERROR. */
List *angle_registry_names(int elevel);

/* The path of the file of the model called name, which must be valid. */
char *angle_registry_path(const char *name);

#endif
