#include "core/distance/distance.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "core/distance/sums.h"

/*
 * Whether a sum of squares came out of float arithmetic unharmed: no overflow,
 * and so far above the smallest float that the terms that underflowed, each
 * below 2^-126, are below 2^-26 of it for any n ≤ 2^14.
 */
static bool
trustworthy(double sum_of_squares)
{
	return sum_of_squares >= 0x1p-86 && sum_of_squares <= (double) FLT_MAX;
}

double
angle_distance_dot(const float *u, const float *v, size_t n)
{
	const AngleDistanceKernels *kernels = angle_distance_kernels();
	double dot = kernels->dot(u, v, n);

	/* small products need no second look: what underflow takes from them is
	 * below 2^-112, and a dot product has no scale of its own */
	return isfinite(dot) ? dot : kernels->dot_norms_wide(u, v, n).dot;
}

double
angle_distance_l2(const float *u, const float *v, size_t n)
{
	const AngleDistanceKernels *kernels = angle_distance_kernels();
	double squared = kernels->l2_squared(u, v, n);

	if (!trustworthy(squared))
		squared = kernels->l2_squared_wide(u, v, n);
	return sqrt(squared);
}

double
angle_distance_l1(const float *u, const float *v, size_t n)
{
	const AngleDistanceKernels *kernels = angle_distance_kernels();
	double sum = kernels->l1(u, v, n);

	return isfinite(sum) ? sum : kernels->l1_wide(u, v, n);
}

double
angle_distance_norm(const float *u, size_t n)
{
	return sqrt(angle_distance_kernels()->dot_norms_wide(u, u, n).u_squared);
}

/* Dot product and squared norms at any scale. */
static AngleDotNorms
dot_norms(const float *u, const float *v, size_t n)
{
	const AngleDistanceKernels *kernels = angle_distance_kernels();
	AngleDotNorms sums = kernels->dot_norms(u, v, n);

	if (trustworthy(sums.u_squared) && trustworthy(sums.v_squared))
		return sums;
	return kernels->dot_norms_wide(u, v, n);
}

/* value / √(u² v²); the product would underflow for the smallest vectors. */
static double
normalise(double value, const AngleDotNorms *sums)
{
	double product = sums->u_squared * sums->v_squared;

	if (sums->u_squared == 0 || sums->v_squared == 0)
		return NAN;
	if (product >= DBL_MIN)
		return value / sqrt(product);
	return value / (sqrt(sums->u_squared) * sqrt(sums->v_squared));
}

static double
clamp(double x, double low, double high)
{
	/* the comparisons keep NaN */
	if (x < low)
		return low;
	return x > high ? high : x;
}

double
angle_distance_cosine_similarity(const float *u, const float *v, size_t n)
{
	AngleDotNorms sums = dot_norms(u, v, n);

	return clamp(normalise(sums.dot, &sums), -1, 1);
}

double
angle_distance_angular(const float *u, const float *v, size_t n)
{
	const AngleDistanceKernels *kernels = angle_distance_kernels();
	AngleDotNorms sums = dot_norms(u, v, n);
	double cosine = normalise(sums.dot, &sums);
	AngleChords chords;

	if (isnan(cosine) || fabs(cosine) < 0.9)
		return acos(cosine);
	sums = kernels->dot_norms_wide(u, v, n);
	chords = kernels->chords_wide(u, 1 / sqrt(sums.u_squared), v,
								  1 / sqrt(sums.v_squared), n);
	return 2 * atan2(sqrt(chords.difference_squared), sqrt(chords.sum_squared));
}

double
angle_distance_angle_similarity(const float *u, const float *v, size_t n)
{
	const AngleDistanceKernels *kernels = angle_distance_kernels();
	size_t half = n - n / 2;
	size_t rest = n / 2;
	AngleDotNorms sums = kernels->dot_norms(u, v, n);
	double imaginary;

	/* Σ(ac + bd) is u·v itself, and b·c − a·d are two products of halves, in
	 * which the padding of an odd n meets the last of a and of c */
	if (trustworthy(sums.u_squared) && trustworthy(sums.v_squared))
		imaginary =
			kernels->dot(u + half, v, rest) - kernels->dot(u, v + half, rest);
	else
	{
		sums = kernels->dot_norms_wide(u, v, n);
		imaginary = kernels->dot_norms_wide(u + half, v, rest).dot -
					kernels->dot_norms_wide(u, v + half, rest).dot;
	}
	return fabs(normalise(sums.dot + imaginary, &sums));
}
