/* The int8 product for arm64 without the dot product instructions: bytes are
 * multiplied into 16 bits and added in pairs, twice. */
#include <arm_neon.h>
#include <string.h>

#include "core/tensor/isa_kernels.h"

#define QUARTERS 4 /* registers for one panel's outputs */

static void
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

static void
multiply_row(const AngleQgemm *g, size_t t, size_t panel)
{
	const int8_t *w = g->weight + panel * ANGLE_PANEL * g->inputs;
	const uint8_t *q = g->q + t * g->q_stride;
	int32x4_t sum[QUARTERS] = {{0}};

	for (size_t k = 0; k < g->inputs; k += ANGLE_PANEL_DEPTH)
	{
		uint32_t four;
		int8x8_t x;

		memcpy(&four, q + k, sizeof(four));
		x = vreinterpret_s8_u32(vdup_n_u32(four ^ 0x80808080u));
		for (int i = 0; i < QUARTERS; i++)
		{
			int8x16_t weight = vld1q_s8(w + k * ANGLE_PANEL + i * 16);
			int16x8_t low = vmull_s8(vget_low_s8(weight), x);
			int16x8_t high = vmull_s8(vget_high_s8(weight), x);

			sum[i] = vaddq_s32(sum[i],
							   vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
		}
	}
	for (int i = 0; i < QUARTERS; i++)
		finish(g, t, panel * ANGLE_PANEL + i * 4, sum[i]);
}

void
angle_qgemm_neon(const AngleQgemm *g)
{
	for (size_t panel = g->first_panel; panel < g->end_panel; panel++)
	{
		for (size_t t = 0; t < g->rows; t++)
			multiply_row(g, t, panel);
	}
}
