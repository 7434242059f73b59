#include "core/encoder/calibration.h"

#include <string.h>

#include "core/base/rng.h"
#include "core/encoder/linear.h"
#include "core/tensor/kernels.h"
#include "core/tensor/panel.h"

/* On all-MiniLM-L6-v2 four times as many choose the same inputs. */
#define SEQUENCES 16
#define LENGTH 31
#define SEED 1

struct AngleCalibration
{
	const AngleModelConfig *config;
	size_t length; /* of each of SEQUENCES */
	size_t tokens;
	size_t stride;	  /* padded C */
	float *x;		  /* (T, C): the states */
	float *qkv;		  /* (T, 3C) */
	float *attended;  /* (T, C) */
	float *projected; /* (T, C) */
	float *inner;	  /* (T, F) */
	float *scratch;	  /* of attention */
};

static size_t
head_size(const AngleModelConfig *config)
{
	return (size_t) config->hidden / (size_t) config->heads;
}

static AngleStatus
allocate(AngleCalibration *c, AngleArena *arena, AngleError *err)
{
	size_t T = c->tokens;
	size_t qkv = angle_padded(3 * (size_t) c->config->hidden);
	size_t inner = angle_padded((size_t) c->config->intermediate);

	c->x = angle_arena_zalloc(arena, T * c->stride, sizeof(float));
	c->qkv = angle_arena_alloc(arena, T * qkv, sizeof(float));
	c->attended = angle_arena_zalloc(arena, T * c->stride, sizeof(float));
	c->projected = angle_arena_alloc(arena, T * c->stride, sizeof(float));
	c->inner = angle_arena_alloc(arena, T * inner, sizeof(float));
	c->scratch = angle_arena_alloc(
		arena, angle_attention_scratch(c->length, head_size(c->config)),
		sizeof(float));
	if (c->x == NULL || c->qkv == NULL || c->attended == NULL ||
		c->projected == NULL || c->inner == NULL || c->scratch == NULL)
		return angle_no_memory(err);
	return ANGLE_OK;
}

static void
normalize(AngleCalibration *c, const float *weight, const float *bias,
		  const float *residual)
{
	angle_tensor_kernels()->layernorm(&(AngleLayerNorm){
		.rows = c->tokens,
		.width = (size_t) c->config->hidden,
		.stride = c->stride,
		.x = c->x,
		.residual = residual,
		.weight = weight,
		.bias = bias,
		.epsilon = c->config->norm_eps,
	});
}

/* A vector of the source, padded to whole panels. */
static AngleStatus
read_vector(const AngleBertSource *source, const char *name, size_t n,
			AngleArena *scratch, float **padded, AngleError *err)
{
	float *values;

	ANGLE_TRY(angle_bert_source_read(source, name, (AngleSourceShape){n, 0},
									 scratch, &values, err));
	*padded = angle_arena_zalloc(scratch, angle_padded(n), sizeof(float));
	if (*padded == NULL)
		return angle_no_memory(err);
	memcpy(*padded, values, n * sizeof(float));
	return ANGLE_OK;
}

/* Adds the row of a table to that of a token. */
static void
add_row(AngleCalibration *c, size_t token, const float *table, size_t row)
{
	size_t C = (size_t) c->config->hidden;

	for (size_t i = 0; i < C; i++)
		c->x[token * c->stride + i] += table[row * C + i];
}

static AngleStatus
embed(AngleCalibration *c, const AngleBertSource *source, AngleArena *scratch,
	  AngleError *err)
{
	size_t C = (size_t) c->config->hidden;
	size_t vocab = (size_t) c->config->vocab;
	float *words, *positions, *types, *weight, *bias;
	AngleRng rng;

	ANGLE_TRY(angle_bert_source_read(
		source, "embeddings.word_embeddings.weight",
		(AngleSourceShape){vocab, C}, scratch, &words, err));
	ANGLE_TRY(angle_bert_source_read(
		source, "embeddings.position_embeddings.weight",
		(AngleSourceShape){(size_t) c->config->positions, C}, scratch,
		&positions, err));
	ANGLE_TRY(angle_bert_source_read(
		source, "embeddings.token_type_embeddings.weight",
		(AngleSourceShape){(size_t) c->config->type_vocab, C}, scratch, &types,
		err));
	ANGLE_TRY(read_vector(source, "embeddings.LayerNorm.weight", C, scratch,
						  &weight, err));
	ANGLE_TRY(read_vector(source, "embeddings.LayerNorm.bias", C, scratch,
						  &bias, err));
	angle_rng_seed(&rng, SEED);
	for (size_t t = 0; t < c->tokens; t++)
	{
		add_row(c, t, words, angle_rng_below(&rng, (uint32_t) vocab));
		add_row(c, t, positions, t % c->length);
		add_row(c, t, types, 0);
	}
	normalize(c, weight, bias, NULL);
	return ANGLE_OK;
}

AngleStatus
angle_calibration_start(const AngleBertSource *source, AngleArena *arena,
						AngleArena *scratch, AngleCalibration **calibration,
						AngleError *err)
{
	AngleCalibration *c = angle_arena_zalloc(arena, 1, sizeof(*c));
	size_t positions = (size_t) source->config->positions;

	if (c == NULL)
		return angle_no_memory(err);
	c->config = source->config;
	c->length = positions < LENGTH ? positions : LENGTH;
	c->tokens = SEQUENCES * c->length;
	c->stride = angle_padded((size_t) source->config->hidden);
	ANGLE_TRY(allocate(c, arena, err));
	ANGLE_TRY(embed(c, source, scratch, err));
	*calibration = c;
	return ANGLE_OK;
}

/* The inputs of a linear layer. */
static float *
inputs_of(const AngleCalibration *c, AngleLayerPart part)
{
	switch (part)
	{
		case ANGLE_LAYER_ATTENTION:
			return c->attended;
		case ANGLE_LAYER_OUTPUT:
			return c->inner;
		default:
			return c->x;
	}
}

static double
sum_of_squares(const AngleCalibration *c, const float *x, size_t stride)
{
	double sum = 0.0;

	for (size_t t = 0; t < c->tokens; t++)
		sum += (double) x[t * stride] * (double) x[t * stride];
	return sum;
}

void
angle_calibration_outliers(const AngleCalibration *c, AngleLayerPart part,
						   size_t inputs, int32_t *outliers)
{
	const float *x = inputs_of(c, part);
	double sums[ANGLE_OUTLIERS];
	int count = 0;

	/* The greatest so far, in descending order. */
	for (size_t k = 0; k < inputs; k++)
	{
		double sum = sum_of_squares(c, x + k, angle_padded(inputs));
		int at = count;

		while (at > 0 && sum > sums[at - 1])
			at--;
		if (at == ANGLE_OUTLIERS)
			continue;
		count += count < ANGLE_OUTLIERS;
		memmove(sums + at + 1, sums + at,
				(size_t) (count - 1 - at) * sizeof(*sums));
		memmove(outliers + at + 1, outliers + at,
				(size_t) (count - 1 - at) * sizeof(*outliers));
		sums[at] = sum;
		outliers[at] = (int32_t) k;
	}
	for (; count < ANGLE_OUTLIERS; count++)
		outliers[count] = outliers[0];
}

static void
attend(AngleCalibration *c)
{
	size_t qkv_stride = angle_padded(3 * (size_t) c->config->hidden);

	for (size_t t = 0; t < c->tokens; t += c->length)
		angle_tensor_kernels()->attention(&(AngleAttention){
			.tokens = c->length,
			.heads = (size_t) c->config->heads,
			.end_head = (size_t) c->config->heads,
			.head_size = head_size(c->config),
			.qkv = c->qkv + t * qkv_stride,
			.qkv_stride = qkv_stride,
			.out = c->attended + t * c->stride,
			.out_stride = c->stride,
			.scratch = c->scratch,
		});
}

static AngleStatus
multiply(AngleCalibration *c, const AngleCalibrationStep *step, float *out,
		 AngleArena *scratch, AngleError *err)
{
	size_t padded = angle_padded(step->rows);
	float *panels =
		angle_arena_alloc(scratch, padded * step->columns, sizeof(float));

	if (panels == NULL)
		return angle_no_memory(err);
	angle_panel_pack(step->weight, step->rows, step->columns, panels);
	angle_tensor_kernels()->gemm(&(AngleGemm){
		.rows = c->tokens,
		.inputs = step->columns,
		.end_panel = padded / ANGLE_PANEL,
		.x = inputs_of(c, step->part),
		.x_stride = angle_padded(step->columns),
		.weight = panels,
		.bias = step->bias,
		.out = out,
		.out_stride = padded,
	});
	return ANGLE_OK;
}

AngleStatus
angle_calibration_advance(AngleCalibration *c, const AngleCalibrationStep *step,
						  AngleArena *scratch, AngleError *err)
{
	switch (step->part)
	{
		case ANGLE_LAYER_NO_PART:
			break;
		case ANGLE_LAYER_QKV:
			ANGLE_TRY(multiply(c, step, c->qkv, scratch, err));
			attend(c);
			break;
		case ANGLE_LAYER_INTERMEDIATE:
			ANGLE_TRY(multiply(c, step, c->inner, scratch, err));
			angle_activate(c->config->activation, c->inner,
						   c->tokens * angle_padded(step->rows));
			break;
		case ANGLE_LAYER_ATTENTION:
		case ANGLE_LAYER_OUTPUT:
			return multiply(c, step, c->projected, scratch, err);
		case ANGLE_LAYER_ATTENTION_NORM:
		case ANGLE_LAYER_OUTPUT_NORM:
			normalize(c, step->weight, step->bias, c->projected);
			break;
	}
	return ANGLE_OK;
}
