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

/* Inputs that share a scale in int8, a multiple of ANGLE_PANEL: the few inputs
 * that are much greater than the others spoil the precision of their block
 * only. On 10,000 sentences all-MiniLM-L6-v2 keeps a cosine to F32 of 0.9983 at
 * the first percentile with it, 0.9958 with one scale for a row
 * (bench/quality.py). */
#define ANGLE_QUANTIZATION_BLOCK 128

/* n rounded up to a multiple of ANGLE_PANEL. */
static inline size_t
angle_padded(size_t n)
{
	return (n + ANGLE_PANEL - 1) / ANGLE_PANEL * ANGLE_PANEL;
}

/* out = x Wᵀ + bias in F32. */
typedef struct AngleGemm
{
	size_t rows;		 /* T */
	size_t inputs;		 /* K */
	size_t outputs;		 /* N */
	const float *x;		 /* (T, K), rows x_stride apart */
	size_t x_stride;	 /* at least K */
	const float *weight; /* panels (⌈N/16⌉, K, 16) */
	const float *bias;	 /* (padded N) */
	float *out;			 /* (T, padded N) */
} AngleGemm;

/* out = x Wᵀ + start with the rows of x and of W in 8 bits, summed exactly in
 * 32: x[t][k] = x_scale[t] (q[t][k] − x_zero[t]), W[n][k] = scale[n] w[n][k].
 * The sum over several blocks of inputs starts with the bias (stride 0) and
 * goes on with start = out. */
typedef struct AngleQgemm
{
	size_t rows;		   /* T */
	size_t inputs;		   /* K, a multiple of ANGLE_PANEL_DEPTH */
	size_t outputs;		   /* N */
	const uint8_t *q;	   /* (T, K), rows q_stride apart */
	size_t q_stride;	   /* at least K */
	const float *x_scale;  /* (T) */
	const int32_t *x_zero; /* (T) */
	const int8_t *weight;  /* panels (⌈N/16⌉, K/4, 16, 4), −127…127 */
	const float *scale;	   /* (padded N) */
	const int32_t *sum;	   /* (padded N): Σₖ w[n][k] */
	const float *start;	   /* (T, padded N), rows start_stride apart */
	size_t start_stride;
	float *out; /* (T, padded N) */
} AngleQgemm;

/* Multi-head attention over the tokens of one text (Vaswani et al. 2017,
 * eq. 1): out = softmax(Q Kᵀ / √d) V for each head. */
typedef struct AngleAttention
{
	size_t tokens;	  /* L */
	size_t heads;	  /* H */
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
 * and greatest value and zero itself are exact to half a step. */
typedef struct AngleQuantize
{
	size_t rows;
	size_t width; /* K; columns up to q_stride are filled with the zero point */
	const float *x; /* (T, K) */
	size_t x_stride;
	uint8_t *q; /* (T, q_stride) */
	size_t q_stride;
	float *scale;  /* (T) */
	int32_t *zero; /* (T) */
} AngleQuantize;

typedef struct AngleTensorKernels
{
	AngleIsa isa;
	void (*gemm)(const AngleGemm *gemm);
	void (*qgemm)(const AngleQgemm *gemm);
	void (*attention)(const AngleAttention *attention);
	void (*layernorm)(const AngleLayerNorm *norm);
	void (*quantize)(const AngleQuantize *quantize);
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
