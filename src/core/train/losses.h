/*
 * The losses of AnglE (Li & Li 2024) as its released code has them, and their
 * gradients, in doubles. docs/training.md writes all formulas down. τ multiplies.
 *
 * Every function adds weight times the gradient to the gradients it is given and
 * weight times the loss to *loss; scratch is reset by nobody but the caller.
 * Errors: ANGLE_NO_MEMORY.
 */
#ifndef ANGLE_LOSSES_H
#define ANGLE_LOSSES_H

#include <stddef.h>

#include "core/base/arena.h"
#include "core/base/status.h"

/* Vectors of D numbers, the i-th at values + i stride, with their gradients. */
typedef struct AngleVectors
{
	const double *values;
	double *gradients;
	size_t stride;
} AngleVectors;

/* n pairs of vectors, u and v. */
typedef struct AnglePairs
{
	size_t n;
	size_t dimensions; /* D */
	AngleVectors u;
	AngleVectors v;
} AnglePairs;

typedef struct AngleLossTerm
{
	double weight;
	double tau;
	AngleArena *scratch;
	double *loss;
} AngleLossTerm;

/* log(1 + Σ_{y_i < y_j} exp(τ (s_i − s_j))) over n scores (CoSENT's form), in
 * O(n log n): equal to the double sum to rounding. dscores (n) += */
ANGLE_MUST_CHECK AngleStatus angle_ranking_loss(const AngleLossTerm *term,
												const double *labels,
												const double *scores, size_t n,
												double *dscores,
												AngleError *err);

/* The ranking loss of the cosines of the pairs. labels (n). */
ANGLE_MUST_CHECK AngleStatus angle_cosine_loss(const AngleLossTerm *term,
											   const AnglePairs *pairs,
											   const double *labels,
											   AngleError *err);

/* The ranking loss of |Σ Re + Σ Im| of u v̄ / (‖u‖ ‖v‖), where the halves of a
 * vector are real and imaginary parts. D is even. */
ANGLE_MUST_CHECK AngleStatus angle_angle_loss(const AngleLossTerm *term,
											  const AnglePairs *pairs,
											  const double *labels,
											  AngleError *err);

/* Cross entropy of all 2n vectors against each other by τ cosine, itself left
 * out, to the partner, where the pair's label is at least positive_from; the mean
 * over all 2n, those without a partner counted as 0. */
ANGLE_MUST_CHECK AngleStatus angle_in_batch_loss(const AngleLossTerm *term,
												 const AnglePairs *pairs,
												 const double *labels,
												 double positive_from,
												 AngleError *err);

/* Cross entropy of each of n queries by τ cosine to its own target, the first n
 * of targets (group g's i-th is at targets[g] + i stride), against all groups ×
 * n: without negatives that is groups = 1. The mean over the queries. */
typedef struct AngleContrast
{
	size_t n;
	size_t dimensions;
	AngleVectors queries;
	size_t groups;
	const AngleVectors *targets; /* (groups) */
} AngleContrast;

ANGLE_MUST_CHECK AngleStatus angle_contrastive_loss(
	const AngleLossTerm *term, const AngleContrast *contrast, AngleError *err);

/* Of n vectors x, of D numbers, to a teacher's t (n, D): Σ (x − t)² / (n D). */
void angle_mse_loss(const AngleLossTerm *term, const AngleVectors *x,
					const double *teacher, size_t n, size_t dimensions);

/* KL(softmax(τ T) ‖ softmax(τ S)) where T and S are the cosines of the teacher's
 * and the student's n vectors with each other, itself left out; the mean over the
 * n rows. teacher is (n, teacher_dimensions). n ≥ 2. */
ANGLE_MUST_CHECK AngleStatus angle_similarity_loss(const AngleLossTerm *term,
												   const AnglePairs *x,
												   const double *teacher,
												   size_t teacher_dimensions,
												   AngleError *err);

/* Of n vectors x, of D numbers, to t (n, D): Σ (x − t)² / (n D)
 * + KL(softmax(τ t) ‖ softmax(τ x)), the mean over the n rows. */
ANGLE_MUST_CHECK AngleStatus angle_alignment_loss(const AngleLossTerm *term,
												  const AngleVectors *x,
												  const double *t, size_t n,
												  size_t D, AngleError *err);

#endif
