/* Members of the JSON files of a tokenizer. */
#ifndef ANGLE_SPEC_JSON_H
#define ANGLE_SPEC_JSON_H

#include <jansson.h>

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/status.h"

/* The boolean of a member; otherwise if it is missing or null. */
bool angle_json_flag(const json_t *object, const char *name, bool otherwise);

/* The string of a member, or NULL if it has none. */
const char *angle_json_text(const json_t *object, const char *name);

/* Copies a JSON string into arena; data is NULL when there is no memory. */
AngleBytes angle_json_copy(const json_t *string, AngleArena *arena);

/* Reads a token's id. Errors: ANGLE_CORRUPT, ANGLE_TOO_LARGE. */
ANGLE_MUST_CHECK AngleStatus angle_json_id(const json_t *value,
										   const char *token, uint32_t *id,
										   AngleError *err);

#endif
