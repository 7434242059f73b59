/* Vectors of AngleReal for the backward kernels: those of core/tensor/simd.h, or
 * single doubles with the C library's functions. */
#ifndef ANGLE_REALS_H
#define ANGLE_REALS_H

#include <math.h>

#include "core/train/real.h"

#ifdef ANGLE_DOUBLE

#include "core/tensor/dropout.h"

#define LANES 1
#define ANGLE_PASTE2(name, isa) name##_##isa
#define ANGLE_PASTE(name, isa) ANGLE_PASTE2(name, isa)
#define ANGLE_KERNEL(name) ANGLE_PASTE(name, ANGLE_ISA)

typedef double Reals;

static inline Reals
load(const double *p)
{
	return *p;
}

static inline void
store(double *p, Reals v)
{
	*p = v;
}

static inline Reals
splat(double x)
{
	return x;
}

static inline Reals
multiply_add(Reals a, Reals b, Reals c)
{
	return a * b + c;
}

static inline Reals
vmax(Reals a, Reals b)
{
	return a > b ? a : b;
}

/* 1 where x > 0, else 0. */
static inline Reals
vpositive(Reals x)
{
	return x > 0 ? 1 : 0;
}

static inline double
sum_lanes(Reals v)
{
	return v;
}

static inline double
max_lanes(Reals v)
{
	return v;
}

static inline Reals
vexp(Reals x)
{
	return exp(x);
}

static inline Reals
verf(Reals x)
{
	return erf(x);
}

static inline Reals
vtanh(Reals x)
{
	return tanh(x);
}

static inline Reals
vsqrt(Reals x)
{
	return sqrt(x);
}

/* The same masks as those of floats. */
static inline Reals
vdrop(const AngleDropoutRow *row, size_t c, Reals x)
{
	uint32_t h = (uint32_t) c * 0x9e3779b1u + row->key;

	h = (h ^ (h >> 16)) * 0x85ebca6bu;
	h = (h ^ (h >> 13)) * 0xc2b2ae35u;
	h = (h ^ (h >> 16)) >> 1;
	return h < row->threshold ? 0 : x * row->scale;
}

#else

#include "core/tensor/simd.h"
#include "core/tensor/vmath.h"

typedef Floats Reals;

static inline Reals
vpositive(Reals x)
{
	return choose(x > 0.0f, splat(1.0f), splat(0.0f));
}

static inline Reals
vsqrt(Reals x)
{
#if defined(__AVX512F__)
	return (Reals) _mm512_sqrt_ps((__m512) x);
#elif defined(__AVX2__)
	return (Reals) _mm256_sqrt_ps((__m256) x);
#elif defined(__aarch64__)
	return (Reals) vsqrtq_f32((float32x4_t) x);
#else
	for (int i = 0; i < LANES; i++)
		x[i] = sqrtf(x[i]);
	return x;
#endif
}

#endif

#endif
