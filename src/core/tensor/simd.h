/*
 * Vectors of floats as wide as the instruction set that a file is compiled
 * for, in the compilers' portable vector extensions. Only files that core.mk
 * compiles once per instruction set include this.
 */
#ifndef ANGLE_SIMD_H
#define ANGLE_SIMD_H

#include <stdint.h>
#include <string.h>

#include "core/tensor/dropout.h"

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif

typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t Unsigned __attribute__((vector_size(4 * LANES)));

/* Names an external function after the instruction set of this compilation:
 * ANGLE_KERNEL(angle_gemm) is angle_gemm_avx2. */
#define ANGLE_PASTE2(name, isa) name##_##isa
#define ANGLE_PASTE(name, isa) ANGLE_PASTE2(name, isa)
#define ANGLE_KERNEL(name) ANGLE_PASTE(name, ANGLE_ISA)

/* Loads and stores of any alignment compile to one unaligned move. */
static inline Floats
load(const float *p)
{
	Floats v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void
store(float *p, Floats v)
{
	memcpy(p, &v, sizeof(v));
}

static inline Floats
splat(float x)
{
	return x - (Floats){0};
}

/* a b + c, rounded once where the instruction set can: for sums that must not
 * depend on where a compiler chooses to fuse. */
static inline Floats
multiply_add(Floats a, Floats b, Floats c)
{
#if defined(__AVX512F__)
	return (Floats) _mm512_fmadd_ps((__m512) a, (__m512) b, (__m512) c);
#elif defined(__AVX2__)
	return (Floats) _mm256_fmadd_ps((__m256) a, (__m256) b, (__m256) c);
#elif defined(__aarch64__)
	return (Floats) vfmaq_f32((float32x4_t) c, (float32x4_t) a,
							  (float32x4_t) b);
#else
	return a * b + c;
#endif
}

/* The lanes of a where mask is set (all ones), else those of b. */
static inline Floats
choose(Ints mask, Floats a, Floats b)
{
	return (Floats) ((mask & (Ints) a) | (~mask & (Ints) b));
}

/* The greater and the lesser; b where one is not a number. */
static inline Floats
vmax(Floats a, Floats b)
{
#if defined(__AVX512F__)
	return (Floats) _mm512_max_ps((__m512) a, (__m512) b);
#elif defined(__AVX2__)
	return (Floats) _mm256_max_ps((__m256) a, (__m256) b);
#else
	return choose(a > b, a, b);
#endif
}

static inline Floats
vmin(Floats a, Floats b)
{
#if defined(__AVX512F__)
	return (Floats) _mm512_min_ps((__m512) a, (__m512) b);
#elif defined(__AVX2__)
	return (Floats) _mm256_min_ps((__m256) a, (__m256) b);
#else
	return choose(a < b, a, b);
#endif
}

/* The values of columns c… of a row after dropout. */
static inline Floats
vdrop(const AngleDropoutRow *row, size_t c, Floats x)
{
	Unsigned h;

	for (int i = 0; i < LANES; i++)
		h[i] = (uint32_t) c + (uint32_t) i;
	/* the finaliser of MurmurHash3 */
	h = h * 0x9e3779b1u + row->key;
	h = (h ^ (h >> 16)) * 0x85ebca6bu;
	h = (h ^ (h >> 13)) * 0xc2b2ae35u;
	h = (h ^ (h >> 16)) >> 1;
	return choose((Ints) h < (int32_t) row->threshold, splat(0.0f),
				  x * row->scale);
}

#if defined(__AVX512F__)

static inline float
sum_lanes(Floats v)
{
	return _mm512_reduce_add_ps((__m512) v);
}

static inline float
max_lanes(Floats v)
{
	return _mm512_reduce_max_ps((__m512) v);
}

#else

/* In halves, which is faster than one lane after another. */
static inline float
sum_lanes(Floats v)
{
	float part[LANES];

	store(part, v);
	for (int half = LANES / 2; half > 0; half /= 2)
	{
		for (int i = 0; i < half; i++)
			part[i] += part[i + half];
	}
	return part[0];
}

static inline float
max_lanes(Floats v)
{
	float part[LANES];

	store(part, v);
	for (int half = LANES / 2; half > 0; half /= 2)
	{
		for (int i = 0; i < half; i++)
			part[i] = part[i] > part[i + half] ? part[i] : part[i + half];
	}
	return part[0];
}

#endif

#endif
