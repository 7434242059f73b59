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
 * additions to a lane, of pieces of 16. */
#define BATCH ((size_t) 32 * V)

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

typedef double Doubles __attribute__((vector_size(8 * V)));

INLINE void
add_sizes(const float *query, Doubles *sum, Floats *largest)
{
	const Ints sign = (Ints){0} - INT32_MAX - 1;
	Floats fours = (Floats) ((Ints) load(query) & ~sign);
	Ints larger;

	*sum += __builtin_convertvector(fours, Doubles);
	fours += partners(fours, 1);
	fours += partners(fours, 2);
	larger = fours > *largest;
	*largest = (Floats) ((larger & (Ints) fours) | (~larger & (Ints) *largest));
}

static AngleSizes
sizes(const float *query, size_t n)
{
	float rest[V] = {0};
	Doubles sum = {0};
	Floats largest = {0};
	AngleSizes result = {0, 0};
	size_t i = 0;

	for (; i + V <= n; i += V)
		add_sizes(query + i, &sum, &largest);
	memcpy(rest, query + i, (n - i) * sizeof(float));
	add_sizes(rest, &sum, &largest);
	for (int lane = 0; lane < V; lane++)
	{
		result.sum += sum[lane];
		result.largest =
			largest[lane] > result.largest ? largest[lane] : result.largest;
	}
	return result;
}

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

	/* no branch, for signs are as good as random */
	for (int i = 0; i < 4; i++)
		least += (q[i] - fabsf(q[i])) / 2;
	for (int m = 0; m < 16; m += V)
	{
		Floats sum = (Floats){0} - least;

		for (int i = 0; i < 4; i++)
			sum += q[i] * load(bit_of[i] + m);
		memcpy(values + m, &sum, sizeof(sum));
	}
}

/* Rounds values to steps, from 0 to top, and leaves what that takes from them. */
INLINE void
round_values(float values[16], float step, float top, uint8_t *out)
{
	int32_t rounded[16];

	for (int m = 0; m < 16; m += V)
	{
		Floats value = load(values + m);
		Floats most = (Floats){0} + top;
		Floats steps = value * (1 / step) + 0.5f;
		Ints below = steps < most;
		Ints whole;

		steps = (Floats) ((below & (Ints) steps) | (~below & (Ints) most));
		whole = __builtin_convertvector(steps, Ints);
		whole &= whole > 0;
		value -= __builtin_convertvector(whole, Floats) * step;
		memcpy(rounded + m, &whole, sizeof(whole));
		memcpy(values + m, &value, sizeof(value));
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

/* The entries of a nibble, whose part of the query q is, in each of the planes. */
INLINE void
fill_nibble(AngleTable table, const float q[4], size_t nibble, int planes)
{
	const size_t place = entries_place(nibble);
	uint8_t *first = table.entries + place;
	float values[16];

	nibble_values(q, values);
	round_values(values, table.step, ANGLE_TABLE_TOP, first);
	if (planes == 1)
		return;
	/* from half a step below */
	for (int m = 0; m < 16; m++)
		values[m] += table.step / 2;
	round_values(values, table.step_second, ANGLE_TABLE_TOP_SECOND,
				 first + (size_t) table.rows * 32);
}

INLINE void
fill_planes(AngleTable table, const float *query, size_t coded, int planes)
{
	float rest[4] = {0};
	size_t i = 0;

	for (; i + 4 <= coded; i += 4)
		fill_nibble(table, query + i, i / 4, planes);
	if (i == coded)
		return;
	memcpy(rest, query + i, (coded - i) * sizeof(float));
	fill_nibble(table, rest, i / 4, planes);
}

static void
fill_table(const AngleTable *table, const float *query, size_t coded)
{
	if (table->planes == 1)
		fill_planes(*table, query, coded, 1);
	else
		fill_planes(*table, query, coded, 2);
}

/* ---- blocks ---- */

/* A sum for each slot. They stay in registers until they are floats: of an array compilers
 * take each sum by itself. */
typedef uint16_t Shorts __attribute__((vector_size(16)));

typedef struct BlockSums
{
	Shorts half[2];
} BlockSums;

typedef struct BlockFloats
{
	Floats part[ANGLE_BLOCK / V];
} BlockFloats;

INLINE BlockFloats
block_floats(BlockSums sums)
{
	BlockFloats x;

#if V == 16
	x.part[0] = (Floats) _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(
		_mm256_set_m128i((__m128i) sums.half[1], (__m128i) sums.half[0])));
#elif V == 8
	for (int h = 0; h < 2; h++)
		x.part[h] = (Floats) _mm256_cvtepi32_ps(
			_mm256_cvtepu16_epi32((__m128i) sums.half[h]));
#elif defined(__x86_64__)
	for (int h = 0; h < 2; h++)
	{
		const __m128i zero = _mm_setzero_si128();
		const __m128i half = (__m128i) sums.half[h];

		x.part[2 * h] =
			(Floats) _mm_cvtepi32_ps(_mm_unpacklo_epi16(half, zero));
		x.part[2 * h + 1] =
			(Floats) _mm_cvtepi32_ps(_mm_unpackhi_epi16(half, zero));
	}
#elif defined(__aarch64__)
	for (int h = 0; h < 2; h++)
	{
		const uint16x8_t half = (uint16x8_t) sums.half[h];

		x.part[2 * h] = (Floats) vcvtq_f32_u32(vmovl_u16(vget_low_u16(half)));
		x.part[2 * h + 1] = (Floats) vcvtq_f32_u32(vmovl_high_u16(half));
	}
#else
	for (int s = 0; s < ANGLE_BLOCK; s++)
		x.part[s / V][s % V] = (float) sums.half[s / 8][s % 8];
#endif
	return x;
}

/*
 * The integers that fastscan.h describes. The entries of a row's low nibbles and
 * of its high ones are added in bytes, which hold 2 · 127; then a register of
 * bytes is added as it is to one of 16-bit lanes, and its odd bytes to another.
 * What the odd bytes have done to the first is taken from it in the end.
 */
#if defined(__AVX512BW__)
INLINE BlockSums
block_sums(const uint8_t *codes, const uint8_t *entries, int rows)
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
	return (BlockSums){{(Shorts) _mm_unpacklo_epi16(even128, odd128),
						(Shorts) _mm_unpackhi_epi16(even128, odd128)}};
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

INLINE BlockSums
block_sums(const uint8_t *codes, const uint8_t *entries, int rows)
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
	return (BlockSums){{(Shorts) _mm_unpacklo_epi16(even128, odd128),
						(Shorts) _mm_unpackhi_epi16(even128, odd128)}};
}
#elif defined(__aarch64__)
INLINE BlockSums
block_sums(const uint8_t *codes, const uint8_t *entries, int rows)
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
	return (BlockSums){{(Shorts) first, (Shorts) second}};
}
#else
INLINE BlockSums
block_sums(const uint8_t *codes, const uint8_t *entries, int rows)
{
	uint16_t sums[ANGLE_BLOCK] = {0};
	BlockSums result;

	for (int r = 0; r < rows; r++)
	{
		const uint8_t *own = entries + (r / 4 * 8 + r % 4) * 16;

		for (int s = 0; s < ANGLE_BLOCK; s++)
		{
			uint8_t byte = codes[r * ANGLE_BLOCK + s];

			sums[s] += (uint16_t) (own[byte & 15] + own[64 + (byte >> 4)]);
		}
	}
	memcpy(&result, sums, sizeof(result));
	return result;
}
#endif

static void
block_sums_alone(const uint8_t *codes, const uint8_t *entries, int rows,
				 uint16_t *sums)
{
	const BlockSums result = block_sums(codes, entries, rows);

	memcpy(sums, &result, sizeof(result));
}

/* ---- blocks of loose codes ---- */

#if defined(__AVX512BW__)
/* A tile in each quarter of a register. */
#define TILES 4
typedef __m512i Row;
#define ZIP_LOW _mm512_unpacklo_epi8
#define ZIP_HIGH _mm512_unpackhi_epi8

INLINE Row
load_row(const uint8_t *loose, int tiles)
{
	const __mmask64 wanted = ~UINT64_C(0) >> (64 - ANGLE_BLOCK * tiles);

	return _mm512_maskz_loadu_epi8(wanted, loose);
}

/* A quarter of four rows each lies together. */
INLINE void
store_rows(uint8_t *codes, const Row *a, int tiles)
{
	for (int r = 0; r < ANGLE_BLOCK; r += 4)
	{
		const Row low = _mm512_shuffle_i32x4(a[r], a[r + 1], 0x44);
		const Row low2 = _mm512_shuffle_i32x4(a[r + 2], a[r + 3], 0x44);
		const Row high = _mm512_shuffle_i32x4(a[r], a[r + 1], 0xee);
		const Row high2 = _mm512_shuffle_i32x4(a[r + 2], a[r + 3], 0xee);
		const Row quarters[TILES] = {_mm512_shuffle_i32x4(low, low2, 0x88),
									 _mm512_shuffle_i32x4(low, low2, 0xdd),
									 _mm512_shuffle_i32x4(high, high2, 0x88),
									 _mm512_shuffle_i32x4(high, high2, 0xdd)};

#pragma GCC unroll 4
		for (int tile = 0; tile < TILES; tile++)
			if (tile < tiles)
				_mm512_storeu_si512(codes +
										(tile * ANGLE_BLOCK + r) * ANGLE_BLOCK,
									quarters[tile]);
	}
}
#elif defined(__x86_64__) || defined(__aarch64__)
#define TILES 1
#if defined(__x86_64__)
typedef __m128i Row;
#define LOAD_ROW(p) _mm_loadu_si128((const __m128i *) (p))
#define STORE_ROW(p, x) _mm_storeu_si128((__m128i *) (p), x)
#define ZIP_LOW _mm_unpacklo_epi8
#define ZIP_HIGH _mm_unpackhi_epi8
#else
typedef uint8x16_t Row;
#define LOAD_ROW(p) vld1q_u8(p)
#define STORE_ROW(p, x) vst1q_u8(p, x)
#define ZIP_LOW vzip1q_u8
#define ZIP_HIGH vzip2q_u8
#endif

INLINE Row
load_row(const uint8_t *loose, int tiles)
{
	(void) tiles;
	return LOAD_ROW(loose);
}

INLINE void
store_rows(uint8_t *codes, const Row *a, int tiles)
{
	(void) tiles;
	for (int r = 0; r < ANGLE_BLOCK; r++)
		STORE_ROW(codes + r * ANGLE_BLOCK, a[r]);
}
#else
#define TILES 1
#endif

/* Up to TILES times sixteen bytes of each of sixteen codes. Zipping rows i and i + 8 turns the
 * eight bits of a byte's place, row and column, by one; four times, they have changed places. */
#if defined(ZIP_LOW)
INLINE void
zip_rows(Row *to, const Row *from)
{
	for (int i = 0; i < 8; i++)
	{
		to[2 * i] = ZIP_LOW(from[i], from[i + 8]);
		to[2 * i + 1] = ZIP_HIGH(from[i], from[i + 8]);
	}
}

INLINE void
transpose(uint8_t *codes, const uint8_t *loose, int rows, int tiles)
{
	Row a[ANGLE_BLOCK];
	Row b[ANGLE_BLOCK];

	for (int s = 0; s < ANGLE_BLOCK; s++)
		a[s] = load_row(loose + s * rows, tiles);
	zip_rows(b, a);
	zip_rows(a, b);
	zip_rows(b, a);
	zip_rows(a, b);
	store_rows(codes, a, tiles);
}
#else
INLINE void
transpose(uint8_t *codes, const uint8_t *loose, int rows, int tiles)
{
	for (int s = 0; s < ANGLE_BLOCK; s++)
	{
		for (int r = 0; r < ANGLE_BLOCK * tiles; r++)
			codes[r * ANGLE_BLOCK + s] = loose[s * rows + r];
	}
}
#endif

static void
block_fill(uint8_t *codes, const uint8_t *loose, int rows)
{
	int r = 0;

	while (r + ANGLE_BLOCK <= rows)
	{
		const int left = (rows - r) / ANGLE_BLOCK;
		const int tiles = left < TILES ? left : TILES;

		transpose(codes + r * ANGLE_BLOCK, loose + r, rows, tiles);
		r += tiles * ANGLE_BLOCK;
	}
	for (; r < rows; r++)
	{
		for (int s = 0; s < ANGLE_BLOCK; s++)
			codes[r * ANGLE_BLOCK + s] = loose[s * rows + r];
	}
}

/* ⟨x̄, q⟩ of the 16 slots. */
INLINE BlockFloats
block_products(const AngleTable *table, const uint8_t *codes)
{
	const uint8_t *second = table->entries + table->rows * 32;
	BlockFloats x =
		block_floats(block_sums(codes, table->entries, table->rows));
	BlockFloats rest;

	for (int i = 0; i < ANGLE_BLOCK / V; i++)
		x.part[i] = table->bias + table->step * x.part[i];
	if (table->planes == 1)
		return x;
	rest = block_floats(block_sums(codes, second, table->rows));
	for (int i = 0; i < ANGLE_BLOCK / V; i++)
		x.part[i] += table->step_second * rest.part[i];
	return x;
}

/* The estimates of the 16 slots. */
INLINE BlockFloats
block_scores(const AngleTable *table, const AngleBlockView *block,
			 AngleProbe probe)
{
	BlockFloats x = block_products(table, block->codes);

	for (int i = 0; i < ANGLE_BLOCK / V; i++)
		x.part[i] = (load(block->add + i * V) + probe.add) +
					load(block->rescale + i * V) * x.part[i];
	return x;
}

/* Their lower bounds. */
INLINE void
block_bounds(const AngleBlockView *block, AngleProbe probe,
			 const BlockFloats *scores, float *lower)
{
	float errors[ANGLE_BLOCK];

	for (int s = 0; s < ANGLE_BLOCK; s++)
		errors[s] = angle_bfloat_value(block->error[s]);
	for (int i = 0; i < ANGLE_BLOCK / V; i++)
	{
		Floats bound = scores->part[i] - load(errors + i * V) * probe.error;

		memcpy(lower + i * V, &bound, sizeof(bound));
	}
}

static void
estimate_blocks(const AngleTable *table, const AngleBlockView *first,
				size_t blocks, AngleProbe probe, float *estimate, float *lower)
{
	AngleBlockView block = *first;

	for (size_t i = 0; i < blocks; i++)
	{
		BlockFloats scores;

		if (block.ahead != NULL)
			angle_ahead_ask(block.ahead);
		scores = block_scores(table, &block, probe);
		memcpy(estimate + i * ANGLE_BLOCK, &scores, sizeof(scores));
		block.codes += table->rows * ANGLE_BLOCK;
		block.add += ANGLE_BLOCK;
		block.rescale += ANGLE_BLOCK;
		if (lower == NULL)
			continue;
		block_bounds(&block, probe, &scores, lower + i * ANGLE_BLOCK);
		block.error += ANGLE_BLOCK;
	}
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

static void
near_blocks(const float *lower, size_t blocks, float limit, uint16_t *near)
{
	for (size_t i = 0; i < blocks; i++, lower += ANGLE_BLOCK)
	{
		unsigned bits = 0;

		for (int s = 0; s < ANGLE_BLOCK; s += V)
			bits |= near_bits(load(lower + s), limit) << s;
		near[i] = (uint16_t) bits;
	}
}

/* The lesser of each pair of lanes; y where one is NaN. */
INLINE Floats
lesser(Floats x, Floats y)
{
	Ints below = x < y;

	return (Floats) ((below & (Ints) x) | (~below & (Ints) y));
}

static void
tidy_blocks(float *estimates, size_t blocks)
{
	const Floats greatest = (Floats){0} + FLT_MAX;

	for (size_t s = 0; s < blocks * ANGLE_BLOCK; s += V)
	{
		Floats tidy = -lesser(-lesser(load(estimates + s), greatest), greatest);

		memcpy(estimates + s, &tidy, sizeof(tidy));
	}
}

const AngleQuantKernels ANGLE_KERNEL(angle_quant_kernels) = {
	.rotate = ANGLE_KERNEL(angle_quant_rotate),
	.residual = residual,
	.squared_distance = ANGLE_KERNEL(angle_quant_squared_distance),
	.product = ANGLE_KERNEL(angle_quant_product),
	.squared_distance_stored =
		ANGLE_KERNEL(angle_quant_squared_distance_stored),
	.product_stored = ANGLE_KERNEL(angle_quant_product_stored),
	.sizes = sizes,
	.fill_table = fill_table,
	.block_sums = block_sums_alone,
	.block_fill = block_fill,
	.estimate_blocks = estimate_blocks,
	.near_blocks = near_blocks,
	.tidy_blocks = tidy_blocks,
	.rerank4 = ANGLE_KERNEL(angle_quant_rerank4),
	.rerank6 = ANGLE_KERNEL(angle_quant_rerank6),
	.rerank7 = ANGLE_KERNEL(angle_quant_rerank7),
	.rerank8 = ANGLE_KERNEL(angle_quant_rerank8),
	.rerank16 = ANGLE_KERNEL(angle_quant_rerank16),
	.grid_sums = ANGLE_KERNEL(angle_quant_grid_sums),
	.grid_write = ANGLE_KERNEL(angle_quant_grid_write),
};
