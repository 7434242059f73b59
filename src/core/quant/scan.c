/*
 * Compiled once for each instruction set. ANGLE_ISA is the suffix of the table
 * that this file defines; V floats fill a register.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/quant/lanes.h"
#include "core/quant/quant_kernels.h"

/* ---- residuals ---- */

/* Elements that are summed in float before the sum goes to a double: 32
 * additions to a lane. */
#define BATCH ((size_t) 32 * 16)

/* The bits of the lanes above zero. */
INLINE unsigned
positive_bits(Floats x)
{
#if V == 16
	return _mm512_cmp_ps_mask((__m512) x, _mm512_setzero_ps(), _CMP_GT_OQ);
#elif V == 8
	return (unsigned) _mm256_movemask_ps(
		_mm256_cmp_ps((__m256) x, _mm256_setzero_ps(), _CMP_GT_OQ));
#elif defined(__x86_64__)
	return (unsigned) _mm_movemask_ps(
		_mm_cmpgt_ps((__m128) x, _mm_setzero_ps()));
#else
	return (unsigned) (x[0] > 0) | (unsigned) (x[1] > 0) << 1 |
		   (unsigned) (x[2] > 0) << 2 | (unsigned) (x[3] > 0) << 3;
#endif
}

/* Sums in lanes. */
typedef struct LaneSums
{
	Floats r_squared;
	Floats r_dot_c;
	Floats r_sizes;
	Floats c_signed;
} LaneSums;

/* 16 elements; returns their bits. */
INLINE unsigned
add_residuals(const float *point, const float *centroid, LaneSums *sums)
{
	const Ints sign = (Ints){0} - INT32_MAX - 1;
	unsigned bits = 0;

	for (int i = 0; i < 16; i += V)
	{
		Floats c = load(centroid + i);
		Floats r = load(point + i) - c;
		Ints negative = (r > 0) == 0;

		sums->r_squared += r * r;
		sums->r_dot_c += r * c;
		sums->r_sizes += (Floats) ((Ints) r & ~sign);
		sums->c_signed += (Floats) ((Ints) c ^ (negative & sign));
		bits |= positive_bits(r) << i;
	}
	return bits;
}

INLINE void
put_bits(uint8_t *code, unsigned bits)
{
	if (code == NULL)
		return;
	code[0] = (uint8_t) bits;
	code[1] = (uint8_t) (bits >> 8);
}

/* n elements of one batch. */
INLINE void
residual_batch(const float *point, const float *centroid, size_t n,
			   uint8_t *code, AngleResidual *residual)
{
	LaneSums sums = {{0}, {0}, {0}, {0}};
	float point_rest[16] = {0};
	float centroid_rest[16] = {0};
	size_t i = 0;

	for (; i + 16 <= n; i += 16)
		put_bits(code == NULL ? NULL : code + i / 8,
				 add_residuals(point + i, centroid + i, &sums));
	if (i < n)
	{
		memcpy(point_rest, point + i, (n - i) * sizeof(float));
		memcpy(centroid_rest, centroid + i, (n - i) * sizeof(float));
		put_bits(code == NULL ? NULL : code + i / 8,
				 add_residuals(point_rest, centroid_rest, &sums));
	}
	residual->r_squared += add_lanes(sums.r_squared);
	residual->r_dot_c += add_lanes(sums.r_dot_c);
	residual->r_code += add_lanes(sums.r_sizes) / 2;
	residual->c_code += add_lanes(sums.c_signed) / 2;
}

static AngleResidual
residual(const float *point, const float *centroid, size_t n, uint8_t *code)
{
	AngleResidual sums = {0, 0, 0, 0};

	for (; n > BATCH; n -= BATCH, point += BATCH, centroid += BATCH)
	{
		residual_batch(point, centroid, BATCH, code, &sums);
		code = code == NULL ? NULL : code + BATCH / 8;
	}
	residual_batch(point, centroid, n, code, &sums);
	return sums;
}

/* ---- tables ---- */

/* Bit i of m, for m of 0 … 15. */
static const float bit_of[4][16] = {
	{0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1},
	{0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1},
	{0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1},
	{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1},
};

/* values[m] = what the bits of m add to ⟨x, q⟩, less the least of all m, where q
 * is one nibble's part of the query. */
INLINE void
nibble_values(const float q[4], float values[16])
{
	float least = 0;

	for (int i = 0; i < 4; i++)
		least += q[i] < 0 ? q[i] : 0;
	for (int m = 0; m < 16; m += V)
	{
		Floats sum = (Floats){0} - least;

		for (int i = 0; i < 4; i++)
			sum += q[i] * load(bit_of[i] + m);
		memcpy(values + m, &sum, sizeof(sum));
	}
}

/* Rounded to steps, from 0 to top. */
INLINE void
round_values(const float values[16], float inverse, float top, uint8_t *out)
{
	int32_t rounded[16];

	for (int m = 0; m < 16; m += V)
	{
		Floats most = (Floats){0} + top;
		Floats steps = load(values + m) * inverse + 0.5f;
		Ints below = steps < most;
		Ints whole;

		steps = (Floats) ((below & (Ints) steps) | (~below & (Ints) most));
		whole = __builtin_convertvector(steps, Ints);
		whole &= whole > 0;
		memcpy(rounded + m, &whole, sizeof(whole));
	}
	for (int m = 0; m < 16; m++)
		out[m] = (uint8_t) rounded[m];
}

/* Where the 16 entries of a nibble are: the tables of the low nibbles of four
 * rows lie together, then those of the high ones. */
INLINE size_t
entries_place(size_t nibble)
{
	size_t row = nibble / 2;

	return (row / 4 * 8 + nibble % 2 * 4 + row % 4) * 16;
}

static void
fill_table(const AngleTable *table, const float *query, size_t coded)
{
	float inverse = 1 / table->step;
	float inverse_second = 1 / table->step_second;
	uint8_t *second = table->entries + table->rows * 32;

	for (size_t i = 0; i < coded; i += 4)
	{
		size_t place = entries_place(i / 4);
		float q[4] = {0};
		float values[16];

		memcpy(q, query + i, (coded - i < 4 ? coded - i : 4) * sizeof(float));
		nibble_values(q, values);
		round_values(values, inverse, ANGLE_TABLE_TOP, table->entries + place);
		if (table->planes == 1)
			continue;
		/* what the first plane leaves, from half a step below */
		for (int m = 0; m < 16; m++)
			values[m] +=
				table->step / 2 -
				(float) table->entries[place + (size_t) m] * table->step;
		round_values(values, inverse_second, ANGLE_TABLE_TOP_SECOND,
					 second + place);
	}
}

/* ---- blocks ---- */

/*
 * The integers that fastscan.h describes. The entries of a row's low nibbles and
 * of its high ones are added in bytes, which hold 2 · 127; then a register of
 * bytes is added as it is to one of 16-bit lanes, and its odd bytes to another.
 * What the odd bytes have done to the first is taken from it in the end.
 */
#if defined(__AVX512BW__)
INLINE void
block_sums(const uint8_t *codes, const uint8_t *entries, int rows,
		   uint16_t *sums)
{
	const __m512i nibble = _mm512_set1_epi8(15);
	__m512i all = _mm512_setzero_si512();
	__m512i odd = _mm512_setzero_si512();
	__m256i even256;
	__m256i odd256;
	__m128i even128;
	__m128i odd128;

	for (int r = 0; r < rows; r += 4, codes += 64, entries += 128)
	{
		__m512i code = _mm512_loadu_si512(codes);
		__m512i low = _mm512_and_si512(code, nibble);
		__m512i high = _mm512_and_si512(_mm512_srli_epi16(code, 4), nibble);
		__m512i sum = _mm512_add_epi8(
			_mm512_shuffle_epi8(_mm512_loadu_si512(entries), low),
			_mm512_shuffle_epi8(_mm512_loadu_si512(entries + 64), high));

		all = _mm512_add_epi16(all, sum);
		odd = _mm512_add_epi16(odd, _mm512_srli_epi16(sum, 8));
	}
	all = _mm512_sub_epi16(all, _mm512_slli_epi16(odd, 8));
	even256 = _mm256_add_epi16(_mm512_castsi512_si256(all),
							   _mm512_extracti64x4_epi64(all, 1));
	odd256 = _mm256_add_epi16(_mm512_castsi512_si256(odd),
							  _mm512_extracti64x4_epi64(odd, 1));
	even128 = _mm_add_epi16(_mm256_castsi256_si128(even256),
							_mm256_extracti128_si256(even256, 1));
	odd128 = _mm_add_epi16(_mm256_castsi256_si128(odd256),
						   _mm256_extracti128_si256(odd256, 1));
	_mm_storeu_si128((__m128i *) sums, _mm_unpacklo_epi16(even128, odd128));
	_mm_storeu_si128((__m128i *) (sums + 8),
					 _mm_unpackhi_epi16(even128, odd128));
}
#elif defined(__AVX2__)
INLINE __m256i
load256(const uint8_t *p)
{
	return _mm256_loadu_si256((const __m256i *) p);
}

/* Two rows; entries is at those of the first one's low nibbles. */
INLINE __m256i
two_rows(const uint8_t *codes, const uint8_t *entries)
{
	const __m256i nibble = _mm256_set1_epi8(15);
	__m256i code = load256(codes);
	__m256i low = _mm256_and_si256(code, nibble);
	__m256i high = _mm256_and_si256(_mm256_srli_epi16(code, 4), nibble);

	return _mm256_add_epi8(_mm256_shuffle_epi8(load256(entries), low),
						   _mm256_shuffle_epi8(load256(entries + 64), high));
}

INLINE void
block_sums(const uint8_t *codes, const uint8_t *entries, int rows,
		   uint16_t *sums)
{
	__m256i all = _mm256_setzero_si256();
	__m256i odd = _mm256_setzero_si256();
	__m128i even128;
	__m128i odd128;

	for (int r = 0; r < rows; r += 4, codes += 64, entries += 128)
	{
		__m256i first = two_rows(codes, entries);
		__m256i second = two_rows(codes + 32, entries + 32);

		all = _mm256_add_epi16(all, _mm256_add_epi16(first, second));
		odd = _mm256_add_epi16(odd,
							   _mm256_add_epi16(_mm256_srli_epi16(first, 8),
												_mm256_srli_epi16(second, 8)));
	}
	all = _mm256_sub_epi16(all, _mm256_slli_epi16(odd, 8));
	even128 = _mm_add_epi16(_mm256_castsi256_si128(all),
							_mm256_extracti128_si256(all, 1));
	odd128 = _mm_add_epi16(_mm256_castsi256_si128(odd),
						   _mm256_extracti128_si256(odd, 1));
	_mm_storeu_si128((__m128i *) sums, _mm_unpacklo_epi16(even128, odd128));
	_mm_storeu_si128((__m128i *) (sums + 8),
					 _mm_unpackhi_epi16(even128, odd128));
}
#elif defined(__aarch64__)
INLINE void
block_sums(const uint8_t *codes, const uint8_t *entries, int rows,
		   uint16_t *sums)
{
	uint16x8_t first = vdupq_n_u16(0);
	uint16x8_t second = vdupq_n_u16(0);

	for (int r = 0; r < rows; r++)
	{
		const uint8_t *own = entries + (r / 4 * 8 + r % 4) * 16;
		uint8x16_t code = vld1q_u8(codes + r * ANGLE_BLOCK);
		uint8x16_t low =
			vqtbl1q_u8(vld1q_u8(own), vandq_u8(code, vdupq_n_u8(15)));
		uint8x16_t high = vqtbl1q_u8(vld1q_u8(own + 64), vshrq_n_u8(code, 4));
		uint8x16_t sum = vaddq_u8(low, high);

		first = vaddw_u8(first, vget_low_u8(sum));
		second = vaddw_high_u8(second, sum);
	}
	vst1q_u16(sums, first);
	vst1q_u16(sums + 8, second);
}
#else
INLINE void
block_sums(const uint8_t *codes, const uint8_t *entries, int rows,
		   uint16_t *sums)
{
	memset(sums, 0, ANGLE_BLOCK * sizeof(*sums));
	for (int r = 0; r < rows; r++)
	{
		const uint8_t *own = entries + (r / 4 * 8 + r % 4) * 16;

		for (int s = 0; s < ANGLE_BLOCK; s++)
		{
			uint8_t byte = codes[r * ANGLE_BLOCK + s];

			sums[s] += (uint16_t) (own[byte & 15] + own[64 + (byte >> 4)]);
		}
	}
}
#endif

static void
block_sums_alone(const uint8_t *codes, const uint8_t *entries, int rows,
				 uint16_t *sums)
{
	block_sums(codes, entries, rows, sums);
}

/* ⟨x̄, q⟩ of the 16 slots. */
INLINE void
block_products(const AngleTable *table, const uint8_t *codes, float *products)
{
	uint16_t sums[ANGLE_BLOCK];

	block_sums(codes, table->entries, table->rows, sums);
	for (int s = 0; s < ANGLE_BLOCK; s++)
		products[s] = table->bias + table->step * (float) sums[s];
	if (table->planes == 1)
		return;
	block_sums(codes, table->entries + table->rows * 32, table->rows, sums);
	for (int s = 0; s < ANGLE_BLOCK; s++)
		products[s] += table->step_second * (float) sums[s];
}

/* The estimates of the 16 slots. */
INLINE void
block_scores(const AngleTable *table, const AngleBlockView *block,
			 AngleProbe probe, float *scores)
{
	block_products(table, block->codes, scores);
	for (int s = 0; s < ANGLE_BLOCK; s++)
		scores[s] = (block->add[s] + probe.add) + block->rescale[s] * scores[s];
}

/* Their lower bounds. */
INLINE void
block_bounds(const AngleBlockView *block, AngleProbe probe, const float *scores,
			 float *lower)
{
	float errors[ANGLE_BLOCK];

	for (int s = 0; s < ANGLE_BLOCK; s++)
		errors[s] = angle_bfloat_value(block->error[s]);
	for (int s = 0; s < ANGLE_BLOCK; s++)
		lower[s] = scores[s] - errors[s] * probe.error;
}

/* Not inlined, so that block_near() has the same bits. */
static __attribute__((noinline)) void
block_estimate(const AngleTable *table, const AngleBlockView *block,
			   AngleProbe probe, float *estimate, float *lower)
{
	float scores[ANGLE_BLOCK];

	block_scores(table, block, probe, scores);
	memcpy(estimate, scores, sizeof(scores));
	if (lower != NULL)
		block_bounds(block, probe, scores, lower);
}

/* The bits of the lanes that are not above limit. */
INLINE unsigned
near_bits(Floats x, float limit)
{
#if V == 16
	return _mm512_cmp_ps_mask((__m512) x, _mm512_set1_ps(limit), _CMP_NGT_UQ);
#elif V == 8
	return (unsigned) _mm256_movemask_ps(
		_mm256_cmp_ps((__m256) x, _mm256_set1_ps(limit), _CMP_NGT_UQ));
#elif defined(__x86_64__)
	return (unsigned) _mm_movemask_ps(
		_mm_cmpngt_ps((__m128) x, _mm_set1_ps(limit)));
#else
	return (unsigned) !(x[0] > limit) | (unsigned) !(x[1] > limit) << 1 |
		   (unsigned) !(x[2] > limit) << 2 | (unsigned) !(x[3] > limit) << 3;
#endif
}

static unsigned
block_near(const AngleTable *table, const AngleBlockView *block,
		   AngleProbe probe, float limit, float *lower)
{
	float scores[ANGLE_BLOCK];
	unsigned bits = 0;

	block_estimate(table, block, probe, scores, lower);
	for (int s = 0; s < ANGLE_BLOCK; s += V)
		bits |= near_bits(load(lower + s), limit) << s;
	return bits;
}

/* The lesser of each pair of lanes; y where one is NaN. */
INLINE Floats
lesser(Floats x, Floats y)
{
	Ints below = x < y;

	return (Floats) ((below & (Ints) x) | (~below & (Ints) y));
}

static float
block_tidy(float *estimates, int count)
{
	const Floats greatest = (Floats){0} + FLT_MAX;
	Floats least = greatest;
	float lanes[V];

	for (int s = 0; s < ANGLE_BLOCK; s += V)
	{
		Floats tidy = -lesser(-lesser(load(estimates + s), greatest), greatest);

		memcpy(estimates + s, &tidy, sizeof(tidy));
	}
	for (int s = count; s < ANGLE_BLOCK; s++)
		estimates[s] = INFINITY;
	for (int s = 0; s < ANGLE_BLOCK; s += V)
		least = lesser(load(estimates + s), least);
	memcpy(lanes, &least, sizeof(least));
	for (int width = V / 2; width > 0; width /= 2)
	{
		for (int i = 0; i < width; i++)
			lanes[i] =
				lanes[i] < lanes[i + width] ? lanes[i] : lanes[i + width];
	}
	return lanes[0];
}

/* ---- codes of several bits ---- */

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

static double
product(const float *u, const float *v, size_t n)
{
	return dot_any(load_float, sizeof(float), (const uint8_t *) u, v, n);
}

static double
squared_distance(const float *u, const float *v, size_t n)
{
	double sum = 0;
	size_t done = 0;

	while (done + V <= n)
	{
		size_t end = n - done < 64 * V ? n : done + 64 * V;
		Floats a = {0};
		Floats b = {0};

		for (; done + 2 * V <= end; done += 2 * V)
		{
			Floats first = load(u + done) - load(v + done);
			Floats second = load(u + done + V) - load(v + done + V);

			a += first * first;
			b += second * second;
		}
		for (; done + V <= end; done += V)
			a += (load(u + done) - load(v + done)) *
				 (load(u + done) - load(v + done));
		sum += add_lanes(a + b);
	}
	for (; done < n; done++)
		sum += ((double) u[done] - v[done]) * ((double) u[done] - v[done]);
	return sum;
}

static double
rerank8(const uint8_t *code, const float *query, size_t n)
{
	return dot_any(load8, 1, code, query, n);
}

static double
rerank16(const uint8_t *code, const float *query, size_t n)
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
static double
rerank4(const uint8_t *code, const float *query, size_t n)
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

/* Groups of 64 coordinates in four parts of 16, as rerank.c says where they are. */
INLINE double
dot_sixes(const uint8_t *code, const float *query, size_t groups)
{
	double sum = 0;

	while (groups > 0)
	{
		size_t batch = groups < V ? groups : V;
		Floats sums[2] = {{0}, {0}};

		for (size_t g = 0; g < batch; g++, code += 48, query += 64)
		{
			for (size_t i = 0; i < 16; i += V)
			{
				Ints last = {0};

				for (size_t j = 0; j < 3; j++)
				{
					Ints bytes = load_bytes(code + j * 16 + i);

					last |= bytes >> 6 << (int) (2 * j);
					sums[j % 2] +=
						__builtin_convertvector((bytes & 63) - 32, Floats) *
						load(query + j * 16 + i);
				}
				sums[1] += __builtin_convertvector(last - 32, Floats) *
						   load(query + 48 + i);
			}
		}
		sum += add_lanes(sums[0] + sums[1]);
		groups -= batch;
	}
	return sum;
}

/* The last group may have less, and smaller parts. */
static double
rerank6(const uint8_t *code, const float *query, size_t n)
{
	size_t groups = n / 64;
	size_t rest = n % 64;
	size_t part = (rest + 3) / 4;
	double sum = dot_sixes(code, query, groups);
	uint8_t code_rest[48] = {0};
	float query_rest[64] = {0};

	if (rest == 0)
		return sum;
	for (size_t j = 0; j < 3; j++)
		memcpy(code_rest + j * 16, code + groups * 48 + j * part, part);
	for (size_t i = 0; i < rest; i++)
		query_rest[i / part * 16 + i % part] = query[groups * 64 + i];
	return sum + dot_sixes(code_rest, query_rest, 1);
}

/* Groups of 128 coordinates in eight parts of 16, as rerank.c says where they are. */
INLINE double
dot_sevens(const uint8_t *code, const float *query, size_t groups)
{
	double sum = 0;

	while (groups > 0)
	{
		size_t batch = groups < V / 2 ? groups : V / 2;
		Floats sums[2] = {{0}, {0}};

		for (size_t g = 0; g < batch; g++, code += 112, query += 128)
		{
			for (size_t i = 0; i < 16; i += V)
			{
				Ints last = {0};

				for (size_t j = 0; j < 7; j++)
				{
					Ints bytes = load_bytes(code + j * 16 + i);

					last |= bytes >> 7 << (int) j;
					sums[j % 2] +=
						__builtin_convertvector((bytes & 127) - 64, Floats) *
						load(query + j * 16 + i);
				}
				sums[1] += __builtin_convertvector(last - 64, Floats) *
						   load(query + 112 + i);
			}
		}
		sum += add_lanes(sums[0] + sums[1]);
		groups -= batch;
	}
	return sum;
}

/* The last group may have less, and smaller parts. */
static double
rerank7(const uint8_t *code, const float *query, size_t n)
{
	size_t groups = n / 128;
	size_t rest = n % 128;
	size_t part = (rest + 7) / 8;
	double sum = dot_sevens(code, query, groups);
	uint8_t code_rest[112] = {0};
	float query_rest[128] = {0};

	if (rest == 0)
		return sum;
	for (size_t j = 0; j < 7; j++)
		memcpy(code_rest + j * 16, code + groups * 112 + j * part, part);
	for (size_t i = 0; i < rest; i++)
		query_rest[i / part * 16 + i % part] = query[groups * 128 + i];
	return sum + dot_sevens(code_rest, query_rest, 1);
}

const AngleQuantKernels ANGLE_KERNEL(angle_quant_kernels) = {
	.rotate = ANGLE_KERNEL(angle_quant_rotate),
	.residual = residual,
	.squared_distance = squared_distance,
	.product = product,
	.fill_table = fill_table,
	.block_sums = block_sums_alone,
	.block_estimate = block_estimate,
	.block_near = block_near,
	.block_tidy = block_tidy,
	.rerank4 = rerank4,
	.rerank6 = rerank6,
	.rerank7 = rerank7,
	.rerank8 = rerank8,
	.rerank16 = rerank16,
	.grid_sums = ANGLE_KERNEL(angle_quant_grid_sums),
	.grid_write = ANGLE_KERNEL(angle_quant_grid_write),
};
