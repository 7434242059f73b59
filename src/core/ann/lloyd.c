#include "core/ann/lloyd.h"

#include <math.h>
#include <string.h>

#include "core/ann/centers.h"
#include "core/ann/heap.h"

/* Dimensions of a task when means are made. */
#define STRIPE 128

/* Chunks for each worker between two additions to the sums: so few that their points are
 * still in the cache. */
#define CHUNKS 4

/* Points for each cluster by which rounds are made, but for the last, if there are twice as
 * many. */
#define SAMPLE 192

/* Rounds end when one has made the objective this part smaller at most. */
#define ENOUGH 1e-3

typedef struct Run
{
	AngleLloyd *lloyd;
	float *centroids;	 /* (k, dims) */
	size_t k;			 /* clusters, not more than points */
	uint32_t *labels;	 /* (count) */
	float *squares;		 /* (count): ‖x‖² */
	float *distances;	 /* (count): squared, to the own centroid */
	float *panel_memory; /* of angle_centers_floats(k, dims) */
	AngleCenters panels;
	float *scores;		 /* (workers, ANGLE_LLOYD_CHUNK, padded k) */
	double *sums;		 /* (k, dims) */
	size_t *sizes;		 /* (k) */
	size_t *order;		 /* (count), for the start */
	AngleCandidate *far; /* (k) */
	size_t step;		 /* every so manieth point takes part */
	size_t count;		 /* points that take part */
	size_t first;		 /* of them, the first of a block */
	size_t end;			 /* and behind its last */
} Run;

static AngleStatus
allocate(Run *run, AngleError *err)
{
	const AngleLloyd *lloyd = run->lloyd;
	AngleArena *arena = lloyd->scratch;
	size_t dims = (size_t) lloyd->dims;
	size_t workers = (size_t) angle_executor_workers(lloyd->executor);

	run->squares =
		angle_arena_alloc(arena, lloyd->count, sizeof(*run->squares));
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
	if (run->squares == NULL || run->distances == NULL ||
		run->panel_memory == NULL || run->scores == NULL || run->sums == NULL ||
		run->sizes == NULL || run->order == NULL || run->far == NULL)
		return angle_no_memory(err);
	return ANGLE_OK;
}

/* Which point is one of those that take part. */
static uint32_t
place_of(const Run *run, size_t i)
{
	const uint32_t *order = run->lloyd->order;

	return order != NULL ? order[i * run->step] : (uint32_t) (i * run->step);
}

static const float *
point_of(const Run *run, size_t i)
{
	return run->lloyd->points +
		   (size_t) place_of(run, i) * (size_t) run->lloyd->dims;
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
	size_t count = run->count;
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

/* Task: the nearest centroids of one chunk of a block. */
static void
assign_chunk(void *context, size_t index, int worker)
{
	Run *run = context;
	const AngleLloyd *lloyd = run->lloyd;
	size_t first = run->first + index * ANGLE_LLOYD_CHUNK;
	size_t left = run->end - first;
	size_t rows = left < ANGLE_LLOYD_CHUNK ? left : ANGLE_LLOYD_CHUNK;
	size_t stride = angle_padded(run->k);
	float *scores = run->scores + (size_t) worker * ANGLE_LLOYD_CHUNK * stride;
	uint32_t order[ANGLE_LLOYD_CHUNK];

	if (angle_cancelled(lloyd->cancel))
		return;
	for (size_t r = 0; r < rows; r++)
		order[r] = place_of(run, first + r);
	angle_centers_score(
		&run->panels,
		&(AngleChosen){lloyd->points, (size_t) lloyd->dims, order, rows},
		scores);
	for (size_t r = 0; r < rows; r++)
	{
		const float *row = scores + r * stride;
		size_t best = angle_centers_best(row, run->k);
		float distance = run->squares[(first + r) * run->step] - 2 * row[best];

		run->labels[first + r] = (uint32_t) best;
		run->distances[first + r] = distance > 0 ? distance : 0;
	}
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

/* Task: adds the points of a block to the sums of their clusters, in some dimensions. */
static void
add_stripe(void *context, size_t index, int worker)
{
	Run *run = context;
	size_t dims = (size_t) run->lloyd->dims;
	size_t first = index * STRIPE;
	size_t last = first + STRIPE < dims ? first + STRIPE : dims;

	(void) worker;
	for (size_t i = run->first; i < run->end; i++)
		add_floats(run->sums + run->labels[i] * dims + first,
				   point_of(run, i) + first, last - first);
}

/* Moves centroids that have points to their means. */
static void
average(Run *run)
{
	size_t dims = (size_t) run->lloyd->dims;

	for (size_t c = 0; c < run->k; c++)
	{
		for (size_t d = 0; run->sizes[c] > 0 && d < dims; d++)
			run->centroids[c * dims + d] =
				(float) (run->sums[c * dims + d] / (double) run->sizes[c]);
	}
}

/* Assigns all points and moves the centroids. Returns the objective. */
static double
make_round(Run *run)
{
	const AngleLloyd *lloyd = run->lloyd;
	size_t dims = (size_t) lloyd->dims;
	size_t block = CHUNKS * ANGLE_LLOYD_CHUNK *
				   (size_t) angle_executor_workers(lloyd->executor);
	double sum = 0;

	run->panels = angle_centers_pack(run->centroids, run->k, lloyd->dims,
									 run->panel_memory);
	memset(run->sums, 0, run->k * dims * sizeof(*run->sums));
	memset(run->sizes, 0, run->k * sizeof(*run->sizes));
	for (run->first = 0; run->first < run->count; run->first = run->end)
	{
		size_t left = run->count - run->first;

		run->end = run->first + (left < block ? left : block);
		angle_executor_run(lloyd->executor,
						   (run->end - run->first + ANGLE_LLOYD_CHUNK - 1) /
							   ANGLE_LLOYD_CHUNK,
						   assign_chunk, run);
		if (angle_cancelled(lloyd->cancel))
			return 0;
		angle_executor_run(lloyd->executor, (dims + STRIPE - 1) / STRIPE,
						   add_stripe, run);
		for (size_t i = run->first; i < run->end; i++)
		{
			run->sizes[run->labels[i]]++;
			sum += (double) run->distances[i];
		}
	}
	average(run);
	return sum;
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
	for (size_t i = 0; i < run->count; i++)
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

/* Rounds until they change little, at most so many. */
static AngleStatus
make_rounds(Run *run, int most, AngleError *err)
{
	AngleLloyd *lloyd = run->lloyd;
	double before = INFINITY;

	for (int round = 0; round < most; round++)
	{
		double objective = make_round(run);

		if (angle_cancelled(lloyd->cancel))
			return angle_fail_cancelled(err);
		if (lloyd->objective != NULL)
			lloyd->objective[lloyd->rounds_done] = objective;
		lloyd->rounds_done++;
		if (objective >= before * (1 - ENOUGH))
			break;
		before = objective;
		if (round + 1 < most)
			restart_empty(run);
	}
	return ANGLE_OK;
}

AngleStatus
angle_lloyd(AngleLloyd *lloyd, float *centroids, size_t *found,
			uint32_t *labels, AngleError *err)
{
	Run run = {.lloyd = lloyd, .centroids = centroids, .labels = labels};
	size_t step;

	run.k = lloyd->clusters < lloyd->count ? lloyd->clusters : lloyd->count;
	ANGLE_TRY(allocate(&run, err));
	run.step = 1;
	for (size_t i = 0; i < lloyd->count; i++)
		run.squares[i] =
			(float) angle_centers_squared(point_of(&run, i), lloyd->dims);
	step = lloyd->count / (run.k * SAMPLE);
	lloyd->rounds_done = 0;
	run.step = step > 1 ? step : 1;
	run.count = lloyd->count / run.step;
	choose_start(&run);
	ANGLE_TRY(make_rounds(&run, lloyd->rounds - (run.step > 1), err));
	if (run.step > 1)
	{
		run.step = 1;
		run.count = lloyd->count;
		ANGLE_TRY(make_rounds(&run, 1, err));
	}
	*found = drop_empty(&run);
	return ANGLE_OK;
}
