/* The int8 product for arm64 with sdot, which adds four products of signed
 * bytes to each of four sums. A tile is up to 4 rows by one panel. */
#include <arm_neon.h>
#include <string.h>

#include "core/tensor/isa_kernels.h"

#define ROWS 4
#define QUARTERS 4 /* registers for one panel's outputs */

static inline __attribute__((always_inline)) void
finish(const AngleQgemm *g, size_t t, size_t column, int32x4_t sum)
{
	/* the inputs were moved by 128, and so is their zero point */
	int32x4_t zero = vdupq_n_s32(g->x_zero[t] - 128);
	int32x4_t exact =
		vsubq_s32(sum, vmulq_s32(zero, vld1q_s32(g->sum + column)));
	float32x4_t scale =
		vmulq_n_f32(vld1q_f32(g->scale + column), g->x_scale[t]);
	const float *kept = g->outlier_weight +
						column / ANGLE_PANEL * ANGLE_PANEL * ANGLE_OUTLIERS +
						column % ANGLE_PANEL;
	float32x4_t out =
		vfmaq_f32(vld1q_f32(g->bias + column), vcvtq_f32_s32(exact), scale);

	for (int i = 0; i < ANGLE_OUTLIERS; i++)
		out = vfmaq_n_f32(out, vld1q_f32(kept + i * ANGLE_PANEL),
						  g->x_outlier[t * ANGLE_OUTLIERS + i]);
	vst1q_f32(g->out + t * g->out_stride + column, out);
}

static inline __attribute__((always_inline)) void
tile(const AngleQgemm *g, size_t row, size_t panel, int rows)
{
	const int8_t *w = g->weight + panel * ANGLE_PANEL * g->inputs;
	int32x4_t sum[ROWS][QUARTERS];

	for (int r = 0; r < rows; r++)
	{
		for (int i = 0; i < QUARTERS; i++)
			sum[r][i] = vdupq_n_s32(0);
	}
	for (size_t k = 0; k < g->inputs; k += ANGLE_PANEL_DEPTH)
	{
		int8x16_t weight[QUARTERS];

		for (int i = 0; i < QUARTERS; i++)
			weight[i] = vld1q_s8(w + k * ANGLE_PANEL + i * 16);
		for (int r = 0; r < rows; r++)
		{
			uint32_t four;
			int8x16_t x;

			memcpy(&four, g->q + (row + r) * g->q_stride + k, sizeof(four));
			x = vreinterpretq_s8_u32(vdupq_n_u32(four ^ 0x80808080u));
			for (int i = 0; i < QUARTERS; i++)
				sum[r][i] = vdotq_s32(sum[r][i], weight[i], x);
		}
	}
	for (int r = 0; r < rows; r++)
	{
		for (int i = 0; i < QUARTERS; i++)
			finish(g, row + r, panel * ANGLE_PANEL + i * 4, sum[r][i]);
	}
}

void
angle_qgemm_neon_dotprod(const AngleQgemm *g)
{
	for (size_t panel = g->first_panel; panel < g->end_panel; panel++)
	{
		size_t row = 0;

		for (; row + ROWS <= g->rows; row += ROWS)
			tile(g, row, panel, ROWS);
		for (; row < g->rows; row++)
			tile(g, row, panel, 1);
	}
}
