/*
 * What the first components of embeddings are to be like, so that the rest can be
 * left off: Espresso's learning to compress (Li et al. 2024, "Espresso Sentence
 * Embeddings", as its released code has it).
 */
#ifndef ANGLE_COMPRESSION_H
#define ANGLE_COMPRESSION_H

#include "core/train/losses.h"

typedef struct AngleCompression
{
	size_t n;		   /* vectors */
	size_t dimensions; /* D */
	size_t components; /* k, 1 to D */
} AngleCompression;

/* Of n vectors M of D numbers, target (n, k) becomes M U S, where U are the first
 * k left singular vectors, and S the singular values, of the matrix (D, D) whose
 * rows are softmax(Mᵀ M / √D). They are found by a seeded random projection with
 * two power iterations (Halko et al. 2011): exact for k = D. The number of a
 * singular vector that is farthest from 0 is positive. Of x only values are read.
 * scratch takes 8 (2 D² + 2 k D + 2 k² + k) bytes. Errors: ANGLE_NO_MEMORY. */
ANGLE_MUST_CHECK AngleStatus
angle_compression_target(const AngleVectors *x, const AngleCompression *shape,
						 AngleArena *scratch, double *target, AngleError *err);

#endif
