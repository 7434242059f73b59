/*
 * Rows of more than memory are cut into partitions: a sample is clustered, every row goes
 * to the partition with the nearest centroid, and a sort brings the rows of one together.
 */
#ifndef ANGLE_PARTITION_H
#define ANGLE_PARTITION_H

#include "core/ann/kmeans.h"
#include "pg/am/build/sort.h"
#include "pg/am/build/tree_writer.h"

/* Zeroed it is one partition of all rows. */
typedef struct AnglePartitions
{
	AngleArena *arena;
	AngleClusters clusters; /* lists: how many there are; 0 for one */
	AngleAssigner *assigner;
	AngleBuildSort *sort;
	bool bodies; /* whether rows have them */
} AnglePartitions;

/* Rows that a partition is to have where a process has so much memory: as many as there is room
 * for, since rows near its border cannot go to lists beyond. */
double angle_partition_rows(const AngleLayout *layout, Size memory);

/* How many are wanted that the sample, of so many points, is enough for. */
int angle_partitions_most(double wanted, int sample_count);

/* Points that are to be sampled for so many. */
double angle_partitions_sample(double partitions);

/* Clusters points (count, dims) into so many partitions, in the current memory context, which
 * is deleted to free them. */
void angle_partitions_make(AnglePartitions *partitions, const float *points,
						   int count, int dims, int wanted);

/* Begins the sort, which takes so many bytes, of rows that have bodies or have not. */
void
angle_partitions_begin(AnglePartitions *partitions, const AngleLayout *layout,
					   Size memory, bool bodies);

/* Gives a batch of rows, ANGLE_ASSIGN_BATCH at most, to the sort. */
void angle_partitions_put(AnglePartitions *partitions, const AngleRowSet *rows);

void angle_partitions_sort(AnglePartitions *partitions);

/* Writes the rows, partition after partition, of which so many bytes are in memory at a time, and
 * ends the sort. */
void angle_partitions_write(AnglePartitions *partitions,
							AngleTreeWriter *writer, Size memory);

#endif
