/* One linear layer over rows of activations, in F32 or int8. */
#ifndef ANGLE_LINEAR_H
#define ANGLE_LINEAR_H

#include "core/encoder/weights.h"
#include "core/tensor/kernels.h"

/* Where a layer's inputs are rounded to 8 bits; unused in F32. */
typedef struct AngleLinearScratch
{
	uint8_t *q;		/* (T up to ANGLE_PANEL_ROWS, angle_panel_inputs(K)) */
	float *scale;	/* (T) */
	int32_t *zero;	/* (T) */
	float *outlier; /* (T, ANGLE_OUTLIERS) */
} AngleLinearScratch;

/* Some of n things: those from first to before end. */
typedef struct AngleRange
{
	size_t first;
	size_t end;
} AngleRange;

/* The inputs x (T, K) of a layer, rows x_stride apart, and its outputs (T,
 * padded N). */
typedef struct AngleLinearRows
{
	size_t rows;
	float *x; /* changed by angle_linear_prepare() while that runs */
	size_t x_stride;
	const AngleLinearScratch *scratch; /* NULL will do for F32 */
	float *out;
} AngleLinearRows;

/* The first half of out = W x + b: rounds the inputs of some of the rows. */
void angle_linear_prepare(const AngleLinear *linear,
						  const AngleLinearRows *rows, AngleRange some);

/* The second half, for all rows, which must have been prepared: the outputs of
 * some of the angle_linear_panels(). */
void angle_linear_forward(const AngleLinear *linear,
						  const AngleLinearRows *rows, AngleRange panels);

static inline size_t
angle_linear_panels(const AngleLinear *linear)
{
	return angle_padded(linear->outputs) / ANGLE_PANEL;
}

/* In place over n floats, n a multiple of ANGLE_PANEL. */
void angle_activate(AngleActivation activation, float *x, size_t n);

#endif
