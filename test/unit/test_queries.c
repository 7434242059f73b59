#include "test.h"

#include "core/ann/queries.h"
#include "points.h"

enum
{
	QUERIES = 37,
	POINTS = 150,
	DIMS = 19
};

typedef struct Shown
{
	AngleQueries *queries;
	double nearness[QUERIES][POINTS]; /* NAN: was not shown */
	double limit; /* that is set for a query once it has met a point; 0: none */
} Shown;

static void
meet(void *context, size_t query, size_t point, double nearness)
{
	Shown *shown = context;

	shown->nearness[query][point] = nearness;
	if (shown->limit != 0)
		angle_queries_limit(shown->queries, query, shown->limit);
}

/* What each point is to each query. */
static void
show(Shown *shown, const float *queries, const float *points, AngleNearness by,
	 AngleArena *arena)
{
	const AngleQueriesRequest request = {queries, QUERIES, DIMS, by};
	float squares[POINTS];

	for (int q = 0; q < QUERIES; q++)
		for (int p = 0; p < POINTS; p++)
			shown->nearness[q][p] = NAN;
	REQUIRE(angle_queries_create(&request, arena, &shown->queries, NULL) ==
			ANGLE_OK);
	for (int p = 0; p < POINTS; p++)
		squares[p] =
			(float) points_dot(points + p * DIMS, points + p * DIMS, DIMS);
	angle_queries_show(shown->queries, &(AngleShown){points, squares, POINTS},
					   meet, shown);
}

static double
nearness_of(const float *query, const float *point, AngleNearness by)
{
	return by == ANGLE_NEAR_BY_DISTANCE
			   ? points_squared_distance(query, point, DIMS)
			   : -points_dot(query, point, DIMS);
}

TEST(queries_are_shown_all_points_without_limits)
{
	AngleArena *arena = angle_arena_create(NULL);
	Shown *shown = calloc(1, sizeof(*shown));
	AngleRng rng;
	float *queries;
	float *points;

	angle_rng_seed(&rng, 11);
	queries = points_normal(&rng, QUERIES, DIMS);
	points = points_normal(&rng, POINTS, DIMS);
	for (int by = ANGLE_NEAR_BY_DISTANCE; by <= ANGLE_NEAR_BY_PRODUCT; by++)
	{
		show(shown, queries, points, by, arena);
		for (int q = 0; q < QUERIES; q++)
			for (int p = 0; p < POINTS; p++)
				CHECK_NEAR(
					shown->nearness[q][p],
					nearness_of(queries + q * DIMS, points + p * DIMS, by),
					1e-4);
	}
	free(points);
	free(queries);
	free(shown);
	angle_arena_destroy(arena);
}

/* The first point that a query meets sets its limit, which all later ones are below. */
TEST(queries_are_shown_what_is_nearer_than_their_limit)
{
	AngleArena *arena = angle_arena_create(NULL);
	Shown *shown = calloc(1, sizeof(*shown));
	AngleRng rng;
	float *queries;
	float *points;

	angle_rng_seed(&rng, 12);
	queries = points_normal(&rng, QUERIES, DIMS);
	points = points_normal(&rng, POINTS, DIMS);
	for (int by = ANGLE_NEAR_BY_DISTANCE; by <= ANGLE_NEAR_BY_PRODUCT; by++)
	{
		shown->limit = by == ANGLE_NEAR_BY_DISTANCE ? 30 : -2;
		show(shown, queries, points, by, arena);
		for (int q = 0; q < QUERIES; q++)
			for (int p = 1; p < POINTS; p++)
			{
				double nearness =
					nearness_of(queries + q * DIMS, points + p * DIMS, by);

				if (fabs(nearness - shown->limit) > 1e-4)
					CHECK_INT(!isnan(shown->nearness[q][p]),
							  nearness < shown->limit);
			}
	}
	free(points);
	free(queries);
	free(shown);
	angle_arena_destroy(arena);
}
