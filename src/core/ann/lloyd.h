/* k-means of one level (Lloyd 1982). Private to this folder. */
#ifndef ANGLE_LLOYD_H
#define ANGLE_LLOYD_H

#include "core/ann/kmeans.h"
#include "core/ann/rough.h"
#include "core/base/rng.h"

/* Points whose scores are held at once by each worker. */
#define ANGLE_LLOYD_CHUNK ANGLE_ROUGH_POINTS

typedef struct AngleLloyd
{
	const float *points;   /* (…, dims) */
	const uint32_t *order; /* (count): which of them; NULL: the first ones */
	size_t count;		   /* at least 1 */
	int dims;
	size_t clusters; /* wanted, at least 1 */
	int rounds;		 /* at most */
	AngleRng *rng;
	AngleExecutor *executor;   /* or NULL */
	const AngleCancel *cancel; /* or NULL */
	AngleArena *scratch;	   /* reset by the caller when it likes */
	double *objective; /* (rounds): Σ ‖x − c(x)‖² after the assignment of
								* each round, over the points that took part; or
								* NULL */
	int rounds_done;
} AngleLloyd;

/*
 * Writes the centroids that have points, at most clusters of them, to
 * centroids (clusters, dims), their number to *found, and the cluster of each
 * point, the nearest in the last round, to labels (count).
 *
 * Where there are hundreds of points for each cluster, only a part of them takes part
 * in the rounds before the last.
 *
 * A cluster that loses its last point starts again at the point that is
 * furthest from its own centroid.
 */
ANGLE_MUST_CHECK AngleStatus angle_lloyd(AngleLloyd *lloyd, float *centroids,
										 size_t *found, uint32_t *labels,
										 AngleError *err);

#endif
