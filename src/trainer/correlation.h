/* How two series of numbers go together. */
#ifndef ANGLE_CORRELATION_H
#define ANGLE_CORRELATION_H

#include <stddef.h>

#include "core/base/arena.h"
#include "core/base/status.h"

/* Pearson's r of x and y (n), in [−1, 1]; NaN if either is constant or n < 2. */
double angle_pearson(const double *x, const double *y, size_t n);

/* Fills ranks (n) from 1 for the smallest of x (n), which holds no NaN; equal
 * numbers share the mean of their ranks. */
ANGLE_MUST_CHECK AngleStatus angle_ranks(const double *x, size_t n,
										 AngleArena *scratch, double *ranks,
										 AngleError *err);

/* Spearman's ρ: Pearson's r of the ranks. */
ANGLE_MUST_CHECK AngleStatus angle_spearman(const double *x, const double *y,
											size_t n, AngleArena *scratch,
											double *rho, AngleError *err);

#endif
