/* Random points for the tests of quant and ann. */
#ifndef ANGLE_TEST_POINTS_H
#define ANGLE_TEST_POINTS_H

#include <stddef.h>

#include "core/base/rng.h"

/* count × dims normal numbers; the caller frees them. */
float *points_normal(AngleRng *rng, size_t count, int dims);

/* The same around one of centres points, which have norms of about
 * spread √dims; the points lie √dims from them. */
float *points_clustered(AngleRng *rng, size_t count, int dims, int centres,
						float spread);

double points_dot(const float *a, const float *b, int dims);
double points_squared_distance(const float *a, const float *b, int dims);

#endif
