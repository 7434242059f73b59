/* A model that evaluations and the search for negatives embed with, from a packed
 * file or a model directory, with a line of progress. */
#ifndef ANGLE_MODEL_ENCODER_H
#define ANGLE_MODEL_ENCODER_H

#include "core/encoder/embedder.h"
#include "trainer/eval_encoder.h"
#include "trainer/progress.h"

typedef struct AngleModelEncoder
{
	AngleEvalEncoder encoder;
	const AngleModel *model;
	AngleEmbedRequest request; /* its executor may be used between texts */
	AngleArena *scratch;
	AngleBytes image;
	AngleProgress progress;
	uint64_t expected; /* texts in all, for the progress; 0: not known */
} AngleModelEncoder;

/* Opens the model at path; dimensions is the length of the prefix of embeddings
 * to keep, 0: all. The encoder must stay where it is.
 * Errors: those of angle_source_map(), angle_model_open() and
 * angle_embed_dimensions(). */
ANGLE_MUST_CHECK AngleStatus angle_model_encoder_open(
	AngleModelEncoder *encoder, const char *path, int dimensions, int threads,
	AngleArena *arena, AngleError *err);

/* The prompt that texts get which are searched for or stored to be found, unless
 * another is asked for: the model's own called "query", or "passage" or
 * "document"; NULL if it has none, which stands for its default. */
const char *angle_model_query_prompt(const AngleModel *model);
const char *angle_model_passage_prompt(const AngleModel *model);

/* Starts a line of progress that counts texts, up to expected. */
void angle_model_encoder_show(AngleModelEncoder *encoder, const char *label,
							  uint64_t expected);

/* Ends the line of progress, if there is one. */
void angle_model_encoder_hide(AngleModelEncoder *encoder, AngleStatus status);

/* For one that was opened or is all zeros. */
void angle_model_encoder_close(AngleModelEncoder *encoder);

#endif
