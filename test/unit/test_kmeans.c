#include "test.h"

#include "core/ann/kmeans.h"
#include "core/ann/lloyd.h"
#include "points.h"

typedef struct Watch
{
	int calls;
	int limit;
} Watch;

static bool
stop_after(void *context)
{
	Watch *watch = context;

	return ++watch->calls > watch->limit;
}

static float *
copy_points(const float *points, size_t floats)
{
	float *copy = malloc(floats * sizeof(*copy));

	memcpy(copy, points, floats * sizeof(*copy));
	return copy;
}

/* The mean squared distance of points to their nearest list. */
static double
distortion(const AngleClusters *clusters, const float *points, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
	{
		double best = INFINITY;

		for (size_t c = 0; c < clusters->lists; c++)
			best = fmin(best,
						points_squared_distance(
							points + i * (size_t) clusters->dims,
							clusters->centroids + c * (size_t) clusters->dims,
							clusters->dims));
		sum += best / (double) count;
	}
	return sum;
}

static void
check_shape(const AngleClusters *clusters, size_t wanted)
{
	CHECK(clusters->lists >= 1 && clusters->lists <= wanted);
	CHECK(clusters->groups >= 1 && clusters->groups <= clusters->lists);
	CHECK_INT(clusters->starts[0], 0);
	CHECK_INT(clusters->starts[clusters->groups], clusters->lists);
	for (size_t g = 0; g < clusters->groups; g++)
		CHECK(clusters->starts[g] < clusters->starts[g + 1]);
}

TEST(kmeans_objective_never_rises)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleRng rng;
	float *points;
	double objective[12];
	uint32_t labels[3000];
	size_t found;
	float *centroids = malloc(40 * 20 * sizeof(*centroids));
	AngleLloyd lloyd;

	angle_rng_seed(&rng, 1);
	points = points_clustered(&rng, 3000, 20, 40, 2);
	lloyd = (AngleLloyd){.points = points,
						 .count = 3000,
						 .dims = 20,
						 .clusters = 40,
						 .rounds = 12,
						 .rng = &rng,
						 .scratch = arena,
						 .objective = objective};
	REQUIRE(angle_lloyd(&lloyd, centroids, &found, labels, NULL) == ANGLE_OK);
	CHECK_INT(found, 40);
	CHECK(lloyd.rounds_done > 2);
	for (int r = 1; r < lloyd.rounds_done; r++)
		CHECK(objective[r] <= objective[r - 1] * (1 + 1e-6));
	CHECK(objective[lloyd.rounds_done - 1] < 0.7 * objective[0]);
	free(points);
	free(centroids);
	angle_arena_destroy(arena);
}

/* With so many points for each cluster rounds are made with some of them. */
TEST(kmeans_labels_all_points_by_the_nearest_cluster)
{
	enum
	{
		COUNT = 4001,
		DIMS = 9,
		CLUSTERS = 5
	};
	AngleArena *arena = angle_arena_create(NULL);
	AngleRng rng;
	float *points;
	uint32_t labels[COUNT];
	size_t found;
	float centroids[CLUSTERS * DIMS];
	double own = 0;
	double least = 0;
	AngleLloyd lloyd;

	angle_rng_seed(&rng, 4);
	points = points_clustered(&rng, COUNT, DIMS, CLUSTERS, 30);
	lloyd = (AngleLloyd){.points = points,
						 .count = COUNT,
						 .dims = DIMS,
						 .clusters = CLUSTERS,
						 .rounds = 9,
						 .rng = &rng,
						 .scratch = arena};
	REQUIRE(angle_lloyd(&lloyd, centroids, &found, labels, NULL) == ANGLE_OK);
	for (size_t i = 0; i < COUNT; i++)
	{
		double nearest = INFINITY;

		REQUIRE(labels[i] < found);
		for (size_t c = 0; c < found; c++)
			nearest = fmin(nearest,
						   points_squared_distance(points + i * DIMS,
												   centroids + c * DIMS, DIMS));
		least += nearest;
		own += points_squared_distance(points + i * DIMS,
									   centroids + labels[i] * DIMS, DIMS);
	}
	CHECK(own < 1.01 * least);
	free(points);
	angle_arena_destroy(arena);
}

TEST(kmeans_finds_clusters_that_are_apart)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleRng rng;
	float *points;
	float *copy;
	AngleClusters clusters;

	angle_rng_seed(&rng, 2);
	points = points_clustered(&rng, 4000, 24, 100, 6);
	copy = copy_points(points, 4000 * 24);
	REQUIRE(angle_cluster(&(AngleClusterRequest){.points = copy,
												 .count = 4000,
												 .dims = 24,
												 .lists = 200,
												 .seed = 3},
						  arena, &clusters, NULL) == ANGLE_OK);
	check_shape(&clusters, 200);
	CHECK(clusters.lists > 190);
	/* the clusters' own variance is 24; all of it is 24 · 37 */
	CHECK(distortion(&clusters, points, 4000) < 1.3 * 24);
	free(points);
	free(copy);
	angle_arena_destroy(arena);
}

TEST(kmeans_is_the_same_again_and_with_threads)
{
	AngleRng rng;
	float *points;
	AngleArena *arenas[3];
	AngleClusters clusters[3];

	angle_rng_seed(&rng, 8);
	points = points_clustered(&rng, 2000, 33, 30, 1);
	for (int run = 0; run < 3; run++)
	{
		float *copy = copy_points(points, 2000 * 33);
		AngleExecutor *executor = NULL;

		arenas[run] = angle_arena_create(NULL);
		if (run == 2)
			REQUIRE(angle_executor_start(3, arenas[run], &executor, NULL) ==
					ANGLE_OK);
		REQUIRE(angle_cluster(&(AngleClusterRequest){.points = copy,
													 .count = 2000,
													 .dims = 33,
													 .lists = 70,
													 .seed = 3,
													 .executor = executor},
							  arenas[run], &clusters[run], NULL) == ANGLE_OK);
		angle_executor_stop(executor);
		free(copy);
		CHECK_INT(clusters[run].lists, clusters[0].lists);
		CHECK(memcmp(clusters[run].centroids, clusters[0].centroids,
					 clusters[0].lists * 33 * sizeof(float)) == 0);
	}
	for (int run = 0; run < 3; run++)
		angle_arena_destroy(arenas[run]);
	free(points);
}

/* Few points, few different points, no points. */
TEST(kmeans_of_less_than_was_wanted)
{
	AngleRng rng;

	angle_rng_seed(&rng, 8);
	for (size_t count = 0; count < 80; count += count < 8 ? 1 : 31)
	{
		for (size_t different = 1; different <= count + 1; different += 3)
		{
			AngleArena *arena = angle_arena_create(NULL);
			float *points = points_normal(&rng, count, 6);
			AngleClusters clusters;

			for (size_t i = different; i < count; i++)
				memcpy(points + i * 6, points + i % different * 6,
					   6 * sizeof(float));
			REQUIRE(angle_cluster(&(AngleClusterRequest){.points = points,
														 .count = count,
														 .dims = 6,
														 .lists = 100,
														 .seed = 3},
								  arena, &clusters, NULL) == ANGLE_OK);
			check_shape(&clusters, 100);
			if (count == 0)
				CHECK(points_dot(clusters.centroids, clusters.centroids, 6) ==
					  0);
			else
				CHECK(clusters.lists <= different);
			CHECK(count == 0 || distortion(&clusters, points, count) < 1e-9 ||
				  clusters.lists < different);
			free(points);
			angle_arena_destroy(arena);
		}
	}
}

TEST(kmeans_can_be_cancelled)
{
	AngleRng rng;
	float *points;

	angle_rng_seed(&rng, 8);
	points = points_normal(&rng, 1000, 8);
	for (int limit = 0; limit < 60; limit += 7)
	{
		AngleArena *arena = angle_arena_create(NULL);
		Watch watch = {0, limit};
		AngleCancel cancel = {stop_after, &watch};
		AngleClusters clusters;
		AngleError err;

		CHECK_INT(angle_cluster(&(AngleClusterRequest){.points = points,
													   .count = 1000,
													   .dims = 8,
													   .lists = 50,
													   .seed = 3,
													   .cancel = &cancel},
								arena, &clusters, &err),
				  ANGLE_CANCELLED);
		angle_arena_destroy(arena);
	}
	free(points);
}

static void
note_progress(void *context, double done)
{
	double *last = context;

	CHECK(done >= *last && done <= 1);
	*last = done;
}

TEST(kmeans_tells_its_progress)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleRng rng;
	float *points;
	AngleClusters clusters;
	double last = 0;

	angle_rng_seed(&rng, 8);
	points = points_normal(&rng, 1000, 8);
	REQUIRE(angle_cluster(&(AngleClusterRequest){.points = points,
												 .count = 1000,
												 .dims = 8,
												 .lists = 50,
												 .seed = 3,
												 .progress = note_progress,
												 .progress_context = &last},
						  arena, &clusters, NULL) == ANGLE_OK);
	CHECK(last == 1);
	free(points);
	angle_arena_destroy(arena);
}

/* Counts what is taken at once. */
typedef struct Meter
{
	size_t now;
	size_t peak;
} Meter;

static void *
metered_alloc(void *context, size_t size)
{
	Meter *meter = context;
	size_t *block = malloc(size + 64);

	if (block == NULL)
		return NULL;
	block[0] = size;
	meter->now += size;
	meter->peak = meter->now > meter->peak ? meter->now : meter->peak;
	return (char *) block + 64;
}

static void
metered_release(void *context, void *pointer)
{
	Meter *meter = context;
	size_t *block = (size_t *) (void *) ((char *) pointer - 64);

	meter->now -= block[0];
	free(block);
}

TEST(kmeans_takes_the_memory_it_says)
{
	static const size_t sizes[][3] = {
		{20000, 8, 400}, {3000, 300, 100}, {500, 40, 20}, {5000, 16, 5000}};

	for (int i = 0; i < 4; i++)
	{
		Meter meter = {0, 0};
		AngleAllocator allocator = {metered_alloc, metered_release, &meter};
		AngleArena *arena = angle_arena_create(&allocator);
		size_t count = sizes[i][0];
		int dims = (int) sizes[i][1];
		size_t limit = angle_cluster_memory(count, dims, sizes[i][2]);
		AngleRng rng;
		float *points;
		AngleClusters clusters;

		angle_rng_seed(&rng, 8);
		points = points_normal(&rng, count, dims);
		REQUIRE(angle_cluster(&(AngleClusterRequest){.points = points,
													 .count = count,
													 .dims = dims,
													 .lists = sizes[i][2],
													 .seed = 3},
							  arena, &clusters, NULL) == ANGLE_OK);
		CHECK(meter.peak <= limit);
		CHECK(meter.peak >= limit / 5);
		free(points);
		angle_arena_destroy(arena);
		CHECK_INT(meter.now, 0);
	}
}

/* ---- assignment ---- */

TEST(assign_gives_the_nearest_lists_in_order)
{
	enum
	{
		DIMS = 21,
		COUNT = 600
	};
	AngleArena *arena = angle_arena_create(NULL);
	AngleRng rng;
	float *points;
	float *copy;
	AngleClusters clusters;
	AngleAssigner *assigner;
	uint32_t lists[COUNT * 3];
	float distances[COUNT * 3];

	angle_rng_seed(&rng, 4);
	points = points_clustered(&rng, COUNT, DIMS, 50, 2);
	copy = copy_points(points, COUNT * DIMS);
	REQUIRE(angle_cluster(&(AngleClusterRequest){.points = copy,
												 .count = COUNT,
												 .dims = DIMS,
												 .lists = 90,
												 .seed = 3},
						  arena, &clusters, NULL) == ANGLE_OK);
	/* all groups: exact */
	REQUIRE(angle_assigner_create(&clusters, 1000, arena, &assigner, NULL) ==
			ANGLE_OK);
	angle_assign(assigner, points, COUNT, 3, lists, distances);
	for (size_t i = 0; i < COUNT; i++)
	{
		const float *x = points + i * DIMS;
		double previous = -1;

		for (int n = 0; n < 3; n++)
		{
			double own = points_squared_distance(
				x, clusters.centroids + lists[i * 3 + (size_t) n] * DIMS, DIMS);
			size_t nearer = 0;

			CHECK_NEAR(distances[i * 3 + (size_t) n], own, 1e-3);
			CHECK(own >= previous - 1e-3);
			previous = own;
			for (size_t c = 0; c < clusters.lists; c++)
				nearer +=
					points_squared_distance(x, clusters.centroids + c * DIMS,
											DIMS) < own - 1e-3;
			CHECK(nearer <= (size_t) n);
		}
	}
	free(points);
	free(copy);
	angle_arena_destroy(arena);
}

TEST(assign_finds_most_of_the_nearest_in_few_groups)
{
	enum
	{
		DIMS = 32,
		COUNT = 1000
	};
	AngleArena *arena = angle_arena_create(NULL);
	AngleRng rng;
	float *points;
	float *copy;
	AngleClusters clusters;
	AngleAssigner *some;
	AngleAssigner *all;
	uint32_t found[COUNT];
	uint32_t exact[COUNT];
	int equal = 0;

	angle_rng_seed(&rng, 4);
	points = points_clustered(&rng, COUNT, DIMS, 300, 1);
	copy = copy_points(points, COUNT * DIMS);
	REQUIRE(angle_cluster(&(AngleClusterRequest){.points = copy,
												 .count = COUNT,
												 .dims = DIMS,
												 .lists = 400,
												 .seed = 3},
						  arena, &clusters, NULL) == ANGLE_OK);
	REQUIRE(angle_assigner_create(&clusters, ANGLE_ASSIGN_GROUPS, arena, &some,
								  NULL) == ANGLE_OK);
	REQUIRE(angle_assigner_create(&clusters, 1000, arena, &all, NULL) ==
			ANGLE_OK);
	angle_assign(some, points, COUNT, 1, found, NULL);
	angle_assign(all, points, COUNT, 1, exact, NULL);
	for (int i = 0; i < COUNT; i++)
		equal += found[i] == exact[i];
	CHECK(equal > 0.95 * COUNT);
	free(points);
	free(copy);
	angle_arena_destroy(arena);
}

TEST(assign_with_less_lists_than_are_asked_for)
{
	AngleArena *arena = angle_arena_create(NULL);
	float points[] = {0, 0, 0, 0, 4, 4};
	float copy[] = {0, 0, 0, 0, 4, 4};
	AngleClusters clusters;
	AngleAssigner *assigner;
	uint32_t lists[12];
	float distances[12];

	REQUIRE(
		angle_cluster(
			&(AngleClusterRequest){
				.points = copy, .count = 3, .dims = 2, .lists = 5, .seed = 3},
			arena, &clusters, NULL) == ANGLE_OK);
	REQUIRE(angle_assigner_create(&clusters, 8, arena, &assigner, NULL) ==
			ANGLE_OK);
	angle_assign(assigner, points, 3, 4, lists, distances);
	CHECK_INT(clusters.lists, 2);
	for (int i = 0; i < 3; i++)
	{
		CHECK(distances[i * 4] == 0 && distances[i * 4 + 1] == 32);
		CHECK(lists[i * 4 + 2] == UINT32_MAX && isinf(distances[i * 4 + 3]));
	}
	CHECK(lists[0] == lists[4] && lists[8] == lists[1]);
	angle_arena_destroy(arena);
}

/* Centroids at (0, 0) and around: of two that are equally far from the point, the
 * second choice is the one whose residual is orthogonal to the first. */
TEST(assign_second_choice_avoids_parallel_residuals)
{
	const float centroids[] = {0, 0, -0.9f, 0, 1, 2.0f, 9, 9};
	const float points[] = {1, 0, 0, 0};
	const uint32_t lists[] = {0, 1, 2, 3, 0, 1, UINT32_MAX, UINT32_MAX};
	const float distances[] = {1, 3.61f, 4, 145, 0, 0.81f, INFINITY, INFINITY};
	uint32_t second[2];
	AngleSecondChoice choice = {centroids, 2, 4, 0};

	angle_assign_second(&choice, points, 2, lists, distances, second);
	CHECK_INT(second[0], 1);
	CHECK_INT(second[1], 1);
	choice.weight = ANGLE_SECOND_WEIGHT;
	angle_assign_second(&choice, points, 2, lists, distances, second);
	CHECK_INT(second[0], 2);
	CHECK_INT(second[1], 1);
	choice.nearest = 1;
	angle_assign_second(&choice, points, 1, lists, distances, second);
	CHECK(second[0] == UINT32_MAX);
}

/* ---- split ---- */

TEST(split_separates_two_clusters)
{
	AngleRng rng;
	float *points;
	float centroids[2 * 16];
	float scratch[400];
	uint8_t side[200];

	angle_rng_seed(&rng, 6);
	points = points_normal(&rng, 200, 16);
	for (int i = 0; i < 200; i++)
		points[i * 16] += i % 3 == 0 ? 20.0f : -20.0f;
	angle_split(&(AngleSplit){points, 200, 16, 1, scratch}, centroids, side);
	for (int i = 0; i < 200; i++)
		CHECK_INT(side[i], side[i % 3 == 0 ? 0 : 1]);
	CHECK(side[0] != side[1]);
	CHECK_NEAR(centroids[side[0] * 16], 20, 0.5);
	CHECK_NEAR(centroids[side[1] * 16], -20, 0.5);
	free(points);
}

TEST(mean_of_points)
{
	/* a sum in single precision would lose the ones */
	const float points[] = {1e8f, 1, -1e8f, 2, 3, 6};
	float mean[2];

	angle_mean(points, 3, 2, mean);
	CHECK(mean[0] == 1 && mean[1] == 3);
	angle_mean(points, 0, 2, mean);
	CHECK(mean[0] == 0 && mean[1] == 0);
}

TEST(split_leaves_a_quarter_on_each_side)
{
	AngleRng rng;

	angle_rng_seed(&rng, 6);
	for (size_t count = 2; count < 60; count++)
	{
		for (int kind = 0; kind < 3; kind++)
		{
			float *points = points_normal(&rng, count, 5);
			float centroids[10];
			float scratch[120];
			uint8_t side[60];
			size_t ones = 0;

			for (size_t i = 0; kind > 0 && i < count * 5; i++)
				points[i] = kind == 1 || i / 5 > 0 ? 3 : 9; /* one outlier */
			angle_split(&(AngleSplit){points, count, 5, 1, scratch}, centroids,
						side);
			for (size_t i = 0; i < count; i++)
				ones += side[i];
			CHECK(ones >= count / 4 && ones >= 1);
			CHECK(count - ones >= count / 4 && ones < count);
			free(points);
		}
	}
}
