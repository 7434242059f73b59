/* The weights of a model as the forward pass sees them: views into the packed
 * image, or, in training, of parameters that change. Private to the encoder and
 * core/train. */
#ifndef ANGLE_WEIGHTS_H
#define ANGLE_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/encoder/model.h"

/* y = W x + b, with W (N, K) in panels of F32 or of int8 (tensor/kernels.h). */
typedef struct AngleLinear
{
	size_t inputs;		 /* K */
	size_t outputs;		 /* N */
	const float *panels; /* F32, or NULL */
	const float *bias;	 /* (padded N) */

	/* int8 only */
	const int8_t *levels;		 /* panels, or NULL */
	const float *scale;			 /* (padded N) */
	const int32_t *sum;			 /* (padded N) */
	const int32_t *outliers;	 /* (ANGLE_OUTLIERS), below K */
	const float *outlier_weight; /* panels of their weights, in F32 */
} AngleLinear;

typedef struct AngleNorm
{
	const float *weight; /* (padded C) */
	const float *bias;	 /* (padded C) */
} AngleNorm;

typedef struct AngleBertLayer
{
	AngleLinear qkv; /* queries, keys and values in one product: N = 3C */
	AngleLinear attention;
	AngleNorm attention_norm;
	AngleLinear intermediate;
	AngleLinear output;
	AngleNorm output_norm;
} AngleBertLayer;

typedef struct AngleBert
{
	const float *words;		   /* (V, C) F32, or NULL */
	const int8_t *word_levels; /* (V, C) int8, or NULL */
	const float *word_scale;   /* (V), int8 only */
	const float *positions;	   /* (positions, C) */
	const float *token_type;   /* (C), the row of type 0 */
	AngleNorm norm;
	AngleBertLayer *layers; /* (layers) */
} AngleBert;

struct AngleModel
{
	AngleModelConfig config;
	AngleTokenizer *tokenizer;
	AngleBert bert;
	AngleLinear dense[ANGLE_MAX_MODULES]; /* of ANGLE_MODULE_DENSE only */
};

#endif
