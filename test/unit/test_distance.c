#include "test.h"

#include <float.h>

#include "core/base/rng.h"
#include "core/distance/distance.h"
#include "core/distance/sums.h"

#define LONGEST 16000

/* the bound that sums.h states, and the one of the wide kernels */
#define NARROW 0x1p-18
#define WIDE 0x1p-39

static float u_buffer[LONGEST + 1];
static float v_buffer[LONGEST + 1];

/* One float behind the start: kernels must not count on alignment. */
static float *const u = u_buffer + 1;
static float *const v = v_buffer + 1;

/* The reference: one addition after another, in long double. */
typedef struct Reference
{
	long double dot, u_squared, v_squared, l2_squared, l1;
	long double dot_size; /* Σ|uᵢvᵢ| */
} Reference;

static Reference
reference(size_t n)
{
	Reference sums = {0, 0, 0, 0, 0, 0};

	for (size_t i = 0; i < n; i++)
	{
		long double x = u[i];
		long double y = v[i];

		sums.dot += x * y;
		sums.dot_size += fabsl(x * y);
		sums.u_squared += x * x;
		sums.v_squared += y * y;
		sums.l2_squared += (x - y) * (x - y);
		sums.l1 += fabsl(x - y);
	}
	return sums;
}

static void
fill(size_t n, uint64_t seed, float scale)
{
	AngleRng rng;

	angle_rng_seed(&rng, seed);
	for (size_t i = 0; i < n; i++)
	{
		u[i] = scale * angle_rng_normal(&rng);
		v[i] = scale * angle_rng_normal(&rng);
	}
	/* a kernel that reads too far meets a NaN */
	u[n < LONGEST ? n : LONGEST - 1] += n < LONGEST ? NAN : 0;
	v[n < LONGEST ? n : LONGEST - 1] += n < LONGEST ? NAN : 0;
}

static void
check_narrow(const AngleDistanceKernels *k, size_t n)
{
	Reference r = reference(n);
	AngleDotNorms sums = k->dot_norms(u, v, n);

	CHECK_NEAR(k->dot(u, v, n), r.dot, NARROW * r.dot_size);
	CHECK_NEAR(sums.dot, r.dot, NARROW * r.dot_size);
	CHECK_NEAR(sums.u_squared, r.u_squared, NARROW * r.u_squared);
	CHECK_NEAR(sums.v_squared, r.v_squared, NARROW * r.v_squared);
	CHECK_NEAR(k->l2_squared(u, v, n), r.l2_squared, NARROW * r.l2_squared);
	CHECK_NEAR(k->l1(u, v, n), r.l1, NARROW * r.l1);
}

static void
check_wide(const AngleDistanceKernels *k, size_t n)
{
	Reference r = reference(n);
	AngleDotNorms sums = k->dot_norms_wide(u, v, n);
	AngleChords chords = k->chords_wide(u, 3, v, 0.5, n);
	long double size = 9 * r.u_squared + r.v_squared / 4;

	CHECK_NEAR(sums.dot, r.dot, WIDE * r.dot_size);
	CHECK_NEAR(sums.u_squared, r.u_squared, WIDE * r.u_squared);
	CHECK_NEAR(sums.v_squared, r.v_squared, WIDE * r.v_squared);
	CHECK_NEAR(k->l2_squared_wide(u, v, n), r.l2_squared, WIDE * r.l2_squared);
	CHECK_NEAR(k->l1_wide(u, v, n), r.l1, WIDE * r.l1);
	CHECK_NEAR(chords.difference_squared, size - 3 * r.dot, 2 * WIDE * size);
	CHECK_NEAR(chords.sum_squared, size + 3 * r.dot, 2 * WIDE * size);
}

static void
check_symmetry(const AngleDistanceKernels *k, size_t n)
{
	AngleDotNorms uv = k->dot_norms(u, v, n);
	AngleDotNorms vu = k->dot_norms(v, u, n);
	AngleDotNorms uu = k->dot_norms(u, u, n);

	CHECK(uv.dot == vu.dot && uv.u_squared == vu.v_squared);
	CHECK(uu.dot == uu.u_squared && uu.dot == uu.v_squared);
	CHECK(k->dot(u, v, n) == k->dot(v, u, n));
	CHECK(k->l2_squared(u, v, n) == k->l2_squared(v, u, n));
	CHECK(k->l1(u, v, n) == k->l1(v, u, n));
	CHECK(n == 0 || k->l2_squared(u, v, n) > 0);
	CHECK(k->l2_squared(u, u, n) == 0 && k->l1(u, u, n) == 0);
}

TEST(distance_kernels_of_every_isa_agree_with_the_reference)
{
	static const size_t large[] = {383,	 384,  385,	  512,	 767,	 768,  1024,
								   1025, 1536, 2047,  2049,	 4096,	 4111, 8192,
								   8193, 9999, 12345, 15999, LONGEST};

	for (int isa = 0; isa < ANGLE_ISA_COUNT; isa++)
	{
		const AngleDistanceKernels *k =
			angle_distance_kernels_for((AngleIsa) isa);

		CHECK((k != NULL) == angle_cpu_supports((AngleIsa) isa));
		if (k == NULL)
			continue;
		for (size_t i = 0; i < 131 + sizeof(large) / sizeof(*large); i++)
		{
			size_t n = i < 131 ? i : large[i - 131];

			fill(n, n + 1, 1);
			check_narrow(k, n);
			check_wide(k, n);
			check_symmetry(k, n);
		}
	}
}

/* The bound is for the worst case: equal terms, all rounded the same way. */
TEST(distance_kernels_keep_their_bound_on_equal_terms)
{
	for (int isa = 0; isa < ANGLE_ISA_COUNT; isa++)
	{
		const AngleDistanceKernels *k =
			angle_distance_kernels_for((AngleIsa) isa);

		for (int n = 1; k != NULL && n <= LONGEST; n += n < 100 ? 1 : 531)
		{
			for (int i = 0; i < n; i++)
			{
				u[i] = 1.0000001F;
				v[i] = -0.33333334F;
			}
			check_narrow(k, (size_t) n);
		}
	}
}

TEST(distance_best_kernels_are_those_of_the_best_isa)
{
	CHECK(angle_distance_kernels() ==
		  angle_distance_kernels_for(angle_cpu_best()));
	CHECK(angle_distance_kernels() == angle_distance_kernels());
}

TEST(distance_known_values)
{
	const float a[] = {1, 2, 3};
	const float b[] = {4, 6, 3};
	const float negative[] = {-2, -4, -6};

	CHECK(angle_distance_dot(a, b, 3) == 25);
	CHECK(angle_distance_l2(a, b, 3) == 5);
	CHECK(angle_distance_l1(a, b, 3) == 7);
	CHECK(angle_distance_norm(b, 2) == sqrt(52));
	CHECK(angle_distance_cosine_similarity(a, negative, 3) == -1);
	CHECK_NEAR(angle_distance_angular(a, negative, 3), M_PI, 1e-15);
	CHECK(angle_distance_cosine_similarity(a, a, 3) == 1);
	CHECK(angle_distance_angular(a, a, 3) == 0);
	CHECK(angle_distance_angle_similarity(a, a, 3) == 1);
	CHECK(angle_distance_l2(a, b, 0) == 0);
	CHECK(angle_distance_dot(a, b, 0) == 0);
}

TEST(distance_zero_vectors_have_no_angle)
{
	const float zero[] = {0, -0.0F, 0};
	const float a[] = {1, 2, 3};

	CHECK(isnan(angle_distance_cosine_similarity(zero, a, 3)));
	CHECK(isnan(angle_distance_cosine_similarity(a, zero, 3)));
	CHECK(isnan(angle_distance_cosine_similarity(zero, zero, 3)));
	CHECK(isnan(angle_distance_angular(zero, a, 3)));
	CHECK(isnan(angle_distance_angular(a, zero, 3)));
	CHECK(isnan(angle_distance_angle_similarity(zero, a, 3)));
	CHECK(isnan(angle_distance_angle_similarity(a, zero, 3)));
}

/* From the smallest subnormal to the largest float, angles stay the same. */
TEST(distance_is_right_at_every_scale)
{
	static const float base_u[] = {1, 1, 0, 1, -1};
	static const float base_v[] = {1, 0, 1, 1, 1};
	static const float scales[] = {FLT_TRUE_MIN, 1e-40F, FLT_MIN, 1e-30F,
								   1e-13F,		 1,		 1e10F,	  FLT_MAX};

	for (size_t s = 0; s < sizeof(scales) / sizeof(*scales); s++)
	{
		for (int i = 0; i < 5; i++)
		{
			u[i] = scales[s] * base_u[i];
			v[i] = base_v[i] * scales[s];
		}
		CHECK_NEAR(angle_distance_cosine_similarity(u, v, 5), 0.25, 1e-7);
		CHECK_NEAR(angle_distance_angular(u, v, 5), acos(0.25), 1e-7);
		CHECK_NEAR(angle_distance_angle_similarity(u, v, 5), 0, 1e-7);
		CHECK_NEAR(angle_distance_l2(u, v, 5) / scales[s], sqrt(6), 1e-6);
		CHECK_NEAR(angle_distance_l1(u, v, 5) / scales[s], 4, 1e-6);
		CHECK_NEAR(angle_distance_norm(u, 5) / scales[s], 2, 1e-6);
	}
	CHECK_NEAR(angle_distance_dot(u, u, 5), 4 * (double) FLT_MAX * FLT_MAX,
			   1e63);
}

/* Rotated by θ in one plane, where θ is far below what a rounded cosine shows;
 * the expected angle is that of the rounded vectors. */
TEST(distance_angular_is_accurate_near_zero_and_pi)
{
	for (double theta = 1; theta > 1e-7; theta /= 3)
	{
		double expected;

		fill(768, 5, 1);
		for (int i = 0; i < 768; i += 2)
		{
			v[i] = (float) (u[i] * cos(theta) - u[i + 1] * sin(theta));
			v[i + 1] = (float) (u[i] * sin(theta) + u[i + 1] * cos(theta));
		}
		{
			Reference r = reference(768);
			long double across = 0;

			/* Lagrange: Σ(uᵢvⱼ − uⱼvᵢ)² for i < j is ‖u‖²‖v‖² − (u·v)² */
			for (int i = 0; i < 768; i++)
			{
				for (int j = i + 1; j < 768; j++)
				{
					long double x =
						(long double) u[i] * v[j] - (long double) u[j] * v[i];

					across += x * x;
				}
			}
			expected = (double) atan2l(sqrtl(across), r.dot);
		}
		CHECK_NEAR(angle_distance_angular(u, v, 768), expected,
				   theta > 0.5 ? 5 * NARROW : 1e-14);
		for (int i = 0; i < 768; i++)
			v[i] = -v[i] / 2;
		CHECK_NEAR(angle_distance_angular(u, v, 768), M_PI - expected,
				   theta > 0.5 ? 5 * NARROW : 1e-14);
	}
}

TEST(distance_cosine_stays_within_one)
{
	for (int n = 1; n <= 130; n++)
	{
		double cosine;

		fill((size_t) n, (uint64_t) n, 1e-3F);
		for (int i = 0; i < n; i++)
			v[i] = 3 * u[i];
		cosine = angle_distance_cosine_similarity(u, v, (size_t) n);
		CHECK(cosine <= 1);
		CHECK_NEAR(cosine, 1, 1e-6);
		CHECK(angle_distance_cosine_similarity(u, u, (size_t) n) == 1);
		CHECK(angle_distance_angular(u, u, (size_t) n) == 0);
	}
}

/* The twin of vector() in golden/angle_similarity.py. */
static void
make_golden_vector(float *out, unsigned seed, size_t n)
{
	uint64_t state = seed;

	for (size_t i = 0; i < n; i++)
	{
		state = (state * 1103515245 + 12345) % 0x80000000;
		out[i] = (float) ((int) ((state >> 8) % 4001) - 2000) / 1024;
	}
}

TEST(distance_angle_similarity_equals_sentence_transformers)
{
	size_t size;
	char *golden = test_read("golden/angle_similarity.txt", &size);
	int cases = 0;
	int used;
	size_t n;
	unsigned u_seed;
	unsigned v_seed;
	double expected;

	REQUIRE(golden != NULL);
	for (const char *p = golden; sscanf(p, "%zu %u %u %lf%n", &n, &u_seed,
										&v_seed, &expected, &used) == 4;
		 p += used)
	{
		make_golden_vector(u, u_seed, n);
		make_golden_vector(v, v_seed, n);
		CHECK_NEAR(angle_distance_angle_similarity(u, v, n), expected, 1e-6);
		cases++;
	}
	CHECK_INT(cases, 78);
	free(golden);
}

/* |Σre + Σim| / (‖u‖‖v‖) = √2 |cos(Ru, v)| with Ru = (a + b, b − a)/√2. */
TEST(distance_angle_similarity_is_the_cosine_of_the_turned_query)
{
	fill(768, 9, 1);
	{
		double score = angle_distance_angle_similarity(u, v, 768);
		double cosine;

		for (int i = 0; i < 384; i++)
		{
			float a = u[i];
			float b = u[i + 384];

			u[i] = a + b;
			u[i + 384] = b - a;
		}
		cosine = angle_distance_cosine_similarity(u, v, 768);
		CHECK_NEAR(score, sqrt(2) * fabs(cosine), 1e-6);
	}
}
