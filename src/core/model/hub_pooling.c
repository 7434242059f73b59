/* 1_Pooling/config.json of sentence-transformers. */
#include <string.h>

#include "core/model/fields.h"
#include "core/model/hub_parts.h"

#define UNSUPPORTED_POOLING (-1)

/* The values of "pooling_mode". */
static const AngleChoice modes[] = {
	{"cls", ANGLE_POOLING_CLS},
	{"mean", ANGLE_POOLING_MEAN},
	{"max", ANGLE_POOLING_MAX},
	{"lasttoken", ANGLE_POOLING_LAST},
	{NULL, 0},
};

/* The booleans of older files. */
static const AngleChoice flags[] = {
	{"pooling_mode_cls_token", ANGLE_POOLING_CLS},
	{"pooling_mode_mean_tokens", ANGLE_POOLING_MEAN},
	{"pooling_mode_max_tokens", ANGLE_POOLING_MAX},
	{"pooling_mode_lasttoken", ANGLE_POOLING_LAST},
	{"pooling_mode_mean_sqrt_len_tokens", UNSUPPORTED_POOLING},
	{"pooling_mode_weightedmean_tokens", UNSUPPORTED_POOLING},
	{NULL, 0},
};

typedef struct Reading
{
	bool keep_mode;
	AngleModelConfig *config;
} Reading;

static AngleStatus
fail_several(AngleFields fields, const char *key, AngleError *err)
{
	return angle_fields_fail(fields, key, ANGLE_UNSUPPORTED, err,
							 "asks for several poolings at once, which is not "
							 "supported");
}

/* "pooling_mode": a string, or an array of one. */
static AngleStatus
read_new_mode(AngleFields fields, int *pooling, AngleError *err)
{
	const char *key = "pooling_mode";
	const json_t *value = json_object_get(fields.value, key);
	json_t *object;
	AngleStatus status;

	if (!json_is_array(value))
		return angle_fields_choice(fields, key, modes, pooling, err);
	if (json_array_size(value) != 1)
		return fail_several(fields, key, err);
	object = json_pack("{s:O}", key, json_array_get(value, 0));
	if (object == NULL)
		return angle_no_memory(err);
	fields.value = object;
	status = angle_fields_choice(fields, key, modes, pooling, err);
	json_decref(object);
	return status;
}

static AngleStatus
read_old_flags(AngleFields fields, int *pooling, AngleError *err)
{
	int set = 0;

	for (const AngleChoice *flag = flags; flag->name != NULL; flag++)
	{
		bool value = false;

		ANGLE_TRY(angle_fields_bool(fields, flag->name, &value, err));
		if (!value)
			continue;
		if (flag->value == UNSUPPORTED_POOLING)
			return angle_fields_fail(fields, flag->name, ANGLE_UNSUPPORTED, err,
									 "is true, which is not supported");
		if (set++ > 0)
			return fail_several(fields, flag->name, err);
		*pooling = flag->value;
	}
	if (set > 0)
		return ANGLE_OK;
	angle_fail(err, ANGLE_CORRUPT, "file \"%s\" does not say how to pool",
			   fields.file);
	angle_hint(err, "Name the pooling when you load the model.");
	return ANGLE_CORRUPT;
}

static AngleStatus
check_width(AngleFields fields, int hidden, AngleError *err)
{
	static const char *const keys[] = {"embedding_dimension",
									   "word_embedding_dimension"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
	{
		int width = hidden;

		ANGLE_TRY(angle_fields_int(fields, keys[i], 1, 1000000, &width, err));
		if (width != hidden)
			return angle_fields_fail(fields, keys[i], ANGLE_CORRUPT, err,
									 "is %d, but the model's hidden size is %d",
									 width, hidden);
	}
	return ANGLE_OK;
}

static AngleStatus
read_pooling(AngleFields fields, void *context, AngleError *err)
{
	const Reading *reading = context;
	AngleModelConfig *config = reading->config;
	int pooling = (int) config->pooling;

	ANGLE_TRY(check_width(fields, config->hidden, err));
	ANGLE_TRY(
		angle_fields_bool(fields, "include_prompt", &config->pool_prompt, err));
	if (reading->keep_mode)
		return ANGLE_OK;
	/* sentence-transformers ignores the booleans beside the string */
	if (angle_fields_has(fields, "pooling_mode"))
		ANGLE_TRY(read_new_mode(fields, &pooling, err));
	else
		ANGLE_TRY(read_old_flags(fields, &pooling, err));
	config->pooling = (AnglePooling) pooling;
	return ANGLE_OK;
}

AngleStatus
angle_hub_read_pooling(AngleBytes json, const char *file, bool keep_mode,
					   AngleModelConfig *config, AngleError *err)
{
	Reading reading = {keep_mode, config};

	return angle_fields_read(json, file, JSON_OBJECT, read_pooling, &reading,
							 err);
}
