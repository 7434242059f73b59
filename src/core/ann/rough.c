#include "core/ann/rough.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/ann/point_kernels.h"
#include "core/base/arena.h"

/* Centroids whose nearest neighbours are looked for. */
#define SAMPLE 16

/* The squared distance of neighbours for which products may be rough, in the product of
 * the distances that are rounded: rounding adds a twentieth of it at most to what
 * distances are off by. */
#define NEAR 0.02

/* ---- layout ---- */

/* Lays out memory, or counts it; returns its size. */
static size_t
lay_out(AngleRoughScratch *scratch, int dims, void *memory)
{
	const size_t bases = ANGLE_ROUGH_POINTS * ANGLE_OUTLIERS;
	size_t offset = 0;

	if (!angle_is_rounded(dims))
		return 0;
	scratch->residuals = angle_carve(
		memory, &offset, ANGLE_PANEL * (size_t) dims * sizeof(float));
	scratch->base = angle_carve(memory, &offset, bases * sizeof(float));
	scratch->points = angle_rounded(
		NULL, NULL, ANGLE_ROUGH_POINTS, dims, NULL,
		angle_carve(memory, &offset,
					angle_rounded_bytes(ANGLE_ROUGH_POINTS, dims)));
	return offset;
}

size_t
angle_rough_scratch_bytes(int dims)
{
	AngleRoughScratch scratch;

	return lay_out(&scratch, dims, NULL);
}

AngleRoughScratch
angle_rough_scratch(int dims, void *memory)
{
	AngleRoughScratch scratch = {.residuals = NULL};

	lay_out(&scratch, dims, memory);
	return scratch;
}

size_t
angle_rough_bytes(size_t count, int dims)
{
	/* what is rough takes less */
	return angle_centers_floats(count, dims) * sizeof(float);
}

/* ---- centroids ---- */

void
angle_rough_center(const float *centroids, size_t count, int dims,
				   float *center)
{
	const size_t width = (size_t) dims;
	const float part = 1.0f / (float) count;

	memset(center, 0, width * sizeof(float));
	for (size_t i = 0; i < count; i++)
		for (size_t d = 0; d < width; d++)
			center[d] += part * centroids[i * width + d];
}

/* The squared distance of a centroid from the nearest of the others. */
static double
nearest_other(const AngleRoughRequest *request, size_t which)
{
	const AnglePointKernels *kernels = angle_point_kernels();
	const size_t dims = (size_t) request->dims;
	double least = INFINITY;

	for (size_t c = 0; c < request->count; c++)
		if (c != which)
			least = fmin(least, kernels->squared_distance(
									request->centroids + which * dims,
									request->centroids + c * dims, dims));
	return least;
}

static int
compare_doubles(const void *a, const void *b)
{
	const double x = *(const double *) a, y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Whether rounding leaves nearest centroids what they are: by some of them, and as if
 * points were as far from o. */
static bool
may_be_rough(const AngleRoughRequest *request)
{
	const AnglePointKernels *kernels = angle_point_kernels();
	const size_t dims = (size_t) request->dims;
	const size_t some = request->count < SAMPLE ? request->count : SAMPLE;
	double nearest[SAMPLE];
	double from_origin = 0, from_center = 0;

	if (!angle_is_rounded(request->dims) || some == 0)
		return false;
	for (size_t i = 0; i < some; i++)
	{
		const size_t which = i * request->count / some;
		const float *c = request->centroids + which * dims;

		nearest[i] = nearest_other(request, which);
		from_origin += kernels->squared_distance(c, request->origin, dims);
		from_center += kernels->squared_distance(c, request->center, dims);
	}
	qsort(nearest, some, sizeof(*nearest), compare_doubles);
	return nearest[some / 2] >=
		   NEAR * sqrt(from_origin * from_center) / (double) some;
}

/* The panels from one that begins with this centroid on. */
static AnglePanels
panels_from(const AngleRough *rough, size_t first, size_t dims)
{
	const AnglePanels *all = &rough->panels;

	return (AnglePanels){all->levels + first * angle_panel_inputs(dims),
						 all->scale + first, all->sum + first,
						 all->outlier + first * ANGLE_OUTLIERS};
}

/* ⟨o − g, d⟩ − ‖d‖²/2, where d = c − g. */
static float
bias_of(const AngleRoughRequest *request, const float *d)
{
	const AnglePointKernels *kernels = angle_point_kernels();
	const size_t dims = (size_t) request->dims;

	return (float) (kernels->product(request->origin, d, dims) -
					kernels->product(request->center, d, dims) -
					kernels->product(d, d, dims) / 2);
}

/* Packs the centroids of a panel, from first on; residuals are (ANGLE_PANEL, dims). */
static void
pack_panel(const AngleRough *rough, const AngleRoughRequest *request,
		   size_t first, float *residuals)
{
	const size_t dims = (size_t) request->dims;
	const size_t left = request->count - first;
	const size_t rows = left < ANGLE_PANEL ? left : ANGLE_PANEL;
	const AnglePanels panels = panels_from(rough, first, dims);

	angle_tensor_kernels()->residuals(&(AngleResiduals){
		.rows = rows,
		.width = dims,
		.x = request->centroids + first * dims,
		.x_stride = dims,
		.origin = request->center,
		.out = residuals,
		.out_stride = dims,
	});
	angle_panel_quantize(residuals, rows, dims, NULL, &panels);
	for (size_t i = 0; i < ANGLE_PANEL; i++)
	{
		rough->bias[first + i] =
			i < rows ? bias_of(request, residuals + i * dims) : -INFINITY;
		/* base comes in the place of the first outlier */
		panels.outlier[i] = 1;
	}
}

AngleRough
angle_rough_pack(const AngleRoughRequest *request,
				 const AngleRoughScratch *scratch, void *memory)
{
	const size_t padded = angle_padded(request->count);
	AngleRough rough = {.count = request->count,
						.exact = !may_be_rough(request)};
	size_t offset = 0;

	if (rough.exact)
	{
		rough.centers = angle_centers_pack(request->centroids, request->count,
										   request->dims, memory);
		return rough;
	}
	rough.panels.levels = angle_carve(
		memory, &offset, padded * angle_panel_inputs((size_t) request->dims));
	rough.panels.scale = angle_carve(memory, &offset, padded * sizeof(float));
	rough.panels.sum = angle_carve(memory, &offset, padded * sizeof(int32_t));
	rough.panels.outlier =
		angle_carve(memory, &offset, padded * ANGLE_OUTLIERS * sizeof(float));
	rough.bias = angle_carve(memory, &offset, padded * sizeof(float));
	for (size_t first = 0; first < request->count; first += ANGLE_PANEL)
		pack_panel(&rough, request, first, scratch->residuals);
	return rough;
}

/* ---- scores ---- */

/* Brings points together as a product takes them. */
static void
gather(const AngleRoughRows *rows, const AngleRoughScratch *scratch)
{
	const AngleRounded *from = rows->points;
	const AngleRounded *to = &scratch->points;
	const size_t stride = angle_panel_inputs((size_t) from->dims);

	memset(scratch->base, 0, rows->count * ANGLE_OUTLIERS * sizeof(float));
	for (size_t i = 0; i < rows->count; i++)
	{
		const uint32_t place = rows->places[i];

		memcpy(to->q + i * stride, from->q + place * stride, stride);
		to->scale[i] = from->scale[place];
		to->zero[i] = from->zero[place];
		scratch->base[i * ANGLE_OUTLIERS] =
			rows->base != NULL ? rows->base[i] : from->base[place];
	}
}

static void
score_exactly(const AngleCenters *centers, const AngleRoughRows *rows,
			  float *scores)
{
	uint32_t order[ANGLE_ROUGH_POINTS];

	for (size_t i = 0; i < rows->count; i++)
		order[i] = angle_rounded_point(rows->points, rows->places[i]);
	angle_centers_score(centers,
						&(AngleChosen){rows->points->points,
									   (size_t) rows->points->dims, order,
									   rows->count},
						scores);
}

void
angle_rough_score(const AngleRough *rough, const AngleRoughRows *rows,
				  const AngleRoughScratch *scratch, float *scores)
{
	const size_t inputs = angle_panel_inputs((size_t) rows->points->dims);
	const size_t padded = angle_padded(rough->count);

	if (rough->exact)
	{
		score_exactly(&rough->centers, rows, scores);
		return;
	}
	gather(rows, scratch);
	angle_tensor_kernels()->qgemm(&(AngleQgemm){
		.rows = rows->count,
		.inputs = inputs,
		.first_panel = 0,
		.end_panel = padded / ANGLE_PANEL,
		.q = scratch->points.q,
		.q_stride = inputs,
		.x_scale = scratch->points.scale,
		.x_zero = scratch->points.zero,
		.x_outlier = scratch->base,
		.weight = rough->panels.levels,
		.scale = rough->panels.scale,
		.sum = rough->panels.sum,
		.outlier_weight = rough->panels.outlier,
		.bias = rough->bias,
		.out = scores,
		.out_stride = padded,
	});
}
