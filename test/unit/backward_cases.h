/* The backward kernels for doubles, called through plain arrays: a file that sees
 * their declarations for floats cannot see those for doubles. */
#ifndef ANGLE_TEST_BACKWARD_CASES_H
#define ANGLE_TEST_BACKWARD_CASES_H

#include <stddef.h>
#include <stdint.h>

#include "core/tensor/dropout.h"

/* Rows padded to whole panels. For attention, rows are tokens, outputs heads and
 * width the size of a head. */
typedef struct BackwardCase
{
	size_t rows;
	size_t width;
	size_t outputs;
	const double *x;
	const double *dy;
	const double *rstd;
	const double *weight;
} BackwardCase;

void backward_case_outer(const BackwardCase *c, double *dw, double *db);
void backward_case_layernorm(const BackwardCase *c, double *dx, double *dweight,
							 double *dbias);
void backward_case_attention(const BackwardCase *c, const AngleDropout *dropout,
							 const uint64_t *rows, double *dqkv);

/* 0: gelu, 1: gelu_tanh, 2: relu, 3: tanh. */
void backward_case_activation(int which, double *x, double *dy, size_t n);

/* state (3, n): values and both moments, after one step that the test's file of
 * floats makes, too. */
void backward_case_adam(double rate, const double *gradient, double *state,
						size_t n);

#endif
