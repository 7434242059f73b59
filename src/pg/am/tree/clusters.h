/* Clustering of points, in the manner of the server: it can be cancelled, and errors are
 * raised. */
#ifndef ANGLE_CLUSTERS_H
#define ANGLE_CLUSTERS_H

#include "core/ann/kmeans.h"

/* Clusters points (count, dims) into so many lists at most, at least one; the same points
 * give the same ones. They lie in arena. */
AngleClusters angle_clusters_make(const float *points, int count, int dims,
								  int lists, AngleArena *arena);

/* What finds the nearest of them, in arena, too; clusters need not stay. */
AngleAssigner *
angle_clusters_assigner(const AngleClusters *clusters, AngleArena *arena);

#endif
