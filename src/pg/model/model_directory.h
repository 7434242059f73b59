/* The model directory: files NAME.angle, which an administrator put there. */
#ifndef ANGLE_MODEL_DIRECTORY_H
#define ANGLE_MODEL_DIRECTORY_H

#include "nodes/pg_list.h"

#define ANGLE_MODEL_SUFFIX ".angle"

/* The path of the file of the model called name, which must be valid; palloc'd. */
char *angle_model_file_path(const char *name);

/* The names of the models in the model directory, sorted, as palloc'd C
 * strings. A directory that cannot be read gives none and a report of elevel,
 * which is below ERROR. */
List *angle_model_file_names(int elevel);

/* Raises ERRCODE_UNDEFINED_OBJECT and says which models there are, in the
 * directory and in the database. */
_Noreturn void angle_model_raise_unknown(const char *name);

#endif
