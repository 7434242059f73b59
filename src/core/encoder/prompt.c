#include <stdio.h>
#include <string.h>

#include "core/encoder/embedder.h"

#define PLACE "{text}"

static AngleStatus
split_template(const char *template, const char *place, AngleArena *arena,
			   AnglePrompt *prompt, AngleError *err)
{
	const char *suffix = place + strlen(PLACE);

	if (strstr(suffix, PLACE) != NULL)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "prompt template \"%s\" has \"%s\" more than once",
						  template, PLACE);
	prompt->name = "";
	prompt->prefix =
		angle_arena_strdup(arena, template, (size_t) (place - template));
	prompt->suffix = angle_arena_strdup(arena, suffix, strlen(suffix));
	if (prompt->prefix == NULL || prompt->suffix == NULL)
		return angle_no_memory(err);
	return ANGLE_OK;
}

/* Says what would have been right. */
static AngleStatus
fail_unknown(const AngleModelConfig *config, const char *name, AngleError *err)
{
	char names[160] = "";
	size_t used = 0;

	for (int i = 0; i < config->prompt_count && used < sizeof(names); i++)
		used +=
			(size_t) snprintf(names + used, sizeof(names) - used, "%s\"%s\"",
							  i > 0 ? ", " : "", config->prompts[i].name);
	angle_fail(err, ANGLE_INVALID_ARGUMENT, "the model has no prompt \"%s\"",
			   name);
	if (config->prompt_count > 0)
		angle_hint(err, "Its prompts are %s; a template contains " PLACE ".",
				   names);
	else
		angle_hint(err, "It has no prompts; a template contains " PLACE ".");
	return ANGLE_INVALID_ARGUMENT;
}

AngleStatus
angle_prompt_resolve(const AngleModelConfig *config, const char *argument,
					 AngleArena *arena, AnglePrompt *prompt, AngleError *err)
{
	const AnglePrompt *named;
	const char *place;

	*prompt = (AnglePrompt){"", "", ""};
	if (argument == NULL)
	{
		if (config->default_prompt >= 0)
			*prompt = config->prompts[config->default_prompt];
		return ANGLE_OK;
	}
	named = angle_config_prompt(config, argument);
	if (named != NULL)
	{
		*prompt = *named;
		return ANGLE_OK;
	}
	place = strstr(argument, PLACE);
	if (place == NULL)
		return fail_unknown(config, argument, err);
	return split_template(argument, place, arena, prompt, err);
}

/* Tokens of a prompt that none stands for are none. */
static AngleStatus
count_prompt(const AngleModel *model, const AnglePrompt *prompt,
			 AngleArena *scratch, size_t *count, AngleError *err)
{
	const AngleTokenizerInput input = {
		.prefix = angle_bytes_of(prompt == NULL ? "" : prompt->prefix),
		.suffix = angle_bytes_of(prompt == NULL ? "" : prompt->suffix),
	};
	AngleTokens tokens;

	ANGLE_TRY(angle_tokenizer_encode(angle_model_tokenizer(model), &input, NULL,
									 scratch, &tokens, err));
	*count = tokens.count;
	return ANGLE_OK;
}

AngleStatus
angle_prompt_room(const AngleModel *model, AngleArena *scratch, size_t *room,
				  AngleError *err)
{
	const AngleModelConfig *config = angle_model_config(model);
	const AnglePrompt *prompts[] = {
		config->default_prompt < 0 ? NULL
								   : &config->prompts[config->default_prompt],
		angle_config_prompt(config, "passage"),
		angle_config_prompt(config, "document"),
	};
	size_t specials = 0;
	size_t longest = 0;

	ANGLE_TRY(count_prompt(model, NULL, scratch, &specials, err));
	for (size_t i = 0; i < sizeof(prompts) / sizeof(prompts[0]); i++)
	{
		size_t count = 0;

		ANGLE_TRY(count_prompt(model, prompts[i], scratch, &count, err));
		longest = count > longest ? count : longest;
	}
	*room = (size_t) config->max_tokens;
	*room -= longest - specials < *room ? longest - specials : *room;
	return ANGLE_OK;
}
