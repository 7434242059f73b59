/*
 * The lists of an index: k-means in two levels, and what assigns points to
 * them.
 *
 * First √lists groups are made of all the sample, then each group's part of it
 * is clustered into lists: for n points, k lists and D dimensions a round costs
 * n √k D multiplications rather than n k D, and the products are GEMM. Lists
 * are the means of their points (k-means in Euclidean space, whatever the
 * metric: for points on a sphere the mean is nearer to them than its projection
 * on the sphere, and codes are of what is left).
 *
 * Everything is seeded: the same points, parameters and instruction set give
 * the same bits, whatever the executor.
 */
#ifndef ANGLE_KMEANS_H
#define ANGLE_KMEANS_H

#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/cancel.h"
#include "core/base/executor.h"
#include "core/base/status.h"

typedef struct AngleClusterRequest
{
	const float *points; /* (count, dims), finite */
	size_t count;
	int dims;
	size_t lists; /* wanted, at least 1; there may be more than points */
	uint64_t seed;
	AngleExecutor *executor;   /* or NULL */
	const AngleCancel *cancel; /* or NULL; asked every few milliseconds */

	/* Told now and then what part is done, 0 … 1, rising; or NULL. */
	void (*progress)(void *context, double done);
	void *progress_context;
} AngleClusterRequest;

typedef struct AngleClusters
{
	int dims;
	size_t groups;
	size_t lists;			/* at most as many as wanted and as there are
							* different points, at least 1 */
	float *group_centroids; /* (groups, dims) */
	float *centroids;		/* (lists, dims), those of a group together */
	size_t *starts;			/* (groups + 1): group g has the lists starts[g] …
							* starts[g + 1] − 1, at least one */
} AngleClusters;

/* Bytes of arena that angle_cluster() takes with one thread, results included, if
 * no group has more than twice its share of the lists; the points come on top. */
size_t angle_cluster_memory(size_t count, int dims, size_t lists);

/* Clusters the points; clusters lies in arena. count may be 0: then there is
 * one list, at the origin. Fails when cancelled or without memory. */
ANGLE_MUST_CHECK AngleStatus angle_cluster(const AngleClusterRequest *request,
										   AngleArena *arena,
										   AngleClusters *clusters,
										   AngleError *err);

/* Finds the nearest lists of many points. For one thread or process at a time. */
typedef struct AngleAssigner AngleAssigner;

/* The most lists that a point is assigned to. */
#define ANGLE_ASSIGN_MAX 16

/* Groups in which lists are looked for: enough for 99 % of the nearest ones on
 * text embeddings. */
#define ANGLE_ASSIGN_GROUPS 8

/* Packs the centroids for products: (lists + 16 groups) · dims floats of arena,
 * and the scratch of batches. clusters need not stay. Looks into so many groups,
 * ANGLE_ASSIGN_GROUPS unless there is a reason; all of them if there are less. */
ANGLE_MUST_CHECK AngleStatus angle_assigner_create(
	const AngleClusters *clusters, size_t look_into, AngleArena *arena,
	AngleAssigner **assigner, AngleError *err);

/* Points that one call of angle_assign() takes; more are fastest. */
#define ANGLE_ASSIGN_BATCH 1024

/* For each of count ≤ ANGLE_ASSIGN_BATCH points (count, dims) its nearest lists
 * in order, nearest of them (1 … ANGLE_ASSIGN_MAX): lists and their squared
 * distances, both (count, nearest); distances may be NULL. From 64 dimensions on
 * these, and so the order, may be off by about a thousandth of what a point is from
 * the middle of all lists times what a list is from that of its group (rough.h).
 * Where there are less lists than nearest in what was looked at, the rest is
 * UINT32_MAX, INFINITY. */
void angle_assign(AngleAssigner *assigner, const float *points, size_t count,
				  int nearest, uint32_t *lists, float *distances);

/*
 * A second list for each point, so that a search which misses the first meets
 * the other. Of the nearest lists, but the first, it is the one with the least
 *
 *     ‖r′‖² + weight · ⟨r, r′⟩²/‖r‖²
 *
 * where r and r′ are what the first and the second centroid leave (Sun et al.
 * 2023, "SOAR: Improved Indexing for Approximate Nearest Neighbor Search",
 * theorem 3.1): a query for which r is badly placed is not likely to find r′
 * badly placed, too, where the two are not parallel.
 */
typedef struct AngleSecondChoice
{
	const float *centroids; /* (lists, dims) */
	int dims;
	int nearest;  /* of angle_assign(), from 2 on: 4 to 8 */
	float weight; /* 0: the second nearest; ANGLE_SECOND_WEIGHT */
} AngleSecondChoice;

#define ANGLE_SECOND_WEIGHT 1.0f

/* The same sum with that weight for one other list: point, the centroids of the first and
 * the other one, all (dims), and the squared distances between. */
double
angle_second_loss(const float *point, const float *first, const float *other,
				  int dims, double to_first, double to_other);

/* points (count, dims); lists and distances (count, nearest) are those of
 * angle_assign(); second (count) is UINT32_MAX where there is only one list. */
void angle_assign_second(const AngleSecondChoice *choice, const float *points,
						 size_t count, const uint32_t *lists,
						 const float *distances, uint32_t *second);

/* The mean (dims) of points (count, dims), summed in double; zero for none. */
void angle_mean(const float *points, size_t count, int dims, float *mean);

typedef struct AngleSplit
{
	const float *points; /* (count, dims) */
	size_t count;
	int dims;
	uint64_t seed;
	float *scratch; /* (2 count) */
} AngleSplit;

/*
 * Cuts one list in two: centroids (2, dims), the means of the sides, and for
 * each point its side (count), 0 or 1. Neither side is smaller than a quarter of
 * two points or more, also if all points are equal.
 */
void angle_split(const AngleSplit *split, float *centroids, uint8_t *side);

#endif
