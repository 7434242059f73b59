/* The gradients of what lies between the states of tokens and an embedding. */
#ifndef ANGLE_POOLING_BACKWARD_H
#define ANGLE_POOLING_BACKWARD_H

#include <stddef.h>

#include "core/model/config.h"
#include "core/train/real.h"

#ifdef ANGLE_DOUBLE
#define angle_pool_tokens_backward angle_pool_tokens_backward_double
#define angle_normalize_backward angle_normalize_backward_double
#endif

typedef struct AnglePoolBackward
{
	AnglePooling pooling;
	size_t width;  /* C */
	size_t stride; /* of rows and drows */
	size_t count;  /* tokens of the text, at least 1 */
	size_t skip;   /* leading tokens that are not pooled, fewer than count */
	const AngleReal *rows; /* (count, C); only the maximum looks at them */
	const AngleReal *dout; /* (C) */
	AngleReal *drows;	   /* (count, C), += */
} AnglePoolBackward;

/* A maximum's gradient goes to the first token that has it. */
void angle_pool_tokens_backward(const AnglePoolBackward *pool);

/* Of y = x / ‖x‖ over n numbers: dx = (dy − y (y·dy)) / ‖x‖, in place of dy. A
 * vector shorter than the forward pass's floor of 1e-12 gets none. */
void angle_normalize_backward(size_t n, const AngleReal *x, AngleReal *dy);

#endif
