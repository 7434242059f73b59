/*
 * The int8 product with AVX2. vpmaddubsw multiplies unsigned by signed bytes
 * and adds pairs in 16 bits, which could overflow with unsigned inputs up to
 * 255; so inputs are moved to −128…127 and the sign is carried by the weight:
 * |x| · sign(w, x), at most 2 · 128 · 127 = 32512.
 */
#include <immintrin.h>
#include <string.h>

#include "core/tensor/isa_kernels.h"

#define ROWS 4
#define HALVES 2 /* registers for one panel's outputs */

static inline __attribute__((always_inline)) void
finish(const AngleQgemm *g, size_t t, size_t column, __m256i sum)
{
	/* the inputs were moved by 128, and so is their zero point */
	__m256i zero = _mm256_set1_epi32(g->x_zero[t] - 128);
	__m256 x_scale = _mm256_set1_ps(g->x_scale[t]);
	__m256i w_sum = _mm256_loadu_si256((const __m256i *) (g->sum + column));
	__m256i exact = _mm256_sub_epi32(sum, _mm256_mullo_epi32(zero, w_sum));
	const float *outlier = g->x_outlier + t * ANGLE_OUTLIERS;
	const float *kept = g->outlier_weight +
						column / ANGLE_PANEL * ANGLE_PANEL * ANGLE_OUTLIERS +
						column % ANGLE_PANEL;
	__m256 scale = _mm256_mul_ps(x_scale, _mm256_loadu_ps(g->scale + column));
	__m256 out = _mm256_fmadd_ps(_mm256_cvtepi32_ps(exact), scale,
								 _mm256_loadu_ps(g->bias + column));

	for (int i = 0; i < ANGLE_OUTLIERS; i++)
		out = _mm256_fmadd_ps(_mm256_set1_ps(outlier[i]),
							  _mm256_loadu_ps(kept + i * ANGLE_PANEL), out);
	_mm256_storeu_ps(g->out + t * g->out_stride + column, out);
}

/* The four inputs at q, less 128, in every group of four bytes. */
static inline __m256i
broadcast(const uint8_t *q)
{
	int32_t four;

	memcpy(&four, q, sizeof(four));
	return _mm256_set1_epi32(four ^ (int32_t) 0x80808080);
}

static inline __attribute__((always_inline)) void
tile(const AngleQgemm *g, size_t row, size_t panel, int rows)
{
	const int8_t *w = g->weight + panel * ANGLE_PANEL * g->inputs;
	const __m256i ones = _mm256_set1_epi16(1);
	__m256i sum[ROWS][HALVES];

	for (int r = 0; r < rows; r++)
		sum[r][0] = sum[r][1] = _mm256_setzero_si256();
	for (size_t k = 0; k < g->inputs; k += ANGLE_PANEL_DEPTH)
	{
		const __m256i *weight = (const __m256i *) (w + k * ANGLE_PANEL);

		for (int r = 0; r < rows; r++)
		{
			__m256i x = broadcast(g->q + (row + r) * g->q_stride + k);
			__m256i magnitude = _mm256_abs_epi8(x);

			for (int h = 0; h < HALVES; h++)
			{
				__m256i pairs = _mm256_maddubs_epi16(
					magnitude,
					_mm256_sign_epi8(_mm256_loadu_si256(weight + h), x));

				sum[r][h] =
					_mm256_add_epi32(sum[r][h], _mm256_madd_epi16(pairs, ones));
			}
		}
	}
	for (int r = 0; r < rows; r++)
	{
		for (int h = 0; h < HALVES; h++)
			finish(g, row + r, panel * ANGLE_PANEL + h * 8, sum[r][h]);
	}
}

void
angle_qgemm_avx2(const AngleQgemm *g)
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
