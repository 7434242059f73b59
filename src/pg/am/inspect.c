/* angle_index_info() and angle_index_check(). */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "pg/am/am.h"
#include "pg/am/inspect.h"
#include "pg/am/lock.h"
#include "pg/am/node.h"
#include "pg/am/node_segment.h"
#include "pg/am/reach.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_index_info);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_index_check);

Relation
angle_inspect_open(Oid oid)
{
	Relation index = relation_open(oid, AccessShareLock);
	Oid table;

	if (index->rd_rel->relkind == RELKIND_PARTITIONED_INDEX)
		ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("\"%s\" is a partitioned index, which has no pages of its own",
					   RelationGetRelationName(index)),
				errhint("Name the indexes of its partitions: pg_partition_tree() lists "
						"them."));
	if (index->rd_rel->relkind != RELKIND_INDEX ||
		index->rd_indam->ambuild != angle_build)
		ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("\"%s\" is not an index of the access method angle",
					   RelationGetRelationName(index)));
	table = IndexGetRelation(oid, false);
	if (pg_class_aclcheck(table, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(table));
	return index;
}

/* ---- info ----------------------------------------------------------------- */

/* What is counted in head pages. */
typedef struct Counts
{
	int64 rows;
	int64 lists;
	int64 inner;
	int64 unused; /* segments without a node, or with one that went */
} Counts;

static Counts
count_segments(Relation index, const AngleLayout *layout)
{
	const BlockNumber count = angle_segment_count(index, layout);
	Counts counts = {0};

	for (BlockNumber i = 0; i < count; i++)
	{
		Buffer buffer = ReadBuffer(index, angle_segment_head(layout, i));
		Page page = BufferGetPage(buffer);

		CHECK_FOR_INTERRUPTS();
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (PageIsNew(page) || (angle_node(page)->flags & ANGLE_NODE_GONE))
			counts.unused++;
		else if (angle_node(page)->kind == ANGLE_NODE_INNER)
			counts.inner++;
		else
		{
			counts.lists++;
			counts.rows += angle_node(page)->count;
		}
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
	Relation index = angle_inspect_open(PG_GETARG_OID(0));
	AngleMeta meta = angle_meta_read(index);
	AngleIndex *self = angle_index_make(&meta);
	Counts counts = {0};
	TupleDesc columns;
	Datum values[10];
	bool nulls[10] = {0};

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (meta.dims > 0)
		counts = count_segments(index, &self->layout);
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
	const AngleLayout *layout;
	const AngleReach *reach;
	char *body;
	int64 rows;
} Check;

static void
damaged(const Check *check, BlockNumber block, int slot, const char *what)
{
	ereport(ERROR, errcode(ERRCODE_INDEX_CORRUPTED),
			errmsg("index \"%s\" is damaged at block %u, entry %d: %s",
				   RelationGetRelationName(check->index), block, slot, what),
			errhint("REINDEX it."));
}

static void
check_row(Check *check, BlockNumber block, Page page, int slot)
{
	const AngleLayout *layout = check->layout;
	AngleRerankFactors factors;

	if (!ItemPointerIsValid(angle_leaf_tids(layout, page) + slot))
		damaged(check, block, slot, "the row has no place in the table");
	if (isnan(((float *) ((char *) page + layout->add))[slot]) ||
		isnan(((float *) ((char *) page + layout->rescale))[slot]))
		damaged(check, block, slot, "the factors of the code are no numbers");
	angle_body_read(check->index, block, layout->row_size, slot, check->body);
	memcpy(&factors, check->body, sizeof(factors));
	if (isnan(factors.scale) || !(factors.norm >= 0) || !(factors.error >= 0))
		damaged(check, block, slot,
				"the factors of the re-rank code are no sizes");
	check->rows++;
}

static void
check_child(Check *check, BlockNumber block, Page page, int slot)
{
	const AngleLayout *layout = check->layout;
	const AngleBfloat *centroid = (const AngleBfloat *) check->body;

	if (angle_inner_kinds(layout, page)[slot] != ANGLE_NODE_LEAF &&
		angle_inner_kinds(layout, page)[slot] != ANGLE_NODE_INNER)
		damaged(check, block, slot, "the child's kind is unknown");
	angle_body_read(check->index, block, layout->centroid_size, slot,
					check->body);
	if (!angle_bfloat_finite(centroid, layout->dims))
		damaged(check, block, slot, "the centroid is not finite");
}

/* Checks the entries of a node that the tree leads to. */
static void
check_node(Check *check, BlockNumber block, Page page)
{
	const AngleNodeHeader *node = angle_node(page);
	const bool leaf = node->kind == ANGLE_NODE_LEAF;
	const int limit = leaf ? check->layout->capacity : check->layout->fanout;
	int count = 0;

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

static void
check_segment(Check *check, BlockNumber block)
{
	Buffer buffer = ReadBuffer(check->index, block);
	Page page = BufferGetPage(buffer);

	CHECK_FOR_INTERRUPTS();
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (!PageIsNew(page))
	{
		angle_head_check(check->index, check->layout, block, page);
		if (!(angle_node(page)->flags & ANGLE_NODE_GONE) &&
			!angle_reach_misses(check->reach, block))
			check_node(check, block, page);
	}
	UnlockReleaseBuffer(buffer);
	for (int i = 1; i < check->layout->pages; i++)
	{
		if (block + i >= RelationGetNumberOfBlocks(check->index))
			break;
		buffer = ReadBuffer(check->index, block + i);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (!PageIsNew(BufferGetPage(buffer)))
			angle_page_check(check->index, block + i, BufferGetPage(buffer),
							 ANGLE_PAGE_BODY);
		UnlockReleaseBuffer(buffer);
	}
}

/* Splits wait for the walk over the inner nodes; everything else goes on. */
Datum
angle_index_check(PG_FUNCTION_ARGS)
{
	Relation index = angle_inspect_open(PG_GETARG_OID(0));
	AngleIndex *self = angle_index_open(index);
	Check check = {.index = index, .layout = &self->layout};

	if (self->layout.dims > 0)
	{
		BlockNumber count;

		if (!RecoveryInProgress())
			angle_lock_tree(index);
		check.reach = angle_reach_find(index, &self->layout);
		count = angle_segment_count(index, &self->layout);
		if (!RecoveryInProgress())
			angle_unlock_tree(index);
		check.body =
			palloc(Max(self->layout.row_size, self->layout.centroid_size));
		for (BlockNumber i = 0; i < count; i++)
			check_segment(&check, angle_segment_head(&self->layout, i));
	}
	relation_close(index, AccessShareLock);
	PG_RETURN_INT64(check.rows);
}
