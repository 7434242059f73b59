/*
 * VACUUM: reads the head page of every segment and clears the live bits of dead
 * rows. Nothing else of a row is touched, and body pages are not read at all. Nodes of
 * which little is left are merged afterwards (merge.h).
 *
 * Segments follow one another in the file; entries that splits move while it
 * runs can only move to behind the end that it will read (lock.h).
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "commands/progress.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/indexfsm.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"

#include "pg/am/am.h"
#include "pg/am/calibrate.h"
#include "pg/am/lock.h"
#include "pg/am/merge.h"
#include "pg/am/node_segment.h"
#include "pg/am/reach.h"
#include "pg/pg_compat.h"

typedef struct Vacuum
{
	Relation index;
	Relation heap;
	const AngleLayout *layout;
	IndexBulkDeleteResult *stats;
	IndexBulkDeleteCallback callback; /* NULL: nothing is to be deleted */
	void *state;
	BufferAccessStrategy strategy;
	AngleReach *reach; /* nodes that the tree led to at the start */
	AngleTally tally;
} Vacuum;

/* Clears the live bits of dead rows of a leaf, whose head is locked. */
static void
clean_leaf(Vacuum *vacuum, Buffer head)
{
	const AngleLayout *layout = vacuum->layout;
	GenericXLogState *state = NULL;
	Page page = BufferGetPage(head);
	Page changed = NULL;

	for (int slot = 0; slot < layout->capacity; slot++)
	{
		if (!angle_slot_live(layout, page, slot) ||
			!vacuum->callback(angle_leaf_tids(layout, page) + slot,
							  vacuum->state))
			continue;
		if (state == NULL)
		{
			state = GenericXLogStart(vacuum->index);
			changed = GenericXLogRegisterBuffer(state, head, 0);
		}
		angle_slot_clear_live(layout, changed, slot);
		vacuum->stats->tuples_removed++;
	}
	if (state != NULL)
		GenericXLogFinish(state);
}

/* Makes a node that nothing leads to, the remains of a split that a crash has
 * cut short, one that went. */
static void
mark_orphan(Vacuum *vacuum, Buffer head)
{
	GenericXLogState *state = GenericXLogStart(vacuum->index);

	angle_head_set_gone(GenericXLogRegisterBuffer(state, head, 0));
	GenericXLogFinish(state);
}

static void
vacuum_segment(Vacuum *vacuum, BlockNumber block)
{
	Buffer head = ReadBufferExtended(vacuum->index, MAIN_FORKNUM, block,
									 RBM_NORMAL, vacuum->strategy);
	IndexBulkDeleteResult *stats = vacuum->stats;
	AngleNodeHeader *node;
	Page page;

	LockBuffer(head, BUFFER_LOCK_EXCLUSIVE);
	page = BufferGetPage(head);
	if (angle_segment_free(vacuum->heap, page))
	{
		stats->pages_free++;
		UnlockReleaseBuffer(head);
		RecordFreeIndexPage(vacuum->index, block);
		return;
	}
	angle_head_check(vacuum->index, vacuum->layout, block, page);
	node = angle_node(page);
	if (node->flags & ANGLE_NODE_GONE)
		stats->pages_deleted++;
	else if (angle_reach_misses(vacuum->reach, block))
	{
		mark_orphan(vacuum, head);
		stats->pages_newly_deleted++;
		stats->pages_deleted++;
	}
	else if (node->kind == ANGLE_NODE_LEAF)
	{
		if (vacuum->callback != NULL)
			clean_leaf(vacuum, head);
		angle_tally_note(&vacuum->tally, vacuum->layout, block, node->count);
		stats->num_index_tuples += angle_node(page)->count;
	}
	UnlockReleaseBuffer(head);
}

/* Reads all segments, also those that are added meanwhile. */
static void
vacuum_segments(Vacuum *vacuum)
{
	BlockNumber count, i = 0;

	while (i < (count = angle_segment_count(vacuum->index, vacuum->layout)))
	{
		pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_TOTAL, count);
		for (; i < count; i++)
		{
			ANGLE_VACUUM_DELAY_POINT();
			vacuum_segment(vacuum, angle_segment_head(vacuum->layout, i));
			pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_DONE, i + 1);
		}
	}
}

/* Whether the index has so many more rows than when the stop rule was last measured that
 * most of its leaves have come from splits. */
static bool
has_doubled(const AngleMeta *meta, double rows)
{
	return rows >= ANGLE_CALIBRATION_ROWS && rows > 2 * meta->rows;
}

/* One pass over the index. Nobody can write to a segment that is free while the
 * lock on moves is held, so what the tree does not lead to now is an orphan. */
static void
vacuum_pass(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
			IndexBulkDeleteCallback callback, void *state)
{
	const AngleMeta meta = angle_meta_read(info->index);
	AngleIndex *self = angle_index_make(&meta);
	Vacuum vacuum = {
		info->index, ANGLE_VACUUM_HEAP(info), &self->layout, stats, callback,
		state,		 info->strategy};

	stats->num_index_tuples = 0;
	stats->estimated_count = false;
	stats->pages_deleted = stats->pages_free = 0;
	if (self->layout.dims > 0)
	{
		angle_lock_moves_for_vacuum(info->index);
		angle_lock_tree(info->index);
		vacuum.reach = angle_reach_find(info->index, &self->layout);
		angle_unlock_tree(info->index);
		angle_tally_init(&vacuum.tally,
						 angle_segment_count(info->index, &self->layout));
		vacuum_segments(&vacuum);
		angle_unlock_moves_for_vacuum(info->index);
		/* for what is merged takes free segments */
		IndexFreeSpaceMapVacuum(info->index);
		vacuum.tally.pack = has_doubled(&meta, stats->num_index_tuples);
		angle_merge(info->index, vacuum.heap, self, &vacuum.tally, stats);
	}
	stats->num_pages = RelationGetNumberOfBlocks(info->index);
}

/* Runs a pass in memory of its own. */
static IndexBulkDeleteResult *
vacuum_index(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
			 IndexBulkDeleteCallback callback, void *state)
{
	MemoryContext scratch, old;

	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));
	scratch = AllocSetContextCreate(CurrentMemoryContext, "angle vacuum",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(scratch);
	vacuum_pass(info, stats, callback, state);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	return stats;
}

IndexBulkDeleteResult *
angle_bulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
				 IndexBulkDeleteCallback callback, void *state)
{
	return vacuum_index(info, stats, callback, state);
}

/* Whether the stop rule was measured on an index of another size. */
static bool
calibration_is_due(const AngleMeta *meta, double rows)
{
	if (meta->dims == 0 || rows < ANGLE_CALIBRATION_ROWS)
		return false;
	return !meta->calibrated || has_doubled(meta, rows) ||
		   rows < meta->rows / 2;
}

static void
store_calibration(Relation index, const AngleMeta *measured)
{
	Buffer buffer = ReadBuffer(index, ANGLE_META_BLOCK);
	GenericXLogState *state;
	AngleMeta *meta;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	state = GenericXLogStart(index);
	meta = angle_meta(GenericXLogRegisterBuffer(state, buffer, 0));
	memcpy(meta->enough, measured->enough, sizeof(meta->enough));
	memcpy(meta->read, measured->read, sizeof(meta->read));
	meta->calibrated = measured->calibrated;
	meta->rows = measured->rows;
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
}

/* Measures the stop rule anew where the index has grown or shrunk a lot. */
static void
calibrate(Relation index, double rows)
{
	AngleMeta meta = angle_meta_read(index);
	MemoryContext scratch, old;
	AngleIndex *self;

	if (!calibration_is_due(&meta, rows))
		return;
	scratch = AllocSetContextCreate(CurrentMemoryContext, "angle calibration",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(scratch);
	self = angle_index_make(&meta);
	angle_calibrate(index, self, &meta,
					angle_reservoir_pick(index, self, rows));
	meta.rows = rows;
	store_calibration(index, &meta);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

/* Where nothing was deleted, the pass only looks for free segments. */
IndexBulkDeleteResult *
angle_vacuumcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	if (info->analyze_only)
		return stats;
	if (stats == NULL)
		stats = vacuum_index(info, NULL, NULL, NULL);
	IndexFreeSpaceMapVacuum(info->index);
	calibrate(info->index, stats->num_index_tuples);
	return stats;
}
