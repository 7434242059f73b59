/* The end of the int8 products with 512-bit registers, which all give the same
 * bits. Only their files, which have the flags, include this. */
#ifndef ANGLE_QGEMM_AVX512_H
#define ANGLE_QGEMM_AVX512_H

#if defined(__AVX512F__)
#include <immintrin.h>

#include "core/tensor/kernels.h"

/* What the outputs of one panel have in common over all rows. */
typedef struct PanelEnd
{
	__m512i sum;
	__m512 scale;
	__m512 bias;
	__m512 kept[ANGLE_OUTLIERS];
} PanelEnd;

static inline __attribute__((always_inline)) PanelEnd
load_end(const AngleQgemm *g, size_t panel)
{
	const float *kept =
		g->outlier_weight + panel * ANGLE_PANEL * ANGLE_OUTLIERS;
	PanelEnd end = {
		.sum = _mm512_loadu_si512(g->sum + panel * ANGLE_PANEL),
		.scale = _mm512_loadu_ps(g->scale + panel * ANGLE_PANEL),
		.bias = _mm512_loadu_ps(g->bias + panel * ANGLE_PANEL),
	};

	for (int i = 0; i < ANGLE_OUTLIERS; i++)
		end.kept[i] = _mm512_loadu_ps(kept + i * ANGLE_PANEL);
	return end;
}

/* The outputs of row t, of which sum has Σ q w. */
static inline __attribute__((always_inline)) __m512
finish(const AngleQgemm *g, size_t t, const PanelEnd *end, __m512i sum)
{
	const float *outlier = g->x_outlier + t * ANGLE_OUTLIERS;
	__m512i zero = _mm512_set1_epi32(g->x_zero[t]);
	__m512i exact = _mm512_sub_epi32(sum, _mm512_mullo_epi32(zero, end->sum));
	__m512 scale = _mm512_mul_ps(_mm512_set1_ps(g->x_scale[t]), end->scale);
	__m512 out = _mm512_fmadd_ps(_mm512_cvtepi32_ps(exact), scale, end->bias);

	for (int i = 0; i < ANGLE_OUTLIERS; i++)
		out = _mm512_fmadd_ps(_mm512_set1_ps(outlier[i]), end->kept[i], out);
	return out;
}
#endif

#endif
