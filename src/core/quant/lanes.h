/*
 * Registers of V floats, as wide as the instruction set that a file is compiled
 * for. Only files that core.mk compiles once for each instruction set include
 * this. Private to this folder.
 */
#ifndef ANGLE_LANES_H
#define ANGLE_LANES_H

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define V 16
#elif defined(__AVX2__)
#define V 8
#else
#define V 4
#endif

typedef float Floats __attribute__((vector_size(4 * V)));
typedef int32_t Ints __attribute__((vector_size(4 * V)));

#define INLINE static inline __attribute__((always_inline))

/* Names an external object after the instruction set of this compilation:
 * ANGLE_KERNEL(angle_quant_rotate) is angle_quant_rotate_avx2. */
#define ANGLE_PASTE2(name, isa) name##_##isa
#define ANGLE_PASTE(name, isa) ANGLE_PASTE2(name, isa)
#define ANGLE_KERNEL(name) ANGLE_PASTE(name, ANGLE_ISA)

INLINE Floats
load(const float *p)
{
	Floats x;

	memcpy(&x, p, sizeof(x));
	return x;
}

INLINE void
store(float *p, Floats x)
{
	memcpy(p, &x, sizeof(x));
}

/* Each lane's partner, that is h lanes away. */
INLINE Floats
partners(Floats x, int h)
{
#if V == 16
	const __m512 y = (__m512) x;

	return h == 1	? (Floats) _mm512_permute_ps(y, 0xb1)
		   : h == 2 ? (Floats) _mm512_permute_ps(y, 0x4e)
		   : h == 4 ? (Floats) _mm512_shuffle_f32x4(y, y, 0xb1)
					: (Floats) _mm512_shuffle_f32x4(y, y, 0x4e);
#elif V == 8
	const __m256 y = (__m256) x;

	return h == 1	? (Floats) _mm256_permute_ps(y, 0xb1)
		   : h == 2 ? (Floats) _mm256_permute_ps(y, 0x4e)
					: (Floats) _mm256_permute2f128_ps(y, y, 1);
#elif defined(__x86_64__)
	const __m128 y = (__m128) x;

	return h == 1 ? (Floats) _mm_shuffle_ps(y, y, 0xb1)
				  : (Floats) _mm_shuffle_ps(y, y, 0x4e);
#else
	return h == 1 ? (Floats){x[1], x[0], x[3], x[2]}
				  : (Floats){x[2], x[3], x[0], x[1]};
#endif
}

INLINE double
add_lanes(Floats x)
{
	float lanes[V];

	memcpy(lanes, &x, sizeof(x));
	for (int width = V / 2; width > 0; width /= 2)
	{
		for (int i = 0; i < width; i++)
			lanes[i] += lanes[i + width];
	}
	return lanes[0];
}

#endif
