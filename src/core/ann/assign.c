#include <math.h>
#include <string.h>

#include "core/ann/centers.h"
#include "core/ann/kmeans.h"

/* Points of one group whose products are made at once. */
#define MEET 64

/* Points whose products with the groups are made at once. */
#define CHUNK 128

/* Sums of a product of residuals that run side by side. */
#define SUMS 16

struct AngleAssigner
{
	int dims;
	size_t groups;
	size_t look_into;
	AngleCenters group_panels;
	AngleCenters *panels; /* (groups) */
	const size_t *starts; /* (groups + 1) */

	/* scratch of one batch */
	float *scores;		 /* (CHUNK, padded groups) or (MEET, padded lists) */
	uint32_t *chosen;	 /* (batch, look_into): the groups of each point */
	float *group_best;	 /* (look_into) */
	size_t *bucket_ends; /* (groups + 1) */
	uint32_t *buckets;	 /* (batch · look_into): points by group */
	float *best;		 /* (batch, ANGLE_ASSIGN_MAX): scores, falling */

	/* the batch itself */
	const float *points;
	int nearest;
	uint32_t *lists; /* (count, nearest) */
};

static AngleStatus
pack(AngleAssigner *assigner, const AngleClusters *clusters, AngleArena *arena,
	 AngleError *err)
{
	int dims = clusters->dims;
	size_t *starts =
		angle_arena_alloc(arena, clusters->groups + 1, sizeof(*starts));
	float *memory = angle_arena_alloc(
		arena, angle_centers_floats(clusters->groups, dims), sizeof(float));

	assigner->panels =
		angle_arena_alloc(arena, clusters->groups, sizeof(AngleCenters));
	if (starts == NULL || memory == NULL || assigner->panels == NULL)
		return angle_no_memory(err);
	memcpy(starts, clusters->starts, (clusters->groups + 1) * sizeof(*starts));
	assigner->starts = starts;
	assigner->group_panels = angle_centers_pack(clusters->group_centroids,
												clusters->groups, dims, memory);
	for (size_t g = 0; g < clusters->groups; g++)
	{
		size_t count = starts[g + 1] - starts[g];

		memory = angle_arena_alloc(arena, angle_centers_floats(count, dims),
								   sizeof(float));
		if (memory == NULL)
			return angle_no_memory(err);
		assigner->panels[g] =
			angle_centers_pack(clusters->centroids + starts[g] * (size_t) dims,
							   count, dims, memory);
	}
	return ANGLE_OK;
}

static AngleStatus
allocate_scratch(AngleAssigner *assigner, AngleArena *arena, AngleError *err)
{
	size_t pairs = ANGLE_ASSIGN_BATCH * assigner->look_into;
	size_t scores = CHUNK * angle_padded(assigner->groups);

	for (size_t g = 0; g < assigner->groups; g++)
	{
		size_t own = MEET * angle_padded(assigner->panels[g].count);

		scores = own > scores ? own : scores;
	}
	assigner->scores = angle_arena_alloc(arena, scores, sizeof(float));
	assigner->chosen = angle_arena_alloc(arena, pairs, sizeof(uint32_t));
	assigner->group_best =
		angle_arena_alloc(arena, assigner->look_into, sizeof(float));
	assigner->bucket_ends =
		angle_arena_alloc(arena, assigner->groups + 1, sizeof(size_t));
	assigner->buckets = angle_arena_alloc(arena, pairs, sizeof(uint32_t));
	assigner->best = angle_arena_alloc(
		arena, (size_t) ANGLE_ASSIGN_BATCH * ANGLE_ASSIGN_MAX, sizeof(float));
	if (assigner->scores == NULL || assigner->chosen == NULL ||
		assigner->group_best == NULL || assigner->bucket_ends == NULL ||
		assigner->buckets == NULL || assigner->best == NULL)
		return angle_no_memory(err);
	return ANGLE_OK;
}

AngleStatus
angle_assigner_create(const AngleClusters *clusters, size_t look_into,
					  AngleArena *arena, AngleAssigner **assigner,
					  AngleError *err)
{
	AngleAssigner *made = angle_arena_zalloc(arena, 1, sizeof(*made));

	if (made == NULL)
		return angle_no_memory(err);
	made->dims = clusters->dims;
	made->groups = clusters->groups;
	made->look_into =
		look_into < clusters->groups ? look_into : clusters->groups;
	ANGLE_TRY(pack(made, clusters, arena, err));
	ANGLE_TRY(allocate_scratch(made, arena, err));
	*assigner = made;
	return ANGLE_OK;
}

/* Puts id into the n best by falling score; it belongs there. */
static inline void
insert_best(float score, uint32_t id, int n, float *scores, uint32_t *ids)
{
	int place = n - 1;

	for (; place > 0 && score > scores[place - 1]; place--)
	{
		scores[place] = scores[place - 1];
		ids[place] = ids[place - 1];
	}
	scores[place] = score;
	ids[place] = id;
}

/* Puts those of a row of scores (padded count), whose ids begin with first, into the n
 * best that belong there: few, so sixteen are looked at together. */
static void
take_best(const float *row, size_t count, uint32_t first, int n, float *scores,
		  uint32_t *ids)
{
	for (size_t c = 0; c < count; c += ANGLE_PANEL)
	{
		if (!angle_centers_any(row + c, scores[n - 1]))
			continue;
		for (size_t i = c; i < c + ANGLE_PANEL; i++)
			if (row[i] > scores[n - 1])
				insert_best(row[i], first + (uint32_t) i, n, scores, ids);
	}
}

static void
clear_best(int n, float *scores, uint32_t *ids)
{
	for (int i = 0; i < n; i++)
	{
		scores[i] = -INFINITY;
		ids[i] = UINT32_MAX;
	}
}

/* The groups of each point: the nearest look_into of them, in any order. */
static void
choose_groups(AngleAssigner *a, const float *points, size_t count)
{
	size_t stride = angle_padded(a->groups);
	size_t dims = (size_t) a->dims;
	float *best = a->group_best;
	int n = (int) a->look_into;

	for (size_t first = 0; first < count; first += CHUNK)
	{
		size_t rows = count - first < CHUNK ? count - first : CHUNK;

		angle_centers_score(
			&a->group_panels,
			&(AngleChosen){points + first * dims, dims, NULL, rows}, a->scores);
		for (size_t r = 0; r < rows; r++)
		{
			uint32_t *chosen = a->chosen + (first + r) * a->look_into;
			const float *row = a->scores + r * stride;

			clear_best(n, best, chosen);
			take_best(row, a->groups, 0, n, best, chosen);
		}
	}
}

/* Sorts the pairs of points and groups by group. */
static void
fill_buckets(AngleAssigner *a, size_t count)
{
	size_t *ends = a->bucket_ends;

	memset(ends, 0, (a->groups + 1) * sizeof(*ends));
	for (size_t i = 0; i < count * a->look_into; i++)
		ends[a->chosen[i] + 1]++;
	for (size_t g = 0; g < a->groups; g++)
		ends[g + 1] += ends[g];
	/* ends[g] is the start of g here, and its end when it has been filled */
	for (size_t i = 0; i < count * a->look_into; i++)
		a->buckets[ends[a->chosen[i]]++] = (uint32_t) (i / a->look_into);
}

/* The lists of one group for some points of its bucket. */
static void
meet_lists(AngleAssigner *a, size_t group, const uint32_t *bucket, size_t rows)
{
	int nearest = a->nearest;
	const AngleCenters *panels = &a->panels[group];
	size_t stride = angle_padded(panels->count);

	angle_centers_score(
		panels, &(AngleChosen){a->points, (size_t) a->dims, bucket, rows},
		a->scores);
	for (size_t r = 0; r < rows; r++)
	{
		float *best = a->best + (size_t) bucket[r] * ANGLE_ASSIGN_MAX;
		uint32_t *own = a->lists + bucket[r] * (size_t) nearest;

		take_best(a->scores + r * stride, panels->count,
				  (uint32_t) a->starts[group], nearest, best, own);
	}
}

static void
fill_distances(const AngleAssigner *a, const float *points, size_t count,
			   int nearest, float *distances)
{
	for (size_t i = 0; i < count; i++)
	{
		double squared =
			angle_centers_squared(points + i * (size_t) a->dims, a->dims);

		for (int n = 0; n < nearest; n++)
			distances[i * (size_t) nearest + (size_t) n] = (float) fmax(
				squared -
					2 * (double) a->best[i * ANGLE_ASSIGN_MAX + (size_t) n],
				0);
	}
}

void
angle_assign(AngleAssigner *assigner, const float *points, size_t count,
			 int nearest, uint32_t *lists, float *distances)
{
	size_t first = 0;

	assigner->points = points;
	assigner->nearest = nearest;
	assigner->lists = lists;
	choose_groups(assigner, points, count);
	fill_buckets(assigner, count);
	for (size_t i = 0; i < count; i++)
		clear_best(nearest, assigner->best + i * ANGLE_ASSIGN_MAX,
				   lists + i * (size_t) nearest);
	for (size_t g = 0; g < assigner->groups; g++)
	{
		size_t last = assigner->bucket_ends[g];

		for (; first < last; first += MEET)
		{
			size_t rows = last - first < MEET ? last - first : MEET;

			meet_lists(assigner, g, assigner->buckets + first, rows);
		}
		first = last;
	}
	if (distances != NULL)
		fill_distances(assigner, points, count, nearest, distances);
}

/* ⟨x − a, x − b⟩, in as many sums as keep the processor busy. */
static double
residual_product(const float *x, const float *a, const float *b, int dims)
{
	float sums[SUMS] = {0};
	double sum = 0;
	int d = 0;

	for (; d + SUMS <= dims; d += SUMS)
		for (int k = 0; k < SUMS; k++)
			sums[k] += (x[d + k] - a[d + k]) * (x[d + k] - b[d + k]);
	for (int k = 0; k < SUMS; k++)
		sum += sums[k];
	for (; d < dims; d++)
		sum += (x[d] - a[d]) * (x[d] - b[d]);
	return sum;
}

double
angle_second_loss(const float *point, const float *first, const float *other,
				  int dims, double to_first, double to_other)
{
	double product;

	if (!(to_first > 0))
		return to_other;
	product = residual_product(point, first, other, dims);
	return to_other + ANGLE_SECOND_WEIGHT * product * product / to_first;
}

static uint32_t
second_of(const AngleSecondChoice *choice, const float *x,
		  const uint32_t *lists, const float *distances)
{
	size_t dims = (size_t) choice->dims;
	uint32_t second = UINT32_MAX;
	double least = INFINITY;

	for (int n = 1; n < choice->nearest && lists[n] != UINT32_MAX; n++)
	{
		double loss = distances[n];

		if (choice->weight > 0 && distances[0] > 0)
		{
			double product = residual_product(
				x, choice->centroids + lists[0] * dims,
				choice->centroids + lists[n] * dims, choice->dims);

			loss += choice->weight * product * product / distances[0];
		}
		if (loss < least)
		{
			least = loss;
			second = lists[n];
		}
	}
	return second;
}

void
angle_assign_second(const AngleSecondChoice *choice, const float *points,
					size_t count, const uint32_t *lists, const float *distances,
					uint32_t *second)
{
	size_t nearest = (size_t) choice->nearest;

	for (size_t i = 0; i < count; i++)
		second[i] = second_of(choice, points + i * (size_t) choice->dims,
							  lists + i * nearest, distances + i * nearest);
}
