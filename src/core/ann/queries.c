#include "core/ann/queries.h"

#include <math.h>
#include <string.h>

#include "core/ann/centers.h"

/* Points whose products are made at once. */
#define CHUNK 64

/* The score of a point x is ⟨x, q⟩ − ‖q‖²/2, as of centroids, or ⟨x, q⟩; it is near where
 * that is above cut + ‖x‖²/2, or above cut. */
struct AngleQueries
{
	AngleNearness by;
	AngleCenters centers;
	float *cuts;   /* (padded count) */
	float *scores; /* (CHUNK, padded count) */
};

AngleStatus
angle_queries_create(const AngleQueriesRequest *request, AngleArena *arena,
					 AngleQueries **made, AngleError *err)
{
	const size_t count = request->count;
	const size_t padded = angle_padded(count);
	AngleQueries *self = angle_arena_alloc(arena, 1, sizeof(*self));
	float *memory = angle_arena_alloc(
		arena, angle_centers_floats(count, request->dims), sizeof(float));

	if (self == NULL || memory == NULL)
		return angle_no_memory(err);
	self->by = request->by;
	self->cuts = angle_arena_alloc(arena, padded, sizeof(float));
	self->scores = angle_arena_alloc(arena, CHUNK * padded, sizeof(float));
	if (self->cuts == NULL || self->scores == NULL)
		return angle_no_memory(err);
	self->centers =
		angle_centers_pack(request->queries, count, request->dims, memory);
	if (self->by == ANGLE_NEAR_BY_PRODUCT)
		memset(self->centers.bias, 0, count * sizeof(float));
	for (size_t q = 0; q < padded; q++)
		self->cuts[q] = -INFINITY;
	*made = self;
	return ANGLE_OK;
}

void
angle_queries_limit(AngleQueries *queries, size_t query, double limit)
{
	queries->cuts[query] =
		(float) (queries->by == ANGLE_NEAR_BY_PRODUCT ? -limit : -limit / 2);
}

/* Whether one of a panel's scores is above its cut by more than half. */
static bool
is_any_near(const float *scores, const float *cuts, float half)
{
	float above[ANGLE_PANEL];

	for (int i = 0; i < ANGLE_PANEL; i++)
		above[i] = scores[i] - cuts[i];
	return angle_centers_any(above, half);
}

/* Shows a point whose scores (padded count) these are; squared is ‖x‖², or 0. */
static void
show_point(const AngleQueries *queries, const float *scores, size_t point,
		   double squared, AngleMeetPoint meet, void *context)
{
	const double factor = queries->by == ANGLE_NEAR_BY_PRODUCT ? 1 : 2;
	const float half = (float) (squared / 2);
	const float *cuts = queries->cuts;

	for (size_t panel = 0; panel < queries->centers.count; panel += ANGLE_PANEL)
	{
		if (!is_any_near(scores + panel, cuts + panel, half))
			continue;
		for (size_t q = panel;
			 q < panel + ANGLE_PANEL && q < queries->centers.count; q++)
			if (scores[q] - cuts[q] > half)
				meet(context, q, point, squared - factor * (double) scores[q]);
	}
}

void
angle_queries_show(AngleQueries *queries, const AngleShown *shown,
				   AngleMeetPoint meet, void *context)
{
	const AngleCenters *centers = &queries->centers;
	const size_t dims = (size_t) centers->dims;
	const bool squares = queries->by == ANGLE_NEAR_BY_DISTANCE;

	for (size_t first = 0; first < shown->count; first += CHUNK)
	{
		const size_t left = shown->count - first;
		const size_t rows = left < CHUNK ? left : CHUNK;

		angle_centers_score(
			centers,
			&(AngleChosen){shown->points + first * dims, dims, NULL, rows},
			queries->scores);
		for (size_t r = first; r < first + rows; r++)
			show_point(
				queries,
				queries->scores + (r - first) * angle_padded(centers->count), r,
				squares ? (double) shown->squares[r] : 0, meet, context);
	}
}
