/*
 * A build by several processes.
 *
 * The partitions and a parallel scan of the table are in shared memory. Every
 * process, the leader among them, takes its share of the rows, finds their
 * partitions and puts them into files that all can read, one for each bucket of
 * neighbouring partitions. When all have done so, each takes one bucket after
 * another, sorts it by partition if it has several, clusters those and writes the lists.
 * What leads to the lists comes back to the leader through one more file, and from
 * there to all, who settle the rows (settle.h). When the leader has written the nodes
 * above, all measure the stop rule, each with some queries.
 *
 * Not one sort that is shared, as nbtree has it: only the leader could read that,
 * and to cluster rows and to write lists takes much longer than to find their
 * partitions.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/barrier.h"
#include "tcop/tcopprot.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"
#include "utils/sharedtuplestore.h"
#include "utils/snapmgr.h"

#include "pg/am/build/leaf_file.h"
#include "pg/am/build/parallel.h"
#include "pg/am/build/scan.h"
#include "pg/am/build/settle.h"
#include "pg/am/build/sort.h"
#include "pg/am/build/write.h"
#include "pg/am/scan/calibrate.h"
#include "pg/am/tree/clusters.h"
#include "pg/bridge.h"

/* What a bucket takes in each process while it is filled: a chunk, and the buffer
 * of its file. */
#define BUCKET_SIZE (5 * BLCKSZ)

/* Buckets for each process, so that none waits long for the last one. */
#define BUCKETS_EACH 8
#define BUCKETS_MOST 512

enum
{
	KEY_SHARED = 1,
	KEY_SCAN,
	KEY_CENTROIDS,
	KEY_STARTS,
	KEY_STORES,
	KEY_QUERY,
	KEY_MEASURED,
	KEY_WAL,
	KEY_BUFFERS,
};

/* What all do, and go on to when all have done it; but for what the leader does alone. */
typedef enum Phase
{
	PHASE_SCAN,	   /* the table is read */
	PHASE_WRITE,   /* lists are written */
	PHASE_GATHER,  /* they become known to all, by the leader */
	PHASE_SETTLE,  /* rows get their second entries */
	PHASE_END,	   /* of that, for each leaf */
	PHASE_FINISH,  /* the nodes above are written, by the leader */
	PHASE_MEASURE, /* the stop rule is measured */
} Phase;

typedef struct Shared
{
	Oid heap;
	Oid index;
	bool concurrent;
	int participants; /* at most */
	int buckets;
	size_t groups;
	size_t lists;
	Size budget; /* bytes, of one process */
	AngleMeta meta;
	SharedFileSet files;
	Barrier barrier;			/* its phases are those of Phase */
	pg_atomic_uint32 next;		/* bucket */
	pg_atomic_uint32 next_leaf; /* that is to be settled */
	pg_atomic_uint32 next_end;	/* whose settling is to be ended */
	uint32 leaves;				/* written by the leader before PHASE_SETTLE */
	AngleNodePointer root;		/* and this in PHASE_FINISH, in which … */
	pg_atomic_uint32 measuring; /* … those are counted who will measure */
	pg_atomic_uint64 placed;	/* rows that are in lists */
	slock_t mutex;				/* for what follows */
	double heap_rows;
	double rows;
	bool broken_hot_chain;
} Shared;

/* One process. */
typedef struct Participant
{
	MemoryContext memory;
	Shared *shared;
	shm_toc *toc;
	Relation heap;
	Relation index;
	IndexInfo *info;
	AngleTreeWriter *writer;
	AngleBuildSort *sort;
	AngleAssigner *assigner;
	SharedTuplestoreAccessor **stores; /* (buckets + 1), of children the last */
	SharedTuplestoreAccessor *bucket;  /* that is being read */
	int number;						   /* among those who measure; −1: not */
	void (*report)(AngleBuildPhase);   /* or NULL */
} Participant;

PGDLLEXPORT void angle_build_worker(dsm_segment *segment, shm_toc *toc);

/* ---- what all processes do ------------------------------------------------ */

static AngleAssigner *
make_assigner(const Shared *shared, shm_toc *toc)
{
	const int dims = shared->meta.dims;
	float *centroids = shm_toc_lookup(toc, KEY_CENTROIDS, false);
	AngleClusters clusters = {.dims = dims,
							  .groups = shared->groups,
							  .lists = shared->lists,
							  .group_centroids = centroids,
							  .centroids = centroids + shared->groups * dims,
							  .starts = shm_toc_lookup(toc, KEY_STARTS, false)};

	return angle_clusters_assigner(&clusters,
								   angle_context_arena(CurrentMemoryContext));
}

/* Puts the rows of a batch into their buckets. */
static void
take_batch(void *context, const AngleRowSet *batch)
{
	Participant *self = context;
	const Shared *shared = self->shared;
	uint32 partitions[ANGLE_ASSIGN_BATCH];
	/* PostgreSQL 15 makes files of a store in the context that is current */
	MemoryContext old = MemoryContextSwitchTo(self->memory);

	angle_assign(self->assigner, batch->points, batch->count, 1, partitions,
				 NULL);
	for (int i = 0; i < batch->count; i++)
	{
		uint64 bucket =
			(uint64) partitions[i] * shared->buckets / shared->lists;
		bool copied;
		MinimalTuple tuple = ExecFetchSlotMinimalTuple(
			angle_build_sort_form(self->sort, partitions[i], batch, i),
			&copied);

		sts_puttuple(self->stores[bucket], NULL, tuple);
		if (copied)
			pfree(tuple);
	}
	MemoryContextSwitchTo(old);
}

/* Reads this process's share of the table. */
static void
scan_table(Participant *self)
{
	Shared *shared = self->shared;
	AngleBuildScan scan = {
		.index = self->index,
		.self = self->writer->self,
		.scratch = AllocSetContextCreate(
			CurrentMemoryContext, "angle build row", ALLOCSET_DEFAULT_SIZES),
		.take = take_batch,
		.context = self};
	double heap_rows;

	angle_build_scan_begin(&scan, shared->budget / 16, ANGLE_ASSIGN_BATCH);
	heap_rows = table_index_build_scan(
		self->heap, self->index, self->info, true, !IsParallelWorker(),
		angle_build_scan_row, &scan,
		table_beginscan_parallel(self->heap,
								 shm_toc_lookup(self->toc, KEY_SCAN, false)));
	angle_build_scan_end(&scan);
	for (int i = 0; i < shared->buckets; i++)
		sts_end_write(self->stores[i]);
	SpinLockAcquire(&shared->mutex);
	shared->heap_rows += heap_rows;
	shared->rows += scan.rows;
	shared->broken_hot_chain |= self->info->ii_BrokenHotChain;
	SpinLockRelease(&shared->mutex);
}

/* Brings the rows of each partition of a bucket together. */
static void
sort_bucket(Participant *self)
{
	MinimalTuple tuple;

	while ((tuple = sts_parallel_scan_next(self->bucket, NULL)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		angle_build_sort_put_tuple(self->sort, tuple);
	}
	angle_build_sort_perform(self->sort);
}

/* The source that a bucket is which has one partition. */
static int
next_of_bucket(void *context, AngleRowSet *rows)
{
	Participant *self = context;
	MinimalTuple tuple = sts_parallel_scan_next(self->bucket, NULL);

	return tuple == NULL ? -1 : angle_build_sort_read(self->sort, tuple, rows);
}

static void
write_bucket(Participant *self, int bucket)
{
	const Size budget = self->shared->budget;

	self->bucket = self->stores[bucket];
	sts_begin_parallel_scan(self->bucket);
	if (self->shared->buckets == self->shared->lists)
		angle_build_write(self->writer, next_of_bucket, self, budget / 4,
						  false);
	else
	{
		angle_build_sort_begin(self->sort, budget / 4 / 1024);
		sort_bucket(self);
		angle_build_write(self->writer, angle_build_sort_get, self->sort,
						  budget / 4, false);
		angle_build_sort_end(self->sort);
	}
	sts_end_parallel_scan(self->bucket);
}

/* A child goes through a file as a tuple, of which only the length is looked at:
 * behind the header the child, then its centroid. */
#define CHILD_OFFSET SizeofMinimalTupleHeader
#define CENTROID_OFFSET (CHILD_OFFSET + sizeof(AngleChild))

static void
send_children(Participant *self)
{
	const Size centroid = self->writer->self->layout.centroid_size;
	const Size size = CENTROID_OFFSET + centroid;
	MinimalTuple tuple = palloc0(size);
	SharedTuplestoreAccessor *store = self->stores[self->shared->buckets];

	tuple->t_len = size;
	for (int i = 0; i < self->writer->count; i++)
	{
		const AngleChild *child = &self->writer->children[i];

		memcpy((char *) tuple + CHILD_OFFSET, child, sizeof(AngleChild));
		memcpy((char *) tuple + CENTROID_OFFSET, child->centroid, centroid);
		sts_puttuple(store, NULL, tuple);
	}
	sts_end_write(store);
	pfree(tuple);
	angle_tree_forget(self->writer);
}

/* Takes over what the workers have written. */
static void
receive_children(Participant *self)
{
	SharedTuplestoreAccessor *store = self->stores[self->shared->buckets];
	const Size size = self->writer->self->layout.centroid_size;
	AngleChild child;
	AngleBfloat *centroid = palloc(size);
	MinimalTuple tuple;

	sts_begin_parallel_scan(store);
	while ((tuple = sts_parallel_scan_next(store, NULL)) != NULL)
	{
		memcpy(&child, (char *) tuple + CHILD_OFFSET, sizeof(child));
		memcpy(centroid, (char *) tuple + CENTROID_OFFSET, size);
		child.centroid = centroid;
		angle_tree_adopt(self->writer, &child);
	}
	pfree(centroid);
	sts_end_parallel_scan(store);
}

/* Writes the lists of one bucket after another. */
static void
write_buckets(Participant *self)
{
	Shared *shared = self->shared;
	int bucket;

	if (self->report != NULL)
	{
		self->report(ANGLE_BUILD_WRITE);
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL,
									 shared->rows);
	}
	while ((bucket = (int) pg_atomic_fetch_add_u32(&shared->next, 1)) <
		   shared->buckets)
		write_bucket(self, bucket);
	angle_tree_flush(self->writer);
	if (IsParallelWorker())
		send_children(self);
}

/* Tells all processes of all leaves. */
static void
gather(Participant *self)
{
	if (IsParallelWorker())
		return;
	receive_children(self);
	self->shared->leaves = self->writer->count;
	angle_leaf_file_write(&self->shared->files, &self->writer->self->layout,
						  self->writer->children, self->shared->leaves);
}

static void
settle(Participant *self)
{
	Shared *shared = self->shared;
	const AngleLayout *layout = &self->writer->self->layout;
	const uint32 count = shared->leaves;
	const uint32 most = angle_settle_most(layout, shared->budget);
	AngleLeafFile *file = angle_leaf_file_open(&shared->files, layout, count);
	AngleSettling settling = {.index = self->index,
							  .self = self->writer->self,
							  .next = &shared->next_leaf};

	for (uint32 first = 0; first < count; first += most)
	{
		const int part = Min(most, count - first);
		AngleChild *leaves = angle_leaf_file_read(file, first, part);

		angle_settle_part(&settling, leaves, first, part);
		angle_leaf_file_free(leaves);
	}
	angle_leaf_file_close(file);
}

static void
end_settling(Participant *self)
{
	Shared *shared = self->shared;
	AngleLeafFile *file = angle_leaf_file_open(
		&shared->files, &self->writer->self->layout, shared->leaves);
	AngleNodePointer *leaves = angle_leaf_file_pointers(file);
	AngleSettling settling = {.index = self->index,
							  .self = self->writer->self,
							  .next = &shared->next_end};

	angle_settle_end(&settling, leaves, shared->leaves);
	pfree(leaves);
	angle_leaf_file_close(file);
}

static void
finish(Participant *self)
{
	Shared *shared = self->shared;

	self->number = pg_atomic_fetch_add_u32(&shared->measuring, 1);
	if (!IsParallelWorker())
		shared->root = angle_tree_finish(self->writer);
}

/* What process number has measured. */
static AngleMeasured *
measured_by(const Participant *self, int number)
{
	return (AngleMeasured *) shm_toc_lookup(self->toc, KEY_MEASURED, false) +
		   number;
}

/* Each measures with some queries: rows that all choose alike. */
static void
measure(Participant *self)
{
	const Shared *shared = self->shared;
	const AngleIndex *index = self->writer->self;
	const int all = pg_atomic_read_u32(&self->shared->measuring);

	if (self->report != NULL)
		self->report(ANGLE_BUILD_CALIBRATE);
	if (self->number < 0)
		return;
	angle_measure(self->index, index, shared->root,
				  angle_reservoir_pick(self->index, index, shared->rows),
				  (AngleShare){self->number, all},
				  measured_by(self, self->number));
}

/* Takes part, from the phase on in which the others are. */
static void
take_part(Participant *self)
{
	static void (*const tasks[])(Participant *) = {
		[PHASE_SCAN] = scan_table,	[PHASE_WRITE] = write_buckets,
		[PHASE_GATHER] = gather,	[PHASE_SETTLE] = settle,
		[PHASE_END] = end_settling, [PHASE_FINISH] = finish,
		[PHASE_MEASURE] = measure,
	};
	Barrier *barrier = &self->shared->barrier;

	for (int phase = BarrierAttach(barrier); phase < lengthof(tasks); phase++)
	{
		tasks[phase](self);
		BarrierArriveAndWait(barrier, PG_WAIT_EXTENSION);
	}
	BarrierDetach(barrier);
}

/* Rows went into a list. Only the leader can report it. */
static void
count_placed(void *context, int rows)
{
	Shared *shared = context;
	uint64 placed = pg_atomic_add_fetch_u64(&shared->placed, rows);

	if (!IsParallelWorker())
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE,
									 (int64) placed);
}

/* The bytes of a store. */
static Size
store_size(int participants)
{
	return MAXALIGN(sts_estimate(participants));
}

static SharedTuplestore *
get_store(const Participant *self, int i)
{
	char *stores = shm_toc_lookup(self->toc, KEY_STORES, false);

	return (SharedTuplestore *) (stores +
								 i * store_size(self->shared->participants));
}

/* What is made the same way in the leader and in workers. */
static void
prepare(Participant *self)
{
	self->memory = CurrentMemoryContext;
	self->sort = angle_build_sort_make(&self->writer->self->layout, false);
	self->assigner = make_assigner(self->shared, self->toc);
	self->writer->progress = count_placed;
	self->writer->progress_context = self->shared;
	self->number = -1;
	self->stores = palloc((self->shared->buckets + 1) *
						  sizeof(SharedTuplestoreAccessor *));
}

/* ---- workers -------------------------------------------------------------- */

static void
work(Participant *self, dsm_segment *segment)
{
	Shared *shared = self->shared;

	self->info = BuildIndexInfo(self->index);
	self->info->ii_Concurrent = shared->concurrent;
	self->writer = angle_tree_writer_make(
		self->index, angle_index_make(&shared->meta), NULL);
	prepare(self);
	SharedFileSetAttach(&shared->files, segment);
	for (int i = 0; i <= shared->buckets; i++)
		self->stores[i] = sts_attach(get_store(self, i), ParallelWorkerNumber,
									 &shared->files);
	take_part(self);
}

void
angle_build_worker(dsm_segment *segment, shm_toc *toc)
{
	Shared *shared = shm_toc_lookup(toc, KEY_SHARED, false);
	Participant self = {.shared = shared, .toc = toc};
	LOCKMODE heap_lock =
		shared->concurrent ? ShareUpdateExclusiveLock : ShareLock;
	LOCKMODE index_lock =
		shared->concurrent ? RowExclusiveLock : AccessExclusiveLock;
	WalUsage *wal = shm_toc_lookup(toc, KEY_WAL, false);
	BufferUsage *buffers = shm_toc_lookup(toc, KEY_BUFFERS, false);

	debug_query_string = shm_toc_lookup(toc, KEY_QUERY, false);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
	self.heap = table_open(shared->heap, heap_lock);
	self.index = index_open(shared->index, index_lock);
	InstrStartParallelQuery();
	work(&self, segment);
	InstrEndParallelQuery(&buffers[ParallelWorkerNumber],
						  &wal[ParallelWorkerNumber]);
	index_close(self.index, index_lock);
	table_close(self.heap, heap_lock);
}

/* ---- leader --------------------------------------------------------------- */

/* Announces a piece of shared memory. */
static void
estimate(ParallelContext *context, Size size)
{
	shm_toc_estimate_chunk(&context->estimator, size);
	shm_toc_estimate_keys(&context->estimator, 1);
}

static void *
allocate(ParallelContext *context, int key, Size size)
{
	void *piece = shm_toc_allocate(context->toc, size);

	memset(piece, 0, size);
	shm_toc_insert(context->toc, key, piece);
	return piece;
}

static int
count_buckets(const AngleParallelBuild *build, int participants)
{
	int buckets = build->budget / participants / 4 / BUCKET_SIZE;

	buckets = Max(buckets, BUCKETS_EACH * participants);
	return Min(Min(buckets, BUCKETS_MOST), build->clusters->lists);
}

static Size
centroids_size(const AngleClusters *clusters)
{
	return (clusters->groups + clusters->lists) * clusters->dims *
		   sizeof(float);
}

/* The text of the statement, for who looks at what workers do. */
static const char *
query_text(void)
{
	return debug_query_string != NULL ? debug_query_string : "";
}

static void
estimate_all(ParallelContext *context, const AngleParallelBuild *build,
			 Snapshot snapshot)
{
	const int participants = context->nworkers + 1;

	estimate(context, sizeof(Shared));
	estimate(context, table_parallelscan_estimate(build->heap, snapshot));
	estimate(context, centroids_size(build->clusters));
	estimate(context, (build->clusters->groups + 1) * sizeof(size_t));
	estimate(context, (count_buckets(build, participants) + 1) *
						  store_size(participants));
	estimate(context, strlen(query_text()) + 1);
	estimate(context, participants * sizeof(AngleMeasured));
	estimate(context, context->nworkers * sizeof(WalUsage));
	estimate(context, context->nworkers * sizeof(BufferUsage));
}

static Shared *
share(ParallelContext *context, const AngleParallelBuild *build)
{
	const int participants = context->nworkers + 1;
	Shared *shared = allocate(context, KEY_SHARED, sizeof(Shared));

	shared->heap = RelationGetRelid(build->heap);
	shared->index = RelationGetRelid(build->index);
	shared->concurrent = build->info->ii_Concurrent;
	shared->participants = participants;
	shared->buckets = count_buckets(build, participants);
	shared->groups = build->clusters->groups;
	shared->lists = build->clusters->lists;
	shared->budget = build->budget / participants;
	shared->meta = *build->meta;
	SharedFileSetInit(&shared->files, context->seg);
	BarrierInit(&shared->barrier, 0);
	pg_atomic_init_u32(&shared->next, 0);
	pg_atomic_init_u32(&shared->next_leaf, 0);
	pg_atomic_init_u32(&shared->next_end, 0);
	pg_atomic_init_u32(&shared->measuring, 0);
	pg_atomic_init_u64(&shared->placed, 0);
	SpinLockInit(&shared->mutex);
	return shared;
}

static void
share_clusters(ParallelContext *context, const AngleClusters *clusters)
{
	const Size starts = (clusters->groups + 1) * sizeof(size_t);
	const size_t groups = clusters->groups * clusters->dims;
	float *centroids =
		allocate(context, KEY_CENTROIDS, centroids_size(clusters));

	memcpy(centroids, clusters->group_centroids, groups * sizeof(float));
	memcpy(centroids + groups, clusters->centroids,
		   clusters->lists * clusters->dims * sizeof(float));
	memcpy(allocate(context, KEY_STARTS, starts), clusters->starts, starts);
}

/* Fills shared memory; what the leader takes part with. */
static Participant
share_all(ParallelContext *context, const AngleParallelBuild *build,
		  Snapshot snapshot)
{
	Participant self = {.shared = share(context, build),
						.toc = context->toc,
						.heap = build->heap,
						.index = build->index,
						.info = build->info,
						.writer = build->writer,
						.report = build->report};
	const Shared *shared = self.shared;

	table_parallelscan_initialize(
		build->heap,
		allocate(context, KEY_SCAN,
				 table_parallelscan_estimate(build->heap, snapshot)),
		snapshot);
	share_clusters(context, build->clusters);
	strcpy(allocate(context, KEY_QUERY, strlen(query_text()) + 1),
		   query_text());
	allocate(context, KEY_MEASURED,
			 shared->participants * sizeof(AngleMeasured));
	allocate(context, KEY_WAL, context->nworkers * sizeof(WalUsage));
	allocate(context, KEY_BUFFERS, context->nworkers * sizeof(BufferUsage));
	allocate(context, KEY_STORES,
			 (shared->buckets + 1) * store_size(shared->participants));
	prepare(&self);
	for (int i = 0; i <= shared->buckets; i++)
	{
		char name[32];

		snprintf(name, sizeof(name), "bucket%d", i);
		self.stores[i] = sts_initialize(
			get_store(&self, i), shared->participants, shared->participants - 1,
			0, 0, &self.shared->files, name);
	}
	return self;
}

static void
add_usage(ParallelContext *context)
{
	WalUsage *wal = shm_toc_lookup(context->toc, KEY_WAL, false);
	BufferUsage *buffers = shm_toc_lookup(context->toc, KEY_BUFFERS, false);

	for (int i = 0; i < context->nworkers_launched; i++)
		InstrAccumParallelQuery(&buffers[i], &wal[i]);
}

/* Fills in what the metapage says of the tree. */
static void
fill_meta(const Participant *self, AngleMeta *meta)
{
	const Shared *shared = self->shared;
	AngleMeasured *sum = measured_by(self, 0);

	for (uint32 i = 1; i < pg_atomic_read_u32(&self->shared->measuring); i++)
		angle_measured_add(sum, measured_by(self, i));
	angle_measured_set_stop(sum, meta);
	meta->root = shared->root;
	meta->height = self->writer->height;
	meta->rows = shared->rows;
}

static void
lead(ParallelContext *context, AngleParallelBuild *build, Snapshot snapshot)
{
	Participant self = share_all(context, build, snapshot);
	const Shared *shared = self.shared;

	LaunchParallelWorkers(context);
	ereport(DEBUG1,
			errmsg_internal("building index \"%s\" with %d parallel workers",
							RelationGetRelationName(build->index),
							context->nworkers_launched));
	/* one that does not start is an error, better now than at the end */
	WaitForParallelWorkersToAttach(context);
	take_part(&self);
	WaitForParallelWorkersToFinish(context);
	add_usage(context);
	fill_meta(&self, build->meta);
	build->heap_rows = shared->heap_rows;
	build->info->ii_BrokenHotChain |= shared->broken_hot_chain;
}

bool
angle_build_parallel(AngleParallelBuild *build)
{
	const bool concurrent = build->info->ii_Concurrent;
	ParallelContext *context;
	Snapshot snapshot = SnapshotAny;
	bool possible;

	EnterParallelMode();
	context =
		CreateParallelContext("angle", "angle_build_worker", build->workers);
	if (concurrent)
		snapshot = RegisterSnapshot(GetTransactionSnapshot());
	estimate_all(context, build, snapshot);
	InitializeParallelDSM(context);
	possible = context->seg != NULL;
	if (possible)
		lead(context, build, snapshot);
	DestroyParallelContext(context);
	if (concurrent)
		UnregisterSnapshot(snapshot);
	ExitParallelMode();
	return possible;
}
