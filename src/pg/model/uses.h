/* What in this database names a model in a constant argument. */
#ifndef ANGLE_USES_H
#define ANGLE_USES_H

#include "nodes/pg_list.h"

/* Descriptions, as palloc'd C strings, of the generated columns, defaults,
 * expression indexes, constraints, triggers, views and policies that call a
 * function of the extension with this model. */
List *angle_model_uses(const char *name);

#endif
