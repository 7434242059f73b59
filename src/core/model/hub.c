#include "core/model/hub.h"

#include <limits.h>
#include <stdlib.h>

#include "core/base/file.h"
#include "core/model/fields.h"
#include "core/model/hub_parts.h"

#define CONFIG_FILE "config.json"
#define TOKENIZER_CONFIG_FILE "tokenizer_config.json"

/* A directory while it is read. */
typedef struct Loading
{
	const char *directory;
	const AngleHubOptions *options;
	const AngleKnownModel *known; /* NULL: none */
	AngleArena *arena;
	AngleHubModel *model;
	AngleHubModules modules;
	AngleHubTraining training;
} Loading;

/* One file of the directory; path is inside it. content.data is NULL if there
 * is no such file. */
typedef struct HubFile
{
	const char *path;
	AngleBytes content;
} HubFile;

/* Maps folder/name; that there is none is no error. */
static AngleStatus
map_file(const Loading *loading, const char *folder, const char *name,
		 HubFile *file, AngleError *err)
{
	const char *whole;
	AngleStatus status;

	*file = (HubFile){.path = name};
	ANGLE_TRY(angle_path_join(loading->arena, folder, name, &file->path, err));
	ANGLE_TRY(angle_path_join(loading->arena, loading->directory, file->path,
							  &whole, err));
	status = angle_file_map(whole, &file->content, err);
	if (status == ANGLE_NOT_FOUND)
		return ANGLE_OK;
	if (status == ANGLE_OK && file->content.data == NULL)
		return angle_fail(err, ANGLE_CORRUPT, "file \"%s\" is empty",
						  file->path);
	return status;
}

/* Copies a small file into the arena, so that nothing stays mapped. */
static AngleStatus
load_file(const Loading *loading, const char *folder, const char *name,
		  HubFile *file, AngleError *err)
{
	AngleBytes mapped;
	char *copy = NULL;

	ANGLE_TRY(map_file(loading, folder, name, file, err));
	mapped = file->content;
	if (mapped.data == NULL)
		return ANGLE_OK;
	if (mapped.size <= ANGLE_JSON_MAX_SIZE)
		copy = angle_arena_strdup(loading->arena, (const char *) mapped.data,
								  mapped.size);
	file->content = (AngleBytes){(const uint8_t *) copy, mapped.size};
	angle_file_unmap(&mapped);
	if (file->content.size > ANGLE_JSON_MAX_SIZE)
		return angle_fail(err, ANGLE_TOO_LARGE,
						  "file \"%s\" has %zu bytes, more than %zu",
						  file->path, file->content.size, ANGLE_JSON_MAX_SIZE);
	return copy != NULL ? ANGLE_OK : angle_no_memory(err);
}

/* ---- the transformer and its modules ------------------------------------ */

static AngleStatus
load_modules(Loading *loading, AngleError *err)
{
	HubFile file;

	loading->modules = (AngleHubModules){.transformer = ""};
	ANGLE_TRY(load_file(loading, "", "modules.json", &file, err));
	if (file.content.data == NULL)
	{
		loading->modules.pooling = "1_Pooling";
		return ANGLE_OK;
	}
	return angle_hub_read_modules(file.content, file.path, loading->arena,
								  &loading->modules, err);
}

static AngleStatus
load_config(Loading *loading, AngleError *err)
{
	HubFile file;

	ANGLE_TRY(load_file(loading, loading->modules.transformer, CONFIG_FILE,
						&file, err));
	if (file.content.data == NULL)
	{
		angle_fail(err, ANGLE_NOT_FOUND, "there is no file \"%s\"", file.path);
		angle_hint(err, "A model's directory has the files of its repository "
						"on the Hugging Face hub.");
		return ANGLE_NOT_FOUND;
	}
	return angle_hub_read_config(file.content, file.path,
								 &loading->model->config, err);
}

static AngleStatus
load_training(Loading *loading, AngleError *err)
{
	HubFile file;

	loading->training = (AngleHubTraining){.has_pooling = false};
	ANGLE_TRY(load_file(loading, "", "angle_config.json", &file, err));
	if (file.content.data == NULL)
		return ANGLE_OK;
	return angle_hub_read_training(file.content, file.path, loading->arena,
								   &loading->training, err);
}

/* Sets pooling by what comes first in the order that hub.h gives. */
static AngleStatus
load_pooling(Loading *loading, AngleError *err)
{
	AngleModelConfig *config = &loading->model->config;
	const AngleHubOptions *options = loading->options;
	HubFile file = {.path = NULL};
	bool decided = true;

	config->pool_prompt = true;
	if (options != NULL && options->pooling != NULL)
		config->pooling = *options->pooling;
	else if (loading->training.has_pooling)
		config->pooling = loading->training.pooling;
	else
		decided = false;
	if (loading->modules.pooling != NULL)
		ANGLE_TRY(load_file(loading, loading->modules.pooling, CONFIG_FILE,
							&file, err));
	if (file.content.data != NULL)
		return angle_hub_read_pooling(file.content, file.path, decided, config,
									  err);
	if (!decided)
		config->pooling = loading->known != NULL ? loading->known->pooling
												 : ANGLE_POOLING_CLS;
	return ANGLE_OK;
}

static AngleStatus
load_step(Loading *loading, int index, AngleError *err)
{
	const char *folder = loading->modules.folders[index];
	AngleModule *module = &loading->model->config.modules[index];
	HubFile file;

	ANGLE_TRY(load_file(loading, folder, CONFIG_FILE, &file, err));
	*module = (AngleModule){.kind = loading->modules.kinds[index]};
	if (module->kind == ANGLE_MODULE_NORMALIZE)
		return file.content.data == NULL || folder[0] == '\0'
				   ? ANGLE_OK
				   : angle_hub_read_normalize(file.content, file.path, err);
	if (file.content.data == NULL)
		return angle_fail(err, ANGLE_CORRUPT, "there is no file \"%s\"",
						  file.path);
	ANGLE_TRY(angle_path_join(loading->arena, loading->directory, folder,
							  &loading->model->module_directories[index], err));
	return angle_hub_read_dense(file.content, file.path, module, err);
}

/* The modules after pooling, and the width that they leave. */
static AngleStatus
load_steps(Loading *loading, AngleError *err)
{
	AngleModelConfig *config = &loading->model->config;

	config->dimensions = config->hidden;
	for (int i = 0; i < loading->modules.count; i++)
	{
		ANGLE_TRY(load_step(loading, i, err));
		if (config->modules[i].kind == ANGLE_MODULE_DENSE)
			config->dimensions = config->modules[i].outputs;
	}
	config->module_count = loading->modules.count;
	return ANGLE_OK;
}

/* ---- prompts ------------------------------------------------------------ */

/* Newer directories list empty prompts for models that have none. */
static bool
has_real_prompt(const AngleModelConfig *config)
{
	for (int i = 0; i < config->prompt_count; i++)
	{
		if (config->prompts[i].prefix[0] != '\0')
			return true;
	}
	return false;
}

/* Makes angle_config.json's prompt the default one. */
static AngleStatus
add_training_prompt(const Loading *loading, AngleError *err)
{
	AngleModelConfig *config = &loading->model->config;
	const AnglePrompt *prompt = &loading->training.prompt;
	const AnglePrompt *same = angle_config_prompt(config, prompt->name);
	AnglePrompt *prompts = angle_arena_alloc(
		loading->arena, (size_t) config->prompt_count + 1, sizeof(*prompts));
	int place =
		same != NULL ? (int) (same - config->prompts) : config->prompt_count;

	if (prompts == NULL)
		return angle_no_memory(err);
	for (int i = 0; i < config->prompt_count; i++)
		prompts[i] = config->prompts[i];
	prompts[place] = *prompt;
	config->prompt_count += same == NULL;
	config->prompts = prompts;
	config->default_prompt = place;
	return ANGLE_OK;
}

static AngleStatus
load_prompts(Loading *loading, AngleError *err)
{
	AngleModelConfig *config = &loading->model->config;
	HubFile file;

	config->default_prompt = -1;
	ANGLE_TRY(load_file(loading, "", "config_sentence_transformers.json", &file,
						err));
	if (file.content.data != NULL)
		ANGLE_TRY(angle_hub_read_prompts(file.content, file.path,
										 loading->arena, config, err));
	if (loading->known != NULL && !has_real_prompt(config))
	{
		config->prompts = loading->known->prompts;
		config->prompt_count = loading->known->prompt_count;
		config->default_prompt = -1;
	}
	return loading->training.has_prompt ? add_training_prompt(loading, err)
										: ANGLE_OK;
}

/* ---- limits ------------------------------------------------------------- */

/* sentence-transformers can lower the case of texts before the tokenizer sees
 * them; that is the same only if the tokenizer does it too. */
static AngleStatus
check_lower_case(HubFile sentence, HubFile tokenizer, AngleError *err)
{
	bool before = false;
	bool after = false;

	ANGLE_TRY(angle_hub_read_lower_case(sentence.content, sentence.path,
										&before, err));
	if (tokenizer.content.data != NULL)
		ANGLE_TRY(angle_hub_read_lower_case(tokenizer.content, tokenizer.path,
											&after, err));
	if (before && !after)
		return angle_fail(err, ANGLE_UNSUPPORTED,
						  "file \"%s\": key \"do_lower_case\" is true, but the "
						  "tokenizer keeps case",
						  sentence.path);
	return ANGLE_OK;
}

static AngleStatus
load_limits(Loading *loading, AngleError *err)
{
	const char *folder = loading->modules.transformer;
	AngleModelConfig *config = &loading->model->config;
	HubFile sentence;
	HubFile tokenizer;
	int limit = 0;

	ANGLE_TRY(load_file(loading, folder, "sentence_bert_config.json", &sentence,
						err));
	ANGLE_TRY(
		load_file(loading, folder, TOKENIZER_CONFIG_FILE, &tokenizer, err));
	if (sentence.content.data != NULL)
	{
		ANGLE_TRY(check_lower_case(sentence, tokenizer, err));
		ANGLE_TRY(angle_hub_read_limit(sentence.content, sentence.path,
									   "max_seq_length", &limit, err));
	}
	if (limit == 0)
		limit = loading->training.max_length;
	if (limit == 0 && tokenizer.content.data != NULL)
		ANGLE_TRY(angle_hub_read_limit(tokenizer.content, tokenizer.path,
									   "model_max_length", &limit, err));
	config->max_tokens =
		limit == 0 || limit > config->positions ? config->positions : limit;
	return ANGLE_OK;
}

static AngleStatus
map_tokenizer(Loading *loading, AngleError *err)
{
	AngleHubModel *model = loading->model;
	const struct
	{
		const char *name;
		AngleBytes *content;
	} files[] = {
		{"tokenizer.json", &model->tokenizer_json},
		{"vocab.txt", &model->vocab_txt},
		{TOKENIZER_CONFIG_FILE, &model->tokenizer_config_json},
		{"special_tokens_map.json", &model->special_tokens_map_json},
		{"added_tokens.json", &model->added_tokens_json},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
	{
		HubFile file;

		ANGLE_TRY(map_file(loading, loading->modules.transformer, files[i].name,
						   &file, err));
		*files[i].content = file.content;
	}
	return ANGLE_OK;
}

/* ---- the directory ------------------------------------------------------ */

/* The entry of the table for the name in options, or else for the directory's
 * own, links and dots resolved. */
static const AngleKnownModel *
find_known(const char *directory, const AngleHubOptions *options)
{
	char resolved[PATH_MAX];

	if (options != NULL && options->model_name != NULL)
		return angle_known_model(options->model_name);
	if (realpath(directory, resolved) != NULL)
		directory = resolved;
	return angle_known_model(directory);
}

static AngleStatus
load(Loading *loading, AngleError *err)
{
	AngleHubModel *model = loading->model;

	ANGLE_TRY(load_modules(loading, err));
	ANGLE_TRY(angle_path_join(loading->arena, loading->directory,
							  loading->modules.transformer, &model->directory,
							  err));
	ANGLE_TRY(load_config(loading, err));
	ANGLE_TRY(load_training(loading, err));
	ANGLE_TRY(load_pooling(loading, err));
	ANGLE_TRY(load_steps(loading, err));
	ANGLE_TRY(load_prompts(loading, err));
	ANGLE_TRY(load_limits(loading, err));
	ANGLE_TRY(angle_config_validate(&model->config, CONFIG_FILE, err));
	return map_tokenizer(loading, err);
}

AngleStatus
angle_hub_open(const char *directory, const AngleHubOptions *options,
			   AngleArena *arena, AngleHubModel *model, AngleError *err)
{
	Loading loading = {
		.directory = directory,
		.options = options,
		.known = find_known(directory, options),
		.arena = arena,
		.model = model,
	};
	AngleStatus status;

	*model = (AngleHubModel){.directory = directory};
	status = load(&loading, err);
	if (status != ANGLE_OK)
		angle_prefix(err, "directory \"%s\"", directory);
	return status;
}

void
angle_hub_close(AngleHubModel *model)
{
	angle_file_unmap(&model->tokenizer_json);
	angle_file_unmap(&model->vocab_txt);
	angle_file_unmap(&model->tokenizer_config_json);
	angle_file_unmap(&model->special_tokens_map_json);
	angle_file_unmap(&model->added_tokens_json);
}
