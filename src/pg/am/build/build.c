/*
 * Builds.
 *
 * A table of more rows than memory is cut into partitions (partition.h). Then one after
 * another is read into memory, clustered and written (tree_writer.h).
 * maintenance_work_mem is shared out: a quarter for the sample or the sort, a quarter
 * for the rows of a partition.
 *
 * Where workers can be had, several processes do both, in another way: see
 * parallel.c.
 *
 * Pages are written without WAL; at the end the file is logged as a whole.
 */
#include "postgres.h"

#include <math.h>

#include "access/generic_xlog.h"
#include "access/tableam.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "catalog/pg_type.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "storage/bufmgr.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"
#include "utils/sampling.h"

#include "core/base/rng.h"
#include "pg/am/am.h"
#include "pg/am/build/parallel.h"
#include "pg/am/build/partition.h"
#include "pg/am/build/phase.h"
#include "pg/am/build/scan.h"
#include "pg/am/build/settle.h"
#include "pg/am/scan/calibrate.h"
#include "pg/am/store/keys.h"
#include "pg/bridge.h"
#include "pg/pg_compat.h"
#include "pg/settings.h"
#include "pg/type/vector.h"

/* Partitions for each of several processes, at least. */
#define PARTITIONS_EACH 4

/* Blocks that tell how many rows there are. */
#define FIRST_BLOCKS 32
#define MORE_BLOCKS 8
#define MOST_BLOCKS 16384

typedef struct Build
{
	Relation heap;
	Relation index;
	IndexInfo *info;
	MemoryContext memory;  /* of the build */
	MemoryContext scratch; /* of one row */
	AngleMeta meta;
	AngleIndex *self; /* NULL until a row has given the dimensions */
	Size budget;	  /* bytes: maintenance_work_mem */
	int workers;	  /* that may be launched */

	/* the sample, a reservoir */
	float *sample; /* (sample_capacity, dims) */
	int sample_count;
	int sample_capacity;
	double sampled_rows; /* that were seen */
	AngleRng rng;

	AnglePartitions partitions;
	AngleTreeWriter *writer;
	AngleReservoir *reservoir; /* of the points; NULL: not yet made */
	AngleBuildScan scan;
	double heap_rows;
	double rows;	/* that have a place in the index */
	double written; /* that are in leaves */
} Build;

static void
report_phase(AngleBuildPhase phase)
{
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, phase);
}

/* Rows went into leaves. */
static void
report_written(void *context, int rows)
{
	Build *build = context;

	build->written += rows;
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE,
								 (int64) build->written);
}

/* Takes the dimensions from the first vector that comes, if the column does not
 * have them. */
static void
open_index(Build *build, int dims)
{
	MemoryContext old;

	if (build->self != NULL)
		return;
	old = MemoryContextSwitchTo(build->memory);
	if (build->meta.dims == 0)
		angle_meta_set_dims(&build->meta, dims);
	build->self = angle_index_make(&build->meta);
	MemoryContextSwitchTo(old);
}

/* ---- sample --------------------------------------------------------------- */

static void
sample_row(Relation index, ItemPointer tid, Datum *values, bool *isnull,
		   bool alive, void *state)
{
	Build *build = state;
	MemoryContext old;
	int place;

	if (isnull[0])
		return;
	old = MemoryContextSwitchTo(build->scratch);
	open_index(build, DatumGetAngleVector(values[0])->dim);
	if (build->sample == NULL)
	{
		Size each = build->self->layout.dims * sizeof(float);

		build->sample_capacity =
			(int) Min(INT_MAX, Max(256, build->budget / 4 / each));
		build->sample = MemoryContextAllocHuge(build->memory,
											   build->sample_capacity * each);
	}
	build->sampled_rows++;
	place = build->sample_count;
	if (place == build->sample_capacity)
		place = angle_rng_float(&build->rng) * build->sampled_rows;
	if (place < build->sample_capacity &&
		angle_index_point(index, build->self, values[0],
						  build->sample +
							  (Size) place * build->self->layout.dims) &&
		place == build->sample_count)
		build->sample_count++;
	MemoryContextSwitchTo(old);
	MemoryContextReset(build->scratch);
}

/* Samples the rows of so many random blocks; returns the rows of a block. */
static double
sample_blocks(Build *build, BlockNumber wanted)
{
	BlockSamplerData sampler;
	BlockNumber read = 0;

	build->sample_count = 0;
	build->sampled_rows = 0;
	angle_rng_seed(&build->rng, 1);
	BlockSampler_Init(&sampler, RelationGetNumberOfBlocks(build->heap), wanted,
					  1);
	for (; BlockSampler_HasMore(&sampler); read++)
	{
		CHECK_FOR_INTERRUPTS();
		table_index_build_range_scan(
			build->heap, build->index, build->info, false, true, false,
			BlockSampler_Next(&sampler), 1, sample_row, build, NULL);
	}
	return read == 0 ? 0 : build->sampled_rows / read;
}

/* Samples blocks until there is a row with a vector among them; returns the rows of a block. Where
 * many have none there are few in all. */
static double
sample_any(Build *build, BlockNumber blocks)
{
	BlockNumber wanted = FIRST_BLOCKS;
	double density = sample_blocks(build, Min(blocks, wanted));

	while (build->self == NULL && wanted < Min(blocks, MOST_BLOCKS))
	{
		wanted *= MORE_BLOCKS;
		density = sample_blocks(build, Min(blocks, wanted));
	}
	return density;
}

/* How many partitions the rows should go into, of which a block has so many. */
static double
partitions_for(const Build *build, BlockNumber blocks, double density)
{
	const double partitions =
		ceil(density * blocks /
			 angle_partition_rows(&build->self->layout,
								  build->budget / (1 + build->workers)));

	/* so that every process has something to do */
	return build->workers > 0
			   ? Max(partitions, PARTITIONS_EACH * (1 + build->workers))
			   : partitions;
}

/* Samples the table; returns how many partitions its rows should go into. */
static int
take_sample(Build *build)
{
	const BlockNumber blocks = RelationGetNumberOfBlocks(build->heap);
	double density, partitions;

	report_phase(ANGLE_BUILD_SAMPLE);
	density = sample_any(build, blocks);
	if (build->self == NULL)
		return 1;
	partitions = partitions_for(build, blocks, density);
	if (partitions < 2)
		return 1;
	density = sample_blocks(
		build,
		Min(blocks, Max(FIRST_BLOCKS,
						ceil(angle_partitions_sample(partitions) / density))));
	/* the larger sample knows better how many rows there are */
	partitions = Max(2, partitions_for(build, blocks, density));
	return angle_partitions_most(partitions, build->sample_count);
}

/* ---- partitions ----------------------------------------------------------- */

static void
make_partitions(Build *build, int partitions)
{
	report_phase(ANGLE_BUILD_PARTITION);
	angle_partitions_make(&build->partitions, build->sample,
						  build->sample_count, build->meta.dims, partitions);
	pfree(build->sample);
	build->sample = NULL;
}

/* Gives the rows of the batch to the sort, or, if there is one partition only,
 * writes them. */
static void
take_batch(void *context, const AngleRowSet *batch)
{
	Build *build = context;

	if (build->partitions.sort == NULL)
		angle_tree_write_rows(build->writer, batch);
	else
		angle_partitions_put(&build->partitions, batch);
}

static void
make_writer(Build *build)
{
	build->writer = angle_tree_writer_make(build->index, build->self, NULL);
	build->writer->progress = report_written;
	build->writer->progress_context = build;
}

/* What needs the dimensions and comes before the first row. */
static void
begin_scan(Build *build)
{
	MemoryContext old = MemoryContextSwitchTo(build->memory);
	const bool single = build->partitions.sort == NULL;

	make_writer(build);
	build->reservoir = angle_reservoir_make(&build->self->layout);
	build->scan = (AngleBuildScan){.index = build->index,
								   .self = build->self,
								   .scratch = build->scratch,
								   .reservoir = build->reservoir,
								   .take = take_batch,
								   .context = build};
	angle_build_scan_begin(&build->scan, build->budget / (single ? 4 : 16),
						   single ? INT_MAX : ANGLE_ASSIGN_BATCH);
	MemoryContextSwitchTo(old);
}

static void
build_row(Relation index, ItemPointer tid, Datum *values, bool *isnull,
		  bool alive, void *state)
{
	Build *build = state;

	if (isnull[0])
		return;
	if (build->writer == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(build->scratch);

		open_index(build, DatumGetAngleVector(values[0])->dim);
		MemoryContextSwitchTo(old);
		begin_scan(build);
	}
	angle_build_scan_row(index, tid, values, isnull, alive, &build->scan);
}

static void
write_partitions(Build *build)
{
	report_phase(ANGLE_BUILD_SORT);
	angle_partitions_sort(&build->partitions);
	report_phase(ANGLE_BUILD_WRITE);
	angle_partitions_write(&build->partitions, build->writer,
						   build->budget / 4);
}

static void
finish_alone(Build *build)
{
	angle_tree_flush(build->writer);
	angle_settle(build->writer, build->budget);
	build->meta.root = angle_tree_finish(build->writer);
	build->meta.height = build->writer->height;
	build->meta.rows = build->rows;
	report_phase(ANGLE_BUILD_CALIBRATE);
	angle_calibrate(build->index, build->self, &build->meta, build->reservoir);
}

/* All of it, by this process. */
static void
build_alone(Build *build)
{
	if (build->partitions.clusters.lists > 1)
		angle_partitions_begin(&build->partitions, &build->self->layout,
							   build->budget / 4, false);
	report_phase(ANGLE_BUILD_SCAN);
	build->heap_rows =
		table_index_build_scan(build->heap, build->index, build->info, true,
							   true, build_row, build, NULL);
	if (build->writer == NULL)
		return;
	build->rows = build->scan.rows;
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, build->rows);
	angle_build_scan_end(&build->scan);
	if (build->partitions.sort != NULL)
		write_partitions(build);
	finish_alone(build);
}

/* All of it, by several processes; false if that cannot be. */
static bool
build_together(Build *build)
{
	AngleParallelBuild parallel = {.heap = build->heap,
								   .index = build->index,
								   .info = build->info,
								   .meta = &build->meta,
								   .clusters = &build->partitions.clusters,
								   .workers = build->workers,
								   .budget = build->budget,
								   .report = report_phase};

	if (parallel.workers < 1)
		return false;
	report_phase(ANGLE_BUILD_SCAN);
	make_writer(build);
	parallel.writer = build->writer;
	if (!angle_build_parallel(&parallel))
	{
		build->writer = NULL;
		return false;
	}
	build->heap_rows = parallel.heap_rows;
	build->rows = build->meta.rows;
	return true;
}

/* ---- the whole ------------------------------------------------------------ */

/* Makes block 0, without WAL. */
static void
create_metapage(Relation index, ForkNumber fork, const AngleMeta *meta)
{
	Buffer buffer = ReadBufferExtended(index, fork, P_NEW, RBM_NORMAL, NULL);

	Assert(BufferGetBlockNumber(buffer) == ANGLE_META_BLOCK);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	angle_meta_init(BufferGetPage(buffer), meta);
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

static void
update_metapage(Relation index, const AngleMeta *meta)
{
	Buffer buffer = ReadBuffer(index, ANGLE_META_BLOCK);

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	angle_meta_init(BufferGetPage(buffer), meta);
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

/* Writes the tree over all rows. */
static void
build_tree(Build *build)
{
	int partitions = take_sample(build);

	if (partitions > 1)
		make_partitions(build, partitions);
	if (build->partitions.clusters.lists < 2 || !build_together(build))
		build_alone(build);
	if (build->writer == NULL)
		/* no row: the next one may have other dimensions */
		build->meta = angle_meta_make(build->index);
	else
	{
		build->meta.paired = build->meta.rows;
		update_metapage(build->index, &build->meta);
	}
}

IndexBuildResult *
angle_build(Relation heap, Relation index, IndexInfo *info)
{
	Build build = {.heap = heap, .index = index, .info = info};
	IndexBuildResult *result = palloc(sizeof(IndexBuildResult));
	MemoryContext old;

	if (RelationGetNumberOfBlocks(index) != 0)
		elog(ERROR, "index \"%s\" already contains data",
			 RelationGetRelationName(index));
	angle_index_check_columns(index);
	angle_keys_check(index);
	build.budget = angle_maintenance_memory();
	build.workers = ANGLE_BUILD_WORKERS(heap, index, info);
	build.memory = AllocSetContextCreate(CurrentMemoryContext, "angle build",
										 ALLOCSET_DEFAULT_SIZES);
	build.scratch = AllocSetContextCreate(build.memory, "angle build row",
										  ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(build.memory);
	build.meta = angle_meta_make(index);
	create_metapage(index, MAIN_FORKNUM, &build.meta);
	build_tree(&build);
	if (RelationNeedsWAL(index))
		log_newpage_range(index, MAIN_FORKNUM, 0,
						  RelationGetNumberOfBlocks(index), true);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(build.memory);
	result->heap_tuples = build.heap_rows;
	result->index_tuples = build.rows;
	return result;
}

/* The init fork of an unlogged index: an index without rows. */
void
angle_buildempty(Relation index)
{
	AngleMeta meta = angle_meta_make(index);

	create_metapage(index, INIT_FORKNUM, &meta);
	log_newpage_range(index, INIT_FORKNUM, 0, 1, true);
}
