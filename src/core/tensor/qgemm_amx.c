/*
 * The int8 product with AMX: tdpbusd multiplies a tile of 16 rows by 64 inputs
 * with one of 64 inputs by 16 outputs, which is 1,024 consecutive bytes of a
 * panel. Rows go in pairs of tiles, so that each tile of weights is loaded for
 * 32 of them. Where there are 16 rows or fewer, as in a question, what takes the
 * time is to fetch the weights: four panels share the tile of inputs, one of each
 * quarter of the matrix, because the processor's prefetchers do best with a few
 * long streams. From the third-level cache that is 28 GB/s, where four panels next
 * to each other are 25, one after another 23, and with prefetches of our own 21.
 * From memory, where a larger model's weights are, prefetches help.
 */
#include <immintrin.h>

#include "core/tensor/isa_kernels.h"
#include "core/tensor/qgemm_avx512.h"
#include "core/tensor/tiles.h"

#define TILE_INPUTS ANGLE_PANEL_INPUTS

/* Panels that share one tile of inputs. */
#define FEW_ROWS_PANELS 4

/* Bytes of weights from which on their model is too large for the caches: each
 * matrix of BERT-large, none of MiniLM. */
#define FAR_WEIGHTS (768 * 1024)

#define CACHED_WEIGHTS (512 * 1024)
#define CACHED_ROWS 64

/* Sums of one tile. */
typedef struct Sums
{
	int32_t rows[TILE_ROWS][ANGLE_PANEL];
} Sums;

/* Tiles 0 to 3 are sums and 4 is inputs, of up to 16 rows; 5 is inputs or
 * weights, 6 and 7 are weights. */
#define FIRST_TILES 5

static inline const int8_t *
panel_of(const AngleQgemm *g, size_t panel)
{
	return g->weight + panel * ANGLE_PANEL * g->inputs;
}

static inline const uint8_t *
inputs_of(const AngleQgemm *g, size_t row)
{
	return g->q + row * g->q_stride;
}

/* Writes the outputs of up to a tile of rows. */
static inline void
write_tile(const AngleQgemm *g, size_t row, size_t panel, const Sums *sums)
{
	size_t rows = g->rows - row < TILE_ROWS ? g->rows - row : TILE_ROWS;
	PanelEnd end = load_end(g, panel);
	float *out = g->out + row * g->out_stride + panel * ANGLE_PANEL;

	for (size_t r = 0; r < rows; r++)
		_mm512_storeu_ps(
			out + r * g->out_stride,
			finish(g, row + r, &end, _mm512_load_si512(sums->rows[r])));
}

/* 32 rows by two panels. */
static void
multiply_2x2(const AngleQgemm *g, size_t row, size_t panel)
{
	Sums sums[4] __attribute__((aligned(TILE_LINE)));
	const int8_t *w0 = panel_of(g, panel);
	const int8_t *w1 = panel_of(g, panel + 1);
	const uint8_t *x0 = inputs_of(g, row);
	const uint8_t *x1 = inputs_of(g, row + TILE_ROWS);

	_tile_zero(0);
	_tile_zero(1);
	_tile_zero(2);
	_tile_zero(3);
	for (size_t k = 0; k < g->inputs; k += TILE_INPUTS)
	{
		_tile_loadd(6, w0 + k * ANGLE_PANEL, TILE_LINE);
		_tile_loadd(4, x0 + k, g->q_stride);
		_tile_dpbusd(0, 4, 6);
		_tile_loadd(7, w1 + k * ANGLE_PANEL, TILE_LINE);
		_tile_dpbusd(1, 4, 7);
		_tile_loadd(5, x1 + k, g->q_stride);
		_tile_dpbusd(2, 5, 6);
		_tile_dpbusd(3, 5, 7);
	}
	_tile_stored(0, &sums[0], TILE_LINE);
	_tile_stored(1, &sums[1], TILE_LINE);
	_tile_stored(2, &sums[2], TILE_LINE);
	_tile_stored(3, &sums[3], TILE_LINE);
	write_tile(g, row, panel, &sums[0]);
	write_tile(g, row, panel + 1, &sums[1]);
	write_tile(g, row + TILE_ROWS, panel, &sums[2]);
	write_tile(g, row + TILE_ROWS, panel + 1, &sums[3]);
}

/* Up to 16 rows by one panel. */
static void
multiply_1x1(const AngleQgemm *g, size_t row, size_t panel)
{
	Sums sums __attribute__((aligned(TILE_LINE)));
	const int8_t *w = panel_of(g, panel);
	const uint8_t *x = inputs_of(g, row);

	_tile_zero(0);
	for (size_t k = 0; k < g->inputs; k += TILE_INPUTS)
	{
		_tile_loadd(6, w + k * ANGLE_PANEL, TILE_LINE);
		_tile_loadd(4, x + k, g->q_stride);
		_tile_dpbusd(0, 4, 6);
	}
	_tile_stored(0, &sums, TILE_LINE);
	write_tile(g, row, panel, &sums);
}

static inline void
fetch_next_tile(const int8_t *tile)
{
	for (size_t i = 0; i < TILE_INPUTS * ANGLE_PANEL; i += TILE_LINE)
		_mm_prefetch((const char *) tile + TILE_INPUTS * ANGLE_PANEL + i,
					 _MM_HINT_T0);
}

/* Up to 16 rows by four panels that are step apart. */
static void
multiply_1x4(const AngleQgemm *g, size_t panel, size_t step, bool far)
{
	Sums sums[FEW_ROWS_PANELS] __attribute__((aligned(TILE_LINE)));
	const uint8_t *x = inputs_of(g, 0);
	const int8_t *w = panel_of(g, panel);
	size_t size = ANGLE_PANEL * g->inputs * step;

	_tile_zero(0);
	_tile_zero(1);
	_tile_zero(2);
	_tile_zero(3);
	for (size_t k = 0; k < g->inputs; k += TILE_INPUTS)
	{
		const int8_t *at = w + k * ANGLE_PANEL;

		for (size_t p = 0; far && p < FEW_ROWS_PANELS; p++)
			fetch_next_tile(at + p * size);
		_tile_loadd(4, x + k, g->q_stride);
		_tile_loadd(6, at, TILE_LINE);
		_tile_dpbusd(0, 4, 6);
		_tile_loadd(7, at + size, TILE_LINE);
		_tile_dpbusd(1, 4, 7);
		_tile_loadd(5, at + 2 * size, TILE_LINE);
		_tile_dpbusd(2, 4, 5);
		_tile_loadd(6, at + 3 * size, TILE_LINE);
		_tile_dpbusd(3, 4, 6);
	}
	_tile_stored(0, &sums[0], TILE_LINE);
	_tile_stored(1, &sums[1], TILE_LINE);
	_tile_stored(2, &sums[2], TILE_LINE);
	_tile_stored(3, &sums[3], TILE_LINE);
	for (size_t p = 0; p < FEW_ROWS_PANELS; p++)
		write_tile(g, 0, panel + p * step, &sums[p]);
}

static void
multiply_few(const AngleQgemm *g)
{
	size_t panels = g->end_panel - g->first_panel;
	size_t step = panels / FEW_ROWS_PANELS;
	size_t panel = g->first_panel;
	bool far = panels * ANGLE_PANEL * g->inputs >= FAR_WEIGHTS;

	configure_tiles(FIRST_TILES, (uint8_t) g->rows);
	for (; panel < g->first_panel + step; panel++)
		multiply_1x4(g, panel, step, far);
	panel = g->first_panel + FEW_ROWS_PANELS * step;
	for (; panel < g->end_panel; panel++)
		multiply_1x1(g, 0, panel);
}

/* Some rows by two panels, or by the last one. */
static void
multiply_rows(const AngleQgemm *g, size_t row, size_t end_row, size_t panel)
{
	for (; row + TILE_ROWS < end_row && panel + 1 < g->end_panel;
		 row += 2 * TILE_ROWS)
		multiply_2x2(g, row, panel);
	for (; row < end_row; row += TILE_ROWS)
	{
		multiply_1x1(g, row, panel);
		if (panel + 1 < g->end_panel)
			multiply_1x1(g, row, panel + 1);
	}
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Weights by the part that stays in the second-level cache, and over that the
 * rows by the part that stays in the first-level cache. */
static void
multiply_many(const AngleQgemm *g)
{
	size_t panels = CACHED_WEIGHTS / (ANGLE_PANEL * g->inputs) / 2 * 2 + 2;

	configure_tiles(FIRST_TILES, TILE_ROWS);
	for (size_t p = g->first_panel; p < g->end_panel; p += panels)
	{
		size_t end = least(p + panels, g->end_panel);

		for (size_t row = 0; row < g->rows; row += CACHED_ROWS)
		{
			for (size_t panel = p; panel < end; panel += 2)
				multiply_rows(g, row, least(row + CACHED_ROWS, g->rows), panel);
		}
	}
}

void
angle_qgemm_amx(const AngleQgemm *g)
{
	if (g->rows == 0 || g->inputs == 0)
		return;
	if (g->rows <= TILE_ROWS)
		multiply_few(g);
	else
		multiply_many(g);
	/* the state that a context switch must save is small again */
	_tile_release();
}
