/*
 * Codes of 4, 6, 7, 8 or 16 bits for each coordinate of a point, from which its
 * distance to a query follows nearly, and a lower bound of it for certain.
 *
 * Legend: o the point, k its code (odd halves: kᵢ = uᵢ + ½ for the integer uᵢ),
 * ô = s k its reconstruction with the scale s = ⟨o, k⟩/‖k‖², which makes the
 * rest e = o − ô orthogonal to ô. Codes are relative to nothing, so they go from
 * list to list as they are. The grid is chosen as in the extension of RaBitQ
 * (Gao et al. 2024, "Practical and Asymptotically Optimal Quantization of
 * High-Dimensional Vectors in Euclidean Space for Approximate Nearest Neighbor
 * Search", arXiv 2409.09913): of several steps the one whose k has the greatest
 * cosine with o.
 *
 * With q = β ô + w, w ⟂ ô, the inner product is ⟨o, q⟩ = ⟨ô, q⟩ + ⟨e, w⟩, and
 * Cauchy-Schwarz gives a bound:
 *
 *     |⟨o, q⟩ − ⟨ô, q⟩| ≤ ‖e‖ ‖w‖ + rounding
 *
 * The estimate does not leave ⟨e, w⟩ out, which where q is near o is not of any sign, but
 * near ‖e‖². With q = α o + u, u ⟂ o instead, and ô stretched to o + e′, e′ ⟂ o,
 * ‖e′‖ = ‖o‖ ‖e‖/‖ô‖ (its equation (6)),
 *
 *     ⟨o, q⟩ = ⟨ô, q⟩ ‖o‖²/‖ô‖² − ⟨e′, u⟩
 *
 * where after a random rotation the last term is 0 on average and ‖e′‖‖u‖/√(D − 1)
 * large, in either direction: very little where q is near o.
 *
 * ‖o − q‖² = ‖o‖² + ‖q‖² − 2⟨o, q⟩ carries both to distances. lower is
 * below what the metric's operator computes for the vectors themselves in the
 * server (core/distance), the roundings of the operator, of the way into the
 * space and of everything here included: an index may give it as a lower bound
 * to an executor that raises an error when it finds a smaller distance.
 */
#ifndef ANGLE_RERANK_H
#define ANGLE_RERANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/cpu.h"
#include "core/quant/space.h"

/* Whether there are codes of so many bits. */
static inline bool
angle_rerank_has(int bits)
{
	return bits == 4 || (bits >= 6 && bits <= 8) || bits == 16;
}

/* Bytes of a code with bits of 4, 6, 7, 8 or 16; no alignment is needed. */
static inline size_t
angle_rerank_size(int dims, int bits)
{
	if (bits == 6)
		return ((size_t) dims + 3) / 4 * 3;
	if (bits == 7)
		return ((size_t) dims + 7) / 8 * 7;
	return ((size_t) dims * (size_t) bits + 7) / 8;
}

/* Stored beside the code. */
typedef struct AngleRerankFactors
{
	float scale; /* s */
	float norm;	 /* ‖o‖ */
	float error; /* at least ‖e‖ */
} AngleRerankFactors;

/* Codes point (dims). A point that float cannot hold the norm of gets factors
 * that make its lower bound minus infinity. */
void angle_rerank_encode(int dims, int bits, const float *point, uint8_t *code,
						 AngleRerankFactors *factors);

/* ô, (dims): for new 1-bit codes when a list is split or merged. */
void angle_rerank_decode(int dims, int bits, const uint8_t *code,
						 const AngleRerankFactors *factors, float *point);

/* A query, ready to meet many codes. */
typedef struct AngleRerankQuery
{
	AngleMetric metric;
	int dims;
	int bits;
	const float *query; /* (dims), the caller's, which must stay */
	double norm;		/* ‖q‖ */
	double sum;			/* Σ qᵢ */
	const struct AngleQuantKernels *kernels;
} AngleRerankQuery;

/* space is that of the codes; query is the point (dims) that
 * angle_space_enter() made of the query's vector. */
void angle_rerank_query(AngleRerankQuery *q, const AngleSpace *space, int bits,
						const float *query);

/* ⟨ô, q⟩ for a code with this scale, in float to 2^-18 of the sum of its terms. */
double angle_rerank_product(const AngleRerankQuery *q, const uint8_t *code,
							float scale);

typedef struct AngleRerankScore
{
	double estimate; /* score, see space.h */
	double off;		 /* by how much it is off on average, roundings included */
	double lower;	 /* a bound of the score from below, for certain */
	double upper;	 /* and from above */
} AngleRerankScore;

/* code is angle_rerank_size() bytes, any alignment. */
AngleRerankScore
angle_rerank_score(const AngleRerankQuery *q, const uint8_t *code,
				   const AngleRerankFactors *factors);

/* For tests and benchmarks: as angle_table_use(). */
bool angle_rerank_use(AngleRerankQuery *q, AngleIsa isa);

#endif
