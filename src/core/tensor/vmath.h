/*
 * Elementary functions on vectors of floats. The polynomials are minimax fits
 * in single precision; the error of each is stated and tested.
 */
#ifndef ANGLE_VMATH_H
#define ANGLE_VMATH_H

#include "core/tensor/rounder.h"
#include "core/tensor/simd.h"

/* e^x, relative error below 2e-7; 0 below −87.3, and x is cut at 88.3 above. */
static inline Floats
vexp(Floats x)
{
	Ints tiny = x < -87.3f;
	Floats n;
	Floats r;
	Floats p;

	x = vmin(x, splat(88.3f));
	n = x * 1.44269504f + ANGLE_ROUNDER;
	r = (n - ANGLE_ROUNDER) * -0.693145752f + x; /* ln 2 in two parts */
	r = (n - ANGLE_ROUNDER) * -1.42860677e-6f + r;
	p = r * 1.98756912e-4f + 1.39819995e-3f;
	p = p * r + 8.33345205e-3f;
	p = p * r + 4.16657962e-2f;
	p = p * r + 1.66666657e-1f;
	p = p * r + 0.5f;
	p = p * r * r + r + 1.0f;
	p = (Floats) ((Ints) p + ((Ints) n << 23));
	return choose(tiny, splat(0.0f), p);
}

/* erf(x), absolute error below 5e-7: x P(x²)/Q(x²) where |x| < 3.925, beyond
 * which erf is ±1 in single precision. */
static inline Floats
verf(Floats x)
{
	const float end = 3.925f;
	Floats near = vmax(vmin(x, splat(end)), splat(-end));
	Floats u = near * near;
	Floats p;
	Floats q;

	p = u * 2.03085642e-06f + 2.87493545e-04f;
	p = p * u + 3.87639017e-03f;
	p = p * u + 5.30845411e-02f;
	p = p * u + 1.92974016e-01f;
	p = p * u + 1.12837899f;
	q = u * 3.80313904e-05f + 1.1897654e-03f;
	q = q * u + 1.51884798e-02f;
	q = q * u + 1.15168065e-01f;
	q = q * u + 5.04350424e-01f;
	q = q * u + 1.0f;
	p = near * p / q;
	p = choose(x >= end, splat(1.0f), p);
	return choose(x <= -end, splat(-1.0f), p);
}

/* tanh(x) = 1 − 2/(e^2x + 1), absolute error below 3e-7. */
static inline Floats
vtanh(Floats x)
{
	x = vmax(vmin(x, splat(10.0f)), splat(-10.0f));
	return 1.0f - 2.0f / (vexp(x * 2.0f) + 1.0f);
}

#endif
