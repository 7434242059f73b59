#include "core/ann/regroup.h"

#include <math.h>
#include <string.h>

#include "core/ann/balance.h"
#include "core/ann/centers.h"

/* Rounds of k-means, at most; the start is good. */
#define ROUNDS 8

/* Lists that a point may go to by prices. */
#define NEAREST 6

/* Points whose scores are held at once. */
#define CHUNK 128

typedef struct Work
{
	const AngleRegroup *r;
	float *centroids; /* (lists, dims) */
	uint32_t *chosen; /* (count) */
	float *packed;	  /* centroids for products */
	float *scores;	  /* (CHUNK, padded lists) */
	double *sum;	  /* (dims) */
	int nearest;
	uint32_t *lists;  /* (count, nearest) */
	float *distances; /* (count, nearest): less ‖x‖² */
	float *prices;	  /* (lists) */
	uint32_t *sizes;  /* (lists) */
} Work;

static AngleStatus
allocate(Work *w, AngleArena *arena, AngleError *err)
{
	const AngleRegroup *r = w->r;
	size_t pairs = r->count * (size_t) w->nearest;

	w->chosen = angle_arena_zalloc(arena, r->count, sizeof(*w->chosen));
	w->packed = angle_arena_alloc(
		arena, angle_centers_floats(r->lists, r->dims), sizeof(float));
	w->scores =
		angle_arena_alloc(arena, CHUNK * angle_padded(r->lists), sizeof(float));
	w->sum = angle_arena_alloc(arena, (size_t) r->dims, sizeof(double));
	w->lists = angle_arena_alloc(arena, pairs, sizeof(*w->lists));
	w->distances = angle_arena_alloc(arena, pairs, sizeof(float));
	w->prices = angle_arena_alloc(arena, r->lists, sizeof(float));
	w->sizes = angle_arena_alloc(arena, r->lists, sizeof(*w->sizes));
	if (w->chosen == NULL || w->packed == NULL || w->scores == NULL ||
		w->sum == NULL || w->lists == NULL || w->distances == NULL ||
		w->prices == NULL || w->sizes == NULL)
		return angle_no_memory(err);
	return ANGLE_OK;
}

/* The nearest lists of one point, the nearest first, by its scores. */
static void
fill_nearest(const Work *w, const float *scores, uint32_t *lists,
			 float *distances)
{
	int count = 0;

	for (size_t l = 0; l < w->r->lists; l++)
	{
		float far = -2 * scores[l];
		int place = count;

		if (count == w->nearest && far >= distances[--place])
			continue;
		count = place + 1;
		for (; place > 0 && far < distances[place - 1]; place--)
		{
			distances[place] = distances[place - 1];
			lists[place] = lists[place - 1];
		}
		distances[place] = far;
		lists[place] = (uint32_t) l;
	}
}

/* Fills lists and distances. */
static void
measure(Work *w)
{
	const AngleRegroup *r = w->r;
	const size_t dims = (size_t) r->dims, nearest = (size_t) w->nearest;
	const size_t stride = angle_padded(r->lists);
	const AngleCenters centers =
		angle_centers_pack(w->centroids, r->lists, r->dims, w->packed);

	for (size_t first = 0; first < r->count; first += CHUNK)
	{
		size_t rows = r->count - first < CHUNK ? r->count - first : CHUNK;

		angle_centers_score(
			&centers,
			&(AngleChosen){r->points + first * dims, dims, NULL, rows},
			w->scores);
		for (size_t i = 0; i < rows; i++)
			fill_nearest(w, w->scores + i * stride,
						 w->lists + (first + i) * nearest,
						 w->distances + (first + i) * nearest);
	}
}

/* Moves centroids to the means of their points. */
static void
average(Work *w)
{
	const AngleRegroup *r = w->r;
	const size_t dims = (size_t) r->dims;

	for (size_t l = 0; l < r->lists; l++)
	{
		size_t size = 0;

		memset(w->sum, 0, dims * sizeof(*w->sum));
		for (size_t i = 0; i < r->count; i++)
		{
			if (w->chosen[i] != l)
				continue;
			for (size_t d = 0; d < dims; d++)
				w->sum[d] += r->points[i * dims + d];
			size++;
		}
		for (size_t d = 0; d < dims && size > 0; d++)
			w->centroids[l * dims + d] = (float) (w->sum[d] / (double) size);
	}
}

/* Chooses the nearest lists; returns whether a choice has changed. */
static bool
choose_nearest(Work *w)
{
	bool changed = false;

	for (size_t i = 0; i < w->r->count; i++)
	{
		uint32_t nearest = w->lists[i * (size_t) w->nearest];

		changed |= w->chosen[i] != nearest;
		w->chosen[i] = nearest;
	}
	return changed;
}

/* ‖x − c‖². */
static double
distance(const Work *w, size_t point, size_t list)
{
	const size_t dims = (size_t) w->r->dims;
	const float *x = w->r->points + point * dims;
	const float *c = w->centroids + list * dims;
	double sum = 0;

	for (size_t d = 0; d < dims; d++)
		sum += (double) (x[d] - c[d]) * (x[d] - c[d]);
	return sum;
}

/* Points that are too many in their lists, which prices leave where no list near them
 * has room, go to the nearest of all lists that has. */
static void
place_rest(Work *w)
{
	for (size_t i = 0; i < w->r->count; i++)
	{
		double least = INFINITY;
		size_t best = w->chosen[i];

		if (w->sizes[best] <= w->r->capacity)
			continue;
		for (size_t l = 0; l < w->r->lists; l++)
		{
			double far = distance(w, i, l);

			if (w->sizes[l] >= w->r->capacity || far >= least)
				continue;
			least = far;
			best = l;
		}
		w->sizes[w->chosen[i]]--;
		w->sizes[best]++;
		w->chosen[i] = (uint32_t) best;
	}
}

AngleStatus
angle_regroup(const AngleRegroup *regroup, AngleArena *arena, float *centroids,
			  uint8_t *chosen, AngleError *err)
{
	const int nearest =
		regroup->lists < NEAREST ? (int) regroup->lists : NEAREST;
	Work work = {.r = regroup, .centroids = centroids, .nearest = nearest};
	AngleBalance balance;
	bool changed = true;

	ANGLE_TRY(allocate(&work, arena, err));
	for (int round = 0; round < ROUNDS && changed; round++)
	{
		measure(&work);
		changed = choose_nearest(&work) || round == 0;
		average(&work);
	}
	measure(&work);
	balance = (AngleBalance){regroup->count, nearest,		 work.lists,
							 work.distances, regroup->lists, regroup->capacity,
							 work.prices,	 work.sizes};
	angle_balance(&balance, work.chosen);
	place_rest(&work);
	average(&work);
	for (size_t i = 0; i < regroup->count; i++)
		chosen[i] = (uint8_t) work.chosen[i];
	return ANGLE_OK;
}
