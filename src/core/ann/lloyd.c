#include "core/ann/lloyd.h"

#include <math.h>
#include <string.h>

#include "core/ann/centers.h"
#include "core/ann/heap.h"

/* Dimensions of a task when means are made. */
#define STRIPE 128

/* Points whose stripes are asked for ahead: they lie too far apart for the processor to
 * guess. */
#define AHEAD 4

/* Rounds end when one has made the objective this part smaller at most. */
#define ENOUGH 1e-3

typedef struct Run
{
	const AngleLloyd *lloyd;
	float *centroids;	 /* (k, dims) */
	size_t k;			 /* clusters, not more than points */
	uint32_t *labels;	 /* (count) */
	float *distances;	 /* (count): squared, to the own centroid */
	float *panel_memory; /* of angle_centers_floats(k, dims) */
	AngleCenters panels;
	float *scores;		 /* (workers, ANGLE_LLOYD_CHUNK, padded k) */
	double *sums;		 /* (k, dims) */
	size_t *sizes;		 /* (k) */
	size_t *order;		 /* (count), for the start */
	AngleCandidate *far; /* (k) */
} Run;

static AngleStatus
allocate(Run *run, AngleError *err)
{
	const AngleLloyd *lloyd = run->lloyd;
	AngleArena *arena = lloyd->scratch;
	size_t dims = (size_t) lloyd->dims;
	size_t workers = (size_t) angle_executor_workers(lloyd->executor);

	run->distances =
		angle_arena_alloc(arena, lloyd->count, sizeof(*run->distances));
	run->panel_memory = angle_arena_alloc(
		arena, angle_centers_floats(run->k, lloyd->dims), sizeof(float));
	run->scores = angle_arena_alloc(
		arena, workers * ANGLE_LLOYD_CHUNK * angle_padded(run->k),
		sizeof(*run->scores));
	run->sums = angle_arena_alloc(arena, run->k * dims, sizeof(*run->sums));
	run->sizes = angle_arena_alloc(arena, run->k, sizeof(*run->sizes));
	run->order = angle_arena_alloc(arena, lloyd->count, sizeof(*run->order));
	run->far = angle_arena_alloc(arena, run->k, sizeof(*run->far));
	if (run->distances == NULL || run->panel_memory == NULL ||
		run->scores == NULL || run->sums == NULL || run->sizes == NULL ||
		run->order == NULL || run->far == NULL)
		return angle_no_memory(err);
	return ANGLE_OK;
}

static const float *
point_of(const Run *run, size_t i)
{
	return run->lloyd->points + i * (size_t) run->lloyd->dims;
}

static float *
centroid_of(const Run *run, size_t c)
{
	return run->centroids + c * (size_t) run->lloyd->dims;
}

/* k different points, each set of them as likely. */
static void
choose_start(Run *run)
{
	size_t count = run->lloyd->count;
	size_t bytes = (size_t) run->lloyd->dims * sizeof(float);

	for (size_t i = 0; i < count; i++)
		run->order[i] = i;
	for (size_t c = 0; c < run->k; c++)
	{
		size_t i = c + (size_t) angle_rng_below(run->lloyd->rng,
												(uint64_t) (count - c));
		size_t chosen = run->order[i];

		run->order[i] = run->order[c];
		run->order[c] = chosen;
		memcpy(centroid_of(run, c), point_of(run, chosen), bytes);
	}
}

/* Task: the nearest centroids of one chunk of points. */
static void
assign_chunk(void *context, size_t index, int worker)
{
	Run *run = context;
	const AngleLloyd *lloyd = run->lloyd;
	size_t first = index * ANGLE_LLOYD_CHUNK;
	size_t left = lloyd->count - first;
	size_t rows = left < ANGLE_LLOYD_CHUNK ? left : ANGLE_LLOYD_CHUNK;
	size_t stride = angle_padded(run->k);
	float *scores = run->scores + (size_t) worker * ANGLE_LLOYD_CHUNK * stride;

	if (angle_cancelled(lloyd->cancel))
		return;
	angle_centers_score(&run->panels, point_of(run, first), rows, scores);
	for (size_t r = 0; r < rows; r++)
	{
		const float *row = scores + r * stride;
		size_t best = angle_centers_best(row, run->k);
		double squared =
			angle_centers_squared(point_of(run, first + r), lloyd->dims);

		run->labels[first + r] = (uint32_t) best;
		run->distances[first + r] =
			(float) fmax(squared - 2 * (double) row[best], 0);
	}
}

/* Returns the objective. */
static double
assign(Run *run)
{
	double sum = 0;

	run->panels = angle_centers_pack(run->centroids, run->k, run->lloyd->dims,
									 run->panel_memory);
	angle_executor_run(run->lloyd->executor,
					   (run->lloyd->count + ANGLE_LLOYD_CHUNK - 1) /
						   ANGLE_LLOYD_CHUNK,
					   assign_chunk, run);
	for (size_t i = 0; i < run->lloyd->count; i++)
		sum += run->distances[i];
	return sum;
}

/* Adds x (n) to sum (n), eight at a time, which the compiler makes vectors of. */
static void
add_floats(double *restrict sum, const float *restrict x, size_t n)
{
	size_t d = 0;

	for (; d + 8 <= n; d += 8)
		for (size_t k = 0; k < 8; k++)
			sum[d + k] += x[d + k];
	for (; d < n; d++)
		sum[d] += x[d];
}

/* Task: the means of all clusters in some dimensions. */
static void
average_stripe(void *context, size_t index, int worker)
{
	Run *run = context;
	const AngleLloyd *lloyd = run->lloyd;
	size_t dims = (size_t) lloyd->dims;
	size_t first = index * STRIPE;
	size_t last = first + STRIPE < dims ? first + STRIPE : dims;

	(void) worker;
	for (size_t c = 0; c < run->k; c++)
		memset(run->sums + c * dims + first, 0,
			   (last - first) * sizeof(double));
	for (size_t i = 0; i < lloyd->count; i++)
	{
		const float *x = point_of(run, i) + first;

		for (size_t d = 0; i + AHEAD < lloyd->count && d < last - first;
			 d += 16)
			__builtin_prefetch(x + AHEAD * dims + d);
		add_floats(run->sums + run->labels[i] * dims + first, x, last - first);
	}
	for (size_t c = 0; c < run->k; c++)
	{
		for (size_t d = first; run->sizes[c] > 0 && d < last; d++)
			run->centroids[c * dims + d] =
				(float) (run->sums[c * dims + d] / (double) run->sizes[c]);
	}
}

/* Whether point i lies elsewhere than its centroid, exactly. */
static bool
is_apart(const Run *run, size_t i)
{
	return memcmp(point_of(run, i), centroid_of(run, run->labels[i]),
				  (size_t) run->lloyd->dims * sizeof(float)) != 0;
}

/* Starts empty clusters again at the points that are furthest from theirs. */
static void
restart_empty(Run *run)
{
	AngleTop far;
	size_t empty = 0;

	for (size_t c = 0; c < run->k; c++)
		empty += run->sizes[c] == 0;
	if (empty == 0)
		return;
	angle_top_init(&far, run->far, empty);
	for (size_t i = 0; i < run->lloyd->count; i++)
	{
		if (-run->distances[i] < angle_top_limit(&far) && is_apart(run, i))
			angle_top_offer(&far, -run->distances[i], i);
	}
	angle_top_sort(&far);
	for (size_t c = 0, next = 0; c < run->k && next < far.count; c++)
	{
		if (run->sizes[c] == 0)
			memcpy(centroid_of(run, c), point_of(run, far.items[next++].id),
				   (size_t) run->lloyd->dims * sizeof(float));
	}
}

static void
count_sizes(Run *run)
{
	memset(run->sizes, 0, run->k * sizeof(*run->sizes));
	for (size_t i = 0; i < run->lloyd->count; i++)
		run->sizes[run->labels[i]]++;
}

/* Removes centroids without points; returns how many are left. */
static size_t
drop_empty(Run *run)
{
	size_t kept = 0;

	for (size_t c = 0; c < run->k; c++)
	{
		if (run->sizes[c] == 0)
			continue;
		memmove(centroid_of(run, kept), centroid_of(run, c),
				(size_t) run->lloyd->dims * sizeof(float));
		run->sizes[c] = kept++; /* now the new number */
	}
	for (size_t i = 0; i < run->lloyd->count; i++)
		run->labels[i] = (uint32_t) run->sizes[run->labels[i]];
	return kept;
}

AngleStatus
angle_lloyd(AngleLloyd *lloyd, float *centroids, size_t *found,
			uint32_t *labels, AngleError *err)
{
	Run run = {.lloyd = lloyd, .centroids = centroids, .labels = labels};
	size_t stripes = ((size_t) lloyd->dims + STRIPE - 1) / STRIPE;
	double before = INFINITY;

	run.k = lloyd->clusters < lloyd->count ? lloyd->clusters : lloyd->count;
	ANGLE_TRY(allocate(&run, err));
	choose_start(&run);
	for (lloyd->rounds_done = 0; lloyd->rounds_done < lloyd->rounds;)
	{
		double objective = assign(&run);

		if (angle_cancelled(lloyd->cancel))
			return angle_fail_cancelled(err);
		if (lloyd->objective != NULL)
			lloyd->objective[lloyd->rounds_done] = objective;
		lloyd->rounds_done++;
		count_sizes(&run);
		angle_executor_run(lloyd->executor, stripes, average_stripe, &run);
		if (objective >= before * (1 - ENOUGH))
			break;
		before = objective;
		if (lloyd->rounds_done < lloyd->rounds)
			restart_empty(&run);
	}
	*found = drop_empty(&run);
	return ANGLE_OK;
}
