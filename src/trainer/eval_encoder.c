#include "trainer/eval_encoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/distance/distance.h"

/* ---- similarities ------------------------------------------------------- */

bool
angle_similarity_from_name(const char *name, AngleSimilarity *similarity)
{
	static const char *const names[] = {
		[ANGLE_SIMILARITY_COSINE] = "cosine",
		[ANGLE_SIMILARITY_DOT] = "dot",
		[ANGLE_SIMILARITY_ANGLE] = "angle",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		if (strcmp(names[i], name) != 0)
			continue;
		*similarity = (AngleSimilarity) i;
		return true;
	}
	return false;
}

double
angle_similarity(AngleSimilarity similarity, const float *u, const float *v,
				 size_t n)
{
	double value;

	if (similarity == ANGLE_SIMILARITY_DOT)
		return angle_distance_dot(u, v, n);
	value = similarity == ANGLE_SIMILARITY_COSINE
				? angle_distance_cosine_similarity(u, v, n)
				: angle_distance_angle_similarity(u, v, n);
	return isnan(value) ? 0 : value;
}

/* ---- embedding ---------------------------------------------------------- */

/* A text and its place, to be sorted. */
typedef struct Entry
{
	size_t size;
	size_t index;
} Entry;

static int
by_size(const void *a, const void *b)
{
	const Entry *x = a;
	const Entry *y = b;

	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* What embedding in chunks works with. */
typedef struct Chunks
{
	const AngleBytes *all; /* (count) */
	size_t count;
	const char *prompt;
	Entry *order;	   /* (count), the longest first */
	AngleBytes *texts; /* (ANGLE_EVAL_CHUNK) */
	float *vectors;	   /* (ANGLE_EVAL_CHUNK, dimensions) */
} Chunks;

static AngleStatus
embed_chunk(AngleEvalEncoder *encoder, const Chunks *chunks, const Entry *order,
			size_t count, AngleError *err)
{
	if (angle_cancelled(encoder->cancel))
		return angle_fail_cancelled(err);
	for (size_t i = 0; i < count; i++)
		chunks->texts[i] = chunks->all[order[i].index];
	ANGLE_TRY(encoder->embed(encoder->context, chunks->texts, count,
							 chunks->prompt, chunks->vectors, err));
	encoder->embedded += count;
	if (encoder->progress != NULL)
		encoder->progress(encoder->context, encoder->embedded);
	return ANGLE_OK;
}

static AngleStatus
embed_chunks(AngleEvalEncoder *encoder, const Chunks *chunks, float *out,
			 AngleError *err)
{
	size_t width = encoder->dimensions;

	for (size_t done = 0; done < chunks->count; done += ANGLE_EVAL_CHUNK)
	{
		const Entry *order = chunks->order + done;
		size_t left = chunks->count - done;
		size_t count = left < ANGLE_EVAL_CHUNK ? left : ANGLE_EVAL_CHUNK;

		ANGLE_TRY(embed_chunk(encoder, chunks, order, count, err));
		for (size_t i = 0; i < count; i++)
			memcpy(out + order[i].index * width, chunks->vectors + i * width,
				   width * sizeof(float));
	}
	return ANGLE_OK;
}

AngleStatus
angle_eval_embed(AngleEvalEncoder *encoder, const AngleBytes *texts,
				 size_t count, const char *prompt, float *out, AngleError *err)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleStatus status = ANGLE_NO_MEMORY;
	Chunks chunks = {.all = texts, .count = count, .prompt = prompt};

	if (arena != NULL)
	{
		chunks.order = angle_arena_alloc(arena, count + 1, sizeof(Entry));
		chunks.texts =
			angle_arena_alloc(arena, ANGLE_EVAL_CHUNK, sizeof(AngleBytes));
		chunks.vectors = angle_arena_alloc(
			arena, ANGLE_EVAL_CHUNK * encoder->dimensions, sizeof(float));
	}
	if (chunks.order == NULL || chunks.texts == NULL || chunks.vectors == NULL)
		angle_no_memory(err);
	else
	{
		for (size_t i = 0; i < count; i++)
			chunks.order[i] = (Entry){texts[i].size, i};
		qsort(chunks.order, count, sizeof(Entry), by_size);
		status = embed_chunks(encoder, &chunks, out, err);
	}
	angle_arena_destroy(arena);
	return status;
}
