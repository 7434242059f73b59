/* Centroids of leaves in groups, in which the nearest are looked for. */
#include "postgres.h"

#include <math.h>

#include "pg/am/tree/clusters.h"
#include "pg/am/tree/near_leaves.h"
#include "pg/bridge.h"

int
angle_nearest_most(const AngleLayout *layout, Size memory, Size besides)
{
	/* the points, in two orders and packed */
	const Size each = 3 * layout->dims * sizeof(float) + besides;

	return Max(2, Min(memory / each, INT_MAX));
}

/* What the leaves are put in order with. */
typedef struct Ordering
{
	AngleNearest *nearest;
	const AngleIndex *self;
	const float *points; /* (count, dims): centroids as the leaves come */
	AngleArena *arena;
} Ordering;

static AngleClusters
make_groups(const Ordering *ordering)
{
	const int count = ordering->nearest->count;

	return angle_clusters_make(ordering->points, count,
							   ordering->self->layout.dims, lround(sqrt(count)),
							   ordering->arena);
}

/* The group of each leaf. */
static uint32 *
choose_groups(const Ordering *ordering, const AngleClusters *groups)
{
	const Size dims = ordering->self->layout.dims;
	const int count = ordering->nearest->count;
	uint32 *chosen = palloc_extended(
		((Size) count + ANGLE_ASSIGN_BATCH) * sizeof(uint32), MCXT_ALLOC_HUGE);
	AngleAssigner *assigner = angle_clusters_assigner(groups, ordering->arena);

	for (int i = 0; i < count; i += ANGLE_ASSIGN_BATCH)
		angle_assign(assigner, ordering->points + i * dims,
					 Min(ANGLE_ASSIGN_BATCH, count - i), 1, chosen + i, NULL);
	return chosen;
}

/* Brings the leaves of a group together: fills order, centroids, and where groups start
 * (groups + 1). */
static size_t *
sort_leaves(const Ordering *ordering, const AngleClusters *groups)
{
	const Size dims = ordering->self->layout.dims;
	AngleNearest *nearest = ordering->nearest;
	uint32 *chosen = choose_groups(ordering, groups);
	size_t *starts = palloc0((groups->lists + 1) * sizeof(size_t));
	size_t *next = palloc(groups->lists * sizeof(size_t));

	for (int i = 0; i < nearest->count; i++)
		starts[chosen[i] + 1]++;
	for (size_t g = 0; g < groups->lists; g++)
		next[g] = starts[g + 1] += starts[g];
	memcpy(next, starts, groups->lists * sizeof(size_t));
	for (int i = 0; i < nearest->count; i++)
	{
		size_t place = next[chosen[i]]++;

		nearest->order[place] = i;
		memcpy(nearest->centroids + place * dims, ordering->points + i * dims,
			   dims * sizeof(float));
	}
	pfree(chosen);
	pfree(next);
	return starts;
}

/* Makes what finds the nearest leaves. */
static void
make_assigner(const Ordering *ordering)
{
	const Size dims = ordering->self->layout.dims;
	AngleNearest *nearest = ordering->nearest;
	const AngleClusters groups = make_groups(ordering);
	size_t *starts = sort_leaves(ordering, &groups);
	AngleClusters clusters = {.dims = dims,
							  .lists = nearest->count,
							  .starts = starts,
							  .group_centroids = groups.centroids,
							  .centroids = nearest->centroids};

	/* a group without leaves is none */
	for (size_t g = 0; g < groups.lists; g++)
	{
		if (starts[g + 1] == starts[g])
			continue;
		memmove(groups.centroids + clusters.groups * dims,
				groups.centroids + g * dims, dims * sizeof(float));
		starts[clusters.groups++] = starts[g];
	}
	starts[clusters.groups] = nearest->count;
	nearest->assigner = angle_clusters_assigner(&clusters, ordering->arena);
	pfree(starts);
}

static int
greatest_divisor(int a, int b)
{
	return b == 0 ? a : greatest_divisor(b, a % b);
}

/* A step over count places whose multiples lie as evenly as can be: by the golden ratio. */
static int
choose_step(int count)
{
	int step = Max(1, lround(count * 0.618));

	while (greatest_divisor(step, count) > 1)
		step++;
	return step;
}

void
angle_nearest_make(AngleNearest *nearest, const AngleIndex *self,
				   const AngleChild *leaves, int count)
{
	const Size dims = self->layout.dims;
	const Size size = count * dims * sizeof(float);
	float *points = palloc_extended(size, MCXT_ALLOC_HUGE);
	Ordering ordering = {.nearest = nearest,
						 .self = self,
						 .points = points,
						 .arena = angle_context_arena(CurrentMemoryContext)};

	*nearest = (AngleNearest){.count = count, .step = choose_step(count)};
	nearest->order = palloc_extended(count * sizeof(int), MCXT_ALLOC_HUGE);
	nearest->centroids = palloc_extended(size, MCXT_ALLOC_HUGE);
	for (int i = 0; i < count; i++)
		angle_bfloat_decode(leaves[i].centroid, points + i * dims, dims);
	make_assigner(&ordering);
	pfree(points);
}
