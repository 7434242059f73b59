/* What is done to points one by one, in kernels that core.mk builds for each instruction
 * set, chosen once for the processor. Private to this folder. */
#ifndef ANGLE_POINT_KERNELS_H
#define ANGLE_POINT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/cpu.h"

typedef struct AnglePointKernels
{
	/* Puts those of scores (count, padded to whole panels, with minus infinity behind
	 * count), whose ids begin with first, into the n best (n, falling) and their ids
	 * that belong there. Of equal ones that stays which was there. */
	void (*best)(const float *scores, size_t count, uint32_t first, int n,
				 float *best, uint32_t *ids);

	/* sum (n) += factor x (n). */
	void (*add)(double *sum, const float *x, size_t n, double factor);

	/* ⟨x, y⟩ and ‖x − y‖²; both are (n). */
	double (*product)(const float *x, const float *y, size_t n);
	double (*squared_distance)(const float *x, const float *y, size_t n);

	/* ⟨x − a, x − b⟩; all are (n). */
	double (*residual_product)(const float *x, const float *a, const float *b,
							   size_t n);
} AnglePointKernels;

extern const AnglePointKernels angle_point_kernels_baseline;
#if defined(__x86_64__)
extern const AnglePointKernels angle_point_kernels_avx2;
extern const AnglePointKernels angle_point_kernels_avx512;
#endif

const AnglePointKernels *angle_point_kernels(void);

/* Those built for isa, or for the nearest instruction set below it; NULL where
 * this processor cannot execute them. */
const AnglePointKernels *angle_point_kernels_for(AngleIsa isa);

#endif
