/* Which instruction sets this processor has, and which kernels to use. */
#ifndef ANGLE_CPU_H
#define ANGLE_CPU_H

#include <stdbool.h>

/* In rising order of preference within one architecture. The baseline is what
 * every processor of the architecture has: SSE2 on x86-64, NEON on arm64. */
typedef enum AngleIsa
{
	ANGLE_ISA_BASELINE,
	ANGLE_ISA_AVX2,		   /* AVX2 and FMA */
	ANGLE_ISA_AVX512,	   /* AVX-512 F, BW, DQ, VL */
	ANGLE_ISA_AVX512_VNNI, /* and the int8 dot product */
	ANGLE_ISA_AMX,		   /* and tiles of int8 and bfloat16 */
	ANGLE_ISA_NEON_DOTPROD /* arm64 with the int8 dot product */
} AngleIsa;

#define ANGLE_ISA_COUNT (ANGLE_ISA_NEON_DOTPROD + 1)

/* Whether this process can execute code built for isa. For AMX it asks the
 * operating system for the right to use it. */
bool angle_cpu_supports(AngleIsa isa);

/* The best that angle_cpu_supports(). */
AngleIsa angle_cpu_best(void);

/* "baseline", "avx2", "avx512", "avx512_vnni", "amx", "neon_dotprod". */
const char *angle_isa_name(AngleIsa isa);

#endif
