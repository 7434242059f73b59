/*
 * One bit for each coordinate of a point: RaBitQ (Gao & Long 2024, "RaBitQ:
 * Quantizing High-Dimensional Vectors with a Theoretical Error Bound for
 * Approximate Nearest Neighbor Search", arXiv 2405.12497).
 *
 * Legend: o a point of the data, c the centroid of its list, r = o − c, q the
 * point of a query, D dimensions, of which the first K are coded (all of them
 * up to ANGLE_CODED_MAX). The code is x = [rᵢ > 0] for i < K; x̄ᵢ = xᵢ − ½ for
 * i < K and 0 behind.
 *
 * Write q − c = αr + w with w ⟂ r. After a random rotation w points anywhere in
 * the complement of r, whatever r's coordinates are, so ⟨x̄, w⟩ has the mean 0,
 * and
 *
 *     ⟨r, q − c⟩ = ‖r‖² ⟨x̄, q − c⟩ / ⟨x̄, r⟩ on average,
 *
 * off by ‖w‖‖r‖ √(‖r‖²‖x̄‖²/⟨x̄,r⟩² − 1) · t, where t is one coordinate of a
 * uniform point on the sphere of D − 1 dimensions: |t| ≤ ε₀/√(D − 1) with a
 * probability of 1 − 2 exp(−ε₀²/2) at least (paper, theorem 3.2), 0.94 in truth
 * for ε₀ = 1.9. Nothing here asks that x̄ has signs in every coordinate: the
 * mean and the bound hold as they stand for codes of the first K only, where
 * ‖x̄‖² = K/4 and ‖r‖ is still that of all D; the error then is that of K
 * dimensions. With ⟨x̄, q − c⟩ = ⟨x̄, q⟩ − ⟨x̄, c⟩, the part of c goes into the
 * factor add, so that a query looks at ⟨x̄, q⟩ alone, whatever the list.
 *
 * Scores (space.h), S = Σᵢ qᵢ over i < K:
 *
 *     estimate = add + probe.add + rescale (⟨x, q⟩ − S/2)
 *     |estimate − score| ≤ error · probe.error   with that probability
 *
 *     L2, cosine:     add = ‖r‖² + 2‖r‖²⟨x̄,c⟩/⟨x̄,r⟩   rescale = −2‖r‖²/⟨x̄,r⟩
 *                     error = 2‖r‖ ε₀ √((‖r‖²K/4/⟨x̄,r⟩² − 1)/(D − 1))
 *                     probe.add = ‖q − c‖²             probe.error = ‖q − c‖
 *     inner product:  add = −⟨r,c⟩ + ‖r‖²⟨x̄,c⟩/⟨x̄,r⟩   rescale = −‖r‖²/⟨x̄,r⟩
 *                     error half of the above
 *                     probe.add = −⟨q,c⟩               probe.error = ‖q − c‖
 *
 * What overflows a float becomes the largest one, with an infinite error.
 */
#ifndef ANGLE_RABITQ_H
#define ANGLE_RABITQ_H

#include <stdint.h>

#include "core/quant/bfloat.h"
#include "core/quant/space.h"

#define ANGLE_RABITQ_EPSILON 1.9

/* Coordinates that are coded at most: a code of 224 bytes. */
#define ANGLE_CODED_MAX 1792

/* K. */
static inline int
angle_coded_dims(int dims)
{
	return dims < ANGLE_CODED_MAX ? dims : ANGLE_CODED_MAX;
}

/* Bytes of a code: ⌈K/32⌉ · 4, the bits behind K being zero. Coordinate i is
 * bit i % 8 of byte i / 8. */
static inline int
angle_code_size(int dims)
{
	return (angle_coded_dims(dims) + 31) / 32 * 4;
}

typedef struct AngleFactors
{
	float add;
	float rescale;
	float error; /* stored as an AngleBfloat, rounded up */
} AngleFactors;

/* What a list adds to the estimates of its points, given the query. */
typedef struct AngleProbe
{
	float add;
	float error;
} AngleProbe;

/* Codes point relative to centroid, both (dims). centroid must be, to the bit,
 * what angle_rabitq_probe() is given later. code is angle_code_size() bytes. */
void angle_rabitq_encode(AngleMetric metric, int dims, const float *point,
						 const float *centroid, uint8_t *code,
						 AngleFactors *factors);

/* For a list whose centroid has this score and squared distance. */
AngleProbe angle_rabitq_probe_at(double score, double squared);

/* For the list of centroid; query is (dims). */
AngleProbe angle_rabitq_probe(AngleMetric metric, int dims, const float *query,
							  const float *centroid);

/* The same of a centroid as indexes store it. */
AngleProbe
angle_rabitq_probe_stored(AngleMetric metric, int dims, const float *query,
						  const AngleBfloat *centroid);

/* The estimate for one code, with ⟨x, q⟩ summed in double: the reference for
 * the blocks of fastscan.h. */
double angle_rabitq_estimate(int dims, const uint8_t *code,
							 const AngleFactors *factors, AngleProbe probe,
							 const float *query);

#endif
