#include "core/base/cpu.h"

#if defined(__aarch64__)
#include <sys/auxv.h>
#ifndef HWCAP_ASIMDDP
#define HWCAP_ASIMDDP (1 << 20)
#endif
#endif

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From the Linux ABI: asm/prctl.h, and the state component of tile data. */
#define REQUEST_PERMISSION 0x1023
#define TILE_DATA 18

/* Of CPUID leaf 7; not every compiler's cpuid.h names them. */
#define AMX_BITS (1u << 22 | 1u << 24 | 1u << 25) /* edx: bf16, tile, int8 */
#define AVX512_BF16 (1u << 5)					  /* eax of subleaf 1 */

/* The tile registers have 8 kB for each thread, which Linux hands out on
 * request. */
static bool
may_use_tiles(void)
{
#if defined(__linux__)
	return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
	return false;
#endif
}

static bool
has_tiles(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
		   (d & AMX_BITS) == AMX_BITS &&
		   __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & AVX512_BF16) != 0;
}
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
		case ANGLE_ISA_AMX:
			return angle_cpu_supports(ANGLE_ISA_AVX512_VNNI) && has_tiles() &&
				   may_use_tiles();
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
		"baseline", "avx2", "avx512", "avx512_vnni", "amx", "neon_dotprod",
	};

	return names[isa];
}
