#include "core/ann/panels.h"

#include <math.h>

#include "core/tensor/panel.h"

double
angle_panels_squared(const float *x, int dims)
{
	double sum = 0;

	for (int i = 0; i < dims; i++)
		sum += (double) x[i] * x[i];
	return sum;
}

AnglePanels
angle_panels_pack(const float *centroids, size_t count, int dims, float *memory)
{
	size_t padded = angle_padded(count);
	AnglePanels panels = {count, dims, memory, memory + padded * (size_t) dims};

	angle_panel_pack(centroids, count, (size_t) dims, panels.weight);
	for (size_t c = 0; c < count; c++)
		panels.bias[c] = (float) (-angle_panels_squared(
									  centroids + c * (size_t) dims, dims) /
								  2);
	for (size_t c = count; c < padded; c++)
		panels.bias[c] = -INFINITY;
	return panels;
}

void
angle_panels_score(const AnglePanels *panels, const float *points, size_t rows,
				   float *scores)
{
	AngleGemm gemm = {
		.rows = rows,
		.inputs = (size_t) panels->dims,
		.outputs = panels->count,
		.x = points,
		.x_stride = (size_t) panels->dims,
		.weight = panels->weight,
		.bias = panels->bias,
		.out = scores,
	};

	angle_tensor_kernels()->gemm(&gemm);
}

size_t
angle_panels_best(const float *scores, size_t n)
{
	size_t best = 0;

	for (size_t i = 1; i < n; i++)
	{
		if (scores[i] > scores[best])
			best = i;
	}
	return best;
}
