/* config_sentence_transformers.json, and angle_config.json of angle_emb. */
#include <string.h>

#include "core/model/fields.h"
#include "core/model/hub_parts.h"

#define PLACEHOLDER "{text}"

/* angle_emb's names; its cls_max, all, and token numbers are not supported. */
static const AngleChoice strategies[] = {
	{"cls", ANGLE_POOLING_CLS},
	{"cls_avg", ANGLE_POOLING_CLS_AVG},
	{"last", ANGLE_POOLING_LAST},
	{"avg", ANGLE_POOLING_MEAN},
	{"mean", ANGLE_POOLING_MEAN},
	{"max", ANGLE_POOLING_MAX},
	{NULL, 0},
};

typedef struct Reading
{
	AngleArena *arena;
	AngleModelConfig *config;
	AngleHubTraining *training;
} Reading;

static AngleStatus
add_prompt(AngleFields prompts, const char *name, const json_t *prefix,
		   const Reading *reading, AngleError *err)
{
	AngleModelConfig *config = reading->config;
	AnglePrompt *prompt =
		(AnglePrompt *) &config->prompts[config->prompt_count];

	if (json_is_null(prefix))
		return ANGLE_OK;
	if (!json_is_string(prefix))
		return angle_fields_fail(prompts, name, ANGLE_CORRUPT, err,
								 "must be a string");
	prompt->name = angle_arena_strdup(reading->arena, name, strlen(name));
	prompt->prefix = angle_arena_strdup(
		reading->arena, json_string_value(prefix), json_string_length(prefix));
	prompt->suffix = "";
	if (prompt->name == NULL || prompt->prefix == NULL)
		return angle_no_memory(err);
	config->prompt_count++;
	return ANGLE_OK;
}

static AngleStatus
read_default(AngleFields fields, AngleModelConfig *config, AngleError *err)
{
	const char *key = "default_prompt_name";
	const char *name = NULL;

	ANGLE_TRY(angle_fields_string(fields, key, &name, err));
	if (name == NULL)
		return ANGLE_OK;
	for (int i = 0; i < config->prompt_count; i++)
	{
		if (strcmp(config->prompts[i].name, name) == 0)
			config->default_prompt = i;
	}
	if (config->default_prompt < 0)
		return angle_fields_fail(fields, key, ANGLE_CORRUPT, err,
								 "is \"%.64s\", which is not among the prompts",
								 name);
	return ANGLE_OK;
}

static AngleStatus
read_prompts(AngleFields fields, void *context, AngleError *err)
{
	const Reading *reading = context;
	const json_t *prompts;
	const char *name;
	json_t *prefix;

	ANGLE_TRY(
		angle_fields_child(fields, "prompts", JSON_OBJECT, &prompts, err));
	reading->config->prompts = angle_arena_zalloc(
		reading->arena, json_object_size(prompts), sizeof(AnglePrompt));
	if (reading->config->prompts == NULL)
		return angle_no_memory(err);
	json_object_foreach((json_t *) prompts, name, prefix)
	{
		AngleFields entry = {prompts, fields.file};

		ANGLE_TRY(add_prompt(entry, name, prefix, reading, err));
	}
	return read_default(fields, reading->config, err);
}

AngleStatus
angle_hub_read_prompts(AngleBytes json, const char *file, AngleArena *arena,
					   AngleModelConfig *config, AngleError *err)
{
	Reading reading = {.arena = arena, .config = config};

	config->prompt_count = 0;
	config->default_prompt = -1;
	return angle_fields_read(json, file, JSON_OBJECT, read_prompts, &reading,
							 err);
}

/* ---- angle_config.json -------------------------------------------------- */

/* Splits a template at its only placeholder. */
static AngleStatus
split_template(AngleFields fields, const char *key, const char *template,
			   const Reading *reading, AngleError *err)
{
	AnglePrompt *prompt = &reading->training->prompt;
	const char *place = strstr(template, PLACEHOLDER);
	const char *rest;

	if (place == NULL || strstr(place + 1, PLACEHOLDER) != NULL)
		return angle_fields_fail(fields, key, ANGLE_CORRUPT, err,
								 "must hold " PLACEHOLDER " once");
	rest = place + strlen(PLACEHOLDER);
	prompt->name = "default";
	prompt->prefix = angle_arena_strdup(reading->arena, template,
										(size_t) (place - template));
	prompt->suffix = angle_arena_strdup(reading->arena, rest, strlen(rest));
	if (prompt->prefix == NULL || prompt->suffix == NULL)
		return angle_no_memory(err);
	reading->training->has_prompt = true;
	return ANGLE_OK;
}

static AngleStatus
read_training(AngleFields fields, void *context, AngleError *err)
{
	const Reading *reading = context;
	AngleHubTraining *training = reading->training;
	const json_t *strategy = json_object_get(fields.value, "pooling_strategy");
	const char *template = NULL;
	int pooling = 0;

	if (json_is_real(strategy))
		return angle_fields_fail(fields, "pooling_strategy", ANGLE_UNSUPPORTED,
								 err,
								 "is the number of a token, which is not "
								 "supported");
	ANGLE_TRY(angle_fields_choice(fields, "pooling_strategy", strategies,
								  &pooling, err));
	training->has_pooling = angle_fields_has(fields, "pooling_strategy");
	training->pooling = (AnglePooling) pooling;
	ANGLE_TRY(angle_fields_int(fields, "max_length", 3, 1000000000,
							   &training->max_length, err));
	ANGLE_TRY(angle_fields_string(fields, "prompt", &template, err));
	if (template == NULL)
		return ANGLE_OK;
	return split_template(fields, "prompt", template, reading, err);
}

AngleStatus
angle_hub_read_training(AngleBytes json, const char *file, AngleArena *arena,
						AngleHubTraining *training, AngleError *err)
{
	Reading reading = {.arena = arena, .training = training};

	*training = (AngleHubTraining){.has_pooling = false};
	return angle_fields_read(json, file, JSON_OBJECT, read_training, &reading,
							 err);
}
