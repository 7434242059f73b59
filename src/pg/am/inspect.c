/* angle_index_info() and angle_index_check(). */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "pg/am/am.h"
#include "pg/am/inspect.h"
#include "pg/am/store/bits.h"
#include "pg/am/store/body.h"
#include "pg/am/store/lock.h"
#include "pg/am/store/node.h"
#include "pg/am/store/node_segment.h"
#include "pg/am/store/reach.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_index_info);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_index_check);

Relation
angle_inspect_open(Oid oid, Relation *table)
{
	const Oid heap = IndexGetRelation(oid, true);
	Relation index;

	/* as all who lock both do */
	if (table != NULL)
		*table = OidIsValid(heap) ? table_open(heap, AccessShareLock) : NULL;
	index = relation_open(oid, AccessShareLock);
	if (index->rd_rel->relkind == RELKIND_PARTITIONED_INDEX)
		ereport(
			ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
			errmsg(
				"\"%s\" is a partitioned index, which has no pages of its own",
				RelationGetRelationName(index)),
			errhint(
				"Name the indexes of its partitions: pg_partition_tree() lists "
				"them."));
	if (index->rd_rel->relkind != RELKIND_INDEX ||
		index->rd_indam->ambuild != angle_build)
		ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("\"%s\" is not an index of the access method angle",
					   RelationGetRelationName(index)));
	if (pg_class_aclcheck(heap, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(heap));
	return index;
}

/* ---- info ----------------------------------------------------------------- */

/* What is counted. */
typedef struct Counts
{
	int64 rows;
	int64 lists;
	int64 inner;
	int64 unused; /* pages that are free, or of what went */
} Counts;

static void
count_page(Page page, uint32 tree, Counts *counts)
{
	const AnglePageRole role =
		PageIsNew(page) ? ANGLE_PAGE_FREE : angle_page_tail(page)->role;

	if (angle_page_is_bodies(page) && !angle_bodies_of(page, tree))
		counts->unused++;
	else if (role == ANGLE_PAGE_BODY)
		counts->rows += angle_bodies(page)->count;
	else if (role == ANGLE_PAGE_FREE || role == ANGLE_PAGE_FREE_RUN)
		counts->unused++;
	else if (role != ANGLE_PAGE_HEAD)
		return;
	else if (angle_node(page)->flags & ANGLE_NODE_GONE)
		counts->unused++;
	else if (angle_node(page)->kind == ANGLE_NODE_INNER)
		counts->inner++;
	else
		counts->lists++;
}

static Counts
count_pages(Relation index, uint32 tree)
{
	const BlockNumber count = RelationGetNumberOfBlocks(index);
	Counts counts = {0};

	for (BlockNumber block = ANGLE_META_BLOCK + 1; block < count; block++)
	{
		Buffer buffer = ReadBuffer(index, block);

		CHECK_FOR_INTERRUPTS();
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		count_page(BufferGetPage(buffer), tree, &counts);
		UnlockReleaseBuffer(buffer);
	}
	return counts;
}

static const char *
metric_name(AngleMetric metric)
{
	switch (metric)
	{
		case ANGLE_METRIC_COSINE:
			return "cosine";
		case ANGLE_METRIC_L2:
			return "l2";
		default:
			return "inner product";
	}
}

Datum
angle_index_info(PG_FUNCTION_ARGS)
{
	Relation index = angle_inspect_open(PG_GETARG_OID(0), NULL);
	AngleMeta meta = angle_meta_read(index);
	Counts counts = {0};
	TupleDesc columns;
	Datum values[10];
	bool nulls[10] = {0};

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (meta.dims > 0)
		counts = count_pages(index, meta.tree);
	values[0] = CStringGetTextDatum(metric_name(meta.metric));
	values[1] = Int32GetDatum(meta.dims);
	values[2] = Int32GetDatum(meta.bits);
	values[3] = Int64GetDatum(counts.rows);
	values[4] = Int64GetDatum(counts.lists);
	values[5] = Int64GetDatum(counts.inner);
	values[6] = Int64GetDatum(counts.unused);
	values[7] = Int32GetDatum(meta.capacity);
	values[8] =
		Int64GetDatum((int64) RelationGetNumberOfBlocks(index) * BLCKSZ);
	values[9] = BoolGetDatum(meta.calibrated);
	nulls[1] = nulls[7] = meta.dims == 0;
	relation_close(index, AccessShareLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(columns, values, nulls)));
}

/* ---- check ---------------------------------------------------------------- */

typedef struct Check
{
	Relation index;
	Relation heap;
	IndexFetchTableData *fetch; /* of the table */
	TupleTableSlot *slot;
	const AngleLayout *layout;
	const AngleReach *reach;
	uint32 tree; /* whose bodies are looked at */
	BlockNumber blocks;
	AnglePageReader reader;
	/* bodies by their numbers */
	AngleBits there;  /* before any entry was looked at */
	AngleBits first;  /* those to which a first entry leads, … */
	AngleBits second; /* … and a second one */
	int64 rows;
} Check;

static void
damaged(const Check *check, BlockNumber block, int slot, const char *what)
{
	angle_entry_damaged(check->index, block, slot, what);
}

/* The number of the body that may lie there. */
static uint64
number_at(const Check *check, BlockNumber block, int slot)
{
	AngleBodyPointer body;

	BlockIdSet(&body.block, block);
	body.slot = slot;
	return angle_body_number(check->layout, body);
}

/* Checks the body of the row that an entry leads to, and that no other does. */
static void
check_body(Check *check, BlockNumber block, int slot, AngleLeafEntry *entry)
{
	const BlockNumber at = angle_body_block(entry->body);
	const uint64 number = angle_body_number(check->layout, entry->body);
	AngleBits *met = angle_entry_second(entry) ? &check->second : &check->first;
	AngleRerankFactors factors;
	const char *body = NULL;

	if (at < RelationGetNumberOfBlocks(check->index))
		body = angle_body_get(&check->reader, check->layout, entry->body,
							  &entry->tid);
	if (body == NULL)
		damaged(check, block, slot, "where its body should be is another");
	memcpy(&factors, body, sizeof(factors));
	if (isnan(factors.scale) || !(factors.norm >= 0) || !(factors.error >= 0))
		damaged(check, block, slot,
				"the factors of the re-rank code are no sizes");
	angle_reader_done(&check->reader);
	if (at >= check->blocks)
		return;
	if (angle_bits_has(met, number))
		damaged(check, block, slot, "another entry has the same body");
	angle_bits_add(met, number);
}

static void
check_row(Check *check, BlockNumber block, Page page, int slot)
{
	const AngleLayout *layout = check->layout;
	AngleLeafEntry *entry = angle_leaf_entries(layout, page) + slot;

	if (!ItemPointerIsValid(&entry->tid))
		damaged(check, block, slot, "the row has no place in the table");
	if (isnan(((float *) ((char *) page + layout->add))[slot]) ||
		isnan(((float *) ((char *) page + layout->rescale))[slot]))
		damaged(check, block, slot, "the factors of the code are no numbers");
	check_body(check, block, slot, entry);
	if (!angle_entry_second(entry))
		check->rows++;
}

static void
check_child(Check *check, BlockNumber block, Page page, int slot)
{
	const AngleLayout *layout = check->layout;

	if (angle_inner_kinds(layout, page)[slot] != ANGLE_NODE_LEAF &&
		angle_inner_kinds(layout, page)[slot] != ANGLE_NODE_INNER)
		damaged(check, block, slot, "the child's kind is unknown");
	if (!angle_bfloat_finite(
			angle_centroid_get(&check->reader, layout, block, slot),
			layout->dims))
		damaged(check, block, slot, "the centroid is not finite");
	angle_reader_done(&check->reader);
}

/* Checks the entries of a node that the tree leads to. */
static void
check_node(Check *check, BlockNumber block, Page page)
{
	const AngleNodeHeader *node = angle_node(page);
	const bool leaf = node->kind == ANGLE_NODE_LEAF;
	const int limit = leaf ? check->layout->capacity : check->layout->fanout;
	int count = 0;

	angle_head_check(check->index, check->layout, block, page);
	for (int slot = 0; slot < limit; slot++)
	{
		if (!angle_slot_live(check->layout, page, slot))
			continue;
		count++;
		if (leaf)
			check_row(check, block, page, slot);
		else
			check_child(check, block, page, slot);
	}
	if (count != node->count)
		damaged(check, block, count, "another number of entries is recorded");
}

/* Notes which bodies there are. */
static void
note_bodies(Check *check, BlockNumber block, Page page)
{
	const AngleLayout *layout = check->layout;
	int count = 0;

	for (int slot = 0; slot < layout->body_slots; slot++)
		if (angle_body_live(layout, page, slot))
		{
			count++;
			angle_bits_add(&check->there, number_at(check, block, slot));
		}
	if (count != angle_bodies(page)->count)
		damaged(check, block, count, "another number of bodies is recorded");
}

/* Whether the table has a row there that can be seen. */
static bool
row_is_there(Check *check, ItemPointerData tid)
{
	bool again = false;
	bool there = table_index_fetch_tuple(
		check->fetch, &tid, GetActiveSnapshot(), check->slot, &again, NULL);

	ExecClearTuple(check->slot);
	return there;
}

/* Checks that an entry leads to each body that was there before, but to those of dead
 * rows: VACUUM may have been cut short. */
static void
check_bodies(Check *check, BlockNumber block, Page page)
{
	for (int slot = 0; slot < check->layout->body_slots; slot++)
	{
		const uint64 number = number_at(check, block, slot);

		if (angle_bits_has(&check->there, number) &&
			!angle_bits_has(&check->first, number) &&
			row_is_there(check, angle_body_tid(check->layout, page, slot)))
			damaged(check, block, slot, "no first entry leads to the body");
	}
}

/* Whether a page, a head or one of bodies, is of the tree that there is now. */
static bool
is_of_tree(const Check *check, BlockNumber block, Page page)
{
	if (angle_page_is_bodies(page))
		return angle_bodies_of(page, check->tree);
	return !angle_reach_misses(check->reach, block);
}

/* Looks at copies of all pages of the tree that are of this role: to keep one locked while another
 * is looked at might keep them from who locks both in another order, such as a standby's
 * replay. */
static void
check_pages(Check *check, AnglePageRole role,
			void (*look)(Check *check, BlockNumber block, Page page))
{
	PGAlignedBlock copy;
	const Page page = (Page) copy.data;

	for (BlockNumber block = ANGLE_META_BLOCK + 1; block < check->blocks;
		 block++)
	{
		Buffer buffer = ReadBuffer(check->index, block);

		CHECK_FOR_INTERRUPTS();
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		memcpy(copy.data, BufferGetPage(buffer), BLCKSZ);
		UnlockReleaseBuffer(buffer);
		if (PageIsNew(page))
			continue;
		angle_page_check(check->index, block, page,
						 angle_page_tail(page)->role);
		if (angle_page_tail(page)->role == role &&
			is_of_tree(check, block, page))
			look(check, block, page);
	}
}

/* Bodies, then entries, then bodies again: those that came in between have entries that
 * were not seen. */
static void
check_all(Check *check)
{
	check->blocks = RelationGetNumberOfBlocks(check->index);
	check->reach = angle_reach_find(check->index, check->layout, true);
	check->tree = angle_meta_read(check->index).tree;
	check->reader.index = check->index;
	check_pages(check, ANGLE_PAGE_BODY, note_bodies);
	check_pages(check, ANGLE_PAGE_HEAD, check_node);
	check->fetch = table_index_fetch_begin(check->heap);
	check->slot = table_slot_create(check->heap, NULL);
	check_pages(check, ANGLE_PAGE_BODY, check_bodies);
	ExecDropSingleTupleTableSlot(check->slot);
	table_index_fetch_end(check->fetch);
}

/* Keeps others from changing the tree; false on a standby, where that has to be paused: no lock
 * keeps what is replayed from between. */
static bool
lock_or_refuse(Relation index)
{
	if (!RecoveryInProgress())
	{
		angle_lock_moves_alone(index);
		angle_lock_tree(index);
		return true;
	}
	if (GetRecoveryPauseState() != RECOVERY_PAUSED)
		ereport(
			ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("index \"%s\" cannot be checked while a standby "
				   "replays changes",
				   RelationGetRelationName(index)),
			errhint("Call pg_wal_replay_pause(), wait until "
					"pg_get_wal_replay_pause_state() is \"paused\", and call "
					"pg_wal_replay_resume() afterwards."));
	return false;
}

/* Splits and VACUUM wait; everything else goes on. */
Datum
angle_index_check(PG_FUNCTION_ARGS)
{
	Check check = {0};
	AngleIndex *self;

	check.index = angle_inspect_open(PG_GETARG_OID(0), &check.heap);
	self = angle_index_open(check.index);
	check.layout = &self->layout;
	if (self->layout.dims > 0)
	{
		const bool locked = lock_or_refuse(check.index);

		check_all(&check);
		if (locked)
		{
			angle_unlock_tree(check.index);
			angle_unlock_moves_alone(check.index);
		}
	}
	relation_close(check.index, AccessShareLock);
	table_close(check.heap, AccessShareLock);
	PG_RETURN_INT64(check.rows);
}
