/* The leaves nearest to many points, from among leaves whose centroids are in memory. */
#ifndef ANGLE_NEAR_LEAVES_H
#define ANGLE_NEAR_LEAVES_H

#include "core/ann/kmeans.h"
#include "pg/am/store/node.h"

typedef struct AngleNearest
{
	int count;		  /* leaves */
	int *order;		  /* (count): those that were given, neighbours together */
	float *centroids; /* (count, dims), by order */
	AngleAssigner *assigner; /* its lists are places in order */
	int step;				 /* has no divisor in common with count */
} AngleNearest;

/* Place i of all places in an order in which neighbours do not come one after another. Who fills
 * leaves in that order fills them everywhere alike: rows that come last find as much
 * room as others. */
static inline int
angle_nearest_scattered(const AngleNearest *nearest, int i)
{
	return (int) ((uint64) i * nearest->step % nearest->count);
}

/* Leaves, 2 at least, for which so much memory is enough, if each takes so many bytes besides. */
int angle_nearest_most(const AngleLayout *layout, Size memory, Size besides);

/* Puts count leaves in order. In the current memory context, which is reset or deleted to
 * free what was made: it is core's arena, too. */
void angle_nearest_make(AngleNearest *nearest, const AngleIndex *self,
						const AngleChild *leaves, int count);

#endif
