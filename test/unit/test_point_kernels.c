#include "test.h"

#include "core/ann/point_kernels.h"
#include "core/tensor/kernels.h"
#include "points.h"

/* Every table of kernels that this processor can execute, under its own name. */
#define EACH_KERNELS(kernels)                              \
	for (int isa_ = 0; isa_ < ANGLE_ISA_COUNT; isa_++)     \
		for (const AnglePointKernels *kernels =            \
				 angle_point_kernels_for((AngleIsa) isa_); \
			 kernels != NULL; kernels = NULL)

enum
{
	MOST = 40,
	COUNT = 333
};

/* The n best of scores in two parts, the one way and then the other: from the first on
 * those that are not below any before them. */
static void
check_best(const AnglePointKernels *kernels, const float *scores, int n)
{
	float best[MOST];
	uint32_t ids[MOST];
	bool taken[COUNT] = {false};
	const size_t half = 10 * ANGLE_PANEL;

	for (int i = 0; i < MOST; i++)
	{
		best[i] = i < n ? -INFINITY : 7;
		ids[i] = i < n ? UINT32_MAX : 7;
	}
	kernels->best(scores, half, 100, n, best, ids);
	kernels->best(scores + half, COUNT - half, 100 + (uint32_t) half, n, best,
				  ids);
	for (int i = 0; i < n; i++)
	{
		size_t expected = COUNT;

		/* the greatest that is left, the first of equal ones */
		for (size_t c = 0; c < COUNT; c++)
			if (!taken[c] &&
				(expected == COUNT || scores[c] > scores[expected]))
				expected = c;
		taken[expected] = true;
		CHECK_INT(ids[i], 100 + expected);
		CHECK(best[i] == scores[expected]);
	}
	for (int i = n; i < MOST; i++)
		CHECK(best[i] == 7 && ids[i] == 7);
}

TEST(point_kernels_keep_the_best_scores)
{
	float scores[(COUNT + ANGLE_PANEL) / ANGLE_PANEL * ANGLE_PANEL];
	AngleRng rng;

	EACH_KERNELS(kernels)
	{
		angle_rng_seed(&rng, 5);
		for (int n = 1; n <= MOST; n++)
		{
			for (size_t c = 0; c < sizeof(scores) / sizeof(scores[0]); c++)
				scores[c] = c < COUNT ? (float) angle_rng_below(&rng, 100) - 50
									  : -INFINITY;
			check_best(kernels, scores, n);
		}
	}
}

TEST(point_kernels_keep_what_there_is)
{
	float scores[ANGLE_PANEL];

	for (int i = 0; i < ANGLE_PANEL; i++)
		scores[i] = i < 3 ? (float) i : -INFINITY;
	EACH_KERNELS(kernels)
	{
		float best[5];
		uint32_t ids[5];

		for (int i = 0; i < 5; i++)
		{
			best[i] = -INFINITY;
			ids[i] = UINT32_MAX;
		}
		kernels->best(scores, 3, 0, 5, best, ids);
		CHECK(ids[0] == 2 && ids[1] == 1 && ids[2] == 0);
		CHECK(ids[3] == UINT32_MAX && best[4] == -INFINITY);
	}
}

TEST(point_kernels_add_and_multiply)
{
	float x[200], a[200], b[200];
	AngleRng rng;

	angle_rng_seed(&rng, 8);
	for (int i = 0; i < 200; i++)
	{
		x[i] = angle_rng_normal(&rng);
		a[i] = angle_rng_normal(&rng);
		b[i] = angle_rng_normal(&rng);
	}
	EACH_KERNELS(kernels)
	{
		for (size_t n = 0; n < 200; n++)
		{
			double sum[200] = {0};
			double product = 0, distance = 0, residuals = 0;

			kernels->add(sum, x, n, 1);
			kernels->add(sum, a, n, -1);
			for (size_t i = 0; i < 200; i++)
				CHECK(sum[i] == (i < n ? (double) x[i] - (double) a[i] : 0));
			for (size_t i = 0; i < n; i++)
			{
				product += (double) x[i] * a[i];
				distance += (double) (x[i] - a[i]) * (x[i] - a[i]);
				residuals += (double) (x[i] - a[i]) * (x[i] - b[i]);
			}
			CHECK_NEAR(kernels->product(x, a, n), product, 1e-4);
			CHECK_NEAR(kernels->squared_distance(x, a, n), distance, 1e-4);
			CHECK_NEAR(kernels->residual_product(x, a, b, n), residuals, 1e-4);
		}
	}
}
