/* The kernels that core.mk builds for each instruction set, chosen once for the
 * processor. Private to this folder. */
#ifndef ANGLE_ORDER_KERNELS_H
#define ANGLE_ORDER_KERNELS_H

#include "core/ann/order.h"
#include "core/base/cpu.h"

/* The functions of order.h. */
typedef struct AngleOrderKernels
{
	float (*limit)(const float *keys, size_t count, size_t rank, size_t more);
	size_t (*count)(const float *keys, size_t count, float limit);
	size_t (*between)(const float *keys, size_t count, float above, float limit,
					  uint32_t *places);
	void (*places)(const float *keys, size_t count, uint32_t *places);
} AngleOrderKernels;

extern const AngleOrderKernels angle_order_kernels_baseline;
#if defined(__x86_64__)
extern const AngleOrderKernels angle_order_kernels_avx2;
extern const AngleOrderKernels angle_order_kernels_avx512;
#endif

const AngleOrderKernels *angle_order_kernels(void);

/* Those built for isa, or for the nearest instruction set below it; NULL where
 * this processor cannot execute them. */
const AngleOrderKernels *angle_order_kernels_for(AngleIsa isa);

#endif
