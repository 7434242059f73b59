#include <stdatomic.h>

#include "core/tensor/kernels.h"
#include "core/train/isa_backward.h"

#define TABLE(code, suffix)                                             \
	{                                                                   \
		.isa = (code), .outer = angle_outer_##suffix,                   \
		.layernorm = angle_layernorm_backward_##suffix,                 \
		.attention = angle_attention_backward_##suffix,                 \
		.adam = angle_adam_##suffix, .squares = angle_squares_##suffix, \
		.add = angle_add_##suffix, .dot = angle_dot_##suffix,           \
		.add_scaled = angle_add_scaled_##suffix,                        \
		.gelu = angle_gelu_backward_##suffix,                           \
		.gelu_tanh = angle_gelu_tanh_backward_##suffix,                 \
		.relu = angle_relu_backward_##suffix,                           \
		.tanh = angle_tanh_backward_##suffix,                           \
	}

static const AngleBackwardKernels tables[] = {
	TABLE(ANGLE_ISA_BASELINE, baseline),
#if defined(__x86_64__)
	TABLE(ANGLE_ISA_AVX2, avx2),
	TABLE(ANGLE_ISA_AVX512, avx512),
#endif
};

const AngleBackwardKernels *
angle_backward_kernels_for(AngleIsa isa)
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

const AngleBackwardKernels *
angle_backward_kernels(void)
{
	static _Atomic(const AngleBackwardKernels *) chosen;
	const AngleBackwardKernels *kernels = atomic_load(&chosen);

	for (size_t i = 0;
		 kernels == NULL && i < sizeof(tables) / sizeof(tables[0]); i++)
	{
		/* the last that the processor has is the fastest */
		if (angle_cpu_supports(
				tables[sizeof(tables) / sizeof(tables[0]) - 1 - i].isa))
			kernels = &tables[sizeof(tables) / sizeof(tables[0]) - 1 - i];
	}
	atomic_store(&chosen, kernels);
	return kernels;
}

size_t
angle_attention_backward_scratch(size_t tokens, size_t head_size)
{
	size_t L = angle_padded(tokens);
	size_t d = angle_padded(head_size);

	return 2 * head_size * L + 5 * tokens * d + 4 * L + d;
}
