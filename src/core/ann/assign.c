#include <math.h>
#include <string.h>

#include "core/ann/kmeans.h"
#include "core/ann/point_kernels.h"
#include "core/ann/rough.h"
#include "core/base/vector_sums.h"

/* Points of one group whose products are made at once. */
#define MEET 64

/* Points whose products with the groups are made at once. */
#define CHUNK ANGLE_ROUGH_POINTS

struct AngleAssigner
{
	int dims;
	size_t groups;
	size_t look_into;
	float *origin; /* (dims): what points are rounded from */
	AngleRough group_panels;
	AngleRough *panels;	  /* (groups) */
	const size_t *starts; /* (groups + 1) */

	/* scratch of one batch */
	AngleRoughScratch rough;
	void *rounded;		 /* memory of ANGLE_ASSIGN_BATCH points */
	float *scores;		 /* (CHUNK, padded groups) or (MEET, padded lists) */
	uint32_t *chosen;	 /* (batch, look_into): the groups of each point */
	float *bases;		 /* (batch, look_into): the scores of these */
	size_t *bucket_ends; /* (groups + 1) */
	uint32_t *buckets;	 /* (batch · look_into): places in chosen, by group */
	float *best;		 /* (batch, ANGLE_ASSIGN_MAX): scores, falling */

	/* the batch itself */
	AngleRounded points;
	int nearest;
	uint32_t *lists; /* (count, nearest) */
};

/* What rounded points take, and packing. */
static AngleStatus
allocate_rough(AngleAssigner *assigner, AngleArena *arena, AngleError *err)
{
	int dims = assigner->dims;
	void *scratch =
		angle_arena_alloc(arena, angle_rough_scratch_bytes(dims), 1);

	assigner->rounded = angle_arena_alloc(
		arena, angle_rounded_bytes(ANGLE_ASSIGN_BATCH, dims), 1);
	assigner->origin = angle_arena_alloc(arena, (size_t) dims, sizeof(float));
	if (scratch == NULL || assigner->rounded == NULL ||
		assigner->origin == NULL)
		return angle_no_memory(err);
	assigner->rough = angle_rough_scratch(dims, scratch);
	return ANGLE_OK;
}

/* Packs the lists of one group. */
static AngleStatus
pack_group(AngleAssigner *assigner, const AngleClusters *clusters, size_t group,
		   AngleArena *arena, AngleError *err)
{
	int dims = clusters->dims;
	size_t first = clusters->starts[group];
	size_t count = clusters->starts[group + 1] - first;
	AngleRoughRequest request = {
		.centroids = clusters->centroids + first * (size_t) dims,
		.count = count,
		.dims = dims,
		.origin = assigner->origin,
		.center = clusters->group_centroids + group * (size_t) dims};
	void *memory = angle_arena_alloc(arena, angle_rough_bytes(count, dims), 1);

	if (memory == NULL)
		return angle_no_memory(err);
	assigner->panels[group] =
		angle_rough_pack(&request, &assigner->rough, memory);
	return ANGLE_OK;
}

static AngleStatus
pack(AngleAssigner *assigner, const AngleClusters *clusters, AngleArena *arena,
	 AngleError *err)
{
	int dims = clusters->dims;
	size_t groups = clusters->groups;
	size_t *starts = angle_arena_alloc(arena, groups + 1, sizeof(*starts));
	void *memory = angle_arena_alloc(arena, angle_rough_bytes(groups, dims), 1);

	assigner->panels = angle_arena_alloc(arena, groups, sizeof(AngleRough));
	if (starts == NULL || memory == NULL || assigner->panels == NULL)
		return angle_no_memory(err);
	memcpy(starts, clusters->starts, (groups + 1) * sizeof(*starts));
	assigner->starts = starts;
	angle_rough_center(clusters->group_centroids, groups, dims,
					   assigner->origin);
	assigner->group_panels = angle_rough_pack(
		&(AngleRoughRequest){clusters->group_centroids, groups, dims,
							 assigner->origin, assigner->origin},
		&assigner->rough, memory);
	for (size_t g = 0; g < groups; g++)
		ANGLE_TRY(pack_group(assigner, clusters, g, arena, err));
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
	assigner->bases = angle_arena_alloc(arena, pairs, sizeof(float));
	assigner->bucket_ends =
		angle_arena_alloc(arena, assigner->groups + 1, sizeof(size_t));
	assigner->buckets = angle_arena_alloc(arena, pairs, sizeof(uint32_t));
	assigner->best = angle_arena_alloc(
		arena, (size_t) ANGLE_ASSIGN_BATCH * ANGLE_ASSIGN_MAX, sizeof(float));
	if (assigner->scores == NULL || assigner->chosen == NULL ||
		assigner->bases == NULL || assigner->bucket_ends == NULL ||
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
	ANGLE_TRY(allocate_rough(made, arena, err));
	ANGLE_TRY(pack(made, clusters, arena, err));
	ANGLE_TRY(allocate_scratch(made, arena, err));
	*assigner = made;
	return ANGLE_OK;
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

/* The groups of some points from first on: the nearest look_into of them. */
static void
choose_groups(AngleAssigner *a, size_t first, size_t rows)
{
	size_t stride = angle_padded(a->groups);
	size_t look_into = a->look_into;
	const AnglePointKernels *kernels = angle_point_kernels();
	uint32_t places[CHUNK];

	for (size_t r = 0; r < rows; r++)
		places[r] = (uint32_t) (first + r);
	angle_rough_score(&a->group_panels,
					  &(AngleRoughRows){&a->points, places, NULL, rows},
					  &a->rough, a->scores);
	for (size_t r = 0; r < rows; r++)
	{
		uint32_t *chosen = a->chosen + (first + r) * look_into;
		float *bases = a->bases + (first + r) * look_into;

		clear_best((int) look_into, bases, chosen);
		kernels->best(a->scores + r * stride, a->groups, 0, (int) look_into,
					  bases, chosen);
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
		a->buckets[ends[a->chosen[i]]++] = (uint32_t) i;
}

/* The lists of one group for some points of its bucket. */
static void
meet_lists(AngleAssigner *a, size_t group, const uint32_t *bucket, size_t rows)
{
	const AngleRough *panels = &a->panels[group];
	const AnglePointKernels *kernels = angle_point_kernels();
	size_t count = panels->count;
	size_t stride = angle_padded(count);
	uint32_t places[MEET];
	float bases[MEET];

	for (size_t r = 0; r < rows; r++)
	{
		places[r] = bucket[r] / (uint32_t) a->look_into;
		bases[r] = a->bases[bucket[r]];
	}
	angle_rough_score(panels,
					  &(AngleRoughRows){&a->points, places, bases, rows},
					  &a->rough, a->scores);
	for (size_t r = 0; r < rows; r++)
	{
		float *best = a->best + (size_t) places[r] * ANGLE_ASSIGN_MAX;
		uint32_t *own = a->lists + places[r] * (size_t) a->nearest;

		kernels->best(a->scores + r * stride, count,
					  (uint32_t) a->starts[group], a->nearest, best, own);
	}
}

static void
fill_distances(const AngleAssigner *a, const float *points, size_t count,
			   int nearest, float *distances)
{
	for (size_t i = 0; i < count; i++)
	{
		double squared =
			angle_norm_squared(points + i * (size_t) a->dims, a->dims);

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

	assigner->points =
		angle_rounded(points, NULL, ANGLE_ASSIGN_BATCH, assigner->dims,
					  assigner->origin, assigner->rounded);
	assigner->nearest = nearest;
	assigner->lists = lists;
	angle_round(&assigner->points, 0, count, assigner->rough.residuals);
	for (size_t i = 0; i < count; i += CHUNK)
		choose_groups(assigner, i, count - i < CHUNK ? count - i : CHUNK);
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

/* ⟨r, r′⟩²/‖r‖², of what the first and the other centroid leave. */
static double
parallel_part(const float *point, const float *first, const float *other,
			  int dims, double to_first)
{
	double product;

	if (!(to_first > 0))
		return 0;
	product = angle_point_kernels()->residual_product(point, first, other,
													  (size_t) dims);
	return product * product / to_first;
}

double
angle_second_loss(const float *point, const float *first, const float *other,
				  int dims, double to_first, double to_other)
{
	return to_other + ANGLE_SECOND_WEIGHT *
						  parallel_part(point, first, other, dims, to_first);
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
		double lost = distances[n];

		if (choice->weight > 0)
			lost += choice->weight *
					parallel_part(x, choice->centroids + lists[0] * dims,
								  choice->centroids + lists[n] * dims,
								  choice->dims, distances[0]);
		if (lost < least)
		{
			least = lost;
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
