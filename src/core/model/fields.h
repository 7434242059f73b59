/* Typed access to the keys of a JSON file, with errors that name both. */
#ifndef ANGLE_FIELDS_H
#define ANGLE_FIELDS_H

#include <stdbool.h>

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/json.h"
#include "core/base/status.h"

/* A JSON value and the file that it comes from, for messages. */
typedef struct AngleFields
{
	const json_t *value;
	const char *file;
} AngleFields;

/* One of the strings that a key can have; a list ends with a NULL name. */
typedef struct AngleChoice
{
	const char *name;
	int value;
} AngleChoice;

typedef AngleStatus (*AngleFieldsReader)(AngleFields fields, void *context,
										 AngleError *err);

/* Parses json, whose root must be of type root, and hands it to reader; the
 * value does not outlive the call. Duplicate keys are refused, and integers of
 * any length are read as doubles. Errors: ANGLE_CORRUPT, ANGLE_TOO_LARGE and
 * the reader's own. */
ANGLE_MUST_CHECK AngleStatus angle_fields_read(AngleBytes json,
											   const char *file, json_type root,
											   AngleFieldsReader reader,
											   void *context, AngleError *err);

/* Whether key is there and is not null. */
bool angle_fields_has(AngleFields fields, const char *key);

/* The following leave *value as it is when the key is absent or null.
 * Errors: ANGLE_CORRUPT; ANGLE_UNSUPPORTED from choice. */

ANGLE_MUST_CHECK AngleStatus angle_fields_int(AngleFields fields,
											  const char *key, int min, int max,
											  int *value, AngleError *err);

ANGLE_MUST_CHECK AngleStatus angle_fields_real(AngleFields fields,
											   const char *key, double *value,
											   AngleError *err);

ANGLE_MUST_CHECK AngleStatus angle_fields_bool(AngleFields fields,
											   const char *key, bool *value,
											   AngleError *err);

/* The string lies in the JSON value. */
ANGLE_MUST_CHECK AngleStatus angle_fields_string(AngleFields fields,
												 const char *key,
												 const char **value,
												 AngleError *err);

ANGLE_MUST_CHECK AngleStatus angle_fields_choice(AngleFields fields,
												 const char *key,
												 const AngleChoice *choices,
												 int *value, AngleError *err);

/* The value of key, which must be of this type, or NULL in *child. */
ANGLE_MUST_CHECK AngleStatus angle_fields_child(AngleFields fields,
												const char *key, json_type type,
												const json_t **child,
												AngleError *err);

/* Refuses keys beyond, and the lack of, any of the NULL-terminated keys. */
ANGLE_MUST_CHECK AngleStatus angle_fields_exactly(AngleFields fields,
												  const char *const *keys,
												  AngleError *err);

/* "file "x": key "y" ": fails with what follows it. */
AngleStatus
angle_fields_fail(AngleFields fields, const char *key, AngleStatus status,
				  AngleError *err, const char *format, ...) ANGLE_PRINTF(5, 6);

/* Finds name in choices; false if it is none of them. */
bool
angle_choice_find(const AngleChoice *choices, const char *name, int *value);

/* The first name of value. */
const char *angle_choice_name(const AngleChoice *choices, int value);

#endif
