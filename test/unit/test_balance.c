#include "test.h"

#include "core/ann/balance.h"
#include "core/base/rng.h"

#define POINTS 1000
#define LISTS 20
#define NEAREST 3

/* Points on a line, most of them at its beginning; list l is at l. */
typedef struct Line
{
	float at[POINTS];
	uint32_t lists[POINTS * NEAREST];
	float distances[POINTS * NEAREST];
	float prices[LISTS];
	uint32_t sizes[LISTS];
	uint32_t chosen[POINTS];
} Line;

static void
make_line(Line *line, int nearest)
{
	AngleRng rng;

	angle_rng_seed(&rng, 4);
	for (int i = 0; i < POINTS; i++)
	{
		float u = angle_rng_float(&rng);
		bool taken[LISTS] = {false};

		line->at[i] = u * u * (LISTS - 1);
		for (int j = 0; j < nearest; j++)
		{
			int best = -1;

			for (int l = 0; l < LISTS; l++)
				if (!taken[l] &&
					(best < 0 || fabsf(line->at[i] - (float) l) <
									 fabsf(line->at[i] - (float) best)))
					best = l;
			taken[best] = true;
			line->lists[i * nearest + j] = (uint32_t) best;
			line->distances[i * nearest + j] =
				(line->at[i] - (float) best) * (line->at[i] - (float) best);
		}
	}
}

static AngleBalance
balance_of(Line *line, int nearest, size_t capacity)
{
	return (AngleBalance){POINTS, nearest,	line->lists,  line->distances,
						  LISTS,  capacity, line->prices, line->sizes};
}

TEST(balance_changes_nothing_where_there_is_room)
{
	Line *line = malloc(sizeof(*line));
	AngleBalance balance = balance_of(line, NEAREST, POINTS);

	make_line(line, NEAREST);
	angle_balance(&balance, line->chosen);
	for (int i = 0; i < POINTS; i++)
		CHECK_INT(line->chosen[i], line->lists[i * NEAREST]);
	free(line);
}

/* With three lists to choose from, the crowd cannot go far: but no list that has
 * room is passed by, and sizes are what was chosen. */
TEST(balance_fills_lists_no_further_than_it_must)
{
	Line *line = malloc(sizeof(*line));
	AngleBalance balance = balance_of(line, NEAREST, 56);
	uint32_t counts[LISTS] = {0};
	size_t before = 0;
	size_t after = 0;

	make_line(line, NEAREST);
	for (int i = 0; i < POINTS; i++)
		counts[line->lists[i * NEAREST]]++;
	for (int l = 0; l < LISTS; l++)
		before += counts[l] > 56 ? counts[l] - 56 : 0;
	angle_balance(&balance, line->chosen);
	memset(counts, 0, sizeof(counts));
	for (int i = 0; i < POINTS; i++)
		counts[line->chosen[i]]++;
	for (int l = 0; l < LISTS; l++)
	{
		CHECK_INT(counts[l], line->sizes[l]);
		after += counts[l] > 56 ? counts[l] - 56 : 0;
	}
	CHECK(before > 200);
	CHECK(after < before);
	for (int i = 0; i < POINTS; i++)
		for (int j = 0; j < NEAREST; j++)
			CHECK(line->sizes[line->chosen[i]] <= 56 ||
				  line->sizes[line->lists[i * NEAREST + j]] >= 56);
	free(line);
}

TEST(balance_keeps_every_list_within_capacity_where_all_are_near)
{
	Line *line = malloc(sizeof(*line));
	uint32_t *lists = malloc(POINTS * LISTS * sizeof(*lists));
	float *distances = malloc(POINTS * LISTS * sizeof(*distances));
	AngleBalance balance = balance_of(line, LISTS, 50);

	make_line(line, 1);
	for (int i = 0; i < POINTS; i++)
		for (int l = 0; l < LISTS; l++)
		{
			lists[i * LISTS + l] = (uint32_t) l;
			distances[i * LISTS + l] =
				(line->at[i] - (float) l) * (line->at[i] - (float) l);
		}
	balance.lists = lists;
	balance.distances = distances;
	angle_balance(&balance, line->chosen);
	for (int l = 0; l < LISTS; l++)
		CHECK_INT(line->sizes[l], 50);
	free(lists);
	free(distances);
	free(line);
}

TEST(balance_of_points_with_one_list)
{
	Line *line = malloc(sizeof(*line));
	AngleBalance balance = balance_of(line, 1, 5);

	make_line(line, 1);
	angle_balance(&balance, line->chosen);
	for (int i = 0; i < POINTS; i++)
		CHECK_INT(line->chosen[i], line->lists[i]);
	free(line);
}
