#include "core/text/spec_json.h"

#include "core/text/image.h"

bool
angle_json_flag(const json_t *object, const char *name, bool otherwise)
{
	const json_t *value = json_object_get(object, name);

	return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

const char *
angle_json_text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

AngleBytes
angle_json_copy(const json_t *string, AngleArena *arena)
{
	size_t size = json_string_length(string);
	char *copy = angle_arena_strdup(arena, json_string_value(string), size);

	return (AngleBytes){(const uint8_t *) copy, size};
}

AngleStatus
angle_json_id(const json_t *value, const char *token, uint32_t *id,
			  AngleError *err)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 0)
		return angle_fail(err, ANGLE_CORRUPT, "token \"%s\" has no valid id",
						  token);
	if (number >= (json_int_t) ANGLE_MAX_VOCAB_SIZE)
		return angle_fail(err, ANGLE_TOO_LARGE,
						  "id %lld of token \"%s\" exceeds the limit of %u",
						  (long long) number, token, ANGLE_MAX_VOCAB_SIZE - 1);
	*id = (uint32_t) number;
	return ANGLE_OK;
}
