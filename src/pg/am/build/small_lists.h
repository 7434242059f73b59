/*
 * Lists of a build that are small. Where data lies in clusters of unequal size some lists are
 * more than a leaf holds, with no room in those near, and are cut in two; then there are more
 * leaves than wanted, half of them nearly empty. The smallest lists make up for it.
 */
#ifndef ANGLE_SMALL_LISTS_H
#define ANGLE_SMALL_LISTS_H

#include "core/ann/kmeans.h"

/* Points in lists. */
typedef struct AngleLists
{
	AngleClusters *clusters;
	uint32 *chosen; /* (count) lists of the points */
	int count;
	int wanted; /* points of a list on average */
	int limit;	/* points of a leaf; lists of more become several */
} AngleLists;

/* As long as there will be more leaves than wanted, gives the points of the smallest lists to
 * the nearest of the same group that have room, and moves their centroids. */
void angle_small_lists_merge(const AngleLists *lists);

#endif
