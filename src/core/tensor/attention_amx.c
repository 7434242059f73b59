/*
 * Attention over one text with AMX, in bfloat16 with sums in F32. A head's keys
 * and values are packed once into the tiles that tdpbf16ps takes, pairs of
 * inputs side by side; then 16 queries at a time get their scores, weights and
 * values. The weights are divided by their sum at the end, in F32.
 */
#include <immintrin.h>
#include <math.h>

#include "core/tensor/isa_kernels.h"
#include "core/tensor/simd.h"
#include "core/tensor/tiles.h"
#include "core/tensor/vmath.h"

#define QUERIES TILE_ROWS
#define KEYS 16	 /* of a tile of scores */
#define DEPTH 32 /* inputs that a product adds up */
#define PAIRS 16 /* of them */
#define TILE 512 /* bfloat16 in a tile */

/* One head; L' and d' are rounded up to DEPTH, with zeros. */
typedef struct Head
{
	const AngleAttention *job;
	size_t number;
	size_t tokens_padded; /* L' */
	size_t size_padded;	  /* d' */
	uint16_t *keys;		  /* tiles (L'/16, d'/32, 16 pairs, 16 keys, 2) */
	uint16_t *values;	  /* tiles (d'/16, L'/32, 16 pairs, 16 columns, 2) */
	uint16_t *queries;	  /* (16, d'), scaled by 1/√d */
	float *scores;		  /* (16, L') */
	uint16_t *weights;	  /* (16, L') */
	float *sums;		  /* (16, 16): one tile of outputs */
} Head;

static void
lay_out(Head *head)
{
	size_t L = head->tokens_padded;
	size_t d = head->size_padded;
	float *at = head->job->scratch;

	head->keys = (uint16_t *) at;
	at += L * d / 2;
	head->values = (uint16_t *) at;
	at += L * d / 2;
	head->queries = (uint16_t *) at;
	at += QUERIES * d / 2;
	head->scores = at;
	at += QUERIES * L;
	head->weights = (uint16_t *) at;
	at += QUERIES * L / 2;
	head->sums = at;
}

/* Up to 32 floats of a row from column c on, zeros behind width. */
static inline __m512i
round_row(const float *row, size_t c, size_t width, __m512 scale)
{
	size_t left = width > c ? width - c : 0;
	__mmask32 mask = left >= DEPTH ? 0xffffffffu : (1u << left) - 1;
	__m512 low = _mm512_maskz_loadu_ps((__mmask16) mask, row + c);
	__m512 high = _mm512_maskz_loadu_ps((__mmask16) (mask >> 16), row + c + 16);

	return (__m512i) _mm512_cvtne2ps_pbh(_mm512_mul_ps(high, scale),
										 _mm512_mul_ps(low, scale));
}

/* Row j of the queries (part 0), keys (1) or values (2) of the head. */
static inline const float *
row_of(const Head *head, int part, size_t j)
{
	const AngleAttention *a = head->job;

	return a->qkv + j * a->qkv_stride +
		   ((size_t) part * a->heads + head->number) * a->head_size;
}

/* A key is a column of its tiles: one pair in each of their rows. */
static void
pack_keys(const Head *head)
{
	const AngleAttention *a = head->job;
	const __m512i rows = _mm512_mullo_epi32(
		_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
		_mm512_set1_epi32(KEYS));
	size_t parts = head->size_padded / DEPTH;

	for (size_t j = 0; j < head->tokens_padded; j++)
	{
		for (size_t p = 0; p < parts; p++)
		{
			uint16_t *tile = head->keys + (j / KEYS * parts + p) * TILE;
			__m512i pairs = _mm512_setzero_si512();

			if (j < a->tokens)
				pairs = round_row(row_of(head, 1, j), p * DEPTH, a->head_size,
								  _mm512_set1_ps(1.0f));
			_mm512_i32scatter_epi32(tile + j % KEYS * 2, rows, pairs, 4);
		}
	}
}

/* Two values are a row of their tiles, their columns interleaved. */
static void
pack_values(const Head *head)
{
	const AngleAttention *a = head->job;
	const __m512 one = _mm512_set1_ps(1.0f);
	size_t parts = head->tokens_padded / DEPTH;

	for (size_t j = 0; j < head->tokens_padded; j += 2)
	{
		for (size_t c = 0; c < head->size_padded; c += DEPTH)
		{
			uint16_t *tile = head->values +
							 (c / KEYS * parts + j / DEPTH) * TILE +
							 j % DEPTH / 2 * DEPTH;
			__m512i a0 = _mm512_setzero_si512();
			__m512i a1 = a0;
			__m512i even, odd;

			if (j < a->tokens)
				a0 = round_row(row_of(head, 2, j), c, a->head_size, one);
			if (j + 1 < a->tokens)
				a1 = round_row(row_of(head, 2, j + 1), c, a->head_size, one);
			/* within each quarter of a register, then the quarters in order */
			even = _mm512_unpacklo_epi16(a0, a1);
			odd = _mm512_unpackhi_epi16(a0, a1);
			_mm512_storeu_si512(
				tile,
				_mm512_permutex2var_epi64(
					even, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), odd));
			_mm512_storeu_si512(
				tile + parts * TILE,
				_mm512_permutex2var_epi64(
					even, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), odd));
		}
	}
}

static void
pack_queries(const Head *head, size_t first)
{
	const AngleAttention *a = head->job;
	__m512 scale = _mm512_set1_ps(1.0f / sqrtf((float) a->head_size));

	for (size_t i = 0; i < QUERIES; i++)
	{
		for (size_t c = 0; c < head->size_padded; c += DEPTH)
			_mm512_storeu_si512(head->queries + i * head->size_padded + c,
								first + i < a->tokens
									? round_row(row_of(head, 0, first + i), c,
												a->head_size, scale)
									: _mm512_setzero_si512());
	}
}

static void
score(const Head *head)
{
	const uint16_t *tile = head->keys;
	size_t row_bytes = head->size_padded * sizeof(uint16_t);

	for (size_t j = 0; j < head->tokens_padded; j += KEYS)
	{
		_tile_zero(0);
		for (size_t c = 0; c < head->size_padded; c += DEPTH)
		{
			_tile_loadd(1, head->queries + c, row_bytes);
			_tile_loadd(2, tile, TILE_LINE);
			_tile_dpbf16ps(0, 1, 2);
			tile += TILE;
		}
		_tile_stored(0, head->scores + j, head->tokens_padded * sizeof(float));
	}
}

/* The weights of one query before they are divided by their sum, which it
 * returns. */
static float
weigh_keys(const Head *head, size_t query)
{
	size_t L = head->job->tokens;
	const float *scores = head->scores + query * head->tokens_padded;
	uint16_t *weights = head->weights + query * head->tokens_padded;
	__mmask16 last = (__mmask16) (0xffffu >> (15 - (L - 1) % LANES));
	size_t end = (L - 1) / LANES * LANES; /* where the last register is */
	Floats greatest = (Floats) _mm512_mask_loadu_ps(_mm512_set1_ps(-INFINITY),
													last, scores + end);
	Floats sum = {0};
	float max;

	for (size_t j = 0; j < end; j += LANES)
		greatest = (Floats) _mm512_max_ps((__m512) greatest,
										  (__m512) load(scores + j));
	max = max_lanes(greatest);
	for (size_t j = 0; j < head->tokens_padded; j += LANES)
	{
		__mmask16 mask = j < end ? 0xffff : j == end ? last : 0;
		__m512 e =
			_mm512_maskz_mov_ps(mask, (__m512) vexp(load(scores + j) - max));

		sum += (Floats) e;
		_mm256_storeu_si256((__m256i *) (weights + j),
							(__m256i) _mm512_cvtneps_pbh(e));
	}
	return sum_lanes(sum);
}

/* The outputs of up to 16 queries from first on; sums has those of weights. */
static void
weigh_values(const Head *head, size_t first, const float *sums)
{
	const AngleAttention *a = head->job;
	const uint16_t *tile = head->values;
	size_t row_bytes = head->tokens_padded * sizeof(uint16_t);

	for (size_t c = 0; c < a->head_size; c += KEYS)
	{
		size_t width = a->head_size - c;
		__mmask16 mask = width >= KEYS ? 0xffff : (1u << width) - 1;

		_tile_zero(0);
		for (size_t j = 0; j < head->tokens_padded; j += DEPTH)
		{
			_tile_loadd(1, head->weights + j, row_bytes);
			_tile_loadd(2, tile, TILE_LINE);
			_tile_dpbf16ps(0, 1, 2);
			tile += TILE;
		}
		_tile_stored(0, head->sums, TILE_LINE);
		for (size_t i = 0; i < QUERIES && first + i < a->tokens; i++)
			_mm512_mask_storeu_ps(
				a->out + (first + i) * a->out_stride +
					head->number * a->head_size + c,
				mask,
				_mm512_mul_ps(_mm512_loadu_ps(head->sums + i * KEYS),
							  _mm512_set1_ps(1.0f / sums[i])));
	}
}

void
angle_attention_amx(const AngleAttention *a)
{
	Head head = {
		.job = a,
		.tokens_padded = (a->tokens + DEPTH - 1) / DEPTH * DEPTH,
		.size_padded = (a->head_size + DEPTH - 1) / DEPTH * DEPTH,
	};

	if (a->tokens == 0)
		return;
	lay_out(&head);
	configure_tiles(0, TILE_ROWS);
	for (head.number = a->first_head; head.number < a->end_head; head.number++)
	{
		pack_keys(&head);
		pack_values(&head);
		for (size_t first = 0; first < a->tokens; first += QUERIES)
		{
			float sums[QUERIES];

			pack_queries(&head, first);
			score(&head);
			for (size_t i = 0; i < QUERIES && first + i < a->tokens; i++)
				sums[i] = weigh_keys(&head, i);
			weigh_values(&head, first, sums);
		}
	}
	_tile_release();
}
