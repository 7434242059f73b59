/* Rows of doubles, which losses are computed in, by the backward kernels. */
#ifndef ANGLE_DOUBLE_ROWS_H
#define ANGLE_DOUBLE_ROWS_H

#include <math.h>

#include "core/train/backward_kernels.h"

static inline double
angle_row_dot(const double *a, const double *b, size_t n)
{
	return angle_backward_kernels()->dot(a, b, n);
}

/* y += a x */
static inline void
angle_row_add(double *y, double a, const double *x, size_t n)
{
	angle_backward_kernels()->add_scaled(y, a, x, n);
}

/* Scores to their softmax; returns the log of its denominator. */
static inline double
angle_row_softmax(double *scores, size_t n)
{
	double max = -INFINITY;
	double sum = 0;

	for (size_t j = 0; j < n; j++)
		max = scores[j] > max ? scores[j] : max;
	for (size_t j = 0; j < n; j++)
	{
		scores[j] = exp(scores[j] - max);
		sum += scores[j];
	}
	for (size_t j = 0; j < n; j++)
		scores[j] /= sum;
	return max + log(sum);
}

#endif
