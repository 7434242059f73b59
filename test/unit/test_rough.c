#include "test.h"

#include "core/ann/kmeans.h"
#include "core/ann/rough.h"
#include "points.h"

enum
{
	POINTS = 50,
	CENTROIDS = 37
};

typedef struct Setting
{
	int dims;
	float away;	  /* added to every coordinate of points and centroids */
	float spread; /* of the centroids, in that of the points */
} Setting;

/* Moves count floats. */
static void
move(float *x, size_t count, float away, float factor)
{
	for (size_t i = 0; i < count; i++)
		x[i] = x[i] * factor + away;
}

/* Scores and bases of points in another order, rounded from a place of their own. */
static void
check_scores(const Setting *setting)
{
	const int dims = setting->dims;
	const size_t width = (size_t) dims;
	AngleArena *arena = angle_arena_create(NULL);
	AngleRng rng;
	AngleRoughScratch scratch = angle_rough_scratch(
		dims, angle_arena_alloc(arena, angle_rough_scratch_bytes(dims), 1));
	float *points, *centroids;
	float *origin = angle_arena_zalloc(arena, width, sizeof(float));
	float *center = angle_arena_alloc(arena, width, sizeof(float));
	float *scores = angle_arena_alloc(arena, POINTS * angle_padded(CENTROIDS),
									  sizeof(float));
	uint32_t order[POINTS], places[POINTS];
	float bases[POINTS];
	AngleRounded rounded;
	AngleRough rough;

	angle_rng_seed(&rng, 6);
	points = points_normal(&rng, POINTS, dims);
	centroids = points_normal(&rng, CENTROIDS, dims);
	move(points, POINTS * width, setting->away, 1);
	move(centroids, CENTROIDS * width, setting->away, setting->spread);
	for (size_t i = 0; i < POINTS; i++)
	{
		order[i] = (uint32_t) (POINTS - 1 - i);
		places[i] = (uint32_t) (i * 7 % POINTS);
	}
	move(origin, width, setting->away + 0.1f, 1);
	angle_rough_center(centroids, CENTROIDS, dims, center);
	rounded = angle_rounded(
		points, order, POINTS, dims, origin,
		angle_arena_alloc(arena, angle_rounded_bytes(POINTS, dims), 1));
	angle_round(&rounded, 0, 20, scratch.residuals);
	angle_round(&rounded, 20, POINTS - 20, scratch.residuals);
	rough = angle_rough_pack(
		&(AngleRoughRequest){centroids, CENTROIDS, dims, origin, center},
		&scratch,
		angle_arena_alloc(arena, angle_rough_bytes(CENTROIDS, dims), 1));
	CHECK(rough.exact == (dims < 64));
	for (size_t i = 0; i < POINTS; i++)
	{
		const float *x = points + order[places[i]] * width;

		bases[i] = (float) (points_dot(x, center, dims) -
							points_dot(center, center, dims) / 2);
	}
	angle_rough_score(&rough,
					  &(AngleRoughRows){&rounded, places, bases, POINTS},
					  &scratch, scores);
	for (size_t i = 0; i < POINTS; i++)
	{
		const float *x = points + order[places[i]] * width;
		double squared = points_dot(x, x, dims);

		for (size_t c = 0; c < CENTROIDS; c++)
		{
			double distance =
				points_squared_distance(x, centroids + c * width, dims);
			double score = scores[i * angle_padded(CENTROIDS) + c];

			/* four deviations of the rounding of both, and of sums of floats */
			CHECK_NEAR(squared - 2 * score, distance,
					   0.1 * (double) setting->spread * sqrt(dims) +
						   1e-6 * squared + 1e-6 * distance);
		}
		for (size_t c = CENTROIDS; c < angle_padded(CENTROIDS); c++)
			CHECK(scores[i * angle_padded(CENTROIDS) + c] == -INFINITY);
	}
	free(points);
	free(centroids);
	angle_arena_destroy(arena);
}

TEST(rough_scores_are_near_the_exact_ones)
{
	static const Setting settings[] = {
		{1, 0, 1},	   {63, 0, 1},	 {64, 0, 1},   {65, 0, 1},
		{384, 0, 0.5}, {384, 20, 1}, {1000, 0, 1}, {300, 3, 0.01f}};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		check_scores(&settings[i]);
}

/* Four bundles a thousand times as far from each other as the points of each: rounded
 * beside the distances of bundles alone, points would go to any list of theirs. */
TEST(rough_scores_tell_lists_of_a_bundle_from_each_other)
{
	enum
	{
		DIMS = 96,
		EACH = 400,
		COUNT = 4 * EACH,
		LISTS = 40
	};
	AngleArena *arena = angle_arena_create(NULL);
	AngleRng rng;
	float *points, *bundles;
	AngleClusters clusters;
	AngleAssigner *assigner;
	uint32_t *lists = malloc(COUNT * sizeof(*lists));
	double own = 0, least = 0;

	angle_rng_seed(&rng, 9);
	points = points_clustered(&rng, COUNT, DIMS, 10, 1);
	bundles = points_normal(&rng, 4, DIMS);
	for (size_t i = 0; i < COUNT; i++)
		for (size_t d = 0; d < DIMS; d++)
			points[i * DIMS + d] += 1000 * bundles[i % 4 * DIMS + d];
	REQUIRE(angle_cluster(&(AngleClusterRequest){.points = points,
												 .count = COUNT,
												 .dims = DIMS,
												 .lists = LISTS,
												 .seed = 3},
						  arena, &clusters, NULL) == ANGLE_OK);
	REQUIRE(angle_assigner_create(&clusters, 1000, arena, &assigner, NULL) ==
			ANGLE_OK);
	for (size_t first = 0; first < COUNT; first += EACH)
		angle_assign(assigner, points + first * DIMS, EACH, 1, lists + first,
					 NULL);
	for (size_t i = 0; i < COUNT; i++)
	{
		const float *x = points + i * DIMS;
		double nearest = INFINITY;

		for (size_t l = 0; l < clusters.lists; l++)
			nearest =
				fmin(nearest, points_squared_distance(
								  x, clusters.centroids + l * DIMS, DIMS));
		least += nearest;
		own += points_squared_distance(x, clusters.centroids + lists[i] * DIMS,
									   DIMS);
	}
	CHECK(own < 1.01 * least);
	free(points);
	free(bundles);
	free(lists);
	angle_arena_destroy(arena);
}
