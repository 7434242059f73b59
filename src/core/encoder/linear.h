/* One linear layer over rows of activations, in F32 or int8. */
#ifndef ANGLE_LINEAR_H
#define ANGLE_LINEAR_H

#include "core/encoder/weights.h"
#include "core/tensor/kernels.h"

/* Where a layer's inputs are rounded to 8 bits; unused in F32. */
typedef struct AngleLinearScratch
{
	uint8_t *q;	   /* (T, ANGLE_QUANTIZATION_BLOCK) */
	float *scale;  /* (T) */
	int32_t *zero; /* (T) */
} AngleLinearScratch;

/* out (rows, padded N) = W x + b for x (rows, K), x_stride apart. */
void angle_linear_forward(const AngleLinear *linear, size_t rows,
						  const float *x, size_t x_stride,
						  const AngleLinearScratch *scratch, float *out);

/* In place over n floats, n a multiple of ANGLE_PANEL. */
void angle_activate(AngleActivation activation, float *x, size_t n);

#endif
