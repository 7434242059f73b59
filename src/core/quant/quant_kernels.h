/* The kernels that core.mk builds for each instruction set, chosen once for the
 * processor. Private to this folder. */
#ifndef ANGLE_QUANT_KERNELS_H
#define ANGLE_QUANT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/cpu.h"
#include "core/quant/fastscan.h"

typedef struct AngleQuantKernels
{
	/* x ← H x / √n in place, H the Hadamard matrix of n = 2^k; the same bits in
	 * every build. */
	void (*hadamard)(float *x, size_t n);

	/* sums[s] = Σ over nibbles of what entries has for slot s; rows is a multiple
	 * of 4 and at most 224, so that sixteen bits hold the sum. */
	void (*block_sums)(const uint8_t *codes, const uint8_t *entries, int rows,
					   uint16_t *sums);

	/* angle_block_estimate(). */
	void (*block_estimate)(const AngleTable *table, const AngleBlockView *block,
						   AngleProbe probe, float *estimate, float *lower);

	/* Σ uᵢqᵢ over the integers of a code of 4, 8 and 16 bits, within
	 * 2^-18 Σ|uᵢqᵢ|. */
	double (*rerank4)(const uint8_t *code, const float *query, size_t n);
	double (*rerank8)(const uint8_t *code, const float *query, size_t n);
	double (*rerank16)(const uint8_t *code, const float *query, size_t n);
} AngleQuantKernels;

extern const AngleQuantKernels angle_quant_kernels_baseline;
#if defined(__x86_64__)
extern const AngleQuantKernels angle_quant_kernels_avx2;
extern const AngleQuantKernels angle_quant_kernels_avx512;
#endif

const AngleQuantKernels *angle_quant_kernels(void);

/* Those built for isa, or for the nearest instruction set below it; NULL where
 * this processor cannot execute them. */
const AngleQuantKernels *angle_quant_kernels_for(AngleIsa isa);

#endif
