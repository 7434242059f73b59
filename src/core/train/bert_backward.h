/* The backward pass of angle_bert_forward(), from the trace that it left. */
#ifndef ANGLE_BERT_BACKWARD_H
#define ANGLE_BERT_BACKWARD_H

#include "core/base/cancel.h"
#include "core/encoder/bert.h"
#include "core/train/trainable.h"

typedef struct AngleBertBackward
{
	const AngleTrainable *model;
	const AngleBatch *batch; /* as in the forward pass; its trace is used up */
	/* (T, C), rows angle_padded(C) apart: the gradient of the last states,
	 * which becomes that of the sum of the three embeddings */
	float *dstates;
	/* (layers) NULL, or the gradient of the states that enter the layer, which
	 * is added to what comes from above; or NULL */
	float *const *dinputs;
	float *gradients; /* += of the parameters behind the tables: the number at
						 offset o of AngleTrainable.values is at o − tables */
	void *workspace;  /* angle_bert_backward_size() bytes, aligned */
	const AngleCancel *cancel;
} AngleBertBackward;

/* Bytes of workspace for a batch of tokens whose longest text has longest. */
size_t angle_bert_backward_size(const AngleModelConfig *config, size_t tokens,
								size_t longest);

/* Errors: ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus angle_bert_backward(const AngleBertBackward *pass,
												 AngleError *err);

/* Of y = W x + b for rows: gradients += (see above), and dx (rows, padded K)
 * unless it is NULL. outer is angle_outer_scratch(N). The padding of dy is
 * finite, that of x too. */
typedef struct AngleLinearBackward
{
	const AngleTrainable *model;
	const AngleTrainableLinear *linear;
	size_t rows;
	const float *dy; /* (rows, padded N) */
	const float *x;	 /* (rows, padded K) */
	float *dx;
	float *gradients;
	float *outer;
} AngleLinearBackward;

void angle_linear_backward(const AngleLinearBackward *b);

/* angle_activate() and its gradient at once (AngleActivationBackward). */
void angle_activate_backward(AngleActivation activation, float *x, float *dy,
							 size_t n);

#endif
