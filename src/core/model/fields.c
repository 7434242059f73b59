#include "core/model/fields.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *
type_name(json_type type)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object",	[JSON_ARRAY] = "an array",
		[JSON_STRING] = "a string",		[JSON_INTEGER] = "a number",
		[JSON_REAL] = "a number",		[JSON_TRUE] = "true or false",
		[JSON_FALSE] = "true or false", [JSON_NULL] = "null",
	};

	return names[type];
}

AngleStatus
angle_fields_fail(AngleFields fields, const char *key, AngleStatus status,
				  AngleError *err, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return angle_fail(err, status, "file \"%s\": key \"%.64s\" %s", fields.file,
					  key, text);
}

AngleStatus
angle_fields_read(AngleBytes json, const char *file, json_type type,
				  AngleFieldsReader reader, void *context, AngleError *err)
{
	AngleStatus status;
	json_t *root;

	ANGLE_TRY(angle_json_parse(json, file, type, JSON_DECODE_INT_AS_REAL, &root,
							   err));
	status = reader((AngleFields){root, file}, context, err);
	json_decref(root);
	return status;
}

/* The value of key; NULL when it is absent or null. */
static const json_t *
lookup(AngleFields fields, const char *key)
{
	const json_t *value = json_object_get(fields.value, key);

	return json_is_null(value) ? NULL : value;
}

bool
angle_fields_has(AngleFields fields, const char *key)
{
	return lookup(fields, key) != NULL;
}

AngleStatus
angle_fields_child(AngleFields fields, const char *key, json_type type,
				   const json_t **child, AngleError *err)
{
	*child = lookup(fields, key);
	if (*child != NULL && json_typeof(*child) != type)
		return angle_fields_fail(fields, key, ANGLE_CORRUPT, err, "must be %s",
								 type_name(type));
	return ANGLE_OK;
}

AngleStatus
angle_fields_real(AngleFields fields, const char *key, double *value,
				  AngleError *err)
{
	const json_t *number;

	ANGLE_TRY(angle_fields_child(fields, key, JSON_REAL, &number, err));
	if (number != NULL)
		*value = json_real_value(number);
	return ANGLE_OK;
}

AngleStatus
angle_fields_int(AngleFields fields, const char *key, int min, int max,
				 int *value, AngleError *err)
{
	double number = *value;

	if (!angle_fields_has(fields, key))
		return ANGLE_OK;
	ANGLE_TRY(angle_fields_real(fields, key, &number, err));
	if (!(number >= min && number <= max) || number != floor(number))
		return angle_fields_fail(fields, key, ANGLE_CORRUPT, err,
								 "is %.9g, but must be an integer from %d to "
								 "%d",
								 number, min, max);
	*value = (int) number;
	return ANGLE_OK;
}

AngleStatus
angle_fields_bool(AngleFields fields, const char *key, bool *value,
				  AngleError *err)
{
	const json_t *found = lookup(fields, key);

	if (found != NULL && !json_is_boolean(found))
		return angle_fields_fail(fields, key, ANGLE_CORRUPT, err, "must be %s",
								 type_name(JSON_TRUE));
	if (found != NULL)
		*value = json_is_true(found);
	return ANGLE_OK;
}

AngleStatus
angle_fields_string(AngleFields fields, const char *key, const char **value,
					AngleError *err)
{
	const json_t *string;

	ANGLE_TRY(angle_fields_child(fields, key, JSON_STRING, &string, err));
	if (string != NULL)
		*value = json_string_value(string);
	return ANGLE_OK;
}

/* Names the choices, for a person who has to pick one. */
static void
hint_choices(const AngleChoice *choices, AngleError *err)
{
	char list[200] = "";
	size_t used = 0;

	for (; choices->name != NULL && used < sizeof(list); choices++)
		used += (size_t) snprintf(list + used, sizeof(list) - used, "%s\"%s\"",
								  used > 0 ? ", " : "", choices->name);
	angle_hint(err, "Supported values are %s.", list);
}

AngleStatus
angle_fields_choice(AngleFields fields, const char *key,
					const AngleChoice *choices, int *value, AngleError *err)
{
	const char *name = NULL;

	ANGLE_TRY(angle_fields_string(fields, key, &name, err));
	if (name == NULL || angle_choice_find(choices, name, value))
		return ANGLE_OK;
	angle_fields_fail(fields, key, ANGLE_UNSUPPORTED, err,
					  "is \"%.64s\", which is not supported", name);
	hint_choices(choices, err);
	return ANGLE_UNSUPPORTED;
}

AngleStatus
angle_fields_exactly(AngleFields fields, const char *const *keys,
					 AngleError *err)
{
	size_t count = 0;

	for (; keys[count] != NULL; count++)
	{
		if (json_object_get(fields.value, keys[count]) == NULL)
			return angle_fields_fail(fields, keys[count], ANGLE_CORRUPT, err,
									 "is missing");
	}
	if (json_object_size(fields.value) > count)
		return angle_fail(err, ANGLE_UNSUPPORTED,
						  "file \"%s\" has unknown keys", fields.file);
	return ANGLE_OK;
}

bool
angle_choice_find(const AngleChoice *choices, const char *name, int *value)
{
	for (; choices->name != NULL; choices++)
	{
		if (strcmp(choices->name, name) == 0)
		{
			*value = choices->value;
			return true;
		}
	}
	return false;
}

const char *
angle_choice_name(const AngleChoice *choices, int value)
{
	while (choices->name != NULL && choices->value != value)
		choices++;
	return choices->name != NULL ? choices->name : "unknown";
}
