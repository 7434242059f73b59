/*
 * dW += dYᵀ X. The sum over rows is the long one, so a tile of ROWS outputs × two
 * vectors of inputs stays in registers while t runs over a block of rows whose
 * numbers have been copied side by side.
 */
#include <string.h>

#include "core/train/isa_backward.h"
#include "core/train/reals.h"

#if LANES == 16
#define ROWS 12
#elif LANES == 8
#define ROWS 6
#else
#define ROWS 4
#endif

#define VECTORS 2
#define COLUMNS (VECTORS * LANES)

#define BLOCK ANGLE_OUTER_BLOCK

typedef struct Block
{
	const AngleOuter *outer;
	size_t first; /* row */
	size_t rows;
	AngleReal *dy; /* (⌈N/ROWS⌉, rows, ROWS) */
	AngleReal *x;  /* (rows, COLUMNS) */
} Block;

/* Outputs n… of one row; those behind the last are zero. */
static inline void
copy_outputs(const AngleReal *row, size_t width, AngleReal *to)
{
	if (width == ROWS)
	{
		memcpy(to, row, ROWS * sizeof(AngleReal));
		return;
	}
	for (size_t r = 0; r < ROWS; r++)
		to[r] = r < width ? row[r] : 0;
}

static void
pack_dy(const Block *block)
{
	const AngleOuter *o = block->outer;

	for (size_t t = 0; t < block->rows; t++)
	{
		const AngleReal *row = o->dy + (block->first + t) * o->dy_stride;

		for (size_t n = 0; n < o->outputs; n += ROWS)
			copy_outputs(row + n, o->outputs - n < ROWS ? o->outputs - n : ROWS,
						 block->dy + n * block->rows + t * ROWS);
	}
}

/* Columns k… of X; those behind the stride are zero. */
static void
pack_x(const Block *block, size_t k)
{
	const AngleOuter *o = block->outer;
	size_t width = o->x_stride - k < COLUMNS ? o->x_stride - k : COLUMNS;

	for (size_t t = 0; t < block->rows; t++)
	{
		AngleReal *row = block->x + t * COLUMNS;

		memcpy(row, o->x + (block->first + t) * o->x_stride + k,
			   width * sizeof(AngleReal));
		memset(row + width, 0, (COLUMNS - width) * sizeof(AngleReal));
	}
}

/* Adds the first width numbers of a tile's row to dW. */
static inline void
add_row(AngleReal *dw, const Reals *sum, size_t width)
{
	AngleReal rest[COLUMNS];

	if (width >= COLUMNS)
	{
		for (int v = 0; v < VECTORS; v++)
			store(dw + v * LANES, load(dw + v * LANES) + sum[v]);
		return;
	}
	for (int v = 0; v < VECTORS; v++)
		store(rest + v * LANES, sum[v]);
	for (size_t k = 0; k < width; k++)
		dw[k] += rest[k];
}

static void
tile(const Block *block, size_t n, size_t k)
{
	const AngleOuter *o = block->outer;
	const AngleReal *dy = block->dy + n * block->rows;
	Reals sum[ROWS][VECTORS];

	for (int r = 0; r < ROWS; r++)
	{
		for (int v = 0; v < VECTORS; v++)
			sum[r][v] = splat(0);
	}
	for (size_t t = 0; t < block->rows; t++)
	{
		Reals x[VECTORS];

		for (int v = 0; v < VECTORS; v++)
			x[v] = load(block->x + t * COLUMNS + v * LANES);
		for (int r = 0; r < ROWS; r++)
		{
			Reals y = splat(dy[t * ROWS + r]);

			for (int v = 0; v < VECTORS; v++)
				sum[r][v] = multiply_add(y, x[v], sum[r][v]);
		}
	}
	for (size_t r = 0; r < ROWS && n + r < o->outputs; r++)
		add_row(o->dw + (n + r) * o->inputs + k, sum[r], o->inputs - k);
}

static void
add_bias(const AngleOuter *o)
{
	for (size_t t = 0; t < o->rows; t++)
	{
		for (size_t n = 0; n < o->outputs; n++)
			o->db[n] += o->dy[t * o->dy_stride + n];
	}
}

void
ANGLE_KERNEL(angle_outer)(const AngleOuter *o)
{
	Block block = {.outer = o, .x = o->scratch};

	block.dy = o->scratch + BLOCK * ANGLE_OUTER_COLUMNS;
	for (; block.first < o->rows; block.first += BLOCK)
	{
		block.rows =
			o->rows - block.first < BLOCK ? o->rows - block.first : BLOCK;
		pack_dy(&block);
		for (size_t k = 0; k < o->inputs; k += COLUMNS)
		{
			pack_x(&block, k);
			for (size_t n = 0; n < o->outputs; n += ROWS)
				tile(&block, n, k);
		}
	}
	add_bias(o);
}
