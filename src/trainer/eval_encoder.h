/*
 * What an evaluation asks of a model: embeddings of texts. `angle eval` gives it
 * a packed model, `angle train` the one that it is training.
 */
#ifndef ANGLE_EVAL_ENCODER_H
#define ANGLE_EVAL_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/cancel.h"
#include "core/base/status.h"

typedef struct AngleEvalEncoder
{
	/* Fills out (count, dimensions) with the embeddings of at most
	 * ANGLE_EVAL_CHUNK texts under prompt (a name, a template, NULL: the model's
	 * default). They need not be normalised. */
	AngleStatus (*embed)(void *context, const AngleBytes *texts, size_t count,
						 const char *prompt, float *out, AngleError *err);
	/* Hears how many texts have been embedded in all; may be NULL. */
	void (*progress)(void *context, uint64_t texts);
	void *context;
	size_t dimensions;
	const AngleCancel *cancel; /* NULL: cannot be cancelled */
	uint64_t embedded;		   /* texts so far; starts at 0 */
} AngleEvalEncoder;

/* The most texts that an encoder gets at once. */
#define ANGLE_EVAL_CHUNK 1024

typedef enum AngleSimilarity
{
	ANGLE_SIMILARITY_COSINE, /* a zero vector has 0 with all */
	ANGLE_SIMILARITY_DOT,
	ANGLE_SIMILARITY_ANGLE, /* AnglE's score, see core/distance/distance.h */
} AngleSimilarity;

/* "cosine", "dot", "angle"; false if name is none of them. */
bool angle_similarity_from_name(const char *name, AngleSimilarity *similarity);

/* The similarity of two vectors of n floats. */
double angle_similarity(AngleSimilarity similarity, const float *u,
						const float *v, size_t n);

/* Embeds texts (count) in chunks of like length, into out (count, dimensions) in
 * their order. Errors: the encoder's, ANGLE_CANCELLED, ANGLE_NO_MEMORY. */
ANGLE_MUST_CHECK AngleStatus angle_eval_embed(AngleEvalEncoder *encoder,
											  const AngleBytes *texts,
											  size_t count, const char *prompt,
											  float *out, AngleError *err);

#endif
