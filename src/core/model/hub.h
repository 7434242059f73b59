/*
 * A model directory as it lies on the Hugging Face hub: config.json with the
 * files of transformers, sentence-transformers and angle_emb beside it, or
 * with none of them.
 */
#ifndef ANGLE_HUB_H
#define ANGLE_HUB_H

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/status.h"
#include "core/model/config.h"

/* What the caller decides before the files do. */
typedef struct AngleHubOptions
{
	const AnglePooling *pooling; /* NULL: the directory's own */
	const char *model_name;		 /* "WhereIsAI/UAE-Large-V1" or NULL: the name
									in the built-in table of models whose
									repositories lack the files that say it;
									NULL: the directory's own name */
} AngleHubOptions;

typedef struct AngleHubModel
{
	const char *directory;	 /* of the weights and the tokenizer: that which was
							  opened, or its transformer module's folder */
	AngleModelConfig config; /* validated; quantization is F32 */

	/* the tokenizer's files, size 0 where there is none */
	AngleBytes tokenizer_json;
	AngleBytes vocab_txt;
	AngleBytes tokenizer_config_json;
	AngleBytes special_tokens_map_json;
	AngleBytes added_tokens_json;

	/* for each ANGLE_MODULE_DENSE in config.modules, its folder, else NULL */
	const char *module_directories[ANGLE_MAX_MODULES];
} AngleHubModel;

/* Reads everything but the weights. Precedence of pooling and prompts:
 * options > angle_config.json > 1_Pooling/config.json and
 * config_sentence_transformers.json > the built-in table > cls.
 * Where nothing is said, sentence-transformers takes the mean and we do not:
 * the models that say nothing were trained with cls. For the same reason there
 * is no normalisation unless modules.json lists it.
 * max_tokens is the first of sentence_bert_config.json's max_seq_length,
 * angle_config.json's max_length and tokenizer_config.json's model_max_length,
 * but at most the positions.
 * Errors: ANGLE_NOT_FOUND (no config.json), ANGLE_CORRUPT, ANGLE_UNSUPPORTED;
 * each names the file. Close it with angle_hub_close(), also after an error. */
ANGLE_MUST_CHECK AngleStatus angle_hub_open(const char *directory,
											const AngleHubOptions *options,
											AngleArena *arena,
											AngleHubModel *model,
											AngleError *err);

/* Ends the mappings. */
void angle_hub_close(AngleHubModel *model);

#endif
