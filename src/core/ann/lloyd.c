#include "core/ann/lloyd.h"

#include <math.h>
#include <string.h>

#include "core/ann/heap.h"
#include "core/ann/point_kernels.h"

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

/* No cluster yet. */
#define NONE UINT32_MAX

typedef struct Run
{
	AngleLloyd *lloyd;
	float *centroids;	  /* (k, dims) */
	size_t k;			  /* clusters, not more than points */
	uint32_t *labels;	  /* (count) */
	uint32_t *before;	  /* (count): by which sums and sizes are, or NONE */
	float *center;		  /* (dims): what points are rounded from */
	float *squares;		  /* (count): ‖x‖² */
	float *distances;	  /* (count): squared, to the own centroid */
	AngleRounded rounded; /* all points, by place */
	void *panel_memory;	  /* of angle_rough_bytes(k, dims) */
	AngleRough panels;
	AngleRoughScratch *rough; /* (workers) */
	float *scores;			  /* (workers, ANGLE_LLOYD_CHUNK, padded k) */
	double *sums;			  /* (k, dims) */
	size_t *sizes;			  /* (k) */
	size_t *order;			  /* (count), for the start */
	AngleCandidate *far;	  /* (k) */
	size_t step;			  /* every so manieth point takes part */
	size_t count;			  /* points that take part */
	size_t first;			  /* of them, the first of a block */
	size_t end;				  /* and behind its last */
} Run;

/* What rounded points and centroids take. */
static AngleStatus
allocate_rough(Run *run, size_t workers, AngleError *err)
{
	const AngleLloyd *lloyd = run->lloyd;
	const int dims = lloyd->dims;
	const size_t bytes = angle_rough_scratch_bytes(dims);
	AngleArena *arena = lloyd->scratch;
	char *scratch = angle_arena_alloc(arena, workers, bytes);
	void *points =
		angle_arena_alloc(arena, angle_rounded_bytes(lloyd->count, dims), 1);

	run->center = angle_arena_alloc(arena, (size_t) dims, sizeof(float));
	run->panel_memory =
		angle_arena_alloc(arena, angle_rough_bytes(run->k, dims), 1);
	run->rough = angle_arena_alloc(arena, workers, sizeof(*run->rough));
	if (scratch == NULL || points == NULL || run->center == NULL ||
		run->panel_memory == NULL || run->rough == NULL)
		return angle_no_memory(err);
	run->rounded = angle_rounded(lloyd->points, lloyd->order, lloyd->count,
								 dims, run->center, points);
	for (size_t w = 0; w < workers; w++)
		run->rough[w] = angle_rough_scratch(dims, scratch + w * bytes);
	return ANGLE_OK;
}

static AngleStatus
allocate(Run *run, AngleError *err)
{
	const AngleLloyd *lloyd = run->lloyd;
	AngleArena *arena = lloyd->scratch;
	size_t dims = (size_t) lloyd->dims;
	size_t workers = (size_t) angle_executor_workers(lloyd->executor);

	run->squares =
		angle_arena_alloc(arena, lloyd->count, sizeof(*run->squares));
	run->before = angle_arena_alloc(arena, lloyd->count, sizeof(*run->before));
	run->distances =
		angle_arena_alloc(arena, lloyd->count, sizeof(*run->distances));
	run->scores = angle_arena_alloc(
		arena, workers * ANGLE_LLOYD_CHUNK * angle_padded(run->k),
		sizeof(*run->scores));
	run->sums = angle_arena_alloc(arena, run->k * dims, sizeof(*run->sums));
	run->sizes = angle_arena_alloc(arena, run->k, sizeof(*run->sizes));
	run->order = angle_arena_alloc(arena, lloyd->count, sizeof(*run->order));
	run->far = angle_arena_alloc(arena, run->k, sizeof(*run->far));
	if (run->squares == NULL || run->before == NULL || run->distances == NULL ||
		run->scores == NULL || run->sums == NULL || run->sizes == NULL ||
		run->order == NULL || run->far == NULL)
		return angle_no_memory(err);
	return allocate_rough(run, workers, err);
}

static const float *
point_at(const Run *run, size_t place)
{
	const uint32_t *order = run->lloyd->order;

	return run->lloyd->points +
		   (order != NULL ? order[place] : place) * (size_t) run->lloyd->dims;
}

/* One of the points that take part. */
static const float *
point_of(const Run *run, size_t i)
{
	return point_at(run, i * run->step);
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

/* Task: rounds one chunk of all points. */
static void
round_chunk(void *context, size_t index, int worker)
{
	Run *run = context;
	const AngleLloyd *lloyd = run->lloyd;
	size_t first = index * ANGLE_LLOYD_CHUNK;
	size_t left = lloyd->count - first;
	size_t rows = left < ANGLE_LLOYD_CHUNK ? left : ANGLE_LLOYD_CHUNK;

	if (angle_cancelled(lloyd->cancel))
		return;
	angle_round(&run->rounded, first, rows, run->rough[worker].residuals);
	for (size_t i = first; i < first + rows; i++)
	{
		const float *x = point_at(run, i);

		run->squares[i] =
			(float) angle_point_kernels()->product(x, x, (size_t) lloyd->dims);
	}
}

/* Rounds all points as they lie from about the middle of them. */
static void
round_points(Run *run)
{
	angle_rough_center(run->centroids, run->k, run->lloyd->dims, run->center);
	angle_executor_run(run->lloyd->executor,
					   (run->lloyd->count + ANGLE_LLOYD_CHUNK - 1) /
						   ANGLE_LLOYD_CHUNK,
					   round_chunk, run);
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
	const AnglePointKernels *kernels = angle_point_kernels();
	uint32_t places[ANGLE_LLOYD_CHUNK];

	if (angle_cancelled(lloyd->cancel))
		return;
	for (size_t r = 0; r < rows; r++)
		places[r] = (uint32_t) ((first + r) * run->step);
	angle_rough_score(&run->panels,
					  &(AngleRoughRows){&run->rounded, places, NULL, rows},
					  &run->rough[worker], scores);
	for (size_t r = 0; r < rows; r++)
	{
		const float *row = scores + r * stride;
		uint32_t best = 0;
		float score = -INFINITY;
		float distance;

		kernels->best(row, run->k, 0, 1, &score, &best);
		distance = run->squares[places[r]] - 2 * score;
		run->labels[first + r] = best;
		run->distances[first + r] = distance > 0 ? distance : 0;
	}
}

/* Task: brings the sums of clusters up to date with the labels of a block, in some
 * dimensions: what points have moved is taken from one to the other. */
static void
move_stripe(void *context, size_t index, int worker)
{
	const AnglePointKernels *kernels = angle_point_kernels();
	Run *run = context;
	size_t dims = (size_t) run->lloyd->dims;
	size_t first = index * STRIPE;
	size_t some = first + STRIPE < dims ? STRIPE : dims - first;
	double *sums = run->sums + first;

	(void) worker;
	for (size_t i = run->first; i < run->end; i++)
	{
		const float *x = point_of(run, i) + first;

		if (run->labels[i] == run->before[i])
			continue;
		kernels->add(sums + run->labels[i] * dims, x, some, 1);
		if (run->before[i] != NONE)
			kernels->add(sums + run->before[i] * dims, x, some, -1);
	}
}

/* Does the same for the sizes. */
static void
move_sizes(Run *run)
{
	for (size_t i = run->first; i < run->end; i++)
	{
		run->sizes[run->labels[i]]++;
		if (run->before[i] != NONE)
			run->sizes[run->before[i]]--;
		run->before[i] = run->labels[i];
	}
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

	run->panels = angle_rough_pack(
		&(AngleRoughRequest){run->centroids, run->k, lloyd->dims, run->center,
							 run->center},
		&run->rough[0], run->panel_memory);
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
						   move_stripe, run);
		for (size_t i = run->first; i < run->end; i++)
			sum += (double) run->distances[i];
		move_sizes(run);
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

/* Starts empty clusters again at the points that are furthest from theirs, with sums that have
 * nothing left of what points far away have rounded off. */
static void
restart_empty(Run *run)
{
	AngleTop far;
	size_t empty = 0;

	for (size_t c = 0; c < run->k; c++)
	{
		if (run->sizes[c] > 0)
			continue;
		empty++;
		memset(run->sums + c * (size_t) run->lloyd->dims, 0,
			   (size_t) run->lloyd->dims * sizeof(*run->sums));
	}
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

	memset(run->sums, 0, run->k * (size_t) lloyd->dims * sizeof(*run->sums));
	memset(run->sizes, 0, run->k * sizeof(*run->sizes));
	for (size_t i = 0; i < run->count; i++)
		run->before[i] = NONE;
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
	step = lloyd->count / (run.k * SAMPLE);
	lloyd->rounds_done = 0;
	run.step = step > 1 ? step : 1;
	run.count = lloyd->count / run.step;
	choose_start(&run);
	round_points(&run);
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
