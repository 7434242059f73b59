/*
 * Distances and similarities between two vectors of n floats, as SQL defines
 * them. All are right at every scale that a float has: where float arithmetic
 * overflows or underflows, the sums are made again in double (sums.h).
 * Elements must be finite; no result overflows then. n may be 0.
 *
 * δ below is 2^-18, the bound of the narrow kernels for terms of one sign;
 * about 2^-23 is seen in practice.
 */
#ifndef ANGLE_DISTANCE_H
#define ANGLE_DISTANCE_H

#include <stddef.h>

/* u·v, within δ·Σ|uᵢvᵢ|. */
double angle_distance_dot(const float *u, const float *v, size_t n);

/* ‖u − v‖, within δ of itself. */
double angle_distance_l2(const float *u, const float *v, size_t n);

/* Σ|uᵢ − vᵢ|, within δ of itself. */
double angle_distance_l1(const float *u, const float *v, size_t n);

/* ‖u‖, summed in double: right to the last bits. */
double angle_distance_norm(const float *u, size_t n);

/* u·v / (‖u‖‖v‖) within 2δ, never outside [−1, 1]; exactly 1 for u = v. NaN
 * if u or v is zero. */
double
angle_distance_cosine_similarity(const float *u, const float *v, size_t n);

/*
 * The angle between u and v in radians, in [0, π]; a metric. NaN if u or v is
 * zero. Within 5δ for angles between 0.45 and π − 0.45, where the cosine says
 * all there is to know. Nearer to 0 and π, where the arc cosine of a rounded
 * cosine loses half of the digits, it is
 *
 *     2 atan2(‖u/‖u‖ − v/‖v‖‖, ‖u/‖u‖ + v/‖v‖‖)
 *
 * (Kahan 2006, "How futile are mindless assessments of roundoff", §12) in
 * double and in a second pass, within 1e-14 of the true angle. Exactly 0 for
 * u = v.
 */
double angle_distance_angular(const float *u, const float *v, size_t n);

/*
 * AnglE's score in complex space (Li & Li 2023, "AnglE-optimized text
 * embeddings", eq. 5-7, summed as its implementation does): with the halves
 * u = (a, b) and v = (c, d) as real and imaginary parts, an odd n padded with a
 * zero,
 *
 *     |Σ(ac + bd) + Σ(bc − ad)| / (‖u‖‖v‖)
 *
 * within 4δ. In [0, √2]; 1 for u = v; not symmetric. NaN if u or v is zero.
 */
double
angle_distance_angle_similarity(const float *u, const float *v, size_t n);

#endif
