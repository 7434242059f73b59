#include "core/base/vector_sums.h"

#include <stdbool.h>

/* Sums side by side, none of which waits for another. */
#define SUMS 8

static inline double
term(float x, bool squared)
{
	return squared ? (double) x * x : x;
}

static inline double
add_terms(const float *x, int dims, bool squared)
{
	double sums[SUMS] = {0};
	double sum = 0;
	int i = 0;

	for (; i + SUMS <= dims; i += SUMS)
#pragma GCC unroll 8
		for (int j = 0; j < SUMS; j++)
			sums[j] += term(x[i + j], squared);
	for (int j = 0; j < SUMS; j++)
		sum += sums[j];
	for (; i < dims; i++)
		sum += term(x[i], squared);
	return sum;
}

double
angle_norm_squared(const float *x, int dims)
{
	return add_terms(x, dims, true);
}

double
angle_sum(const float *x, int dims)
{
	return add_terms(x, dims, false);
}
