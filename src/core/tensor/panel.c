#include "core/tensor/panel.h"

#include <math.h>
#include <string.h>

#include "core/tensor/kernels.h"

size_t
angle_panel_inputs(size_t inputs)
{
	return (inputs + ANGLE_PANEL_DEPTH - 1) / ANGLE_PANEL_DEPTH *
		   ANGLE_PANEL_DEPTH;
}

size_t
angle_panel_blocks(size_t inputs)
{
	return (inputs + ANGLE_QUANTIZATION_BLOCK - 1) / ANGLE_QUANTIZATION_BLOCK;
}

void
angle_panel_pack(const float *weight, size_t outputs, size_t inputs,
				 float *panels)
{
	for (size_t n = 0; n < angle_padded(outputs); n++)
	{
		float *panel = panels + n / ANGLE_PANEL * ANGLE_PANEL * inputs;

		for (size_t k = 0; k < inputs; k++)
			panel[k * ANGLE_PANEL + n % ANGLE_PANEL] =
				n < outputs ? weight[n * inputs + k] : 0.0f;
	}
}

static float
row_scale(const float *row, size_t n)
{
	float greatest = 0.0f;

	for (size_t i = 0; i < n; i++)
		greatest = fmaxf(greatest, fabsf(row[i]));
	return greatest / 127.0f;
}

/* A row of zeros, or of values too small to divide by, becomes zeros. */
static int8_t
round_to_step(float x, float scale)
{
	return scale < 1e-30f ? 0 : (int8_t) nearbyintf(x / scale);
}

float
angle_row_quantize(const float *row, size_t n, int8_t *out)
{
	float scale = row_scale(row, n);

	for (size_t i = 0; i < n; i++)
		out[i] = round_to_step(row[i], scale);
	return scale;
}

/* One block: width columns of weight, whose rows are inputs apart. */
static void
quantize_block(const float *weight, size_t outputs, size_t inputs, size_t width,
			   int8_t *panels, float *scale, int32_t *sum)
{
	size_t columns = angle_panel_inputs(width);

	for (size_t n = 0; n < outputs; n++)
	{
		const float *row = weight + n * inputs;
		int8_t *panel = panels + n / ANGLE_PANEL * ANGLE_PANEL * columns +
						n % ANGLE_PANEL * ANGLE_PANEL_DEPTH;

		scale[n] = row_scale(row, width);
		for (size_t k = 0; k < width; k++)
		{
			int8_t w = round_to_step(row[k], scale[n]);

			panel[k / ANGLE_PANEL_DEPTH * ANGLE_PANEL * ANGLE_PANEL_DEPTH +
				  k % ANGLE_PANEL_DEPTH] = w;
			sum[n] += w;
		}
	}
}

void
angle_panel_quantize(const float *weight, size_t outputs, size_t inputs,
					 int8_t *panels, float *scale, int32_t *sum)
{
	size_t padded = angle_padded(outputs);
	size_t blocks = angle_panel_blocks(inputs);

	memset(panels, 0, padded * angle_panel_inputs(inputs));
	memset(scale, 0, blocks * padded * sizeof(float));
	memset(sum, 0, blocks * padded * sizeof(int32_t));
	for (size_t b = 0; b < blocks; b++)
	{
		size_t first = b * ANGLE_QUANTIZATION_BLOCK;
		size_t width = inputs - first < ANGLE_QUANTIZATION_BLOCK
						   ? inputs - first
						   : ANGLE_QUANTIZATION_BLOCK;

		quantize_block(weight + first, outputs, inputs, width,
					   panels + first * padded, scale + b * padded,
					   sum + b * padded);
	}
}
