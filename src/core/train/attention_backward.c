/*
 * The gradient of attention over one text. The weights are made again from
 * queries and keys, which costs less than keeping heads × tokens² of them
 * would. For one query with weights p, after dropout m ∘ p, and scores s:
 * dV += (m ∘ p) dO, dp = m ∘ (dO Vᵀ), ds = p ∘ (dp − p·dp), dQ = ds K/√d,
 * dK += ds Q/√d.
 */
#include <string.h>

#include "core/tensor/kernels.h"
#include "core/train/isa_backward.h"
#include "core/train/reals.h"

/* One head's numbers; ' is rounded up to ANGLE_PANEL with zeros. */
typedef struct Head
{
	size_t number;
	size_t L;				  /* L' */
	size_t d;				  /* d' */
	AngleReal scale;		  /* 1/√d */
	AngleReal *keys_across;	  /* (d, L') */
	AngleReal *values_across; /* (d, L') */
	AngleReal *keys;		  /* (L, d') */
	AngleReal *queries;		  /* (L, d') */
	AngleReal *dout;		  /* (L, d') */
	AngleReal *dkeys;		  /* (L, d') */
	AngleReal *dvalues;		  /* (L, d') */
	AngleReal *weights;		  /* (L') of one query */
	AngleReal *dropped;		  /* (L') the same after dropout */
	AngleReal *dweights;	  /* (L') */
	AngleReal *dquery;		  /* (d') */
} Head;

static void
lay_out(const AngleAttentionBackward *a, Head *head)
{
	size_t rows = a->tokens * head->d;

	head->keys_across = a->scratch;
	head->values_across = head->keys_across + a->head_size * head->L;
	head->keys = head->values_across + a->head_size * head->L;
	head->queries = head->keys + rows;
	head->dout = head->queries + rows;
	head->dkeys = head->dout + rows;
	head->dvalues = head->dkeys + rows;
	head->weights = head->dvalues + rows;
	head->dropped = head->weights + head->L;
	head->dweights = head->dropped + head->L;
	head->dquery = head->dweights + head->L;
}

/* Rows (L, d) of a wider array into (L, d') with zeros behind. */
static void
copy_rows(const AngleAttentionBackward *a, const Head *head,
		  const AngleReal *from, size_t stride, AngleReal *to)
{
	for (size_t j = 0; j < a->tokens; j++)
	{
		memcpy(to + j * head->d, from + j * stride,
			   a->head_size * sizeof(AngleReal));
		memset(to + j * head->d + a->head_size, 0,
			   (head->d - a->head_size) * sizeof(AngleReal));
	}
}

static void
copy_across(const AngleAttentionBackward *a, const Head *head,
			const AngleReal *from, AngleReal *to)
{
	for (size_t k = 0; k < a->head_size; k++)
	{
		for (size_t j = 0; j < head->L; j++)
			to[k * head->L + j] =
				j < a->tokens ? from[j * a->qkv_stride + k] : 0;
	}
}

static void
copy_head(const AngleAttentionBackward *a, Head *head)
{
	size_t C = a->heads * a->head_size;
	const AngleReal *q = a->qkv + head->number * a->head_size;

	copy_rows(a, head, q, a->qkv_stride, head->queries);
	copy_rows(a, head, q + C, a->qkv_stride, head->keys);
	copy_across(a, head, q + C, head->keys_across);
	copy_across(a, head, q + 2 * C, head->values_across);
	copy_rows(a, head, a->dout + head->number * a->head_size, a->out_stride,
			  head->dout);
	memset(head->dkeys, 0, 2 * a->tokens * head->d * sizeof(AngleReal));
}

/* out (L') = row (d) · across (d, L'). */
static void
product_row(const AngleAttentionBackward *a, const Head *head,
			const AngleReal *row, const AngleReal *across, AngleReal *out)
{
	for (size_t j = 0; j < head->L; j += LANES)
	{
		Reals sum = {0};

		for (size_t k = 0; k < a->head_size; k++)
			sum += load(across + k * head->L + j) * row[k];
		store(out + j, sum);
	}
}

/* Scaled scores of one query become weights, 0 behind the last token. */
static void
softmax(const AngleAttentionBackward *a, const Head *head)
{
	Reals greatest = splat(-(AngleReal) INFINITY);
	Reals sum = {0};
	AngleReal max;
	AngleReal inverse;

	for (size_t j = a->tokens; j < head->L; j++)
		head->weights[j] = -(AngleReal) INFINITY;
	for (size_t j = 0; j < head->L; j += LANES)
		greatest = vmax(greatest, load(head->weights + j));
	max = max_lanes(greatest);
	for (size_t j = 0; j < head->L; j += LANES)
	{
		Reals e = vexp((load(head->weights + j) - max) * head->scale);

		store(head->weights + j, e);
		sum += e;
	}
	inverse = 1 / sum_lanes(sum);
	for (size_t j = 0; j < head->L; j += LANES)
		store(head->weights + j, load(head->weights + j) * inverse);
}

/* What dropout leaves of the weights, and of their gradient. */
static void
drop(const AngleAttentionBackward *a, const Head *head, size_t i)
{
	AngleDropoutRow row;

	memcpy(head->dropped, head->weights, head->L * sizeof(AngleReal));
	if (a->dropout == NULL)
		return;
	row = angle_dropout_row(a->dropout, a->dropout_rows[i], head->number);
	for (size_t j = 0; j < head->L; j += LANES)
	{
		store(head->dropped + j, vdrop(&row, j, load(head->dropped + j)));
		store(head->dweights + j, vdrop(&row, j, load(head->dweights + j)));
	}
}

/* The gradient of the weights becomes that of the scores, scale included. */
static void
softmax_backward(const Head *head)
{
	Reals sum = {0};
	AngleReal mean;

	for (size_t j = 0; j < head->L; j += LANES)
		sum += load(head->weights + j) * load(head->dweights + j);
	mean = sum_lanes(sum);
	for (size_t j = 0; j < head->L; j += LANES)
		store(head->dweights + j, load(head->weights + j) *
									  (load(head->dweights + j) - mean) *
									  head->scale);
}

/* Adds what query i contributes to the gradients of all keys and values. */
static void
spread(const AngleAttentionBackward *a, const Head *head, size_t i)
{
	for (size_t c = 0; c < head->d; c += LANES)
	{
		Reals query = load(head->queries + i * head->d + c);
		Reals dout = load(head->dout + i * head->d + c);
		Reals dquery = {0};

		for (size_t j = 0; j < a->tokens; j++)
		{
			AngleReal *dkey = head->dkeys + j * head->d + c;
			AngleReal *dvalue = head->dvalues + j * head->d + c;

			dquery += load(head->keys + j * head->d + c) * head->dweights[j];
			store(dkey, load(dkey) + query * head->dweights[j]);
			store(dvalue, load(dvalue) + dout * head->dropped[j]);
		}
		store(head->dquery + c, dquery);
	}
}

static void
write_head(const AngleAttentionBackward *a, const Head *head)
{
	size_t C = a->heads * a->head_size;
	size_t bytes = a->head_size * sizeof(AngleReal);
	AngleReal *dk = a->dqkv + C + head->number * a->head_size;

	for (size_t j = 0; j < a->tokens; j++)
	{
		memcpy(dk + j * a->qkv_stride, head->dkeys + j * head->d, bytes);
		memcpy(dk + C + j * a->qkv_stride, head->dvalues + j * head->d, bytes);
	}
}

void
ANGLE_KERNEL(angle_attention_backward)(const AngleAttentionBackward *a)
{
	Head head = {
		.L = angle_padded(a->tokens),
		.d = angle_padded(a->head_size),
		.scale = (AngleReal) (1 / sqrt((double) a->head_size)),
	};

	lay_out(a, &head);
	for (; head.number < a->heads; head.number++)
	{
		copy_head(a, &head);
		for (size_t i = 0; i < a->tokens; i++)
		{
			product_row(a, &head, head.queries + i * head.d, head.keys_across,
						head.weights);
			softmax(a, &head);
			product_row(a, &head, head.dout + i * head.d, head.values_across,
						head.dweights);
			drop(a, &head, i);
			softmax_backward(&head);
			spread(a, &head, i);
			memcpy(a->dqkv + i * a->qkv_stride + head.number * a->head_size,
				   head.dquery, a->head_size * sizeof(AngleReal));
		}
		write_head(a, &head);
	}
}
