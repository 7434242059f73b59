#include "core/ann/centers.h"

#include <math.h>

#include "core/tensor/panel.h"

double
angle_centers_squared(const float *x, int dims)
{
	double sum = 0;

	for (int i = 0; i < dims; i++)
		sum += (double) x[i] * x[i];
	return sum;
}

AngleCenters
angle_centers_pack(const float *centroids, size_t count, int dims,
				   float *memory)
{
	size_t padded = angle_padded(count);
	AngleCenters centers = {count, dims, memory,
							memory + padded * (size_t) dims};

	angle_panel_pack(centroids, count, (size_t) dims, centers.weight);
	for (size_t c = 0; c < count; c++)
		centers.bias[c] = (float) (-angle_centers_squared(
									   centroids + c * (size_t) dims, dims) /
								   2);
	for (size_t c = count; c < padded; c++)
		centers.bias[c] = -INFINITY;
	return centers;
}

void
angle_centers_score(const AngleCenters *centers, const float *points,
					size_t rows, float *scores)
{
	AngleGemm gemm = {
		.rows = rows,
		.inputs = (size_t) centers->dims,
		.first_panel = 0,
		.end_panel = angle_padded(centers->count) / ANGLE_PANEL,
		.x = points,
		.x_stride = (size_t) centers->dims,
		.weight = centers->weight,
		.bias = centers->bias,
		.out = scores,
		.out_stride = angle_padded(centers->count),
	};

	angle_tensor_kernels()->gemm(&gemm);
}

size_t
angle_centers_best(const float *scores, size_t n)
{
	size_t best = 0;

	for (size_t i = 1; i < n; i++)
	{
		if (scores[i] > scores[best])
			best = i;
	}
	return best;
}
