/* Exact search: the vectors most similar to each of some queries. */
#ifndef ANGLE_NEAREST_H
#define ANGLE_NEAREST_H

#include "core/base/arena.h"
#include "core/base/executor.h"
#include "trainer/eval_encoder.h"

typedef struct AngleNeighbour
{
	double similarity;
	size_t index; /* of the vector */
} AngleNeighbour;

/* The best so far for each query; memory does not grow with the vectors. */
typedef struct AngleNearest
{
	AngleSimilarity similarity;
	size_t dimensions;
	size_t queries;
	const float *query_vectors; /* (queries, dimensions) */
	size_t most;				/* kept for each query */
	AngleNeighbour *heaps;		/* (queries, most) */
	size_t *counts;				/* (queries) */
	AngleExecutor *executor;	/* NULL: the calling thread */
} AngleNearest;

/* Starts a search. For the cosine query_vectors are normalised in place; they
 * must outlive the search. Memory lies in arena. most ≥ 1. */
ANGLE_MUST_CHECK AngleStatus angle_nearest_start(AngleNearest *nearest,
												 float *query_vectors,
												 AngleArena *arena,
												 AngleError *err);

/* Compares vectors (count, dimensions) with all queries; theirs are the indexes
 * from first on. For the cosine they are normalised in place. */
void angle_nearest_add(AngleNearest *nearest, float *vectors, size_t count,
					   size_t first);

/* Sorts what was found, the most similar first, of equals the one of the smaller
 * index: heaps row q then holds counts[q] neighbours. */
void angle_nearest_finish(AngleNearest *nearest);

#endif
