#include "core/tensor/kernels.h"

#include <stdatomic.h>

#include "core/tensor/isa_kernels.h"

#define TABLE(code, suffix, product, rough)                                 \
	{                                                                       \
		.isa = (code), .gemm = angle_gemm_##suffix, .qgemm = (product),     \
		.attention = angle_attention_##suffix, .rough_attention = (rough),  \
		.layernorm = angle_layernorm_##suffix,                              \
		.quantize = angle_quantize_##suffix,                                \
		.residuals = angle_residuals_##suffix, .drop = angle_drop_##suffix, \
		.gelu = angle_gelu_##suffix, .gelu_tanh = angle_gelu_tanh_##suffix, \
		.relu = angle_relu_##suffix, .tanh = angle_tanh_##suffix,           \
	}

static const AngleTensorKernels tables[] = {
#if defined(__x86_64__)
	TABLE(ANGLE_ISA_BASELINE, baseline, angle_qgemm_baseline,
		  angle_attention_baseline),
	TABLE(ANGLE_ISA_AVX2, avx2, angle_qgemm_avx2, angle_attention_avx2),
	TABLE(ANGLE_ISA_AVX512, avx512, angle_qgemm_avx2, angle_attention_avx512),
	TABLE(ANGLE_ISA_AVX512_VNNI, avx512, angle_qgemm_avx512_vnni,
		  angle_attention_avx512),
	TABLE(ANGLE_ISA_AMX, avx512, angle_qgemm_amx, angle_attention_amx),
#elif defined(__aarch64__)
	TABLE(ANGLE_ISA_BASELINE, baseline, angle_qgemm_neon,
		  angle_attention_baseline),
	TABLE(ANGLE_ISA_NEON_DOTPROD, baseline, angle_qgemm_neon_dotprod,
		  angle_attention_baseline),
#else
	TABLE(ANGLE_ISA_BASELINE, baseline, angle_qgemm_baseline,
		  angle_attention_baseline),
#endif
};

size_t
angle_attention_scratch(size_t tokens, size_t head_size)
{
	size_t padded = angle_padded(tokens);
	size_t single = padded * head_size + tokens * angle_padded(head_size) +
					4 * padded + 4 * head_size;
	size_t rough = angle_rough_attention_scratch(tokens, head_size);

	return single > rough ? single : rough;
}

const AngleTensorKernels *
angle_tensor_kernels_for(AngleIsa isa)
{
	if (!angle_cpu_supports(isa))
		return NULL;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
	{
		if (tables[i].isa == isa)
			return &tables[i];
	}
	return NULL;
}

const AngleTensorKernels *
angle_tensor_kernels(void)
{
	static _Atomic(const AngleTensorKernels *) chosen;
	const AngleTensorKernels *kernels = atomic_load(&chosen);

	if (kernels == NULL)
	{
		kernels = angle_tensor_kernels_for(angle_cpu_best());
		atomic_store(&chosen, kernels);
	}
	return kernels;
}
