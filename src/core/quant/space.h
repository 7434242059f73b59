/*
 * From the vectors of a table to points, on which all of quant and ann work.
 *
 * A point is R(x − centre), under cosine R(x/‖x‖ − centre). Two points are as
 * far apart as the vectors were, so that k-means, codes and bounds need not
 * know what a vector is. A score says how near two points are, smaller is
 * nearer: their squared distance for L2 and cosine, minus their inner product
 * for inner product.
 *
 * No point is further than 2^62 from the centre: what would be is moved to that
 * sphere, towards the centre. That brings no two further apart.
 */
#ifndef ANGLE_SPACE_H
#define ANGLE_SPACE_H

#include <stdbool.h>

#include "core/quant/rotation.h"

/* The values are stored in indexes. */
typedef enum AngleMetric
{
	ANGLE_METRIC_COSINE = 1,
	ANGLE_METRIC_L2 = 2,
	ANGLE_METRIC_INNER_PRODUCT = 3,
} AngleMetric;

typedef struct AngleSpace
{
	AngleMetric metric;
	int dims;
	const AngleRotation *rotation; /* of dims */

	/* (dims), near the mean of the data (under cosine, of the normalised data),
	 * so that codes need not spend their range on it; NULL is zero. Must be
	 * NULL for inner product, which a shift would change. */
	const float *centre;
} AngleSpace;

/*
 * No point lies further from the centre, so that squares stay in float's range:
 * what does is moved to the sphere. Moving points to the nearest one of a ball
 * brings none further apart, and so bounds of distances from below stay true.
 */
#define ANGLE_SPACE_FARTHEST 0x1p62

/* Makes the point of vector; both are (dims) and may be the same. False where
 * vector has no point: zero under cosine, or with an element that is not
 * finite. */
bool
angle_space_enter(const AngleSpace *space, const float *vector, float *point);

/* What the metric's operator gives for a score: 1 − cos, ‖u − v‖, −u·v. The
 * first two are never below 0, whatever the score. */
double angle_space_distance(AngleMetric metric, double score);

/* Under cosine, for a score: the angle in radians, 0 … π. */
double angle_space_angular(double score);

/*
 * AnglE's score in complex space asks for |⟨x, q′⟩| with the query turned by
 * −45°: q′ = (c − d, c + d)/√2 for q = (c, d), an odd dimension padded with a
 * zero as angle_distance_angle_similarity() does. With s = cos(x, q′), which is
 * 1 − score/2 under cosine, the similarity of column x and query q is
 *
 *     √2 · |s| · ratio
 *
 * where ratio = ‖q′‖/‖q‖ is what is returned: 1 where dims is even (an odd one
 * loses the component that meets the padding). turned is (dims), not query.
 * The nearest are found around q′ and around −q′: the point of −q′ is minus
 * that of q′ where the space has no centre.
 */
double angle_space_turn(const float *query, int dims, float *turned);

/* 1 − that similarity, for the score of x to q′. */
double angle_space_turned(double score, double ratio);

#endif
