/* Clustering of points: see clusters.h. */
#include "postgres.h"

#include "pg/am/tree/clusters.h"
#include "pg/bridge.h"

AngleClusters
angle_clusters_make(const float *points, int count, int dims, int lists,
					AngleArena *arena)
{
	const AngleCancel cancel = {angle_interrupt_pending, NULL};
	AngleClusterRequest request = {.points = points,
								   .count = count,
								   .dims = dims,
								   .lists = lists,
								   .seed = 1,
								   .cancel = &cancel};
	AngleClusters clusters;
	AngleError err;

	angle_check(angle_cluster(&request, arena, &clusters, &err), &err);
	return clusters;
}

AngleAssigner *
angle_clusters_assigner(const AngleClusters *clusters, AngleArena *arena)
{
	AngleAssigner *assigner;
	AngleError err;

	angle_check(angle_assigner_create(clusters, ANGLE_ASSIGN_GROUPS, arena,
									  &assigner, &err),
				&err);
	return assigner;
}
