/*
 * The sums over two vectors that every distance is made of, built for each
 * instruction set and chosen once for the processor that runs.
 *
 * Pointers need no alignment beyond a float's; n may be 0. The narrow kernels
 * multiply and add in float and give back a double, which they reach like so:
 * up to 128 vector registers' worth of elements are summed in four registers,
 * those are added, and the sums of such blocks are added in double. A lane
 * therefore sees at most 32 additions, whatever n is, and
 *
 *     |result − exact| ≤ 2^-18 · Σ|term|,  term = u·v, (u − v)², |u − v|
 *
 * (in truth about 2^-24 · Σ|term|: roundings cancel). They overflow to
 * infinity, or to NaN where two infinities meet, and underflow as float does;
 * the functions of distance.h see to that. The wide kernels do the same in
 * double, in which no sum over floats can overflow or underflow, at a third of
 * the speed (a fifth without AVX); their error is below 2^-39 · Σ|term| for
 * n ≤ 16,000.
 */
#ifndef ANGLE_SUMS_H
#define ANGLE_SUMS_H

#include <stddef.h>

#include "core/base/cpu.h"

/* What a cosine needs, from one pass. */
typedef struct AngleDotNorms
{
	double dot;		  /* Σ uᵢvᵢ */
	double u_squared; /* Σ uᵢ² */
	double v_squared; /* Σ vᵢ² */
} AngleDotNorms;

/* Between the scaled vectors su·u and sv·v. */
typedef struct AngleChords
{
	double difference_squared; /* ‖su·u − sv·v‖² */
	double sum_squared;		   /* ‖su·u + sv·v‖² */
} AngleChords;

/* u and v are (n). dot_norms(u, u) gives three equal numbers, and the kernels
 * give the same bits for (u, v) as for (v, u), the two norms exchanged. */
typedef struct AngleDistanceKernels
{
	double (*dot)(const float *u, const float *v, size_t n);
	double (*l2_squared)(const float *u, const float *v, size_t n);
	double (*l1)(const float *u, const float *v, size_t n);
	AngleDotNorms (*dot_norms)(const float *u, const float *v, size_t n);

	double (*l2_squared_wide)(const float *u, const float *v, size_t n);
	double (*l1_wide)(const float *u, const float *v, size_t n);
	AngleDotNorms (*dot_norms_wide)(const float *u, const float *v, size_t n);
	AngleChords (*chords_wide)(const float *u, double su, const float *v,
							   double sv, size_t n);
} AngleDistanceKernels;

/* The kernels for this processor. */
const AngleDistanceKernels *angle_distance_kernels(void);

/* Those built for isa, or for the nearest instruction set below it; NULL where
 * this processor cannot execute them. */
const AngleDistanceKernels *angle_distance_kernels_for(AngleIsa isa);

#endif
