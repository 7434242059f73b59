/* Which of the kernels to run. */
#include <stdatomic.h>

#include "core/ann/order_kernels.h"

const AngleOrderKernels *
angle_order_kernels_for(AngleIsa isa)
{
	if (!angle_cpu_supports(isa))
		return NULL;
	switch (isa)
	{
#if defined(__x86_64__)
		case ANGLE_ISA_AVX2:
			return &angle_order_kernels_avx2;
		case ANGLE_ISA_AVX512:
		case ANGLE_ISA_AVX512_VNNI:
		case ANGLE_ISA_AMX:
			return &angle_order_kernels_avx512;
#endif
		default:
			return &angle_order_kernels_baseline;
	}
}

const AngleOrderKernels *
angle_order_kernels(void)
{
	/* threads that race here store the same pointer */
	static _Atomic(const AngleOrderKernels *) chosen;
	const AngleOrderKernels *kernels =
		atomic_load_explicit(&chosen, memory_order_relaxed);

	if (kernels == NULL)
	{
		kernels = angle_order_kernels_for(angle_cpu_best());
		atomic_store_explicit(&chosen, kernels, memory_order_relaxed);
	}
	return kernels;
}
