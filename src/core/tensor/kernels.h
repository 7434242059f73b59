/*
 * The kernels of the forward pass: void functions over plain arrays that
 * cannot fail, in one table per instruction set.
 *
 * Legend: T rows (tokens), K inputs and N outputs of a linear layer, C the
 * width of a row. Rows of activations lie stride floats apart, where stride is
 * angle_padded(C): kernels read and write whole vectors, so that what lies
 * between C and stride must be allocated and stay finite; it is kept at zero
 * where a kernel says so.
 *
 * The result for a row depends on that row alone, to the last bit: never on
 * the number of rows or on where in the batch the row lies.
 */
#ifndef ANGLE_KERNELS_H
#define ANGLE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/cpu.h"
#include "core/tensor/dropout.h"

/* Outputs of a weight panel, and the multiple to which rows are padded. */
#define ANGLE_PANEL 16

/* Inputs that a panel of int8 weights keeps side by side. */
#define ANGLE_PANEL_DEPTH 4

/* The multiple to which the inputs of int8 panels are padded: what a tile
 * register holds of one row. */
#define ANGLE_PANEL_INPUTS 64

/* The multiple to which rows of 8-bit inputs are allocated: what a tile register
 * reads at once. */
#define ANGLE_PANEL_ROWS 16

/* Inputs of an int8 layer that stay in F32, those that are much greater than
 * the others in most tokens: with one step for a row they would leave little of
 * it to the rest (docs/design/0006-int8-with-outliers.md). */
#define ANGLE_OUTLIERS 4

/* n rounded up to a multiple of ANGLE_PANEL. */
static inline size_t
angle_padded(size_t n)
{
	return (n + ANGLE_PANEL - 1) / ANGLE_PANEL * ANGLE_PANEL;
}

/* n rounded up to a multiple of ANGLE_PANEL_INPUTS. */
static inline size_t
angle_panel_inputs(size_t n)
{
	return (n + ANGLE_PANEL_INPUTS - 1) / ANGLE_PANEL_INPUTS *
		   ANGLE_PANEL_INPUTS;
}

/* out = x Wᵀ + bias in F32, for the outputs of the panels from first_panel to
 * before end_panel; all pointers are to those of panel and row 0. */
typedef struct AngleGemm
{
	size_t rows;		   /* T */
	size_t inputs;		   /* K */
	size_t first_panel;	   /* of ⌈N/16⌉ */
	size_t end_panel;	   /* at most ⌈N/16⌉ */
	const float *x;		   /* (T, K), rows x_stride apart */
	size_t x_stride;	   /* at least K */
	const uint32_t *order; /* NULL, or (T): which row of x comes */
	const float *weight;   /* panels (⌈N/16⌉, K, 16) */
	const float *bias;	   /* (padded N) */
	float *out;			   /* (T, padded N), rows out_stride apart */
	size_t out_stride;
} AngleGemm;

/* out = x Wᵀ + bias with the rows of x and of W in 8 bits, summed exactly in
 * 32: x[t][k] = x_scale[t] (q[t][k] − x_zero[t]), W[n][k] = scale[n] w[n][k];
 * and, added to that in F32 one after another, x_outlier[t][i]
 * outlier_weight[n][i]. Panels as in AngleGemm. Every kernel of an instruction
 * set with fused multiply-adds gives the same bits. */
typedef struct AngleQgemm
{
	size_t rows;			/* T */
	size_t inputs;			/* K, a multiple of ANGLE_PANEL_INPUTS */
	size_t first_panel;		/* of ⌈N/16⌉ */
	size_t end_panel;		/* at most ⌈N/16⌉ */
	const uint8_t *q;		/* (T, K), rows q_stride apart; there must be memory
							  for a multiple of ANGLE_PANEL_ROWS of them */
	size_t q_stride;		/* at least K */
	const float *x_scale;	/* (T) */
	const int32_t *x_zero;	/* (T) */
	const float *x_outlier; /* (T, ANGLE_OUTLIERS) */
	const int8_t *weight;	/* panels (⌈N/16⌉, K/4, 16, 4), −127…127 */
	const float *scale;		/* (padded N) */
	const int32_t *sum;		/* (padded N): Σₖ w[n][k] */
	const float *outlier_weight; /* panels (⌈N/16⌉, ANGLE_OUTLIERS, 16) */
	const float *bias;			 /* (padded N) */
	float *out;					 /* (T, padded N), rows out_stride apart */
	size_t out_stride;
} AngleQgemm;

/* Multi-head attention over the tokens of one text (Vaswani et al. 2017,
 * eq. 1): out = softmax(Q Kᵀ / √d) V, for the heads from first_head to before
 * end_head; what it writes of out are the columns of these. */
typedef struct AngleAttention
{
	size_t tokens; /* L */
	size_t heads;  /* H */
	size_t first_head;
	size_t end_head;  /* at most H */
	size_t head_size; /* d; C = H d */
	const float *qkv; /* (L, 3C): queries, keys, values */
	size_t qkv_stride;
	float *out; /* (L, C) */
	size_t out_stride;
	float *scratch; /* angle_attention_scratch(L, d) floats */
	/* in training, on the weights: part of a row's name is the head's number */
	const AngleDropout *dropout;  /* NULL: none */
	const uint64_t *dropout_rows; /* (L) names of the rows */
} AngleAttention;

/* Floats of scratch that attention over tokens needs. */
size_t angle_attention_scratch(size_t tokens, size_t head_size);

/* x = (x + residual − mean)/√(variance + epsilon) · weight + bias for each row
 * (Ba et al. 2016); the padding of x becomes zero. */
typedef struct AngleLayerNorm
{
	size_t rows;
	size_t width; /* C */
	size_t stride;
	float *x;			   /* (T, C), in place */
	const float *residual; /* (T, C), or NULL */
	const float *weight;   /* (padded C) */
	const float *bias;	   /* (padded C) */
	float epsilon;
	float *mean;	   /* (T) of what was normalised, or NULL */
	float *rstd;	   /* (T) 1/√(variance + epsilon), or NULL */
	float *normalized; /* (T, C) before weight and bias, or NULL */
} AngleLayerNorm;

/* Dropout of rows in place. */
typedef struct AngleDropRows
{
	size_t rows;
	size_t width; /* C */
	size_t stride;
	float *x; /* (T, C) */
	const AngleDropout *dropout;
	const uint64_t *names; /* (T) */
} AngleDropRows;

/* Rows to 8 bits, each with its own scale and zero point, so that its least
 * and greatest value and zero itself are exact to half a step. The outliers are
 * taken out before: they are copied to outlier and count as zero in the row. With
 * outliers NULL there are none, and outlier is not used. */
typedef struct AngleQuantize
{
	size_t rows;
	size_t width; /* K; columns up to q_stride are filled with the zero point */
	float *x;	  /* (T, K); changed meanwhile, and the same again in the end */
	size_t x_stride;
	const int32_t
		*outliers; /* NULL, or (ANGLE_OUTLIERS), below K; may repeat */
	uint8_t *q;	   /* (T, q_stride) */
	size_t q_stride;
	float *scale;	/* (T) */
	int32_t *zero;	/* (T) */
	float *outlier; /* (T, ANGLE_OUTLIERS): their values in x */
} AngleQuantize;

/* Rows less one other: out = x − origin. */
typedef struct AngleResiduals
{
	size_t rows;
	size_t width;	/* C */
	const float *x; /* (…, C) */
	size_t x_stride;
	const uint32_t *order; /* NULL, or (T): which row of x comes */
	const float *origin;   /* (C) */
	float *out;			   /* (T, C) */
	size_t out_stride;
} AngleResiduals;

typedef struct AngleTensorKernels
{
	AngleIsa isa;
	void (*gemm)(const AngleGemm *gemm);
	void (*qgemm)(const AngleQgemm *gemm);
	void (*attention)(const AngleAttention *attention);

	/* The same for int8 models, without dropout: where the processor has products
	 * of bfloat16, queries, keys, values and weights are rounded to it, which is
	 * to 8 bits of a mantissa, far less than what int8 takes. */
	void (*rough_attention)(const AngleAttention *attention);
	void (*layernorm)(const AngleLayerNorm *norm);
	void (*quantize)(const AngleQuantize *quantize);
	void (*residuals)(const AngleResiduals *residuals);
	void (*drop)(const AngleDropRows *rows);

	/* In place over n floats, n a multiple of ANGLE_PANEL. */
	void (*gelu)(float *x, size_t n); /* x Φ(x) (Hendrycks & Gimpel 2016) */
	void (*gelu_tanh)(float *x, size_t n); /* its approximation by tanh */
	void (*relu)(float *x, size_t n);
	void (*tanh)(float *x, size_t n);
} AngleTensorKernels;

/* The kernels for this processor. */
const AngleTensorKernels *angle_tensor_kernels(void);

/* Those for isa, or NULL where it is not supported: for tests. */
const AngleTensorKernels *angle_tensor_kernels_for(AngleIsa isa);

#endif
