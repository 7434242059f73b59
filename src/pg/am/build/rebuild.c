/* Another tree of the same rows: see rebuild.h and README ("Rebuilding"). */
#include "postgres.h"

#include <math.h>

#include "access/generic_xlog.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "core/base/rng.h"
#include "pg/am/build/partition.h"
#include "pg/am/build/rebuild.h"
#include "pg/am/build/settle.h"
#include "pg/am/store/body.h"
#include "pg/am/store/entries.h"
#include "pg/am/store/lock.h"
#include "pg/am/store/node_segment.h"
#include "pg/am/tree/insert.h"
#include "pg/am/tree/siblings.h"
#include "pg/pg_compat.h"

/* Rows that are caught up with while insertions wait: some milliseconds. */
#define LATE_ROWS 64

/* Passes that look for such while there are more, at most: others are inserted
 * much slower meanwhile, so each finds far fewer. */
#define LATE_PASSES 16

typedef struct Rebuild
{
	Relation index;
	Relation heap;
	AngleIndex *self;
	Size memory;
	IndexBulkDeleteResult *stats;
	AngleNodePointer root; /* of the tree that goes */
	AngleDraft draft;

	/* the leaves of the tree that goes, as they are at a pass */
	AngleNodePointer *leaves; /* (leaf_room) */
	Size leaf_count;
	Size leaf_room;
	/* the centroids of some of them, to make partitions of; a reservoir */
	float *sample; /* (sample_room, dims) */
	int sample_count;
	int sample_room;
	AngleRng rng;

	AngleBits known;	  /* bodies of rows that have been copied, by number */
	AngleEntries entries; /* of some leaves: rows that are to be copied */
	AnglePartitions partitions;
	AngleRowSet batch;
	AngleTreeWriter *writer;
	AngleInserter *inserter;
	MemoryContext scratch; /* of some rows that it inserts */
	bool hurry;			   /* others wait: there is no time to sleep */
} Rebuild;

/* ---- leaves --------------------------------------------------------------- */

static void
collect_leaf(Rebuild *rebuild, AngleNodePointer leaf)
{
	if (rebuild->leaf_count == rebuild->leaf_room)
	{
		rebuild->leaf_room *= 2;
		rebuild->leaves = repalloc_huge(
			rebuild->leaves, rebuild->leaf_room * sizeof(AngleNodePointer));
	}
	rebuild->leaves[rebuild->leaf_count++] = leaf;
}

/* The centroid of the leaf that was collected last may be in the sample. */
static void
offer_centroid(Rebuild *rebuild, const float *centroid)
{
	const Size dims = rebuild->self->layout.dims;
	int place = rebuild->sample_count;

	if (place < rebuild->sample_room)
		rebuild->sample_count++;
	else
		place = (int) angle_rng_below(&rebuild->rng, rebuild->leaf_count);
	if (place < rebuild->sample_room)
		memcpy(rebuild->sample + place * dims, centroid, dims * sizeof(float));
}

static void
collect(void *context, AngleSiblings *siblings)
{
	Rebuild *rebuild = context;

	for (int i = 0; i < siblings->count; i++)
	{
		if (siblings->all[i].kind != ANGLE_NODE_LEAF)
			continue;
		collect_leaf(rebuild, siblings->all[i].node);
		if (rebuild->sample != NULL)
			offer_centroid(rebuild, siblings->all[i].centroid);
	}
}

/* The tree may have got another root meanwhile. */
static void
collect_leaves(Rebuild *rebuild)
{
	rebuild->leaf_count = 0;
	rebuild->root = angle_meta_read(rebuild->index).root;
	angle_siblings_walk(rebuild->index, rebuild->self, rebuild->root, collect,
						rebuild);
}

/* Reads the rows of a leaf that have not been copied. Those of one that was split meanwhile are found
 * later. */
static void
read_leaf(Rebuild *rebuild, AngleNodePointer leaf)
{
	const AngleLayout *layout = &rebuild->self->layout;
	AngleEntries *entries = &rebuild->entries;
	const int before = entries->count;
	Buffer head =
		angle_read_node(rebuild->index, layout, leaf, BUFFER_LOCK_SHARE);

	if (!BufferIsValid(head))
		return;
	if (angle_page_is_leaf(BufferGetPage(head)))
		angle_entries_read(entries, head);
	UnlockReleaseBuffer(head);
	for (int i = before; i < entries->count; i++)
		angle_bits_add(&rebuild->known,
					   angle_body_number(layout, entries->rows[i].where));
}

/* Calls take for the rows that have not been copied, whenever there are so many; returns how many
 * they were. */
static double
read_rows(Rebuild *rebuild, int many, void (*take)(Rebuild *rebuild))
{
	const int most = Min(
		rebuild->entries.capacity - rebuild->self->layout.capacity, many - 1);
	double rows = 0;

	collect_leaves(rebuild);
	for (Size i = 0; i < rebuild->leaf_count; i++)
	{
		if (rebuild->hurry)
			CHECK_FOR_INTERRUPTS();
		else
			ANGLE_VACUUM_DELAY_POINT();
		read_leaf(rebuild, rebuild->leaves[i]);
		if (rebuild->entries.count <= most && i + 1 < rebuild->leaf_count)
			continue;
		rows += rebuild->entries.count;
		if (rebuild->entries.count > 0)
			take(rebuild);
		rebuild->entries.count = 0;
	}
	return rows;
}

/* ---- a build -------------------------------------------------------------- */

static void
hand_on(Rebuild *rebuild)
{
	if (rebuild->partitions.sort == NULL)
		angle_tree_write_rows(rebuild->writer, &rebuild->batch);
	else
		angle_partitions_put(&rebuild->partitions, &rebuild->batch);
	rebuild->batch.count = 0;
}

/* Puts the rows that were read into batches. */
static void
copy_rows(Rebuild *rebuild)
{
	const AngleLayout *layout = &rebuild->self->layout;
	const AngleEntries *entries = &rebuild->entries;
	AngleRowSet *batch = &rebuild->batch;

	for (int i = 0; i < entries->count; i++)
	{
		const AngleRow *row = &entries->rows[i];
		const Size at = batch->count++;

		batch->tids[at] = row->tid;
		batch->nulls[at] = row->nulls;
		memcpy(batch->values + at * layout->keys, row->values,
			   layout->keys * sizeof(uint64));
		memcpy(batch->bodies + at * layout->row_size, row->body,
			   layout->row_size);
		memcpy(batch->points + at * layout->dims,
			   entries->points + (Size) i * layout->dims,
			   layout->dims * sizeof(float));
		if (batch->count == batch->capacity)
			hand_on(rebuild);
	}
}

/* Makes partitions of so many rows, if memory is not enough for all. */
static void
make_partitions(Rebuild *rebuild, double rows)
{
	const AngleLayout *layout = &rebuild->self->layout;
	const double wanted =
		ceil(rows / angle_partition_rows(layout, rebuild->memory));
	int partitions;

	rebuild->sample_room =
		Max(256, Min(angle_partitions_sample(wanted),
					 rebuild->memory / 4 / (layout->dims * sizeof(float))));
	rebuild->sample = palloc_extended((Size) rebuild->sample_room *
										  layout->dims * sizeof(float),
									  MCXT_ALLOC_HUGE);
	collect_leaves(rebuild);
	partitions = angle_partitions_most(wanted, rebuild->sample_count);
	if (partitions > 1)
	{
		angle_partitions_make(&rebuild->partitions, rebuild->sample,
							  rebuild->sample_count, layout->dims, partitions);
		angle_partitions_begin(&rebuild->partitions, layout,
							   rebuild->memory / 4, true);
	}
	pfree(rebuild->sample);
	rebuild->sample = NULL;
}

static void
make_batch(Rebuild *rebuild)
{
	const bool single = rebuild->partitions.sort == NULL;

	rebuild->batch = angle_row_set_make(
		&rebuild->self->layout, rebuild->memory / (single ? 4 : 16),
		single ? INT_MAX : ANGLE_ASSIGN_BATCH, true);
}

/* Writes a tree of the rows that are there now. */
static void
build(Rebuild *rebuild)
{
	(void) read_rows(rebuild, INT_MAX, copy_rows);
	hand_on(rebuild);
	angle_row_set_free(&rebuild->batch);
	if (rebuild->partitions.sort != NULL)
	{
		angle_partitions_sort(&rebuild->partitions);
		angle_partitions_write(&rebuild->partitions, rebuild->writer,
							   rebuild->memory / 4);
	}
	angle_tree_flush(rebuild->writer);
	angle_settle(rebuild->writer, rebuild->memory);
	rebuild->draft.root = angle_tree_finish(rebuild->writer);
	rebuild->draft.height = rebuild->writer->height;
}

/* ---- late rows ------------------------------------------------------------ */

/* Inserts the rows that were read. */
static void
insert_rows(Rebuild *rebuild)
{
	const AngleEntries *entries = &rebuild->entries;
	MemoryContext old = MemoryContextSwitchTo(rebuild->scratch);

	for (int i = 0; i < entries->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		angle_inserter_put(rebuild->inserter, rebuild->heap, &entries->rows[i],
						   entries->points +
							   (Size) i * rebuild->self->layout.dims);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(rebuild->scratch);
}

/* The same while nobody else inserts any: so there is an end to it. */
static void
insert_rows_alone(Rebuild *rebuild)
{
	angle_lock_rows_alone(rebuild->index);
	insert_rows(rebuild);
	angle_unlock_rows_alone(rebuild->index);
}

/* Inserts the rows that have come since the last pass, but for a few. */
static void
catch_up(Rebuild *rebuild)
{
	int passes = 0;

	while (read_rows(rebuild, LATE_ROWS, insert_rows_alone) > LATE_ROWS &&
		   ++passes < LATE_PASSES)
		;
}

/* ---- the exchange --------------------------------------------------------- */

/* The metapage leads to the new tree, which is not built again for these rows, but has the stop
 * rule of the old one until it is measured. */
static void
replace_tree(const Rebuild *rebuild, double rows)
{
	const AngleDraft *draft = &rebuild->draft;
	Buffer buffer = ReadBuffer(rebuild->index, ANGLE_META_BLOCK);
	GenericXLogState *state;
	AngleMeta *meta;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	state = GenericXLogStart(rebuild->index);
	meta = angle_meta(GenericXLogRegisterBuffer(state, buffer, 0));
	meta->root = draft->root;
	meta->height = draft->height;
	meta->tree = draft->tree;
	meta->changes++;
	meta->paired = meta->rows = rows;
	meta->calibrated = 0;
	meta->replaced_xid = U64FromFullTransactionId(ReadNextFullTransactionId());
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
}

/* Marks the node at block as one that went. */
static void
retire(Rebuild *rebuild, BlockNumber block)
{
	Buffer head = angle_read_head(rebuild->index, &rebuild->self->layout, block,
								  BUFFER_LOCK_EXCLUSIVE);
	GenericXLogState *state = GenericXLogStart(rebuild->index);

	angle_head_set_gone(GenericXLogRegisterBuffer(state, head, 0));
	GenericXLogFinish(state);
	UnlockReleaseBuffer(head);
	rebuild->stats->pages_newly_deleted++;
	rebuild->stats->pages_deleted++;
}

/* Marks leaves below a node, and the node. */
static void
retire_leaves(void *context, AngleSiblings *siblings)
{
	Rebuild *rebuild = context;

	for (int i = 0; i < siblings->count; i++)
		if (siblings->all[i].kind == ANGLE_NODE_LEAF)
			retire(rebuild, siblings->all[i].node.block);
	retire(rebuild, siblings->parent.block);
	ANGLE_VACUUM_DELAY_POINT();
}

static void
exchange(Rebuild *rebuild, double rows)
{
	angle_lock_rows_alone(rebuild->index);
	rebuild->hurry = true;
	(void) read_rows(rebuild, LATE_ROWS, insert_rows);
	angle_lock_tree(rebuild->index);
	replace_tree(rebuild, rows);
	angle_unlock_tree(rebuild->index);
	angle_unlock_rows_alone(rebuild->index);
	/* what a crash leaves unmarked is found as orphans are */
	angle_siblings_walk(rebuild->index, rebuild->self, rebuild->root,
						retire_leaves, rebuild);
}

void
angle_rebuild(Relation index, Relation heap, AngleIndex *self, double rows,
			  Size memory, IndexBulkDeleteResult *stats)
{
	const AngleMeta meta = angle_meta_read(index);
	Rebuild rebuild = {.index = index,
					   .heap = heap,
					   .self = self,
					   .memory = memory,
					   .stats = stats,
					   .draft = {.heap = heap, .tree = meta.tree + 1},
					   .leaf_room = 1024};

	if (meta.height == 0)
		return;
	rebuild.leaves = palloc(rebuild.leaf_room * sizeof(AngleNodePointer));
	rebuild.known.context = CurrentMemoryContext;
	rebuild.scratch = AllocSetContextCreate(
		CurrentMemoryContext, "angle late rows", ALLOCSET_DEFAULT_SIZES);
	angle_rng_seed(&rebuild.rng, 1);
	make_partitions(&rebuild, rows);
	make_batch(&rebuild);
	angle_entries_init(&rebuild.entries, index, self,
					   angle_entries_batch(&self->layout));
	rebuild.entries.first_only = true;
	rebuild.entries.known = &rebuild.known;
	rebuild.writer = angle_tree_writer_make(index, self, &rebuild.draft);
	build(&rebuild);
	rebuild.inserter = angle_inserter_make(index, self, &rebuild.draft);
	/* a check of the index, which has the tree for long, is waited for before insertions wait */
	angle_lock_moves_and_wait(index);
	catch_up(&rebuild);
	exchange(&rebuild, rows);
	angle_unlock_moves(index, true);
}
