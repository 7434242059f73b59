/*
 * Attention over one text. Keys are transposed and values copied into panels
 * of whole vectors, one head at a time; then four queries at once take their
 * scores, their softmax and their weighted sum of values from registers.
 */
#include <math.h>

#include "core/tensor/isa_kernels.h"
#include "core/tensor/simd.h"
#include "core/tensor/vmath.h"

#define QUERIES 4 /* that share each load of keys and values */

/* One head: its keys (d, L') and values (L, d'), where ' is rounded up to a
 * multiple of ANGLE_PANEL with zeros, and room for scores (QUERIES, L'). */
typedef struct Head
{
	size_t tokens;
	size_t size;
	size_t tokens_padded;
	size_t size_padded;
	float *keys;
	float *values;
	float *scores;
	float *queries; /* (QUERIES, d), scaled by 1/√d */
} Head;

static void
copy_head(const AngleAttention *a, size_t h, Head *head)
{
	const float *keys = a->qkv + (a->heads + h) * head->size;
	const float *values = a->qkv + (2 * a->heads + h) * head->size;

	for (size_t j = 0; j < head->tokens_padded; j++)
	{
		for (size_t k = 0; k < head->size; k++)
			head->keys[k * head->tokens_padded + j] =
				j < head->tokens ? keys[j * a->qkv_stride + k] : 0.0f;
	}
	for (size_t j = 0; j < head->tokens; j++)
	{
		float *row = head->values + j * head->size_padded;

		memcpy(row, values + j * a->qkv_stride, head->size * sizeof(float));
		memset(row + head->size, 0,
			   (head->size_padded - head->size) * sizeof(float));
	}
}

/* Rows behind the last query are zero: they cost little and change nothing. */
static void
copy_queries(const AngleAttention *a, size_t h, size_t first, Head *head)
{
	float scale = 1.0f / sqrtf((float) head->size);

	for (size_t i = 0; i < QUERIES; i++)
	{
		const float *q = a->qkv + (first + i) * a->qkv_stride + h * head->size;

		for (size_t k = 0; k < head->size; k++)
			head->queries[i * head->size + k] =
				first + i < head->tokens ? q[k] * scale : 0.0f;
	}
}

static void
score(const Head *head)
{
	for (size_t j = 0; j < head->tokens_padded; j += LANES)
	{
		Floats sum[QUERIES] = {{0}};

		for (size_t k = 0; k < head->size; k++)
		{
			Floats key = load(head->keys + k * head->tokens_padded + j);

			for (int i = 0; i < QUERIES; i++)
				sum[i] += head->queries[i * head->size + k] * key;
		}
		for (int i = 0; i < QUERIES; i++)
			store(head->scores + i * head->tokens_padded + j, sum[i]);
	}
}

/* Scores of one query become weights that sum to 1, and 0 in the padding. */
static void
softmax(float *scores, size_t tokens, size_t padded)
{
	Floats greatest = splat(-INFINITY);
	Floats sum = {0};
	float max;
	float inverse;

	for (size_t j = tokens; j < padded; j++)
		scores[j] = -INFINITY;
	for (size_t j = 0; j < padded; j += LANES)
		greatest = vmax(greatest, load(scores + j));
	max = max_lanes(greatest);
	for (size_t j = 0; j < padded; j += LANES)
	{
		Floats e = vexp(load(scores + j) - max);

		store(scores + j, e);
		sum += e;
	}
	inverse = 1.0f / sum_lanes(sum);
	for (size_t j = 0; j < padded; j += LANES)
		store(scores + j, load(scores + j) * inverse);
}

/* The weights of one query after dropout. */
static void
drop_weights(const AngleAttention *a, size_t h, size_t query, float *weights,
			 size_t padded)
{
	AngleDropoutRow row =
		angle_dropout_row(a->dropout, a->dropout_rows[query], h);

	for (size_t j = 0; j < padded; j += LANES)
		store(weights + j, vdrop(&row, j, load(weights + j)));
}

static void
weigh_values(const AngleAttention *a, size_t h, size_t first, const Head *head)
{
	for (size_t c = 0; c < head->size_padded; c += LANES)
	{
		Floats sum[QUERIES] = {{0}};
		size_t width = head->size - c < LANES ? head->size - c : LANES;

		for (size_t j = 0; j < head->tokens; j++)
		{
			Floats value = load(head->values + j * head->size_padded + c);

			for (int i = 0; i < QUERIES; i++)
				sum[i] += head->scores[i * head->tokens_padded + j] * value;
		}
		if (c >= head->size)
			break;
		for (size_t i = 0; i < QUERIES && first + i < head->tokens; i++)
			memcpy(a->out + (first + i) * a->out_stride + h * head->size + c,
				   &sum[i], width * sizeof(float));
	}
}

void
ANGLE_KERNEL(angle_attention)(const AngleAttention *a)
{
	Head head = {
		.tokens = a->tokens,
		.size = a->head_size,
		.tokens_padded = angle_padded(a->tokens),
		.size_padded = angle_padded(a->head_size),
	};

	head.keys = a->scratch;
	head.values = head.keys + head.size * head.tokens_padded;
	head.scores = head.values + head.tokens * head.size_padded;
	head.queries = head.scores + QUERIES * head.tokens_padded;
	for (size_t h = a->first_head; h < a->end_head; h++)
	{
		copy_head(a, h, &head);
		for (size_t first = 0; first < a->tokens; first += QUERIES)
		{
			copy_queries(a, h, first, &head);
			score(&head);
			for (int i = 0; i < QUERIES; i++)
				softmax(head.scores + i * head.tokens_padded, head.tokens,
						head.tokens_padded);
			for (size_t i = 0;
				 a->dropout != NULL && i < QUERIES && first + i < a->tokens;
				 i++)
				drop_weights(a, h, first + i,
							 head.scores + i * head.tokens_padded,
							 head.tokens_padded);
			weigh_values(a, h, first, &head);
		}
	}
}
