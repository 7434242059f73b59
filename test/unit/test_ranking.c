/* Correlations, exact search, and finding texts. */
#include "test.h"

#include "core/base/rng.h"
#include "trainer/correlation.h"
#include "trainer/nearest.h"
#include "trainer/text_index.h"

#define QUERIES 37
#define VECTORS 500
#define WIDTH 19
#define MOST 7

static AngleError err;

TEST(ranks_of_equal_numbers_are_their_mean)
{
	const double x[] = {3, 1, 3, 2, 3, 1};
	const double expected[] = {5, 1.5, 5, 3, 5, 1.5};
	AngleArena *arena = angle_arena_create(NULL);
	double ranks[6];

	REQUIRE(angle_ranks(x, 6, arena, ranks, &err) == ANGLE_OK);
	for (int i = 0; i < 6; i++)
		CHECK_NEAR(ranks[i], expected[i], 0);
	angle_arena_destroy(arena);
}

TEST(correlations_of_known_series)
{
	const double x[] = {1, 2, 3, 4, 5};
	const double y[] = {1, 4, 9, 16, 25};
	const double down[] = {5, 4, 3, 3, 1};
	const double flat[] = {2, 2, 2, 2, 2};
	AngleArena *arena = angle_arena_create(NULL);
	double rho;

	/* scipy.stats: pearsonr(x, y), spearmanr(x, down) */
	CHECK_NEAR(angle_pearson(x, y, 5), 0.9811049102515929, 1e-15);
	REQUIRE(angle_spearman(x, y, 5, arena, &rho, &err) == ANGLE_OK);
	CHECK_NEAR(rho, 1, 1e-15);
	REQUIRE(angle_spearman(x, down, 5, arena, &rho, &err) == ANGLE_OK);
	CHECK_NEAR(rho, -0.9746794344808963, 1e-15);
	CHECK(isnan(angle_pearson(x, flat, 5)));
	CHECK(isnan(angle_pearson(x, y, 1)));
	angle_arena_destroy(arena);
}

/* Few values, so that many vectors are equal. */
static void
fill(float *vectors, size_t count, AngleRng *rng)
{
	for (size_t i = 0; i < count * WIDTH; i++)
		vectors[i] = i % WIDTH < 3 ? (float) angle_rng_below(rng, 3) : 0.5f;
}

/* How many vectors are nearer to a query than one, of equals those before it. */
static size_t
rank_of(const float *query, const float *vectors, size_t index,
		AngleSimilarity similarity)
{
	double own =
		angle_similarity(similarity, query, vectors + index * WIDTH, WIDTH);
	size_t rank = 0;

	for (size_t i = 0; i < VECTORS; i++)
	{
		double other =
			angle_similarity(similarity, query, vectors + i * WIDTH, WIDTH);

		rank += other > own || (other == own && i < index);
	}
	return rank;
}

/* The vectors come in parts of odd sizes; every neighbour has its rank. */
static void
check_search(AngleSimilarity similarity)
{
	static float queries[QUERIES * WIDTH];
	static float vectors[VECTORS * WIDTH];
	AngleArena *arena = angle_arena_create(NULL);
	AngleNearest nearest = {.similarity = similarity,
							.dimensions = WIDTH,
							.queries = QUERIES,
							.most = MOST};
	AngleRng rng;

	angle_rng_seed(&rng, 3);
	fill(queries, QUERIES, &rng);
	fill(vectors, VECTORS, &rng);
	REQUIRE(angle_nearest_start(&nearest, queries, arena, &err) == ANGLE_OK);
	for (size_t done = 0; done < VECTORS; done += 133)
		angle_nearest_add(&nearest, vectors + done * WIDTH,
						  VECTORS - done < 133 ? VECTORS - done : 133, done);
	angle_nearest_finish(&nearest);
	for (size_t q = 0; q < QUERIES; q++)
	{
		CHECK_INT(nearest.counts[q], MOST);
		for (size_t i = 0; i < MOST; i++)
			CHECK_INT(rank_of(queries + q * WIDTH, vectors,
							  nearest.heaps[q * MOST + i].index,
							  similarity == ANGLE_SIMILARITY_COSINE
								  ? ANGLE_SIMILARITY_DOT
								  : similarity),
					  i);
	}
	angle_arena_destroy(arena);
}

TEST(nearest_finds_the_nearest_by_every_similarity)
{
	check_search(ANGLE_SIMILARITY_COSINE);
	check_search(ANGLE_SIMILARITY_DOT);
	check_search(ANGLE_SIMILARITY_ANGLE);
}

TEST(similarity_of_a_zero_vector_is_zero)
{
	const float zero[4] = {0};
	const float one[4] = {1, 0, 0, 0};

	CHECK_NEAR(angle_similarity(ANGLE_SIMILARITY_COSINE, zero, one, 4), 0, 0);
	CHECK_NEAR(angle_similarity(ANGLE_SIMILARITY_ANGLE, zero, one, 4), 0, 0);
}

TEST(text_index_finds_the_first_of_equal_texts)
{
	AngleBytes texts[100];
	char storage[100][8];
	AngleTextIndex index;

	for (int i = 0; i < 100; i++)
	{
		snprintf(storage[i], sizeof(storage[i]), "%d", i % 60);
		texts[i] = angle_bytes_of(storage[i]);
	}
	REQUIRE(angle_text_index_build(&index, texts, 100, &err) == ANGLE_OK);
	for (int i = 0; i < 100; i++)
		CHECK_INT(angle_text_index_find(&index, texts[i]), i % 60);
	CHECK_INT(angle_text_index_find(&index, angle_bytes_of("60")), -1);
	CHECK_INT(angle_text_index_find(&index, angle_bytes_of("")), -1);
	angle_text_index_free(&index);
	REQUIRE(angle_text_index_build(&index, texts, 0, &err) == ANGLE_OK);
	CHECK_INT(angle_text_index_find(&index, texts[0]), -1);
	angle_text_index_free(&index);
}
