/* Parsing JSON that comes from a stranger, with jansson. */
#ifndef ANGLE_JSON_H
#define ANGLE_JSON_H

#include <jansson.h>

#include "core/base/bytes.h"
#include "core/base/status.h"

/* Larger texts are refused, because what is parsed takes up to twenty times as
 * much memory. A tokenizer of 500,000 tokens takes 10 MB, the header of 1,000
 * safetensors 0.1 MB. */
#define ANGLE_JSON_MAX_SIZE ((size_t) 16 << 20)

/* Parses json, an object or an array as type says; file names it in messages.
 * Duplicate keys are refused. flags are JSON_DECODE_INT_AS_REAL or 0. The
 * caller ends it with json_decref(). Errors: ANGLE_CORRUPT, ANGLE_TOO_LARGE. */
ANGLE_MUST_CHECK AngleStatus angle_json_parse(AngleBytes json, const char *file,
											  json_type type, size_t flags,
											  json_t **root, AngleError *err);

#endif
