/*
 * One training step's work on texts: their embeddings, and from the gradients of
 * these the gradients of all parameters.
 *
 * Texts are shared out among as many parts as there are threads, by their tokens;
 * each part has gradients of its own, which are added in the order of the parts.
 * So results do not depend on the order in which threads run, only on how many
 * there are.
 */
#ifndef ANGLE_ENGINE_H
#define ANGLE_ENGINE_H

#include "core/base/cancel.h"
#include "core/base/executor.h"
#include "core/train/trainable.h"

/* A text that is ready to encode. */
typedef struct AngleTrainText
{
	const int32_t *ids; /* (count) */
	size_t count;
	size_t prompt_count; /* leading tokens of the prompt, or 0 */
	uint64_t name;		 /* its masks of dropout differ from those of others:
							unique in a step, below 2^32 */
} AngleTrainText;

typedef struct AngleEngineOptions
{
	AngleExecutor *executor;
	const AngleCancel *cancel;
	float hidden_dropout; /* rates */
	float attention_dropout;
	/* layers (1…, the last one included) whose states are pooled, ascending; the
	 * embeddings of each follow those of the one before. NULL: the last */
	const int *layers;
	int layer_count;
} AngleEngineOptions;

typedef struct AngleEngine AngleEngine;

/* The engine and what it needs for every step lie in arena. */
ANGLE_MUST_CHECK AngleStatus
angle_engine_create(AngleTrainable *model, const AngleEngineOptions *options,
					AngleArena *arena, AngleEngine **engine, AngleError *err);

/* Gives back the memory that follows the size of a batch. NULL is allowed. */
void angle_engine_destroy(AngleEngine *engine);

/* Fills out (layers, count, dimensions) with embeddings under dropout with this
 * seed, and keeps what the next backward pass needs. texts must last until then.
 * Errors: ANGLE_NO_MEMORY, ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus angle_engine_forward(AngleEngine *engine,
												  const AngleTrainText *texts,
												  size_t count, uint64_t seed,
												  float *out, AngleError *err);

/* Adds the gradients that follow from dout (layers, count, dimensions) for the
 * last forward pass to those of the engine; once for each forward pass. */
ANGLE_MUST_CHECK AngleStatus angle_engine_backward(AngleEngine *engine,
												   const float *dout,
												   AngleError *err);

/* The gradients so far, (model's count); valid until the next call. */
const float *angle_engine_gradients(AngleEngine *engine);

/* Sets them to zero. */
void angle_engine_clear(AngleEngine *engine);

#endif
