/* The int8 product for any processor. */
#include "core/tensor/isa_kernels.h"

static void
multiply_row(const AngleQgemm *g, size_t t, size_t panel)
{
	const int8_t *w = g->weight + panel * ANGLE_PANEL * g->inputs;
	const uint8_t *q = g->q + t * g->q_stride;
	const float *outlier = g->x_outlier + t * ANGLE_OUTLIERS;
	const float *kept =
		g->outlier_weight + panel * ANGLE_PANEL * ANGLE_OUTLIERS;
	float *out = g->out + t * g->out_stride + panel * ANGLE_PANEL;
	int32_t sum[ANGLE_PANEL] = {0};

	for (size_t k = 0; k < g->inputs; k += ANGLE_PANEL_DEPTH)
	{
		for (int n = 0; n < ANGLE_PANEL; n++)
		{
			for (int i = 0; i < ANGLE_PANEL_DEPTH; i++)
				sum[n] += q[k + i] * w[n * ANGLE_PANEL_DEPTH + i];
		}
		w += ANGLE_PANEL * ANGLE_PANEL_DEPTH;
	}
	for (int n = 0; n < ANGLE_PANEL; n++)
	{
		size_t column = panel * ANGLE_PANEL + n;
		int32_t exact = sum[n] - g->x_zero[t] * g->sum[column];

		out[n] = (float) exact * (g->x_scale[t] * g->scale[column]) +
				 g->bias[column];
		for (int i = 0; i < ANGLE_OUTLIERS; i++)
			out[n] += outlier[i] * kept[i * ANGLE_PANEL + n];
	}
}

void
angle_qgemm_baseline(const AngleQgemm *g)
{
	for (size_t panel = g->first_panel; panel < g->end_panel; panel++)
	{
		for (size_t t = 0; t < g->rows; t++)
			multiply_row(g, t, panel);
	}
}
