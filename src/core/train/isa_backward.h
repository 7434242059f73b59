/* The functions that core.mk compiles once per instruction set, for the table
 * in backward_dispatch.c; each is described in backward_kernels.h. */
#ifndef ANGLE_ISA_BACKWARD_H
#define ANGLE_ISA_BACKWARD_H

#include "core/train/backward_kernels.h"

#define ANGLE_DECLARE_BACKWARD(isa)                                          \
	void angle_outer_##isa(const AngleOuter *outer);                         \
	void angle_layernorm_backward_##isa(const AngleLayerNormBackward *norm); \
	void angle_attention_backward_##isa(                                     \
		const AngleAttentionBackward *attention);                            \
	void angle_adam_##isa(const AngleAdamStep *step);                        \
	double angle_squares_##isa(const AngleReal *x, size_t n);                \
	void angle_add_##isa(AngleReal *x, const AngleReal *y, size_t n);        \
	double angle_dot_##isa(const double *a, const double *b, size_t n);      \
	void angle_add_scaled_##isa(double *y, double a, const double *x,        \
								size_t n);                                   \
	void angle_gelu_backward_##isa(AngleReal *x, AngleReal *dy, size_t n);   \
	void angle_gelu_tanh_backward_##isa(AngleReal *x, AngleReal *dy,         \
										size_t n);                           \
	void angle_relu_backward_##isa(AngleReal *x, AngleReal *dy, size_t n);   \
	void angle_tanh_backward_##isa(AngleReal *x, AngleReal *dy, size_t n);

#ifdef ANGLE_DOUBLE
ANGLE_DECLARE_BACKWARD(double)
#else
ANGLE_DECLARE_BACKWARD(baseline)
ANGLE_DECLARE_BACKWARD(avx2)
ANGLE_DECLARE_BACKWARD(avx512)
#endif

#endif
