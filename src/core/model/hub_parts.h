/*
 * The files of a hub directory, one reader each. json is a file's content and
 * file its path inside the directory, for messages. Errors of all of them:
 * ANGLE_CORRUPT, ANGLE_UNSUPPORTED, ANGLE_TOO_LARGE, ANGLE_NO_MEMORY.
 */
#ifndef ANGLE_HUB_PARTS_H
#define ANGLE_HUB_PARTS_H

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/status.h"
#include "core/model/config.h"

/* What modules.json of sentence-transformers lists. */
typedef struct AngleHubModules
{
	const char *transformer; /* folder, "" for the directory itself */
	const char *pooling;	 /* folder, NULL if there is no such module */
	int count;				 /* of the modules after pooling */
	AngleModuleKind kinds[ANGLE_MAX_MODULES];
	const char *folders[ANGLE_MAX_MODULES];
} AngleHubModules;

/* What angle_config.json of angle_emb says. */
typedef struct AngleHubTraining
{
	bool has_pooling;
	AnglePooling pooling;
	int max_length; /* 0: not said */
	bool has_prompt;
	AnglePrompt prompt;
} AngleHubTraining;

/* What the repositories of well-known models do not say themselves. */
typedef struct AngleKnownModel
{
	const char *name; /* of the repository, without its owner */
	AnglePooling pooling;
	int prompt_count;
	const AnglePrompt *prompts;
} AngleKnownModel;

/* config.json: the shape of the transformer. Absent keys have the defaults of
 * transformers' BertConfig. */
ANGLE_MUST_CHECK AngleStatus angle_hub_read_config(AngleBytes json,
												   const char *file,
												   AngleModelConfig *config,
												   AngleError *err);

/* modules.json. Types match on their last dotted component. */
ANGLE_MUST_CHECK AngleStatus angle_hub_read_modules(AngleBytes json,
													const char *file,
													AngleArena *arena,
													AngleHubModules *modules,
													AngleError *err);

/* 2_Dense/config.json. */
ANGLE_MUST_CHECK AngleStatus angle_hub_read_dense(AngleBytes json,
												  const char *file,
												  AngleModule *module,
												  AngleError *err);

/* 2_Normalize/config.json, which newer directories have: nothing to keep. */
ANGLE_MUST_CHECK AngleStatus angle_hub_read_normalize(AngleBytes json,
													  const char *file,
													  AngleError *err);

/* 1_Pooling/config.json into config->pool_prompt and, unless keep_mode,
 * config->pooling. config->hidden must be known. */
ANGLE_MUST_CHECK AngleStatus angle_hub_read_pooling(AngleBytes json,
													const char *file,
													bool keep_mode,
													AngleModelConfig *config,
													AngleError *err);

/* angle_config.json: pooling_strategy, max_length, and prompt, a template with
 * "{text}". */
ANGLE_MUST_CHECK AngleStatus angle_hub_read_training(AngleBytes json,
													 const char *file,
													 AngleArena *arena,
													 AngleHubTraining *training,
													 AngleError *err);

/* config_sentence_transformers.json: the prompts and the default one. */
ANGLE_MUST_CHECK AngleStatus angle_hub_read_prompts(AngleBytes json,
													const char *file,
													AngleArena *arena,
													AngleModelConfig *config,
													AngleError *err);

/* The integer of key, which limits the tokens of a text; *limit keeps its value
 * when the key is absent or, like the 1e30 of transformers, means no limit. */
ANGLE_MUST_CHECK AngleStatus angle_hub_read_limit(AngleBytes json,
												  const char *file,
												  const char *key, int *limit,
												  AngleError *err);

/* The boolean do_lower_case; *value keeps its value when it is absent. */
ANGLE_MUST_CHECK AngleStatus angle_hub_read_lower_case(AngleBytes json,
													   const char *file,
													   bool *value,
													   AngleError *err);

/* The entry of the built-in table for "owner/name" or a path that ends in the
 * name, upper or lower case; NULL if there is none. A path in the hub's own
 * cache, models--owner--name/snapshots/revision, is understood. */
const AngleKnownModel *angle_known_model(const char *name);

#endif
