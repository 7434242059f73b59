/* Partitions of rows: see partition.h. */
#include "postgres.h"

#include "pg/am/build/partition.h"
#include "pg/am/build/write.h"
#include "pg/am/tree/clusters.h"
#include "pg/bridge.h"

/* Sampled rows for each partition, and the least with which there can be one. */
#define SAMPLE 64
#define SAMPLE_MIN 24

double
angle_partition_rows(const AngleLayout *layout, Size memory)
{
	return Max(layout->capacity, memory / 8.0 / (layout->dims * sizeof(float)));
}

int
angle_partitions_most(double wanted, int sample_count)
{
	return Max(1, Min(wanted, sample_count / SAMPLE_MIN));
}

double
angle_partitions_sample(double partitions)
{
	return partitions * SAMPLE;
}

void
angle_partitions_make(AnglePartitions *partitions, const float *points,
					  int count, int dims, int wanted)
{
	partitions->arena = angle_context_arena(CurrentMemoryContext);
	partitions->clusters =
		angle_clusters_make(points, count, dims, wanted, partitions->arena);
}

void
angle_partitions_begin(AnglePartitions *partitions, const AngleLayout *layout,
					   Size memory, bool bodies)
{
	partitions->assigner =
		angle_clusters_assigner(&partitions->clusters, partitions->arena);
	partitions->bodies = bodies;
	partitions->sort = angle_build_sort_make(layout, bodies);
	angle_build_sort_begin(partitions->sort, memory / 1024);
}

void
angle_partitions_put(AnglePartitions *partitions, const AngleRowSet *rows)
{
	AngleBuildSort *sort = partitions->sort;
	uint32 nearest[ANGLE_ASSIGN_BATCH];

	angle_assign(partitions->assigner, rows->points, rows->count, 1, nearest,
				 NULL);
	for (int i = 0; i < rows->count; i++)
		angle_build_sort_put(sort,
							 angle_build_sort_form(sort, nearest[i], rows, i));
}

void
angle_partitions_sort(AnglePartitions *partitions)
{
	angle_build_sort_perform(partitions->sort);
}

void
angle_partitions_write(AnglePartitions *partitions, AngleTreeWriter *writer,
					   Size memory)
{
	angle_build_write(writer, angle_build_sort_get, partitions->sort, memory,
					  partitions->bodies);
	angle_build_sort_end(partitions->sort);
	angle_build_sort_free(partitions->sort);
}
