/*
 * VACUUM: reads every page and clears the live bits of dead rows. Nothing else of a row
 * is touched. Entries first, in one pass over all pages, then the bodies that they led to:
 * so no entry ever leads to a place that another row can have. Nodes of which little is
 * left are merged afterwards (tree/merge.h), rows without second entries get them
 * (tree/pair.h), and a tree that has grown a lot is built anew (build/rebuild.h).
 *
 * Pages follow one another in the file; entries that splits move while it
 * runs can only move to behind the end that it will read (store/lock.h).
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
#include "pg/am/build/rebuild.h"
#include "pg/am/scan/calibrate.h"
#include "pg/am/store/bits.h"
#include "pg/am/store/body.h"
#include "pg/am/store/lock.h"
#include "pg/am/store/node_segment.h"
#include "pg/am/store/reach.h"
#include "pg/am/tree/merge.h"
#include "pg/am/tree/pair.h"
#include "pg/pg_compat.h"
#include "pg/settings.h"

typedef struct Vacuum
{
	Relation index;
	Relation heap;
	const AngleLayout *layout;
	IndexBulkDeleteResult *stats;
	IndexBulkDeleteCallback callback; /* NULL: nothing is to be deleted */
	void *state;
	BufferAccessStrategy strategy;
	AngleReach *reach;	 /* nodes that the tree led to at the start */
	uint32 tree;		 /* its number */
	uint64 replaced_xid; /* of the one before */
	AngleTally tally;
	double seconds; /* second entries of rows */
	double room;	/* free slots of leaves */
	AngleBits dead; /* pages that have bodies of dead rows */
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
			!vacuum->callback(&angle_leaf_entries(layout, page)[slot].tid,
							  vacuum->state))
			continue;
		if (state == NULL)
		{
			state = GenericXLogStart(vacuum->index);
			changed = GenericXLogRegisterBuffer(state, head, 0);
		}
		angle_slot_clear_live(layout, changed, slot);
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

/* A head page, locked. */
static void
vacuum_head(Vacuum *vacuum, Buffer head)
{
	const BlockNumber block = BufferGetBlockNumber(head);
	IndexBulkDeleteResult *stats = vacuum->stats;
	AngleNodeHeader *node = angle_node(BufferGetPage(head));

	angle_head_check(vacuum->index, vacuum->layout, block, BufferGetPage(head));
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
		vacuum->seconds +=
			angle_leaf_seconds(vacuum->layout, BufferGetPage(head));
		vacuum->room += vacuum->layout->capacity - node->count;
	}
}

/* The inner node that a page belongs to, if it is one of centroids; it is not locked. */
static BlockNumber
owner_of(Buffer buffer)
{
	const Page page = BufferGetPage(buffer);
	BlockNumber owner = InvalidBlockNumber;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (!PageIsNew(page) && angle_page_tail(page)->role == ANGLE_PAGE_CENTROIDS)
		owner = ((AngleCentroidsHeader *) PageGetContents(page))->head;
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	return owner;
}

/* Whether pages of centroids may belong to this one. */
static bool
is_inner_head(Page page)
{
	const AnglePageRole role = angle_page_tail(page)->role;

	return role == ANGLE_PAGE_FREE_RUN ||
		   (role == ANGLE_PAGE_HEAD &&
			angle_node(page)->kind == ANGLE_NODE_INNER);
}

/* Whether a page that the tree does not lead to is one of centroids that has lost its head, which
 * is set free before. It is not locked. */
static bool
is_stray(Vacuum *vacuum, Buffer buffer)
{
	AnglePageReader reader = {.index = vacuum->index};
	const BlockNumber block = BufferGetBlockNumber(buffer);
	const BlockNumber owner = owner_of(buffer);
	bool stray = true;
	Page page;

	if (owner == InvalidBlockNumber)
		return false;
	if (owner < block && block - owner < vacuum->layout->pages)
	{
		page = (Page) angle_reader_page(&reader, owner);
		stray = PageIsNew(page) || !is_inner_head(page);
		angle_reader_done(&reader);
	}
	return stray;
}

/* Whether there are bodies of dead rows on a page of bodies; counts the others. */
static bool
look_at_bodies(Vacuum *vacuum, Page page)
{
	const AngleLayout *layout = vacuum->layout;
	int dead = 0;

	for (int slot = 0; slot < layout->body_slots && vacuum->callback != NULL;
		 slot++)
	{
		ItemPointerData tid = angle_body_tid(layout, page, slot);

		dead += angle_body_live(layout, page, slot) &&
				vacuum->callback(&tid, vacuum->state);
	}
	vacuum->stats->num_index_tuples += angle_bodies(page)->count - dead;
	return dead > 0;
}

static void
record_free(Vacuum *vacuum, BlockNumber block)
{
	vacuum->stats->pages_free++;
	RecordFreeIndexPage(vacuum->index, block);
}

/* Makes a page of bodies that has none, and is locked, free for anything. */
static bool
set_free_if_empty(Vacuum *vacuum, Buffer buffer)
{
	if (angle_bodies(BufferGetPage(buffer))->count > 0 ||
		vacuum->layout->body_pages > 1)
		return false;
	angle_page_set_free(vacuum->index, buffer);
	record_free(vacuum, BufferGetBlockNumber(buffer));
	return true;
}

/* Makes a page of bodies of another tree, which is locked, free, if no scan can look for one there: of
 * one that went before every snapshot, or of one that was not completed. */
static void
vacuum_foreign_bodies(Vacuum *vacuum, Buffer buffer)
{
	const uint32 tree = angle_bodies(BufferGetPage(buffer))->tree;

	if (tree < vacuum->tree &&
		!GlobalVisCheckRemovableFullXid(
			vacuum->heap, FullTransactionIdFromU64(vacuum->replaced_xid)))
		return;
	angle_page_set_free(vacuum->index, buffer);
	record_free(vacuum, BufferGetBlockNumber(buffer));
}

/* A page of bodies, locked. */
static void
vacuum_bodies(Vacuum *vacuum, Buffer buffer)
{
	const BlockNumber block = BufferGetBlockNumber(buffer);
	Page page = BufferGetPage(buffer);

	if (look_at_bodies(vacuum, page))
		angle_bits_add(&vacuum->dead, block);
	else if (!set_free_if_empty(vacuum, buffer))
		angle_body_record(vacuum->index, block,
						  angle_bodies(page)->count <
							  vacuum->layout->body_slots);
}

/* What is free comes first, for there a node that went may be; then what should be; then what of
 * another tree is; the rest is of the tree. */
static void
vacuum_page(Vacuum *vacuum, BlockNumber block)
{
	const bool missed = angle_reach_misses(vacuum->reach, block);
	Buffer buffer = ReadBufferExtended(vacuum->index, MAIN_FORKNUM, block,
									   RBM_NORMAL, vacuum->strategy);
	const bool stray = missed && is_stray(vacuum, buffer);
	Page page = BufferGetPage(buffer);
	AnglePageRole role;
	bool run = false;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	role = PageIsNew(page) ? ANGLE_PAGE_FREE : angle_page_tail(page)->role;
	if (angle_segment_is_free(vacuum->heap, page))
		record_free(vacuum, block);
	else if (stray || (missed && role == ANGLE_PAGE_TAKEN))
	{
		angle_page_set_free(vacuum->index, buffer);
		record_free(vacuum, block);
	}
	else if (role == ANGLE_PAGE_HEAD &&
			 angle_head_removable(vacuum->heap, page))
		run = true;
	else if (role == ANGLE_PAGE_HEAD)
		vacuum_head(vacuum, buffer);
	else if (angle_page_is_bodies(page) && !angle_bodies_of(page, vacuum->tree))
		vacuum_foreign_bodies(vacuum, buffer);
	else if (role == ANGLE_PAGE_BODY)
		vacuum_bodies(vacuum, buffer);
	UnlockReleaseBuffer(buffer);
	/* that takes the lock on the tree: not with a page locked */
	if (run)
		angle_run_set_free(vacuum->index, vacuum->heap, block);
	if (run || role == ANGLE_PAGE_FREE_RUN)
		vacuum->stats->pages_free++;
}

/* Reads all pages, also those that are added meanwhile. */
static void
vacuum_pages(Vacuum *vacuum)
{
	BlockNumber count, block = ANGLE_META_BLOCK + 1;

	while (block < (count = RelationGetNumberOfBlocks(vacuum->index)))
	{
		pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_TOTAL, count);
		for (; block < count; block++)
		{
			ANGLE_VACUUM_DELAY_POINT();
			vacuum_page(vacuum, block);
			pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_DONE, block + 1);
		}
	}
}

/* Frees the bodies of dead rows of a page. No entry leads to them any more. */
static void
clean_bodies(Vacuum *vacuum, BlockNumber block)
{
	const AngleLayout *layout = vacuum->layout;
	Buffer buffer = ReadBufferExtended(vacuum->index, MAIN_FORKNUM, block,
									   RBM_NORMAL, vacuum->strategy);
	GenericXLogState *state;
	Page page;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	state = GenericXLogStart(vacuum->index);
	page = GenericXLogRegisterBuffer(state, buffer, 0);
	for (int slot = 0; slot < layout->body_slots; slot++)
	{
		ItemPointerData tid = angle_body_tid(layout, page, slot);

		if (!angle_body_live(layout, page, slot) ||
			!vacuum->callback(&tid, vacuum->state))
			continue;
		angle_body_clear(layout, page, slot);
		vacuum->stats->tuples_removed++;
	}
	GenericXLogFinish(state);
	if (!set_free_if_empty(vacuum, buffer))
		angle_body_record(vacuum->index, block, true);
	UnlockReleaseBuffer(buffer);
}

static void
clean_all_bodies(Vacuum *vacuum)
{
	const BlockNumber count = RelationGetNumberOfBlocks(vacuum->index);

	for (BlockNumber block = 0; block < count; block++)
	{
		if (!angle_bits_has(&vacuum->dead, block))
			continue;
		ANGLE_VACUUM_DELAY_POINT();
		clean_bodies(vacuum, block);
	}
}

/* Of the rows so many, at least, lack a second entry which there is room for. */
#define LACKING 0.1

/* Of the rows so many, at most, have come since second entries were last chosen. */
#define UNPAIRED 0.3

/* Of the rows that there were when second entries were last chosen, those that are left. */
static double
paired_left(const Vacuum *vacuum, double removed)
{
	const double rows = vacuum->stats->num_index_tuples;

	return angle_meta_read(vacuum->index).paired * rows /
		   Max(1, rows + removed);
}

/* Whether insertions have left rows without second entries, or in a leaf that is not the
 * best. */
static bool
wants_pairing(const Vacuum *vacuum, double paired)
{
	const double rows = vacuum->stats->num_index_tuples;
	const double lacking = Min(rows - vacuum->seconds, vacuum->room);

	return lacking > LACKING * rows ||
		   (rows >= ANGLE_CALIBRATION_ROWS && paired < (1 - UNPAIRED) * rows);
}

static void
store_paired(Relation index, double rows)
{
	Buffer buffer = ReadBuffer(index, ANGLE_META_BLOCK);
	GenericXLogState *state;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	state = GenericXLogStart(index);
	angle_meta(GenericXLogRegisterBuffer(state, buffer, 0))->paired = rows;
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
}

/* Chooses second entries anew, if need be. So many rows were removed before. */
static void
pair(const Vacuum *vacuum, const AngleIndex *self, double removed, bool wait)
{
	const double rows = vacuum->stats->num_index_tuples;
	const double left = paired_left(vacuum, removed);
	const bool now = !wait && wants_pairing(vacuum, left);

	if (now)
		angle_pair(vacuum->index, self, angle_maintenance_memory());
	if (now || removed > 0)
		store_paired(vacuum->index, now ? rows : left);
}

/* So many times the rows that there were when the stop rule was last measured. */
#define GROWN 1.5

/* Whether many leaves have come from splits since then. */
static bool
has_grown(const AngleMeta *meta, double rows)
{
	return rows >= ANGLE_CALIBRATION_ROWS && rows > GROWN * meta->rows;
}

/* One pass over the index. Nobody can make a node of a page that is free while the
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
	const double removed = stats->tuples_removed;

	stats->num_index_tuples = 0;
	stats->estimated_count = false;
	stats->pages_deleted = stats->pages_free = 0;
	if (self->layout.dims > 0)
	{
		angle_lock_moves_alone(info->index);
		angle_lock_tree(info->index);
		vacuum.reach = angle_reach_find(info->index, &self->layout, false);
		vacuum.tree = meta.tree;
		vacuum.replaced_xid = meta.replaced_xid;
		angle_unlock_tree(info->index);
		angle_tally_init(&vacuum.tally, RelationGetNumberOfBlocks(info->index));
		vacuum_pages(&vacuum);
		clean_all_bodies(&vacuum);
		angle_unlock_moves_alone(info->index);
		/* for what is merged takes free segments */
		IndexFreeSpaceMapVacuum(info->index);
		angle_merge(info->index, vacuum.heap, self, &vacuum.tally, stats);
		pair(&vacuum, self, stats->tuples_removed - removed,
			 has_grown(&meta, stats->num_index_tuples));
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
	return !meta->calibrated || has_grown(meta, rows) || rows < meta->rows / 2;
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

/* Makes an index that has grown a lot like one that was built. */
static void
rebuild(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	const AngleMeta meta = angle_meta_read(info->index);
	MemoryContext scratch, old;
	AngleIndex *self;

	if (!has_grown(&meta, stats->num_index_tuples))
		return;
	scratch = AllocSetContextCreate(CurrentMemoryContext, "angle growth",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(scratch);
	self = angle_index_make(&meta);
	angle_rebuild(info->index, ANGLE_VACUUM_HEAP(info), self,
				  stats->num_index_tuples, angle_maintenance_memory(), stats);
	stats->num_pages = RelationGetNumberOfBlocks(info->index);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

/* Where nothing was deleted, the pass still finds what is free or should be, and does what is done
 * behind it. */
IndexBulkDeleteResult *
angle_vacuumcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	if (info->analyze_only)
		return stats;
	if (stats == NULL)
		stats = vacuum_index(info, NULL, NULL, NULL);
	IndexFreeSpaceMapVacuum(info->index);
	rebuild(info, stats);
	calibrate(info->index, stats->num_index_tuples);
	return stats;
}
