#include "core/ann/rounded.h"

#include "core/ann/point_kernels.h"
#include "core/base/arena.h"
#include "core/tensor/kernels.h"

size_t
angle_taken(size_t n, size_t size)
{
	return (n * size + ANGLE_ALIGNMENT - 1) / ANGLE_ALIGNMENT * ANGLE_ALIGNMENT;
}

void *
angle_take(char **memory, size_t n, size_t size)
{
	void *taken = *memory;

	*memory += angle_taken(n, size);
	return taken;
}

size_t
angle_rounded_bytes(size_t count, int dims)
{
	if (!angle_is_rounded(dims))
		return 0;
	return angle_taken(count, angle_panel_inputs((size_t) dims)) +
		   2 * angle_taken(count, sizeof(float)) +
		   angle_taken(count, sizeof(int32_t));
}

AngleRounded
angle_rounded(const float *points, size_t count, int dims, const float *origin,
			  void *memory)
{
	AngleRounded rounded = {.points = points, .dims = dims, .origin = origin};
	char *rest = memory;

	if (!angle_is_rounded(dims))
		return rounded;
	rounded.q = angle_take(&rest, count, angle_panel_inputs((size_t) dims));
	rounded.scale = angle_take(&rest, count, sizeof(float));
	rounded.zero = angle_take(&rest, count, sizeof(int32_t));
	rounded.base = angle_take(&rest, count, sizeof(float));
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
