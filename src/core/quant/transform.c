/*
 * Compiled once for each instruction set: the rotation of rotation.h, and the
 * grids of rerank.h.
 */
#include <string.h>

#include "core/quant/lanes.h"
#include "core/quant/quant_kernels.h"

/* ---- rotation ---- */

/* 1, and -1 for the upper lane of pairs that are 1, 2, 4 and 8 lanes apart. */
static const float lower_less_upper[4][16] = {
	{1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1},
	{1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1},
	{1, 1, 1, 1, -1, -1, -1, -1, 1, 1, 1, 1, -1, -1, -1, -1},
	{1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1},
};

/* The levels below V, of x (n), of which V is a divisor. */
INLINE void
levels_in_registers(float *x, size_t n)
{
	for (size_t i = 0; i < n; i += V)
	{
		Floats y = load(x + i);

#pragma GCC unroll 4
		for (int level = 0; 1 << level < V; level++)
			y = partners(y, 1 << level) + load(lower_less_upper[level]) * y;
		store(x + i, y);
	}
}

/* One level: sums and differences of elements that are h apart. */
INLINE void
level_of(float *x, size_t n, size_t h)
{
	for (size_t i = 0; i < n; i += 2 * h)
	{
		for (size_t j = i; j < i + h; j++)
		{
			float a = x[j];
			float b = x[j + h];

			x[j] = a + b;
			x[j + h] = a - b;
		}
	}
}

/* The levels of h and 2h, of which V is a divisor: what is loaded serves both. */
INLINE void
two_levels(float *x, size_t n, size_t h)
{
	for (size_t i = 0; i < n; i += 4 * h)
	{
		for (float *p = x + i; p < x + i + h; p += V)
		{
			Floats a = load(p);
			Floats b = load(p + h);
			Floats c = load(p + 2 * h);
			Floats d = load(p + 3 * h);
			Floats ab = a + b;
			Floats cd = c + d;

			a -= b;
			c -= d;
			store(p, ab + cd);
			store(p + h, a + c);
			store(p + 2 * h, ab - cd);
			store(p + 3 * h, a - c);
		}
	}
}

static void
hadamard(float *x, size_t n)
{
	float scale = 1;
	size_t h = 1;

	if (n >= V)
	{
		levels_in_registers(x, n);
		for (h = V; 4 * h <= n; h *= 4)
			two_levels(x, n, h);
	}
	for (; h < n; h *= 2)
		level_of(x, n, h);
	for (size_t rest = n; rest > 1; rest /= 4)
		scale *= rest == 2 ? 0.70710678118654752f : 0.5f;
	for (size_t i = 0; i < n; i++)
		x[i] *= scale;
}

/* Bits of floats, for gcc and clang see through this. */
INLINE void
flip_signs(float *x, const uint32_t *signs, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		uint32_t bits;

		memcpy(&bits, &x[i], sizeof(bits));
		bits ^= signs[i];
		memcpy(&x[i], &bits, sizeof(bits));
	}
}

/* A reflection of each pair across the halves, by which what the Hadamard
 * window leaves out meets what is inside. */
INLINE void
turn_pairs(float *x, size_t n)
{
	const float root_half = 0.70710678118654752f;
	size_t half = n / 2;
	float *y = x + (n - half);

	for (size_t i = 0; i < half; i++)
	{
		float sum = x[i] + y[i];
		float difference = x[i] - y[i];

		x[i] = sum * root_half;
		y[i] = difference * root_half;
	}
}

void
ANGLE_KERNEL(angle_quant_rotate)(float *x, size_t n, size_t window,
								 const uint32_t *signs)
{
	for (int round = 0; round < ANGLE_ROTATION_ROUNDS; round++)
	{
		size_t start = round % 2 == 0 ? 0 : n - window;

		flip_signs(x, signs + (size_t) round * n, n);
		hadamard(x + start, window);
		if (window < n && start > 0)
			turn_pairs(x, n);
	}
}

/* ---- grids ---- */

/* The level of x from 0 on: ⌊x/step⌋ + half, cut to what there is. */
INLINE int
level(float x, float inverse, float half)
{
	float place = x * inverse + half;

	place = place > 0 ? place : 0;
	return (int) (place < 2 * half - 1 ? place : 2 * half - 1);
}

/* k of V coordinates. */
INLINE Floats
level_values(Floats x, float inverse, float half)
{
	Floats place = x * inverse + half;
	Floats least = (Floats){0};
	Floats most = least + (2 * half - 1);
	Ints above = place > least;
	Ints below;

	place = (Floats) (above & (Ints) place);
	below = place < most;
	place = (Floats) ((below & (Ints) place) | (~below & (Ints) most));
	return __builtin_convertvector(__builtin_convertvector(place, Ints),
								   Floats) +
		   (0.5f - half);
}

/* Sums of one batch; n is a multiple of V. */
INLINE void
grid_batch(const float *x, size_t n, const AngleGrid *grid, AngleGridSums *sums)
{
	Floats point_code = {0};
	Floats code_code = {0};
	Floats rest_rest = {0};

	for (size_t i = 0; i < n; i += V)
	{
		Floats o = load(x + i);
		Floats k = level_values(o, grid->inverse, grid->half);
		Floats rest = o - k * grid->scale;

		point_code += o * k;
		code_code += k * k;
		rest_rest += rest * rest;
	}
	sums->point_code += add_lanes(point_code);
	sums->code_code += add_lanes(code_code);
	sums->rest_rest += add_lanes(rest_rest);
}

/* The last coordinates one by one. */
AngleGridSums
ANGLE_KERNEL(angle_quant_grid_sums)(const float *x, size_t n,
									const AngleGrid *grid)
{
	AngleGridSums sums = {0, 0, 0};

	for (; n >= V; x += n < 32 * V ? n / V * V : 32 * V,
				   n -= n < 32 * V ? n / V * V : 32 * V)
		grid_batch(x, n < 32 * V ? n / V * V : 32 * V, grid, &sums);
	for (size_t i = 0; i < n; i++)
	{
		double k = level(x[i], grid->inverse, grid->half) + 0.5 - grid->half;
		double rest = x[i] - k * grid->scale;

		sums.point_code += x[i] * k;
		sums.code_code += k * k;
		sums.rest_rest += rest * rest;
	}
	return sums;
}

/* Groups of 32 coordinates, the last perhaps shorter: the first half of a group
 * is in low nibbles. */
INLINE void
write_nibbles(const float *x, size_t n, const AngleGrid *grid, uint8_t *code)
{
	for (; n > 0; x += 32, code += 16, n -= n < 32 ? n : 32)
	{
		size_t size = n < 32 ? n : 32;
		size_t half = (size + 1) / 2;

		for (size_t i = 0; i < half; i++)
		{
			int low = level(x[i], grid->inverse, grid->half);
			int high = half + i < size
						   ? level(x[half + i], grid->inverse, grid->half)
						   : 0;

			code[i] = (uint8_t) (low | high << 4);
		}
	}
}

/*
 * Codes of 6 or 7 bits: groups of four or eight parts of 16 coordinates, of the last group
 * perhaps fewer. Each part but the last has bytes of its own; the bits of the last are the
 * high ones of the others' bytes.
 */
INLINE void
write_parts(int bits, const float *x, size_t n, const AngleGrid *grid,
			uint8_t *code)
{
	const size_t own = bits == 6 ? 3 : 7;
	const size_t whole = (own + 1) * 16;
	const int mask = (1 << (8 - bits)) - 1;

	for (; n > 0; x += whole, code += own * 16, n -= n < whole ? n : whole)
	{
		size_t size = n < whole ? n : whole;
		size_t part = (size + own) / (own + 1);

		for (size_t i = 0; i < part; i++)
		{
			int last = own * part + i < size
						   ? level(x[own * part + i], grid->inverse, grid->half)
						   : 0;

			for (size_t j = 0; j < own; j++)
			{
				size_t at = j * part + i;
				int low =
					at < size ? level(x[at], grid->inverse, grid->half) : 0;
				int high = last >> (int) j * (8 - bits) & mask;

				code[at] = (uint8_t) (low | high << bits);
			}
		}
	}
}

void
ANGLE_KERNEL(angle_quant_grid_write)(const float *x, size_t n,
									 const AngleGrid *grid, int bits,
									 uint8_t *code)
{
	if (bits == 4)
		write_nibbles(x, n, grid, code);
	else if (bits == 6)
		write_parts(6, x, n, grid, code);
	else if (bits == 7)
		write_parts(7, x, n, grid, code);
	else if (bits == 8)
	{
		for (size_t i = 0; i < n; i++)
			code[i] = (uint8_t) (level(x[i], grid->inverse, grid->half) - 128);
	}
	else
	{
		for (size_t i = 0; i < n; i++)
		{
			int u = level(x[i], grid->inverse, grid->half) - 32768;

			code[2 * i] = (uint8_t) u;
			code[2 * i + 1] = (uint8_t) ((unsigned) u >> 8);
		}
	}
}
