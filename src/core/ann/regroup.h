/*
 * Points of lists that are near one another, into other lists none of which gets more
 * than so many: k-means that starts from given centroids, then prices (balance.h).
 */
#ifndef ANGLE_REGROUP_H
#define ANGLE_REGROUP_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/status.h"

#define ANGLE_REGROUP_LISTS 256

typedef struct AngleRegroup
{
	const float *points; /* (count, dims), finite */
	size_t count;
	int dims;
	size_t lists;	 /* 1 … ANGLE_REGROUP_LISTS */
	size_t capacity; /* of a list; all lists together hold count at least */
} AngleRegroup;

/* Chooses the list of each point (count). centroids (lists, dims) come as a guess, and
 * become the means of the lists; one that gets no point stays. Takes scratch of arena;
 * fails without memory. */
ANGLE_MUST_CHECK AngleStatus angle_regroup(const AngleRegroup *regroup,
										   AngleArena *arena, float *centroids,
										   uint8_t *chosen, AngleError *err);

#endif
