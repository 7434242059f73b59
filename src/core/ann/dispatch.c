/* Which of the kernels to run. */
#include <stdatomic.h>

#include "core/ann/order_kernels.h"
#include "core/ann/point_kernels.h"

/* Both tables that core.mk builds for an instruction set. */
typedef struct Kernels
{
	const AngleOrderKernels *order;
	const AnglePointKernels *point;
} Kernels;

static const Kernels baseline = {&angle_order_kernels_baseline,
								 &angle_point_kernels_baseline};
#if defined(__x86_64__)
static const Kernels avx2 = {&angle_order_kernels_avx2,
							 &angle_point_kernels_avx2};
static const Kernels avx512 = {&angle_order_kernels_avx512,
							   &angle_point_kernels_avx512};
#endif
static const Kernels none = {NULL, NULL};

static const Kernels *
kernels_for(AngleIsa isa)
{
	if (!angle_cpu_supports(isa))
		return &none;
	switch (isa)
	{
#if defined(__x86_64__)
		case ANGLE_ISA_AVX2:
			return &avx2;
		case ANGLE_ISA_AVX512:
		case ANGLE_ISA_AVX512_VNNI:
		case ANGLE_ISA_AMX:
			return &avx512;
#endif
		default:
			return &baseline;
	}
}

static const Kernels *
kernels_here(void)
{
	/* threads that race here store the same pointer */
	static _Atomic(const Kernels *) chosen;
	const Kernels *kernels =
		atomic_load_explicit(&chosen, memory_order_relaxed);

	if (kernels == NULL)
	{
		kernels = kernels_for(angle_cpu_best());
		atomic_store_explicit(&chosen, kernels, memory_order_relaxed);
	}
	return kernels;
}

const AngleOrderKernels *
angle_order_kernels_for(AngleIsa isa)
{
	return kernels_for(isa)->order;
}

const AngleOrderKernels *
angle_order_kernels(void)
{
	return kernels_here()->order;
}

const AnglePointKernels *
angle_point_kernels_for(AngleIsa isa)
{
	return kernels_for(isa)->point;
}

const AnglePointKernels *
angle_point_kernels(void)
{
	return kernels_here()->point;
}
