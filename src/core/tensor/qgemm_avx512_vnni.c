/*
 * The int8 product with AVX-512 VNNI: vpdpbusd adds four products of unsigned
 * and signed bytes to each of 16 sums. A tile is up to 8 rows by 2 panels, whose
 * 16 sums are enough to wait for none; 12 by 2 and 6 by 4 are no faster.
 */
#include <immintrin.h>

#include "core/tensor/isa_kernels.h"
#include "core/tensor/qgemm_avx512.h"

#define ROWS 8
#define PANELS 2

/* sum + Σ q w of four bytes in each lane. gcc 12 copies every sum twice for the
 * intrinsic, which takes as long as the products. */
static inline __attribute__((always_inline)) __m512i
add_products(__m512i sum, __m512i q, __m512i w)
{
	__asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(q), "v"(w));
	return sum;
}

static inline __attribute__((always_inline)) void
tile(const AngleQgemm *g, size_t row, size_t panel, int rows, int panels)
{
	const int8_t *w = g->weight + panel * ANGLE_PANEL * g->inputs;
	size_t panel_size = ANGLE_PANEL * g->inputs;
	__m512i sum[ROWS][PANELS];

	for (int r = 0; r < rows; r++)
	{
		for (int p = 0; p < panels; p++)
			sum[r][p] = _mm512_setzero_si512();
	}
	for (size_t k = 0; k < g->inputs; k += ANGLE_PANEL_DEPTH)
	{
		__m512i weight[PANELS];

		for (int p = 0; p < panels; p++)
			weight[p] =
				_mm512_loadu_si512(w + p * panel_size + k * ANGLE_PANEL);
		for (int r = 0; r < rows; r++)
		{
			const uint8_t *q = g->q + (row + r) * g->q_stride + k;
			/* a broadcast from memory costs a load and no arithmetic */
			__m512i x = _mm512_broadcastd_epi32(_mm_loadu_si32(q));

			for (int p = 0; p < panels; p++)
				sum[r][p] = add_products(sum[r][p], x, weight[p]);
		}
	}
	for (int p = 0; p < panels; p++)
	{
		PanelEnd end = load_end(g, panel + p);
		float *out = g->out + row * g->out_stride + (panel + p) * ANGLE_PANEL;

		for (int r = 0; r < rows; r++)
			_mm512_storeu_ps(out + r * g->out_stride,
							 finish(g, row + r, &end, sum[r][p]));
	}
}

/* Gives the compiler each height as a constant. */
static inline __attribute__((always_inline)) void
tile_rows(const AngleQgemm *g, size_t row, size_t panel, int panels)
{
	size_t left = g->rows - row;

	switch (left < ROWS ? left : ROWS)
	{
		case 8:
			tile(g, row, panel, 8, panels);
			break;
		case 7:
			tile(g, row, panel, 7, panels);
			break;
		case 6:
			tile(g, row, panel, 6, panels);
			break;
		case 5:
			tile(g, row, panel, 5, panels);
			break;
		case 4:
			tile(g, row, panel, 4, panels);
			break;
		case 3:
			tile(g, row, panel, 3, panels);
			break;
		case 2:
			tile(g, row, panel, 2, panels);
			break;
		default:
			tile(g, row, panel, 1, panels);
			break;
	}
}

void
angle_qgemm_avx512_vnni(const AngleQgemm *g)
{
	size_t panel = g->first_panel;

	for (; panel + PANELS <= g->end_panel; panel += PANELS)
	{
		for (size_t row = 0; row < g->rows; row += ROWS)
			tile_rows(g, row, panel, PANELS);
	}
	for (; panel < g->end_panel; panel++)
	{
		for (size_t row = 0; row < g->rows; row += ROWS)
			tile_rows(g, row, panel, 1);
	}
}
