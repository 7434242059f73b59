/*
 * The kernels of the backward pass and of the optimiser: void functions over
 * plain arrays, in one table per instruction set, beside those of
 * core/tensor/kernels.h, whose legend and rules of padding hold here too. d
 * before a name is the gradient of the loss with respect to it.
 */
#ifndef ANGLE_BACKWARD_KERNELS_H
#define ANGLE_BACKWARD_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/cpu.h"
#include "core/tensor/dropout.h"
#include "core/train/real.h"

/* The gradient of a linear layer's weights: dW += dYᵀ X, db += Σ dY. */
typedef struct AngleOuter
{
	size_t rows;		 /* T */
	size_t inputs;		 /* K */
	size_t outputs;		 /* N */
	const AngleReal *dy; /* (T, N), rows dy_stride apart */
	size_t dy_stride;	 /* a multiple of ANGLE_PANEL */
	const AngleReal *x;	 /* (T, K), rows x_stride apart */
	size_t x_stride;	 /* a multiple of ANGLE_PANEL */
	AngleReal *dw;		 /* (N, K) */
	AngleReal *db;		 /* (N) */
	AngleReal *scratch;	 /* angle_outer_scratch(N) */
} AngleOuter;

/* Rows that are copied side by side, of which so many columns fill half of a
 * first-level cache; and the most outputs that are taken together. */
#define ANGLE_OUTER_BLOCK 192
#define ANGLE_OUTER_COLUMNS 32
#define ANGLE_OUTER_ROWS 12

/* Numbers of scratch for outputs. */
static inline size_t
angle_outer_scratch(size_t outputs)
{
	return ANGLE_OUTER_BLOCK *
		   (ANGLE_OUTER_COLUMNS + outputs + ANGLE_OUTER_ROWS);
}

/* Of AngleLayerNorm: with g = dy · weight and n what was normalised,
 * dx = rstd (g − mean(g) − n mean(g n)), dweight += Σ dy n, dbias += Σ dy. */
typedef struct AngleLayerNormBackward
{
	size_t rows;
	size_t width; /* C */
	size_t stride;
	const AngleReal *dy;		 /* (T, C); its padding is zero */
	const AngleReal *normalized; /* (T, C) */
	const AngleReal *rstd;		 /* (T) */
	const AngleReal *weight;	 /* (padded C) */
	AngleReal *dx;		/* (T, C), may be dy; its padding becomes zero */
	AngleReal *dweight; /* (padded C) */
	AngleReal *dbias;	/* (padded C) */
} AngleLayerNormBackward;

/* Of AngleAttention, for the tokens of one text. */
typedef struct AngleAttentionBackward
{
	size_t tokens;		   /* L */
	size_t heads;		   /* H */
	size_t head_size;	   /* d; C = H d */
	const AngleReal *qkv;  /* (L, 3C) */
	size_t qkv_stride;	   /* of dqkv, too */
	const AngleReal *dout; /* (L, C) */
	size_t out_stride;
	AngleReal *dqkv;			  /* (L, 3C) */
	AngleReal *scratch;			  /* angle_attention_backward_scratch(L, d) */
	const AngleDropout *dropout;  /* as in the forward pass */
	const uint64_t *dropout_rows; /* (L) */
} AngleAttentionBackward;

size_t angle_attention_backward_scratch(size_t tokens, size_t head_size);

/* One step of AdamW (Loshchilov & Hutter 2019, alg. 2, with the learning rate on
 * the decay, as PyTorch has it). */
typedef struct AngleAdamStep
{
	size_t n;
	AngleReal *value;		   /* (n) */
	const AngleReal *gradient; /* (n) */
	AngleReal *first;		   /* (n) moment */
	AngleReal *second;		   /* (n) moment */
	AngleReal gradient_scale;  /* of clipping */
	AngleReal rate;
	AngleReal decay;
	AngleReal beta1;
	AngleReal beta2;
	AngleReal epsilon;
	AngleReal correction1; /* 1 − beta1^step */
	AngleReal correction2; /* 1 − beta2^step */
} AngleAdamStep;

/* Of an activation over n numbers: x, its input, becomes its output, and dy,
 * the gradient of its output, that of its input. */
typedef void (*AngleActivationBackward)(AngleReal *x, AngleReal *dy, size_t n);

typedef struct AngleBackwardKernels
{
	AngleIsa isa;
	void (*outer)(const AngleOuter *outer);
	void (*layernorm)(const AngleLayerNormBackward *norm);
	void (*attention)(const AngleAttentionBackward *attention);
	void (*adam)(const AngleAdamStep *step);
	/* Σ x², summed in pieces of doubles */
	double (*squares)(const AngleReal *x, size_t n);
	/* x += y over n numbers, as all below a multiple of ANGLE_PANEL */
	void (*add)(AngleReal *x, const AngleReal *y, size_t n);

	/* of the losses, whatever AngleReal is: Σ a b, and y += a x */
	double (*dot)(const double *a, const double *b, size_t n);
	void (*add_scaled)(double *y, double a, const double *x, size_t n);

	AngleActivationBackward gelu;
	AngleActivationBackward gelu_tanh;
	AngleActivationBackward relu;
	AngleActivationBackward tanh;
} AngleBackwardKernels;

/* The kernels for this processor. */
const AngleBackwardKernels *angle_backward_kernels(void);

/* Those for isa, or NULL where it is not supported: for tests. */
const AngleBackwardKernels *angle_backward_kernels_for(AngleIsa isa);

#endif
