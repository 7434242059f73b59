#include "test.h"

#include <float.h>

#include "core/distance/distance.h"
#include "core/quant/rerank.h"
#include "points.h"

static const int bits_tried[] = {4, 6, 7, 8, 16};
#define BITS_TRIED (int) (sizeof(bits_tried) / sizeof(*bits_tried))
static const int sizes[] = {1,	2,	3,	5,	 15,  16,	17,	  31,  32,
							33, 63, 64, 100, 384, 1000, 1025, 4097};
#define SIZES (sizeof(sizes) / sizeof(*sizes))

static double
operator_distance(AngleMetric metric, const float *u, const float *v, int dims)
{
	size_t n = (size_t) dims;

	switch (metric)
	{
		case ANGLE_METRIC_COSINE:
			return 1 - angle_distance_cosine_similarity(u, v, n);
		case ANGLE_METRIC_L2:
			return angle_distance_l2(u, v, n);
		default:
			return -angle_distance_dot(u, v, n);
	}
}

TEST(rerank_reconstruction_has_the_stored_error)
{
	AngleRng rng;

	angle_rng_seed(&rng, 1);
	for (size_t s = 0; s < SIZES; s++)
	{
		for (int b = 0; b < BITS_TRIED; b++)
		{
			int dims = sizes[s];
			int bits = bits_tried[b];
			float *points = points_normal(&rng, 2, dims);
			uint8_t *code = malloc(angle_rerank_size(dims, bits) + 1);
			AngleRerankFactors factors;
			double error;

			code[angle_rerank_size(dims, bits)] = 0x5a;
			angle_rerank_encode(dims, bits, points, code, &factors);
			CHECK_INT(code[angle_rerank_size(dims, bits)], 0x5a);
			angle_rerank_decode(dims, bits, code, &factors, points + dims);
			error = sqrt(points_squared_distance(points, points + dims, dims));
			CHECK_NEAR(factors.norm, sqrt(points_dot(points, points, dims)),
					   1e-6 * factors.norm);
			CHECK_NEAR(error, factors.error, 1e-6 * factors.norm);
			/* a step of the widest grid is 2/2^bits of the greatest; its
			 * roundings are uniform */
			CHECK(error < (bits == 4   ? 0.13
						   : bits == 6 ? 0.036
						   : bits == 7 ? 0.018
						   : bits == 8 ? 0.009
									   : 3.5e-5) *
							  factors.norm ||
				  dims < 100);
			free(points);
			free(code);
		}
	}
}

/* One comparison of a code with the vectors that it is of, as an index makes
 * them. */
typedef struct Case
{
	AngleSpace space;
	int bits;
	const float *vector;
	const float *query;
} Case;

/* The relative error of the estimate; -1 where there are no points. */
static double
check_case(const Case *c)
{
	int dims = c->space.dims;
	AngleMetric metric = c->space.metric;
	float *point = malloc((size_t) dims * 2 * sizeof(*point));
	float *query = point + dims;
	uint8_t *code = malloc(angle_rerank_size(dims, c->bits));
	double truth = operator_distance(metric, c->query, c->vector, dims);
	double off = -1;
	AngleRerankFactors factors;
	AngleRerankQuery q;

	if (!angle_space_enter(&c->space, c->vector, point) ||
		!angle_space_enter(&c->space, c->query, query))
	{
		CHECK(metric == ANGLE_METRIC_COSINE && isnan(truth));
		goto done;
	}
	angle_rerank_encode(dims, c->bits, point, code, &factors);
	angle_rerank_query(&q, &c->space, c->bits, query);
	for (int isa = 0; isa < ANGLE_ISA_COUNT; isa++)
	{
		AngleRerankScore score;

		if (!angle_rerank_use(&q, (AngleIsa) isa))
			continue;
		score = angle_rerank_score(&q, code, &factors);
		CHECK(!isnan(score.estimate) && !isnan(score.lower));
		CHECK(score.lower <= score.estimate && score.estimate <= score.upper);
		CHECK(angle_space_distance(metric, score.lower) <= truth);
		if (metric == ANGLE_METRIC_COSINE)
		{
			CHECK(angle_space_distance(metric, score.upper) >= truth);
			CHECK(angle_space_angular(score.lower) <=
				  angle_distance_angular(c->query, c->vector, (size_t) dims));
		}
		off = fabs(angle_space_distance(metric, score.estimate) - truth) /
			  (fabs(truth) + DBL_MIN);
	}
done:
	free(point);
	free(code);
	return off;
}

static void
check_pair(const AngleRotation *rotation, int dims, const float *centre,
		   const float *u, const float *v)
{
	for (int metric = ANGLE_METRIC_COSINE; metric <= ANGLE_METRIC_INNER_PRODUCT;
		 metric++)
	{
		for (int b = 0; b < BITS_TRIED; b++)
		{
			Case c = {{(AngleMetric) metric, dims, rotation, NULL},
					  bits_tried[b],
					  u,
					  v};

			check_case(&c);
			c.space.centre = centre;
			if (metric != ANGLE_METRIC_INNER_PRODUCT && centre != NULL)
				check_case(&c);
		}
	}
}

TEST(rerank_bounds_hold_for_random_vectors)
{
	AngleRng rng;

	angle_rng_seed(&rng, 2);
	for (size_t s = 0; s < SIZES; s++)
	{
		int dims = sizes[s];
		AngleRotation *rotation =
			angle_rotation_init(malloc(angle_rotation_size(dims)), dims, 9);
		float *vectors = points_normal(&rng, 12, dims);

		for (int i = 0; i < 11; i++)
		{
			const float *u = vectors + (i + 1) * dims;
			float *near = vectors;

			check_pair(rotation, dims, vectors + 11 * dims, u,
					   vectors + (i % 10 + 1) * dims);
			/* nearer and nearer, down to a duplicate */
			for (int d = 0; d < dims; d++)
				near[d] = u[d] + (i == 10 ? 0 : powf(10, (float) -i)) *
									 angle_rng_normal(&rng);
			check_pair(rotation, dims, vectors + 11 * dims, u, near);
			check_pair(rotation, dims, NULL, near, u);
		}
		free(vectors);
		free(rotation);
	}
}

/* Vectors that a quantiser likes least, against each other. */
TEST(rerank_bounds_hold_for_hostile_vectors)
{
	enum
	{
		DIMS = 37,
		KINDS = 14
	};
	static float vectors[KINDS][DIMS];
	AngleRotation *rotation =
		angle_rotation_init(malloc(angle_rotation_size(DIMS)), DIMS, 4);
	AngleRng rng;

	angle_rng_seed(&rng, 5);
	for (int d = 0; d < DIMS; d++)
	{
		vectors[1][d] = d == 5 ? 1 : 0;
		vectors[2][d] = d == 5 ? -1e30f : 1e-30f;
		vectors[3][d] = 1;
		vectors[4][d] = d % 2 ? 1 : -1;
		vectors[5][d] = FLT_MAX;
		vectors[6][d] = d % 2 ? FLT_MAX : -FLT_MAX;
		vectors[7][d] = FLT_TRUE_MIN;
		vectors[8][d] = FLT_MIN * angle_rng_normal(&rng);
		vectors[9][d] = 1e-20f * angle_rng_normal(&rng);
		vectors[10][d] = 1e18f * angle_rng_normal(&rng);
		vectors[11][d] = 1000 + 0.001f * angle_rng_normal(&rng);
		vectors[12][d] = 1000 + 0.001f * angle_rng_normal(&rng);
		vectors[13][d] = powf(10, (float) (d - 20));
	}
	for (int i = 0; i < KINDS; i++)
	{
		for (int j = 0; j < KINDS; j++)
			check_pair(rotation, DIMS, vectors[11], vectors[i], vectors[j]);
	}
	free(rotation);
}

/* At a distance of 0.3 the part of ⟨e, w⟩ has a standard deviation of about
 * ‖e‖ · 0.7/√384, of which the limits are five, and ‖e‖ is 0.11, 0.03, 0.015, 0.008,
 * 3e-5. */
TEST(rerank_estimates_are_near)
{
	enum
	{
		DIMS = 384
	};
	static const double limits[] = {0.07, 0.02, 0.01, 0.005, 3e-5};
	AngleRotation *rotation =
		angle_rotation_init(malloc(angle_rotation_size(DIMS)), DIMS, 9);
	AngleRng rng;

	angle_rng_seed(&rng, 12);
	for (int i = 0; i < 30; i++)
	{
		float *vectors = points_normal(&rng, 2, DIMS);

		for (int d = 0; d < DIMS; d++)
			vectors[DIMS + d] += vectors[d];
		for (int b = 0; b < BITS_TRIED; b++)
		{
			Case c = {{ANGLE_METRIC_COSINE, DIMS, rotation, NULL},
					  bits_tried[b],
					  vectors,
					  vectors + DIMS};

			CHECK(check_case(&c) < limits[b]);
		}
		free(vectors);
	}
	free(rotation);
}

TEST(rerank_bounds_hold_for_the_angle_similarity)
{
	AngleRng rng;

	angle_rng_seed(&rng, 31);
	for (int dims = 1; dims < 70; dims += 3)
	{
		AngleRotation *rotation =
			angle_rotation_init(malloc(angle_rotation_size(dims)), dims, 9);
		AngleSpace space = {ANGLE_METRIC_COSINE, dims, rotation, NULL};
		float *vectors = points_normal(&rng, 3, dims);
		float *turned = vectors + 2 * dims;
		double truth = 1 - angle_distance_angle_similarity(
							   vectors, vectors + dims, (size_t) dims);
		double ratio = angle_space_turn(vectors + dims, dims, turned);
		uint8_t code[140];
		AngleRerankFactors factors;
		AngleRerankQuery q;
		AngleRerankScore score;

		REQUIRE(angle_space_enter(&space, turned, turned));
		REQUIRE(angle_space_enter(&space, vectors, vectors));
		angle_rerank_encode(dims, 8, vectors, code, &factors);
		angle_rerank_query(&q, &space, 8, turned);
		score = angle_rerank_score(&q, code, &factors);
		CHECK(fmin(angle_space_turned(score.lower, ratio),
				   angle_space_turned(score.upper, ratio)) <= truth);
		free(vectors);
		free(rotation);
	}
}

/* What estimates are off by in units of what they say, for queries from very near to the
 * point to far from it: 0 on average, one in the root of the squares. */
TEST(rerank_estimates_say_what_they_are_off_by)
{
	enum
	{
		DIMS = 384,
		TRIES = 300
	};
	static const float steps[] = {0.03f, 0.3f, 1, 3};
	AngleRotation *rotation =
		angle_rotation_init(malloc(angle_rotation_size(DIMS)), DIMS, 9);
	AngleSpace space = {ANGLE_METRIC_L2, DIMS, rotation, NULL};
	uint8_t *code = malloc(angle_rerank_size(DIMS, 6));
	AngleRng rng;

	angle_rng_seed(&rng, 13);
	for (int s = 0; s < 4; s++)
	{
		double sum = 0, squares = 0;

		for (int i = 0; i < TRIES; i++)
		{
			float *points = points_normal(&rng, 2, DIMS);
			AngleRerankFactors factors;
			AngleRerankScore score;
			AngleRerankQuery q;
			double truth = 0, off;

			for (int d = 0; d < DIMS; d++)
			{
				points[DIMS + d] = points[d] + steps[s] * points[DIMS + d];
				truth += pow((double) points[DIMS + d] - points[d], 2);
			}
			angle_rerank_encode(DIMS, 6, points, code, &factors);
			angle_rerank_query(&q, &space, 6, points + DIMS);
			score = angle_rerank_score(&q, code, &factors);
			off = (score.estimate - truth) / score.off;
			sum += off;
			squares += off * off;
			free(points);
		}
		CHECK(fabs(sum / TRIES) < 0.25);
		CHECK(sqrt(squares / TRIES) > 0.5 && sqrt(squares / TRIES) < 1.3);
	}
	free(code);
	free(rotation);
}

TEST(rerank_code_of_zero)
{
	const float zero[5] = {0};
	const float query[5] = {1, 2, 3, 4, 5};
	AngleRotation *rotation =
		angle_rotation_init(malloc(angle_rotation_size(5)), 5, 9);
	AngleSpace space = {ANGLE_METRIC_L2, 5, rotation, NULL};

	for (int b = 0; b < BITS_TRIED; b++)
	{
		uint8_t code[10];
		AngleRerankFactors factors;
		AngleRerankQuery q;

		angle_rerank_encode(5, bits_tried[b], zero, code, &factors);
		CHECK(factors.scale == 0 && factors.norm == 0 && factors.error == 0);
		angle_rerank_query(&q, &space, bits_tried[b], query);
		CHECK_NEAR(angle_rerank_score(&q, code, &factors).estimate, 55, 1e-6);
	}
	free(rotation);
}
