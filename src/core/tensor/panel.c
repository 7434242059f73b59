#include "core/tensor/panel.h"

#include <math.h>
#include <string.h>

#include "core/tensor/kernels.h"
#include "core/tensor/rounder.h"

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
		greatest = fabsf(row[i]) > greatest ? fabsf(row[i]) : greatest;
	return greatest / 127.0f;
}

/* A row of zeros, or of values too small to divide by, becomes zeros. */
static int8_t
round_to_step(float x, float scale)
{
	return scale < 1e-30f
			   ? 0
			   : (int8_t) (x / scale + ANGLE_ROUNDER - ANGLE_ROUNDER);
}

float
angle_row_quantize(const float *row, size_t n, int8_t *out)
{
	float scale = row_scale(row, n);

	for (size_t i = 0; i < n; i++)
		out[i] = round_to_step(row[i], scale);
	return scale;
}

static int
find_outlier(const int32_t *outliers, size_t input)
{
	for (int i = 0; outliers != NULL && i < ANGLE_OUTLIERS; i++)
	{
		if (outliers[i] == (int32_t) input)
			return i;
	}
	return -1;
}

/* The scale of a row without its outliers. */
static float
scale_without(const float *row, size_t n, const int32_t *outliers)
{
	float greatest = 0.0f;

	for (size_t i = 0; i < n; i++)
	{
		if (fabsf(row[i]) > greatest && find_outlier(outliers, i) < 0)
			greatest = fabsf(row[i]);
	}
	return greatest / 127.0f;
}

void
angle_panel_quantize(const float *weight, size_t outputs, size_t inputs,
					 const int32_t *outliers, const AnglePanels *panels)
{
	size_t padded = angle_padded(outputs);
	size_t columns = angle_panel_inputs(inputs);

	memset(panels->levels, 0, padded * columns);
	memset(panels->scale, 0, padded * sizeof(float));
	memset(panels->sum, 0, padded * sizeof(int32_t));
	memset(panels->outlier, 0, padded * ANGLE_OUTLIERS * sizeof(float));
	for (size_t n = 0; n < outputs; n++)
	{
		const float *row = weight + n * inputs;
		size_t first = n / ANGLE_PANEL * ANGLE_PANEL;
		int8_t *levels = panels->levels + first * columns +
						 n % ANGLE_PANEL * ANGLE_PANEL_DEPTH;
		float *kept =
			panels->outlier + first * ANGLE_OUTLIERS + n % ANGLE_PANEL;
		float scale = scale_without(row, inputs, outliers);

		panels->scale[n] = scale;
		for (size_t k = 0; k < inputs; k++)
		{
			int outlier = find_outlier(outliers, k);
			int8_t w = outlier >= 0 ? 0 : round_to_step(row[k], scale);

			levels[k / ANGLE_PANEL_DEPTH * ANGLE_PANEL * ANGLE_PANEL_DEPTH +
				   k % ANGLE_PANEL_DEPTH] = w;
			panels->sum[n] += w;
			if (outlier >= 0)
				kept[outlier * ANGLE_PANEL] = row[k];
		}
	}
}
