#include "trainer/nearest.h"

#include <stdlib.h>

#include "core/distance/distance.h"

/* Vectors that are compared with one query after the other while they lie in the
 * cache: 64 of 384 dimensions take 96 KiB. */
#define TILE 64

/* A task's share of the queries. */
#define QUERIES_PER_TASK 16

/* Whether a is farther than b. */
static bool
is_farther(AngleNeighbour a, AngleNeighbour b)
{
	return a.similarity < b.similarity ||
		   (a.similarity == b.similarity && a.index > b.index);
}

/* ---- heaps: the farthest is at the root --------------------------------- */

static void
sift_up(AngleNeighbour *heap, size_t place, AngleNeighbour added)
{
	while (place > 0 && is_farther(added, heap[(place - 1) / 2]))
	{
		heap[place] = heap[(place - 1) / 2];
		place = (place - 1) / 2;
	}
	heap[place] = added;
}

static void
replace_root(AngleNeighbour *heap, size_t count, AngleNeighbour added)
{
	size_t place = 0;

	for (;;)
	{
		size_t child = 2 * place + 1;

		if (child + 1 < count && is_farther(heap[child + 1], heap[child]))
			child++;
		if (child >= count || !is_farther(heap[child], added))
			break;
		heap[place] = heap[child];
		place = child;
	}
	heap[place] = added;
}

static void
offer(AngleNearest *nearest, size_t query, AngleNeighbour added)
{
	AngleNeighbour *heap = nearest->heaps + query * nearest->most;

	if (nearest->counts[query] < nearest->most)
		sift_up(heap, nearest->counts[query]++, added);
	else if (is_farther(heap[0], added))
		replace_root(heap, nearest->most, added);
}

/* ---- comparing ---------------------------------------------------------- */

static void
normalise(const AngleNearest *nearest, float *vectors, size_t count)
{
	size_t width = nearest->dimensions;

	if (nearest->similarity != ANGLE_SIMILARITY_COSINE)
		return;
	for (size_t i = 0; i < count; i++)
	{
		float *vector = vectors + i * width;
		double norm = angle_distance_norm(vector, width);

		for (size_t j = 0; j < width && norm > 0; j++)
			vector[j] = (float) (vector[j] / norm);
	}
}

AngleStatus
angle_nearest_start(AngleNearest *nearest, float *query_vectors,
					AngleArena *arena, AngleError *err)
{
	nearest->heaps = angle_arena_alloc(arena, nearest->queries + 1,
									   nearest->most * sizeof(AngleNeighbour));
	nearest->counts =
		angle_arena_zalloc(arena, nearest->queries + 1, sizeof(size_t));
	if (nearest->heaps == NULL || nearest->counts == NULL)
		return angle_no_memory(err);
	normalise(nearest, query_vectors, nearest->queries);
	nearest->query_vectors = query_vectors;
	return ANGLE_OK;
}

typedef struct Block
{
	AngleNearest *nearest;
	const float *vectors; /* (count, dimensions) */
	size_t count;
	size_t first;
} Block;

static void
compare_tile(const Block *block, size_t query, size_t start, size_t stop)
{
	AngleNearest *nearest = block->nearest;
	size_t width = nearest->dimensions;
	const float *u = nearest->query_vectors + query * width;
	/* of normalised vectors the cosine is the product */
	AngleSimilarity similarity = nearest->similarity == ANGLE_SIMILARITY_COSINE
									 ? ANGLE_SIMILARITY_DOT
									 : nearest->similarity;

	for (size_t i = start; i < stop; i++)
	{
		double value =
			angle_similarity(similarity, u, block->vectors + i * width, width);

		offer(nearest, query, (AngleNeighbour){value, block->first + i});
	}
}

/* AngleTask: some queries with all vectors of a block. */
static void
compare(void *context, size_t index, int worker)
{
	const Block *block = context;
	size_t from = index * QUERIES_PER_TASK;
	size_t to = from + QUERIES_PER_TASK;

	(void) worker;
	if (to > block->nearest->queries)
		to = block->nearest->queries;
	for (size_t start = 0; start < block->count; start += TILE)
	{
		size_t stop = start + TILE < block->count ? start + TILE : block->count;

		for (size_t query = from; query < to; query++)
			compare_tile(block, query, start, stop);
	}
}

void
angle_nearest_add(AngleNearest *nearest, float *vectors, size_t count,
				  size_t first)
{
	Block block = {nearest, vectors, count, first};
	size_t tasks = (nearest->queries + QUERIES_PER_TASK - 1) / QUERIES_PER_TASK;

	normalise(nearest, vectors, count);
	angle_executor_run(nearest->executor, tasks, compare, &block);
}

static int
by_distance(const void *a, const void *b)
{
	const AngleNeighbour *x = a;
	const AngleNeighbour *y = b;

	return is_farther(*x, *y) ? 1 : is_farther(*y, *x) ? -1 : 0;
}

void
angle_nearest_finish(AngleNearest *nearest)
{
	for (size_t query = 0; query < nearest->queries; query++)
		qsort(nearest->heaps + query * nearest->most, nearest->counts[query],
			  sizeof(AngleNeighbour), by_distance);
}
