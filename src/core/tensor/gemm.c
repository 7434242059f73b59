/*
 * The F32 product with packed weights. A tile of ROWS × PANELS panels stays in
 * registers while k runs once over all inputs, so each output is one chain of
 * multiply-adds in the order of k, whatever the tile: that is what makes a row
 * independent of its neighbours, and why this is not a call into a BLAS (see
 * docs/design/0003-own-products-and-threads.md).
 */
#include "core/tensor/isa_kernels.h"
#include "core/tensor/simd.h"

#define VECTORS (ANGLE_PANEL / LANES) /* registers for one panel's outputs */

/* Tiles that leave registers for the weights and the broadcast input. */
#if LANES == 16
#define MAX_ROWS 12
#define MAX_PANELS 2
#elif LANES == 8
#define MAX_ROWS 6
#define MAX_PANELS 1
#elif defined(__aarch64__)
#define MAX_ROWS 6
#define MAX_PANELS 1
#else
#define MAX_ROWS 2
#define MAX_PANELS 1
#endif

static inline const float *
row_of(const AngleGemm *g, size_t row)
{
	return g->x + (g->order != NULL ? g->order[row] : row) * g->x_stride;
}

static inline __attribute__((always_inline)) void
tile(const AngleGemm *g, size_t row, size_t panel, int rows, int panels)
{
	Floats sum[MAX_ROWS][MAX_PANELS * VECTORS];
	const float *weight = g->weight + panel * g->inputs * ANGLE_PANEL;
	const float *x[MAX_ROWS];

	for (int r = 0; r < rows; r++)
		x[r] = row_of(g, row + r);
	for (int r = 0; r < rows; r++)
	{
		for (int v = 0; v < panels * VECTORS; v++)
			sum[r][v] = load(g->bias + panel * ANGLE_PANEL + v * LANES);
	}
	for (size_t k = 0; k < g->inputs; k++)
	{
		Floats w[MAX_PANELS * VECTORS];

		for (int p = 0; p < panels; p++)
		{
			for (int v = 0; v < VECTORS; v++)
				w[p * VECTORS + v] = load(
					weight + (p * g->inputs + k) * ANGLE_PANEL + v * LANES);
		}
		for (int r = 0; r < rows; r++)
		{
			Floats input = splat(x[r][k]);

			for (int v = 0; v < panels * VECTORS; v++)
				sum[r][v] = multiply_add(input, w[v], sum[r][v]);
		}
	}
	for (int r = 0; r < rows; r++)
	{
		float *out = g->out + (row + r) * g->out_stride + panel * ANGLE_PANEL;

		for (int v = 0; v < panels * VECTORS; v++)
			store(out + v * LANES, sum[r][v]);
	}
}

/* Gives the compiler each height as a constant, so that sums stay in
 * registers. */
static inline __attribute__((always_inline)) void
tile_rows(const AngleGemm *g, size_t row, size_t panel, int panels)
{
	size_t left = g->rows - row;

	switch (left < MAX_ROWS ? left : MAX_ROWS)
	{
#if MAX_ROWS >= 12
		case 12:
			tile(g, row, panel, 12, panels);
			break;
		case 11:
			tile(g, row, panel, 11, panels);
			break;
		case 10:
			tile(g, row, panel, 10, panels);
			break;
		case 9:
			tile(g, row, panel, 9, panels);
			break;
		case 8:
			tile(g, row, panel, 8, panels);
			break;
		case 7:
			tile(g, row, panel, 7, panels);
			break;
#endif
#if MAX_ROWS >= 6
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
#endif
		case 2:
			tile(g, row, panel, 2, panels);
			break;
		default:
			tile(g, row, panel, 1, panels);
			break;
	}
}

void
ANGLE_KERNEL(angle_gemm)(const AngleGemm *g)
{
	size_t panel = g->first_panel;

	for (; panel + MAX_PANELS <= g->end_panel; panel += MAX_PANELS)
	{
		for (size_t row = 0; row < g->rows; row += MAX_ROWS)
			tile_rows(g, row, panel, MAX_PANELS);
	}
	for (; panel < g->end_panel; panel++)
	{
		for (size_t row = 0; row < g->rows; row += MAX_ROWS)
			tile_rows(g, row, panel, 1);
	}
}
