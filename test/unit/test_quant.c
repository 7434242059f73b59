#include "test.h"

#include <float.h>

#include "core/distance/distance.h"
#include "core/quant/quant_kernels.h"
#include "core/quant/rabitq.h"
#include "core/quant/space.h"
#include "points.h"

static const int sizes[] = {1,	2,	 3,	  5,	7,	  8,	31,	  33,
							96, 384, 768, 1000, 1023, 1024, 1025, 16000};
#define SIZES (sizeof(sizes) / sizeof(*sizes))

static AngleRotation *
make_rotation(int dims, uint64_t seed)
{
	return angle_rotation_init(malloc(angle_rotation_size(dims)), dims, seed);
}

TEST(rotation_keeps_norms_and_inner_products)
{
	AngleRng rng;

	angle_rng_seed(&rng, 1);
	for (size_t s = 0; s < SIZES; s++)
	{
		int dims = sizes[s];
		AngleRotation *rotation = make_rotation(dims, 5);
		float *u = points_normal(&rng, 2, dims);
		float *v = u + dims;
		double norms = points_dot(u, u, dims) + points_dot(v, v, dims);
		double before = points_dot(u, v, dims);

		angle_rotation_apply(rotation, u);
		angle_rotation_apply(rotation, v);
		CHECK_NEAR(points_dot(u, u, dims) + points_dot(v, v, dims), norms,
				   2 * ANGLE_ROTATION_ERROR * norms);
		CHECK_NEAR(points_dot(u, v, dims), before,
				   2 * ANGLE_ROTATION_ERROR * norms);
		free(u);
		free(rotation);
	}
}

TEST(rotation_is_made_of_its_seed)
{
	float a[96];
	float b[96];
	float c[96];
	AngleRotation *first = make_rotation(96, 7);
	AngleRotation *again = make_rotation(96, 7);
	AngleRotation *other = make_rotation(96, 8);

	for (int i = 0; i < 96; i++)
		a[i] = b[i] = c[i] = (float) (i + 1);
	angle_rotation_apply(first, a);
	angle_rotation_apply(again, b);
	angle_rotation_apply(other, c);
	CHECK(memcmp(a, b, sizeof(a)) == 0);
	CHECK(memcmp(a, c, sizeof(a)) != 0);
	free(first);
	free(again);
	free(other);
}

/* Codes that one machine has made are read by others. */
TEST(rotation_has_the_same_bits_for_every_isa)
{
	float x[1000];
	float expected[1000];
	uint32_t signs[ANGLE_ROTATION_ROUNDS * 1000];
	AngleRng rng;

	angle_rng_seed(&rng, 11);
	for (int i = 0; i < ANGLE_ROTATION_ROUNDS * 1000; i++)
		signs[i] = (uint32_t) (angle_rng_next(&rng) >> 63) << 31;
	for (int isa = 0; isa < ANGLE_ISA_COUNT; isa++)
	{
		const AngleQuantKernels *kernels =
			angle_quant_kernels_for((AngleIsa) isa);

		if (kernels == NULL)
			continue;
		for (int i = 0; i < 1000; i++)
			x[i] = sinf((float) i);
		kernels->rotate(x, 1000, 512, signs);
		if (isa == ANGLE_ISA_BASELINE)
			memcpy(expected, x, sizeof(x));
		CHECK(memcmp(x, expected, sizeof(x)) == 0);
	}
}

/* A single coordinate spreads over all: no image is greater than six times
 * what it would be if all were equally great. */
TEST(rotation_spreads_unit_vectors)
{
	static const int dims_tried[] = {96, 384, 768, 1000, 1023, 1025, 16000};

	for (size_t s = 0; s < sizeof(dims_tried) / sizeof(*dims_tried); s++)
	{
		int dims = dims_tried[s];
		AngleRotation *rotation = make_rotation(dims, 3);
		float *x = malloc((size_t) dims * sizeof(*x));

		for (int axis = 0; axis < dims; axis += 1 + dims / 40)
		{
			float greatest = 0;

			memset(x, 0, (size_t) dims * sizeof(*x));
			x[axis] = 1;
			angle_rotation_apply(rotation, x);
			for (int i = 0; i < dims; i++)
				greatest = fmaxf(greatest, fabsf(x[i]));
			CHECK(greatest < 6 / sqrt(dims));
		}
		free(x);
		free(rotation);
	}
}

TEST(space_keeps_the_distances_of_every_metric)
{
	enum
	{
		DIMS = 100
	};
	AngleRotation *rotation = make_rotation(DIMS, 2);
	AngleRng rng;
	float *u;
	float *v;
	float a[DIMS];
	float b[DIMS];
	float centre[DIMS];

	angle_rng_seed(&rng, 3);
	u = points_normal(&rng, 2, DIMS);
	v = u + DIMS;
	for (int i = 0; i < DIMS; i++)
		centre[i] = (float) i / 1000;
	for (int metric = ANGLE_METRIC_COSINE; metric <= ANGLE_METRIC_INNER_PRODUCT;
		 metric++)
	{
		AngleSpace space = {(AngleMetric) metric, DIMS, rotation,
							metric == ANGLE_METRIC_INNER_PRODUCT ? NULL
																 : centre};
		double score;
		double expected = metric == ANGLE_METRIC_COSINE
							  ? 1 - angle_distance_cosine_similarity(u, v, DIMS)
						  : metric == ANGLE_METRIC_L2
							  ? angle_distance_l2(u, v, DIMS)
							  : -angle_distance_dot(u, v, DIMS);

		CHECK(angle_space_enter(&space, u, a));
		CHECK(angle_space_enter(&space, v, b));
		score = metric == ANGLE_METRIC_INNER_PRODUCT
					? -points_dot(a, b, DIMS)
					: points_squared_distance(a, b, DIMS);
		CHECK_NEAR(angle_space_distance((AngleMetric) metric, score), expected,
				   1e-5 * (1 + fabs(expected)));
		if (metric == ANGLE_METRIC_COSINE)
			CHECK_NEAR(angle_space_angular(score),
					   angle_distance_angular(u, v, DIMS), 1e-5);
	}
	free(u);
	free(rotation);
}

TEST(space_refuses_what_has_no_point)
{
	AngleRotation *rotation = make_rotation(3, 2);
	AngleSpace space = {ANGLE_METRIC_COSINE, 3, rotation, NULL};
	const float zero[] = {0, -0.0f, 0};
	const float infinite[] = {0, INFINITY, 0};
	const float nan[] = {NAN, 1, 0};
	const float tiny[] = {1e-45f, 0, 0};
	float point[3];

	CHECK(!angle_space_enter(&space, zero, point));
	CHECK(!angle_space_enter(&space, infinite, point));
	CHECK(!angle_space_enter(&space, nan, point));
	CHECK(angle_space_enter(&space, tiny, point));
	CHECK_NEAR(points_dot(point, point, 3), 1, 1e-5);
	space.metric = ANGLE_METRIC_L2;
	CHECK(angle_space_enter(&space, zero, point));
	CHECK(points_dot(point, point, 3) == 0);
	free(rotation);
}

TEST(space_brings_no_two_points_further_apart)
{
	AngleRotation *rotation = make_rotation(3, 2);
	AngleSpace space = {ANGLE_METRIC_L2, 3, rotation, NULL};
	const float far[] = {FLT_MAX, -FLT_MAX, FLT_MAX};
	const float near[] = {1e19f, 0, 0};
	float a[3];
	float b[3];

	CHECK(angle_space_enter(&space, far, a));
	CHECK(angle_space_enter(&space, near, b));
	CHECK(isfinite(a[0]) && isfinite(a[1]) && isfinite(a[2]));
	CHECK(sqrt(points_squared_distance(a, b, 3)) <
		  angle_distance_l2(far, near, 3));
	CHECK(isfinite((float) points_squared_distance(a, b, 3)));
	free(rotation);
}

/* The score of a column against the turned query is that of <@>. */
TEST(space_turns_queries_for_the_angle_similarity)
{
	AngleRng rng;

	angle_rng_seed(&rng, 9);
	for (int dims = 1; dims < 40; dims++)
	{
		AngleRotation *rotation = make_rotation(dims, 2);
		AngleSpace space = {ANGLE_METRIC_COSINE, dims, rotation, NULL};
		float *u = points_normal(&rng, 2, dims);
		const float *q = u + dims;
		double expected =
			1 - angle_distance_angle_similarity(u, q, (size_t) dims);
		float turned[40];
		double ratio = angle_space_turn(q, dims, turned);

		CHECK(dims % 2 == 1 || fabs(ratio - 1) < 1e-6);
		CHECK(angle_space_enter(&space, u, u));
		CHECK(angle_space_enter(&space, turned, turned));
		CHECK_NEAR(
			angle_space_turned(points_squared_distance(u, turned, dims), ratio),
			expected, 1e-5);
		free(u);
		free(rotation);
	}
}

/* ---- RaBitQ ---- */

/* What estimates of many rotations say of one pair of points. */
typedef struct Trial
{
	double mean; /* of (estimate − score)/(error · probe.error) */
	double outside;
	double spread; /* the root of the mean square of the same */
} Trial;

#define TRIALS 2000

/* The same three vectors under TRIALS rotations. */
static Trial
try_rotations(AngleMetric metric, int dims, const float *vectors)
{
	Trial trial = {0, 0, 0};
	float *points = malloc((size_t) dims * 3 * sizeof(*points));
	const float *o = points;
	const float *c = points + dims;
	const float *q = points + 2 * dims;
	uint8_t code[ANGLE_CODED_MAX / 8];

	for (uint64_t seed = 0; seed < TRIALS; seed++)
	{
		AngleRotation *rotation = make_rotation(dims, seed);
		AngleFactors factors;
		AngleProbe probe;
		double score;
		double off;

		memcpy(points, vectors, (size_t) dims * 3 * sizeof(*points));
		for (int i = 0; i < 3; i++)
			angle_rotation_apply(rotation, points + i * dims);
		score = metric == ANGLE_METRIC_INNER_PRODUCT
					? -points_dot(o, q, dims)
					: points_squared_distance(o, q, dims);
		angle_rabitq_encode(metric, dims, o, c, code, &factors);
		probe = angle_rabitq_probe(metric, dims, q, c);
		off = (angle_rabitq_estimate(dims, code, &factors, probe, q) - score) /
			  ((double) factors.error * probe.error);
		trial.mean += off / TRIALS;
		trial.spread += off * off / TRIALS;
		trial.outside += (double) (fabs(off) > 1) / TRIALS;
		free(rotation);
	}
	trial.spread = sqrt(trial.spread);
	free(points);
	return trial;
}

/*
 * A standard deviation is 1/ε₀ of the bound at most (less where w is shorter
 * than q − c), so the mean of 2,000 estimates is off by 0.012 of the bound;
 * 0.05 is four times that. Of a normal distribution 5.7 % lie beyond 1.9.
 */
static void
check_trial(AngleMetric metric, int dims, const float *vectors)
{
	Trial trial = try_rotations(metric, dims, vectors);

	CHECK_NEAR(trial.mean, 0, 0.05);
	CHECK(trial.outside < 0.075);
	CHECK(trial.spread < 1 / ANGLE_RABITQ_EPSILON * 1.05);
}

TEST(rabitq_estimates_have_no_bias_and_keep_their_bound)
{
	static const int dims_tried[] = {30, 96, 384, 1000, 2500};

	for (size_t s = 0; s < sizeof(dims_tried) / sizeof(*dims_tried); s++)
	{
		int dims = dims_tried[s];
		AngleRng rng;
		float *vectors;

		angle_rng_seed(&rng, 21 + (uint64_t) s);
		vectors = points_normal(&rng, 3, dims);
		/* a query near the point, and a centroid that is not at the origin */
		for (int i = 0; i < dims; i++)
		{
			vectors[dims + i] *= 0.7f;
			vectors[2 * dims + i] += vectors[i];
		}
		check_trial(ANGLE_METRIC_L2, dims, vectors);
		check_trial(ANGLE_METRIC_INNER_PRODUCT, dims, vectors);
		free(vectors);
	}
}

/* Beyond ANGLE_CODED_MAX the tail of r may be all there is to it: a point that
 * differs from its centroid in few coordinates, before they are rotated. */
TEST(rabitq_codes_of_a_part_have_no_bias)
{
	enum
	{
		DIMS = 4000
	};
	AngleRng rng;
	float *vectors;

	angle_rng_seed(&rng, 77);
	vectors = points_normal(&rng, 3, DIMS);
	for (int i = 0; i < DIMS; i++)
	{
		vectors[i] = vectors[DIMS + i] + (i % 400 == 7 ? 3.0f : 0);
		vectors[2 * DIMS + i] =
			vectors[i] * 0.9f + 0.1f * vectors[2 * DIMS + i];
	}
	check_trial(ANGLE_METRIC_L2, DIMS, vectors);
	free(vectors);
}

TEST(rabitq_is_exact_where_the_query_is_the_point)
{
	AngleRng rng;

	angle_rng_seed(&rng, 4);
	for (size_t s = 0; s < SIZES; s++)
	{
		int dims = sizes[s];
		float *points = points_normal(&rng, 2, dims);
		uint8_t code[ANGLE_CODED_MAX / 8];
		AngleFactors factors;
		AngleProbe probe;

		angle_rabitq_encode(ANGLE_METRIC_L2, dims, points, points + dims, code,
							&factors);
		probe =
			angle_rabitq_probe(ANGLE_METRIC_L2, dims, points, points + dims);
		CHECK_NEAR(angle_rabitq_estimate(dims, code, &factors, probe, points),
				   0, 1e-5 * points_dot(points, points, dims));
		free(points);
	}
}

TEST(rabitq_of_a_point_on_its_centroid)
{
	const float point[] = {1, -2, 3};
	const float query[] = {2, 0, 3};
	uint8_t code[4];
	AngleFactors factors;
	AngleProbe probe;

	angle_rabitq_encode(ANGLE_METRIC_L2, 3, point, point, code, &factors);
	probe = angle_rabitq_probe(ANGLE_METRIC_L2, 3, query, point);
	CHECK(angle_rabitq_estimate(3, code, &factors, probe, query) == 5);
	CHECK(factors.error == 0);
	angle_rabitq_encode(ANGLE_METRIC_INNER_PRODUCT, 3, point, point, code,
						&factors);
	probe = angle_rabitq_probe(ANGLE_METRIC_INNER_PRODUCT, 3, query, point);
	CHECK(angle_rabitq_estimate(3, code, &factors, probe, query) == -11);
}

TEST(rabitq_factors_are_finite_at_every_scale)
{
	static const float scales[] = {FLT_TRUE_MIN, 1e-30f, 1, 1e18f};
	AngleRng rng;
	float *points;

	angle_rng_seed(&rng, 4);
	points = points_normal(&rng, 2, 33);
	for (size_t s = 0; s < sizeof(scales) / sizeof(*scales); s++)
	{
		float scaled[66];
		uint8_t code[8];
		AngleFactors factors;

		for (int i = 0; i < 66; i++)
			scaled[i] = points[i] * scales[s];
		angle_rabitq_encode(ANGLE_METRIC_L2, 33, scaled, scaled + 33, code,
							&factors);
		CHECK(isfinite(factors.add) && isfinite(factors.rescale) &&
			  isfinite(factors.error));
		CHECK(factors.error >= 0);
		/* bits behind K */
		CHECK(code[4] < 2 && code[5] == 0 && code[6] == 0 && code[7] == 0);
	}
	free(points);
}

/* Every instruction set, from any address, against sums in double. */
TEST(distances_to_stored_vectors)
{
	AngleRng rng;

	angle_rng_seed(&rng, 12);
	for (size_t s = 0; s < SIZES; s++)
	{
		const int dims = sizes[s];
		const size_t n = (size_t) dims;
		float *u = points_normal(&rng, 2, dims);
		float *v = u + dims;
		AngleBfloat *stored = malloc((n + 1) * sizeof(*stored));
		double sizes_of_terms;

		angle_bfloat_encode(v, stored + 1, n);
		angle_bfloat_decode(stored + 1, v, n);
		sizes_of_terms = points_dot(u, u, dims) + points_dot(v, v, dims);
		for (int isa = 0; isa < ANGLE_ISA_COUNT; isa++)
		{
			const AngleQuantKernels *kernels =
				angle_quant_kernels_for((AngleIsa) isa);
			const double off = ldexp(sizes_of_terms, -18);

			if (kernels == NULL)
				continue;
			CHECK_NEAR(kernels->squared_distance_stored(u, stored + 1, n),
					   points_squared_distance(u, v, dims), 2 * off);
			CHECK_NEAR(kernels->product_stored(u, stored + 1, n),
					   points_dot(u, v, dims), off);
			/* the same numbers, added in the same order */
			CHECK(kernels->squared_distance_stored(u, stored + 1, n) ==
				  kernels->squared_distance(u, v, n));
		}
		free(stored);
		free(u);
	}
}

/* A new instruction set must not fall back to the plainest kernels. */
TEST(quant_kernels_exist_for_every_isa_above_the_baseline)
{
	for (int isa = 0; isa < ANGLE_ISA_COUNT; isa++)
	{
		const AngleQuantKernels *kernels =
			angle_quant_kernels_for((AngleIsa) isa);

		CHECK((kernels != NULL) == angle_cpu_supports((AngleIsa) isa));
		if (kernels != NULL && isa >= ANGLE_ISA_AVX2 && isa <= ANGLE_ISA_AMX)
			CHECK(kernels != angle_quant_kernels_for(ANGLE_ISA_BASELINE));
	}
}
