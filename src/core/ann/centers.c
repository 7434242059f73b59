#include "core/ann/centers.h"

#include <math.h>

#include "core/base/vector_sums.h"
#include "core/tensor/panel.h"

AngleCenters
angle_centers_pack(const float *centroids, size_t count, int dims,
				   float *memory)
{
	size_t padded = angle_padded(count);
	AngleCenters centers = {count, dims, memory,
							memory + padded * (size_t) dims};

	angle_panel_pack(centroids, count, (size_t) dims, centers.weight);
	for (size_t c = 0; c < count; c++)
		centers.bias[c] =
			(float) (-angle_norm_squared(centroids + c * (size_t) dims, dims) /
					 2);
	for (size_t c = count; c < padded; c++)
		centers.bias[c] = -INFINITY;
	return centers;
}

void
angle_centers_score(const AngleCenters *centers, const AngleChosen *points,
					float *scores)
{
	AngleGemm gemm = {
		.rows = points->count,
		.inputs = (size_t) centers->dims,
		.first_panel = 0,
		.end_panel = angle_padded(centers->count) / ANGLE_PANEL,
		.x = points->points,
		.x_stride = points->stride,
		.order = points->order,
		.weight = centers->weight,
		.bias = centers->bias,
		.out = scores,
		.out_stride = angle_padded(centers->count),
	};

	angle_tensor_kernels()->gemm(&gemm);
}
