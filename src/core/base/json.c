#include "core/base/json.h"

#include "core/base/arena.h"

AngleStatus
angle_json_parse(AngleBytes json, const char *file, json_type type,
				 size_t flags, json_t **root, AngleError *err)
{
	json_error_t error;

	if (json.size == 0)
		return angle_fail(err, ANGLE_CORRUPT, "file \"%s\" is empty", file);
	if (json.size > ANGLE_JSON_MAX_SIZE)
		return angle_fail(err, ANGLE_TOO_LARGE,
						  "file \"%s\" has %zu bytes of JSON, more than %zu",
						  file, json.size, ANGLE_JSON_MAX_SIZE);
	*root = json_loadb((const char *) json.data, json.size,
					   JSON_REJECT_DUPLICATES | flags, &error);
	if (*root == NULL && json_error_code(&error) == json_error_out_of_memory)
		return angle_no_memory(err);
	if (*root == NULL)
		return angle_fail(err, ANGLE_CORRUPT,
						  "file \"%s\" is not valid JSON: line %d: %s", file,
						  error.line, error.text);
	if (json_typeof(*root) == type)
		return ANGLE_OK;
	json_decref(*root);
	*root = NULL;
	return angle_fail(err, ANGLE_CORRUPT, "file \"%s\" must hold %s", file,
					  type == JSON_ARRAY ? "an array" : "an object");
}
