/* What a distance costs: nanoseconds for each instruction set that this
 * processor has, beside the loop that one would write, which the makefile has
 * the compiler vectorise for FMA with additions in any order, as pgvector's
 * build does. Vectors start 8 bytes into a cache line, as in a datum; one
 * query meets 64 others. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/rng.h"
#include "core/distance/sums.h"

#define VECTORS 64
#define LONGEST 16000

typedef double (*Sum)(const float *u, const float *v, size_t n);

static _Alignas(64) float storage[(VECTORS + 1) * (LONGEST + 16)];

static double
plain_dot(const float *u, const float *v, size_t n)
{
	float sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += u[i] * v[i];
	return sum;
}

static double
plain_l2_squared(const float *u, const float *v, size_t n)
{
	float sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (u[i] - v[i]) * (u[i] - v[i]);
	return sum;
}

static double
plain_l1(const float *u, const float *v, size_t n)
{
	float sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += fabsf(u[i] - v[i]);
	return sum;
}

static double
plain_cosine(const float *u, const float *v, size_t n)
{
	float dot = 0;
	float u_squared = 0;
	float v_squared = 0;

	for (size_t i = 0; i < n; i++)
	{
		dot += u[i] * v[i];
		u_squared += u[i] * u[i];
		v_squared += v[i] * v[i];
	}
	return dot / sqrt((double) u_squared * v_squared);
}

static const AngleDistanceKernels *kernels;

static double
cosine(const float *u, const float *v, size_t n)
{
	AngleDotNorms sums = kernels->dot_norms(u, v, n);

	return sums.dot / sqrt(sums.u_squared * sums.v_squared);
}

static double
cosine_wide(const float *u, const float *v, size_t n)
{
	AngleDotNorms sums = kernels->dot_norms_wide(u, v, n);

	return sums.dot / sqrt(sums.u_squared * sums.v_squared);
}

/* Nanoseconds of one call, the best of 15 rounds. */
static double
measure(Sum sum, size_t n)
{
	size_t stride = (n + 15) / 16 * 16;
	size_t calls = 4000000 / (n + 100);
	double best = INFINITY;
	volatile double result;

	for (int round = 0; round < 15; round++)
	{
		struct timespec start;
		struct timespec end;
		double total = 0;
		double each;

		clock_gettime(CLOCK_MONOTONIC, &start);
		for (size_t i = 0; i < calls; i++)
			total +=
				sum(storage + 2, storage + 2 + (1 + i % VECTORS) * stride, n);
		clock_gettime(CLOCK_MONOTONIC, &end);
		result = total;
		(void) result;
		each = ((double) (end.tv_sec - start.tv_sec) * 1e9 +
				(double) (end.tv_nsec - start.tv_nsec)) /
			   (double) calls;
		best = fmin(best, each);
	}
	return best;
}

static void
print_row(size_t n, const char *name, const Sum sums[4])
{
	printf("%6zu  %-12s", n, name);
	for (int i = 0; i < 4; i++)
	{
		if (sums[i] != NULL)
			printf("%8.1f", measure(sums[i], n));
		else
			printf("%8s", "");
	}
	printf("\n");
}

int
main(void)
{
	static const size_t lengths[] = {100, 384, 768, 1024, 1536, LONGEST};
	static const Sum plain[] = {plain_dot, plain_l2_squared, plain_l1,
								plain_cosine};
	AngleRng rng;

	angle_rng_seed(&rng, 1);
	for (size_t i = 0; i < sizeof(storage) / sizeof(*storage); i++)
		storage[i] = angle_rng_normal(&rng);
	printf("%6s  %-12s%8s%8s%8s%8s   ns\n", "n", "", "dot", "l2", "l1",
		   "cosine");
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
	{
		print_row(lengths[i], "plain loop", plain);
		for (int isa = 0; isa < ANGLE_ISA_COUNT; isa++)
		{
			kernels = angle_distance_kernels_for((AngleIsa) isa);
			if (kernels == NULL || isa == ANGLE_ISA_AVX512_VNNI ||
				isa == ANGLE_ISA_AMX)
				continue;
			print_row(lengths[i], angle_isa_name((AngleIsa) isa),
					  (const Sum[]){kernels->dot, kernels->l2_squared,
									kernels->l1, cosine});
			print_row(lengths[i], "  in double",
					  (const Sum[]){NULL, kernels->l2_squared_wide,
									kernels->l1_wide, cosine_wide});
		}
	}
	return 0;
}
