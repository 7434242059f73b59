#include "core/ann/rounded.h"

#include "core/ann/point_kernels.h"
#include "core/base/arena.h"
#include "core/tensor/kernels.h"

/* Lays out memory, or counts it; returns its size. */
static size_t
lay_out(AngleRounded *rounded, size_t count, void *memory)
{
	size_t offset = 0;

	if (!angle_is_rounded(rounded->dims))
		return 0;
	rounded->q = angle_carve(
		memory, &offset, count * angle_panel_inputs((size_t) rounded->dims));
	rounded->scale = angle_carve(memory, &offset, count * sizeof(float));
	rounded->zero = angle_carve(memory, &offset, count * sizeof(int32_t));
	rounded->base = angle_carve(memory, &offset, count * sizeof(float));
	return offset;
}

size_t
angle_rounded_bytes(size_t count, int dims)
{
	AngleRounded rounded = {.dims = dims};

	return lay_out(&rounded, count, NULL);
}

AngleRounded
angle_rounded(const float *points, const uint32_t *order, size_t count,
			  int dims, const float *origin, void *memory)
{
	AngleRounded rounded = {
		.points = points, .order = order, .dims = dims, .origin = origin};

	lay_out(&rounded, count, memory);
	return rounded;
}

/* Rounds the points at no more places than scratch has rows; half is ‖o‖²/2. */
static void
round_few(const AngleRounded *points, size_t first, size_t rows, double half,
		  float *scratch)
{
	const size_t dims = (size_t) points->dims;
	const size_t stride = angle_panel_inputs(dims);
	uint32_t order[ANGLE_PANEL];

	for (size_t i = 0; i < rows; i++)
		order[i] = angle_rounded_point(points, first + i);
	angle_tensor_kernels()->residuals(&(AngleResiduals){
		.rows = rows,
		.width = dims,
		.x = points->points,
		.x_stride = dims,
		.order = order,
		.origin = points->origin,
		.out = scratch,
		.out_stride = dims,
	});
	angle_tensor_kernels()->quantize(&(AngleQuantize){
		.rows = rows,
		.width = dims,
		.x = scratch,
		.x_stride = dims,
		.q = points->q + first * stride,
		.q_stride = stride,
		.scale = points->scale + first,
		.zero = points->zero + first,
	});
	for (size_t i = 0; i < rows; i++)
		points->base[first + i] = (float) (angle_point_kernels()->product(
											   points->points + order[i] * dims,
											   points->origin, dims) -
										   half);
}

void
angle_round(const AngleRounded *points, size_t first, size_t rows,
			float *scratch)
{
	double half;

	if (!angle_is_rounded(points->dims))
		return;
	half = angle_point_kernels()->product(points->origin, points->origin,
										  (size_t) points->dims) /
		   2;
	for (size_t i = 0; i < rows; i += ANGLE_PANEL)
		round_few(points, first + i,
				  rows - i < ANGLE_PANEL ? rows - i : ANGLE_PANEL, half,
				  scratch);
}
