#include "points.h"

#include <stdlib.h>

float *
points_normal(AngleRng *rng, size_t count, int dims)
{
	float *points = malloc(count * (size_t) dims * sizeof(*points) + 1);

	for (size_t i = 0; points != NULL && i < count * (size_t) dims; i++)
		points[i] = angle_rng_normal(rng);
	return points;
}

float *
points_clustered(AngleRng *rng, size_t count, int dims, int centres,
				 float spread)
{
	float *centre = points_normal(rng, (size_t) centres, dims);
	float *points = points_normal(rng, count, dims);

	for (size_t i = 0; centre != NULL && points != NULL && i < count; i++)
	{
		size_t own = (size_t) angle_rng_below(rng, (uint64_t) centres);

		for (size_t d = 0; d < (size_t) dims; d++)
			points[i * (size_t) dims + d] +=
				spread * centre[own * (size_t) dims + d];
	}
	free(centre);
	return points;
}

double
points_dot(const float *a, const float *b, int dims)
{
	double sum = 0;

	for (int i = 0; i < dims; i++)
		sum += (double) a[i] * b[i];
	return sum;
}

double
points_squared_distance(const float *a, const float *b, int dims)
{
	double sum = 0;

	for (int i = 0; i < dims; i++)
		sum += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
	return sum;
}
