/*
 * A model whose weights can change: all its parameters in one array, in the
 * layout of the hub, and beside them the packed forms that the products stream,
 * which are made again after each step.
 */
#ifndef ANGLE_TRAINABLE_H
#define ANGLE_TRAINABLE_H

#include "core/base/executor.h"
#include "core/encoder/model.h"
#include "core/encoder/weights.h"
#include "core/model/hub.h"

typedef enum AngleDecay
{
	ANGLE_DECAY,	/* weights and tables */
	ANGLE_NO_DECAY, /* biases and norms */
} AngleDecay;

/* One tensor of the hub directory. */
typedef struct AngleParameter
{
	const char *name; /* in its file */
	int module; /* whose file: −1 the encoder's, else a Dense module's */
	size_t rows;
	size_t columns; /* 0: a vector */
	size_t offset;	/* of its first number in the array of all */
	AngleDecay decay;
} AngleParameter;

/* Where a layer's numbers lie in the array, and its packed forms. */
typedef struct AngleTrainableLinear
{
	size_t inputs;	/* K */
	size_t outputs; /* N */
	size_t weight;	/* offset of (N, K) */
	size_t bias;	/* offset of (padded N) */
	float *panels;	/* of W, for the forward pass */
	float
		*transposed; /* panels (⌈K/16⌉, padded N, 16) of Wᵀ, for the backward */
} AngleTrainableLinear;

typedef struct AngleTrainableNorm
{
	size_t weight; /* offset of (padded C) */
	size_t bias;   /* offset of (padded C) */
} AngleTrainableNorm;

typedef struct AngleTrainableLayer
{
	AngleTrainableLinear qkv;
	AngleTrainableLinear attention;
	AngleTrainableLinear intermediate;
	AngleTrainableLinear output;
	AngleTrainableNorm attention_norm;
	AngleTrainableNorm output_norm;
} AngleTrainableLayer;

typedef struct AngleTrainable
{
	AngleModel model; /* for the forward pass: views of what follows */
	size_t count;	  /* of numbers, a multiple of ANGLE_PANEL */
	float *values;	  /* (count), padding is zero */
	size_t parameter_count;
	AngleParameter *parameters; /* (parameter_count), by offset */

	/* the tables lie first: (V, C), (positions, C), (type_vocab, C) */
	size_t words;
	size_t positions;
	size_t token_types;
	size_t tables; /* numbers of the tables: offset of what follows */
	AngleTrainableNorm norm;
	AngleTrainableLayer *layers; /* (layers) */
	AngleTrainableLinear dense[ANGLE_MAX_MODULES];

	size_t linear_count;
	AngleTrainableLinear **linears; /* (linear_count) all of them */
	const float *zeros; /* as many as the widest layer has inputs or outputs */
} AngleTrainable;

/* Reads the model of an open hub directory into arena, ready for the forward
 * pass. hub must outlive it. Errors: those of the checkpoint's readers. */
ANGLE_MUST_CHECK AngleStatus angle_trainable_open(const AngleHubModel *hub,
												  AngleArena *arena,
												  AngleTrainable **trainable,
												  AngleError *err);

/* Makes the packed forms of all layers from values. */
void angle_trainable_repack(AngleTrainable *trainable, AngleExecutor *executor);

#endif
