/*
 * Compiled once for each instruction set: products and distances of vectors, and of
 * re-rank codes as rerank.h has them.
 */
#include <string.h>

#include "core/quant/lanes.h"
#include "core/quant/quant_kernels.h"

/* V integers of 8 bits as floats. */
INLINE Floats
load8(const uint8_t *p)
{
#if V == 16
	return (Floats) _mm512_cvtepi32_ps(
		_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *) p)));
#elif V == 8
	return (Floats) _mm256_cvtepi32_ps(
		_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *) p)));
#else
	const int8_t *u = (const int8_t *) p;

	return (Floats){u[0], u[1], u[2], u[3]};
#endif
}

/* V integers of 16 bits. */
INLINE Floats
load16(const uint8_t *p)
{
#if V == 16
	return (Floats) _mm512_cvtepi32_ps(
		_mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *) p)));
#elif V == 8
	return (Floats) _mm256_cvtepi32_ps(
		_mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *) p)));
#else
	int16_t u[4];

	memcpy(u, p, sizeof(u));
	return (Floats){u[0], u[1], u[2], u[3]};
#endif
}

/* V bytes. */
INLINE Ints
load_bytes(const uint8_t *p)
{
#if V == 16
	return (Ints) _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *) p));
#elif V == 8
	return (Ints) _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *) p));
#else
	return (Ints){p[0], p[1], p[2], p[3]};
#endif
}

/* The low or the high nibbles of V bytes, 0 … 15, less 8. */
INLINE void
load4(const uint8_t *p, Floats *low, Floats *high)
{
	Ints bytes = load_bytes(p);

	*low = __builtin_convertvector((bytes & 15) - 8, Floats);
	*high = __builtin_convertvector((bytes >> 4) - 8, Floats);
}

typedef Floats (*Load)(const uint8_t *p);

/* n is a multiple of 2 V; width is the bytes of an integer. */
INLINE double
dot_whole(Load load_code, size_t width, const uint8_t *code, const float *query,
		  size_t n)
{
	double sum = 0;

	while (n > 0)
	{
		size_t batch = n < 64 * V ? n : 64 * V;
		Floats a = {0};
		Floats b = {0};

		for (size_t i = 0; i < batch; i += 2 * V)
		{
			a += load_code(code + i * width) * load(query + i);
			b += load_code(code + (i + V) * width) * load(query + i + V);
		}
		sum += add_lanes(a + b);
		code += batch * width;
		query += batch;
		n -= batch;
	}
	return sum;
}

/* What is left is filled up with zeros. */
INLINE double
dot_any(Load load_code, size_t width, const uint8_t *code, const float *query,
		size_t n)
{
	size_t whole = n / (2 * V) * (2 * V);
	double sum = dot_whole(load_code, width, code, query, whole);
	uint8_t code_rest[2 * V * sizeof(float)] = {0};
	float query_rest[2 * V] = {0};

	if (whole == n)
		return sum;
	memcpy(code_rest, code + whole * width, (n - whole) * width);
	memcpy(query_rest, query + whole, (n - whole) * sizeof(float));
	return sum + dot_whole(load_code, width, code_rest, query_rest, 2 * V);
}

INLINE Floats
load_float(const uint8_t *p)
{
	Floats x;

	memcpy(&x, p, sizeof(x));
	return x;
}

/* V numbers of the upper halves of floats. */
INLINE Floats
load_bfloat(const uint8_t *p)
{
#if V == 16
	return (Floats) _mm512_slli_epi32(
		_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *) p)), 16);
#elif V == 8
	return (Floats) _mm256_slli_epi32(
		_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *) p)), 16);
#elif defined(__x86_64__)
	return (Floats) _mm_unpacklo_epi16(_mm_setzero_si128(),
									   _mm_loadl_epi64((const __m128i *) p));
#else
	AngleBfloat u[4];

	memcpy(u, p, sizeof(u));
	return (Floats){angle_bfloat_value(u[0]), angle_bfloat_value(u[1]),
					angle_bfloat_value(u[2]), angle_bfloat_value(u[3])};
#endif
}

double
ANGLE_KERNEL(angle_quant_product)(const float *u, const float *v, size_t n)
{
	return dot_any(load_float, sizeof(float), (const uint8_t *) u, v, n);
}

double
ANGLE_KERNEL(angle_quant_product_stored)(const float *u, const AngleBfloat *v,
										 size_t n)
{
	return dot_any(load_bfloat, sizeof(AngleBfloat), (const uint8_t *) v, u, n);
}

/* n is a multiple of 2 V; width is the bytes of a number. */
INLINE double
squares_whole(Load load_number, size_t width, const uint8_t *v, const float *u,
			  size_t n)
{
	double sum = 0;

	while (n > 0)
	{
		size_t batch = n < 64 * V ? n : 64 * V;
		Floats a = {0};
		Floats b = {0};

		for (size_t i = 0; i < batch; i += 2 * V)
		{
			Floats first = load(u + i) - load_number(v + i * width);
			Floats second = load(u + i + V) - load_number(v + (i + V) * width);

			a += first * first;
			b += second * second;
		}
		sum += add_lanes(a + b);
		v += batch * width;
		u += batch;
		n -= batch;
	}
	return sum;
}

/* What is left is filled up with zeros. */
INLINE double
squares_any(Load load_number, size_t width, const uint8_t *v, const float *u,
			size_t n)
{
	size_t whole = n / (2 * V) * (2 * V);
	double sum = squares_whole(load_number, width, v, u, whole);
	uint8_t v_rest[2 * V * sizeof(float)] = {0};
	float u_rest[2 * V] = {0};

	if (whole == n)
		return sum;
	memcpy(v_rest, v + whole * width, (n - whole) * width);
	memcpy(u_rest, u + whole, (n - whole) * sizeof(float));
	return sum + squares_whole(load_number, width, v_rest, u_rest, 2 * V);
}

double
ANGLE_KERNEL(angle_quant_squared_distance)(const float *u, const float *v,
										   size_t n)
{
	return squares_any(load_float, sizeof(float), (const uint8_t *) v, u, n);
}

double
ANGLE_KERNEL(angle_quant_squared_distance_stored)(const float *u,
												  const AngleBfloat *v,
												  size_t n)
{
	return squares_any(load_bfloat, sizeof(AngleBfloat), (const uint8_t *) v, u,
					   n);
}

double
ANGLE_KERNEL(angle_quant_rerank8)(const uint8_t *code, const float *query,
								  size_t n)
{
	return dot_any(load8, 1, code, query, n);
}

double
ANGLE_KERNEL(angle_quant_rerank16)(const uint8_t *code, const float *query,
								   size_t n)
{
	return dot_any(load16, 2, code, query, n);
}

/* groups of 32 coordinates, 16 in low nibbles and 16 in high ones */
INLINE double
dot_nibbles(const uint8_t *code, const float *query, size_t groups)
{
	double sum = 0;

	while (groups > 0)
	{
		size_t batch = groups < 2 * V ? groups : 2 * V;
		Floats a = {0};
		Floats b = {0};

		for (size_t g = 0; g < batch; g++)
		{
			for (size_t i = 0; i < 16; i += V)
			{
				Floats low;
				Floats high;

				load4(code + g * 16 + i, &low, &high);
				a += low * load(query + g * 32 + i);
				b += high * load(query + g * 32 + 16 + i);
			}
		}
		sum += add_lanes(a + b);
		code += batch * 16;
		query += batch * 32;
		groups -= batch;
	}
	return sum;
}

/* The last group may have less: its first half is in the low nibbles. */
double
ANGLE_KERNEL(angle_quant_rerank4)(const uint8_t *code, const float *query,
								  size_t n)
{
	size_t groups = n / 32;
	size_t rest = n % 32;
	size_t half = (rest + 1) / 2;
	double sum = dot_nibbles(code, query, groups);
	uint8_t code_rest[16] = {0};
	float query_rest[32] = {0};

	if (rest == 0)
		return sum;
	query += groups * 32;
	memcpy(code_rest, code + groups * 16, half);
	memcpy(query_rest, query, half * sizeof(float));
	memcpy(query_rest + 16, query + half, (rest - half) * sizeof(float));
	return sum + dot_nibbles(code_rest, query_rest, 1);
}

/*
 * Codes of 6 or 7 bits: groups of so many parts of 16 coordinates as rerank.c says. Each
 * but the last has bytes of its own, whose high bits together are the last one.
 */
INLINE double
dot_parts(int bits, const uint8_t *code, const float *query, size_t groups)
{
	const size_t own = bits == 6 ? 3 : 7;
	const int half = 1 << (bits - 1);
	double sum = 0;

	while (groups > 0)
	{
		size_t most = 4 * V / (own + 1);
		size_t batch = groups < most ? groups : most;
		Floats sums[2] = {{0}, {0}};

		for (size_t g = 0; g < batch; g++)
		{
			for (size_t i = 0; i < 16; i += V)
			{
				Ints last = {0};

				for (size_t j = 0; j < own; j++)
				{
					Ints bytes = load_bytes(code + j * 16 + i);

					last |= bytes >> bits << (int) j * (8 - bits);
					sums[j % 2] +=
						__builtin_convertvector((bytes & (2 * half - 1)) - half,
												Floats) *
						load(query + j * 16 + i);
				}
				sums[1] += __builtin_convertvector(last - half, Floats) *
						   load(query + own * 16 + i);
			}
			code += own * 16;
			query += (own + 1) * 16;
		}
		sum += add_lanes(sums[0] + sums[1]);
		groups -= batch;
	}
	return sum;
}

/* The last group may have less, and smaller parts. */
INLINE double
dot_parts_any(int bits, const uint8_t *code, const float *query, size_t n)
{
	const size_t own = bits == 6 ? 3 : 7;
	const size_t size = (own + 1) * 16;
	size_t groups = n / size;
	size_t rest = n % size;
	size_t part = (rest + own) / (own + 1);
	double sum = dot_parts(bits, code, query, groups);
	uint8_t code_rest[7 * 16] = {0};
	float query_rest[8 * 16] = {0};

	if (rest == 0)
		return sum;
	for (size_t j = 0; j < own; j++)
		memcpy(code_rest + j * 16, code + groups * own * 16 + j * part, part);
	for (size_t i = 0; i < rest; i++)
		query_rest[i / part * 16 + i % part] = query[groups * size + i];
	return sum + dot_parts(bits, code_rest, query_rest, 1);
}

double
ANGLE_KERNEL(angle_quant_rerank6)(const uint8_t *code, const float *query,
								  size_t n)
{
	return dot_parts_any(6, code, query, n);
}

double
ANGLE_KERNEL(angle_quant_rerank7)(const uint8_t *code, const float *query,
								  size_t n)
{
	return dot_parts_any(7, code, query, n);
}
