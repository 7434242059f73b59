/*
 * Golden embeddings below test/golden: NAME.json lists the cases, NAME.f32
 * holds their embeddings (test/golden/encoder.py describes both).
 */
#ifndef ANGLE_TEST_GOLDEN_H
#define ANGLE_TEST_GOLDEN_H

#include <jansson.h>

#include "core/encoder/embedder.h"
#include "core/encoder/pack.h"

typedef struct GoldenCase
{
	AngleBytes text;
	const char *prompt; /* as in AngleEmbedRequest, or NULL */
	int dimensions;		/* the same; 0 for the model's own */
	const int32_t *ids; /* (id_count) */
	size_t id_count;
	const float *embedding; /* (length) */
	int length;
} GoldenCase;

typedef struct Golden
{
	AngleArena *arena; /* of everything here */
	json_t *json;	   /* owner of the strings */
	size_t count;
	GoldenCase *cases; /* (count) */
} Golden;

/* Reads test/golden/NAME.json and .f32; fails the test and returns false if
 * they do not fit together. Release it with golden_release() in any case. */
bool golden_read(const char *name, Golden *golden);
void golden_release(Golden *golden);

/* Packs the hub directory and opens the result, all in arena; NULL, with the
 * test failed, if that does not work. */
AngleModel *golden_model(const char *directory, AngleQuantization quantization,
						 AngleArena *arena);

/* Embeds one case alone into out (case's length); false fails the test. */
bool
golden_embed(const AngleModel *model, const GoldenCase *test_case, float *out);

/* How far two vectors are apart. */
typedef struct GoldenDistance
{
	double maximum; /* of |a − b| over the components */
	double cosine;
} GoldenDistance;

GoldenDistance golden_distance(const float *a, const float *b, int length);

#endif
