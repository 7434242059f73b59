#include "test.h"

#include "core/ann/kmeans.h"
#include "core/ann/regroup.h"
#include "points.h"

#define DIMS 12

/* A regrouping, and what became of it. */
typedef struct Case
{
	float *points; /* (count, DIMS) */
	size_t count;
	size_t lists;
	size_t capacity;
	float *centroids; /* (lists, DIMS): the first points, and then the means */
	uint8_t *chosen;
	size_t sizes[ANGLE_REGROUP_LISTS];
} Case;

static void
run_case(Case *c)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleError err;
	const AngleRegroup regroup = {c->points, c->count, DIMS, c->lists,
								  c->capacity};

	c->centroids = malloc(c->lists * DIMS * sizeof(float));
	c->chosen = malloc(c->count);
	memcpy(c->centroids, c->points, c->lists * DIMS * sizeof(float));
	CHECK(angle_regroup(&regroup, arena, c->centroids, c->chosen, &err) ==
		  ANGLE_OK);
	memset(c->sizes, 0, sizeof(c->sizes));
	for (size_t i = 0; i < c->count; i++)
	{
		CHECK(c->chosen[i] < c->lists);
		c->sizes[c->chosen[i]]++;
	}
	for (size_t l = 0; l < c->lists; l++)
		CHECK(c->sizes[l] <= c->capacity);
	angle_arena_destroy(arena);
}

static void
free_case(Case *c)
{
	free(c->points);
	free(c->centroids);
	free(c->chosen);
}

TEST(regroup_finds_three_clusters_of_two_lists)
{
	AngleRng rng;
	Case c = {.count = 150, .lists = 3, .capacity = 60};

	angle_rng_seed(&rng, 3);
	c.points = points_normal(&rng, c.count, DIMS);
	for (size_t i = 0; i < c.count; i++)
		c.points[i * DIMS + i % 3] += 30;
	run_case(&c);
	for (size_t i = 0; i < c.count; i++)
		CHECK_INT(c.chosen[i], c.chosen[i % 3]);
	for (size_t l = 0; l < 3; l++)
	{
		CHECK_INT(c.sizes[l], 50);
		CHECK_NEAR(c.centroids[c.chosen[l] * DIMS + l], 30, 1);
	}
	free_case(&c);
}

/* One list is wanted by most points: those that leave it are at its border. */
TEST(regroup_keeps_lists_within_their_capacity)
{
	AngleRng rng;
	Case c = {.count = 300, .lists = 4, .capacity = 80};
	double stay = 0, leave = 0;
	size_t left = 0, stayed = 0;

	angle_rng_seed(&rng, 4);
	c.points = points_normal(&rng, c.count, DIMS);
	for (size_t i = 0; i < c.count; i++)
		c.points[i * DIMS] += i % 10 < 4 ? 12.0f * (float) (i % 10) : 0;
	run_case(&c);
	/* points of the crowd along the line to the others */
	for (size_t i = 0; i < c.count; i++)
	{
		if (i % 10 < 4 && i % 10 > 0)
			continue;
		if (c.chosen[i] == c.chosen[11] || c.chosen[i] == c.chosen[12] ||
			c.chosen[i] == c.chosen[13])
		{
			leave += c.points[i * DIMS];
			left++;
		}
		else
		{
			stay += c.points[i * DIMS];
			stayed++;
		}
	}
	REQUIRE(left > 0 && stayed > 0);
	CHECK(leave / (double) left > stay / (double) stayed);
	free_case(&c);
}

TEST(regroup_of_equal_points_and_of_few)
{
	for (int kind = 0; kind < 3; kind++)
	{
		Case c = {.count = kind == 2 ? 9 : 90, .lists = 9, .capacity = 10};

		c.points = calloc(c.count * DIMS, sizeof(float));
		for (size_t i = 0; i < c.count && kind > 0; i++)
			c.points[i * DIMS] = i == 5 ? 7 : 1;
		run_case(&c);
		free_case(&c);
	}
}

TEST(regroup_centroids_are_means)
{
	AngleRng rng;
	Case c = {.count = 200, .lists = 5, .capacity = 45};

	angle_rng_seed(&rng, 5);
	c.points = points_clustered(&rng, c.count, DIMS, 5, 2);
	run_case(&c);
	for (size_t l = 0; l < c.lists; l++)
	{
		float *own = malloc(c.count * DIMS * sizeof(float));
		float mean[DIMS];
		size_t count = 0;

		for (size_t i = 0; i < c.count; i++)
			if (c.chosen[i] == l)
				memcpy(own + count++ * DIMS, c.points + i * DIMS, sizeof(mean));
		angle_mean(own, count, DIMS, mean);
		for (int d = 0; d < DIMS && count > 0; d++)
			CHECK_NEAR(c.centroids[l * DIMS + (size_t) d], mean[d], 1e-5);
		free(own);
	}
	free_case(&c);
}
