#include "core/base/cpu.h"

#if defined(__aarch64__)
#include <sys/auxv.h>
#ifndef HWCAP_ASIMDDP
#define HWCAP_ASIMDDP (1 << 20)
#endif
#endif

bool
angle_cpu_supports(AngleIsa isa)
{
	switch (isa)
	{
		case ANGLE_ISA_BASELINE:
			return true;
#if defined(__x86_64__)
		case ANGLE_ISA_AVX2:
			return __builtin_cpu_supports("avx2") &&
				   __builtin_cpu_supports("fma");
		case ANGLE_ISA_AVX512:
			return angle_cpu_supports(ANGLE_ISA_AVX2) &&
				   __builtin_cpu_supports("avx512f") &&
				   __builtin_cpu_supports("avx512bw") &&
				   __builtin_cpu_supports("avx512dq") &&
				   __builtin_cpu_supports("avx512vl");
		case ANGLE_ISA_AVX512_VNNI:
			return angle_cpu_supports(ANGLE_ISA_AVX512) &&
				   __builtin_cpu_supports("avx512vnni");
#elif defined(__aarch64__)
		case ANGLE_ISA_NEON_DOTPROD:
			return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#endif
		default:
			return false;
	}
}

AngleIsa
angle_cpu_best(void)
{
	AngleIsa best = ANGLE_ISA_BASELINE;

	for (int isa = 0; isa < ANGLE_ISA_COUNT; isa++)
	{
		if (angle_cpu_supports((AngleIsa) isa))
			best = (AngleIsa) isa;
	}
	return best;
}

const char *
angle_isa_name(AngleIsa isa)
{
	static const char *const names[ANGLE_ISA_COUNT] = {
		"baseline", "avx2", "avx512", "avx512_vnni", "neon_dotprod",
	};

	return names[isa];
}
