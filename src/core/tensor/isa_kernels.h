/* The functions that core.mk compiles once per instruction set, for the table
 * in dispatch.c; each is described at its field in kernels.h. */
#ifndef ANGLE_ISA_KERNELS_H
#define ANGLE_ISA_KERNELS_H

#include "core/tensor/kernels.h"

#define ANGLE_DECLARE_KERNELS(isa)                               \
	void angle_gemm_##isa(const AngleGemm *gemm);                \
	void angle_attention_##isa(const AngleAttention *attention); \
	void angle_layernorm_##isa(const AngleLayerNorm *norm);      \
	void angle_quantize_##isa(const AngleQuantize *quantize);    \
	void angle_residuals_##isa(const AngleResiduals *residuals); \
	void angle_drop_##isa(const AngleDropRows *rows);            \
	void angle_gelu_##isa(float *x, size_t n);                   \
	void angle_gelu_tanh_##isa(float *x, size_t n);              \
	void angle_relu_##isa(float *x, size_t n);                   \
	void angle_tanh_##isa(float *x, size_t n);

ANGLE_DECLARE_KERNELS(baseline)
ANGLE_DECLARE_KERNELS(avx2)
ANGLE_DECLARE_KERNELS(avx512)

/* Written for AMX, and the floats of scratch that it takes. */
void angle_attention_amx(const AngleAttention *attention);

static inline size_t
angle_rough_attention_scratch(size_t tokens, size_t head_size)
{
	size_t L = (tokens + 31) / 32 * 32;
	size_t d = (head_size + 31) / 32 * 32;

	return L * d + 16 * L + 8 * L + 8 * d + 16 * 16;
}

/* The int8 product has a file per instruction set. */
void angle_qgemm_baseline(const AngleQgemm *gemm);
void angle_qgemm_avx2(const AngleQgemm *gemm);
void angle_qgemm_avx512_vnni(const AngleQgemm *gemm);
void angle_qgemm_amx(const AngleQgemm *gemm);
void angle_qgemm_neon(const AngleQgemm *gemm);
void angle_qgemm_neon_dotprod(const AngleQgemm *gemm);

#endif
