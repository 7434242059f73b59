/*
 * Scans give rows in the order of an operator, for as long as somebody asks.
 *
 * Two queues hold what has been seen and not been dealt with: nodes, and rows.
 * Nodes are next, the nearest first, until enough rows were seen (stop.h). A node's
 * entries go into the queues; a row that is known by its 1-bit code is looked up in
 * the body pages and goes back with a better key; a row that has that is given out.
 *
 * Of a leaf only the nearest rows are queued, and one item for the rest: when
 * its turn comes, the leaf is read again from there. So the queues are small, and
 * memory is bounded by the number of leaves that were seen.
 *
 * What a stop rule lets come late would break the order. So rows are given out in
 * batches, each of them sorted, and one that belongs into a batch before is put
 * off until all others were given out: a query with LIMIT gets its rows in order,
 * one that reads everything misses none.
 *
 * A node that went since the scan has read its parent still has all the rows
 * that the scan's snapshot can see. One whose segment was used again (on a
 * standby, where VACUUM on the primary does not wait for scans) is skipped.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "core/ann/heap.h"
#include "pg/am/am.h"
#include "pg/am/keys.h"
#include "pg/am/node.h"
#include "pg/am/node_segment.h"
#include "pg/am/scan_query.h"
#include "pg/am/stop.h"
#include "pg/settings.h"

/* Rows of a leaf that are queued at a time. */
#define ROWS_AT_A_TIME 16

/* Rows are queued that are among so many nearest of those seen. Some 100 are looked
 * up for ten; a row that was left out and is due all the same costs a second look
 * at its leaf. */
#define ROWS_IN_VIEW 256

/* The first batch, and the largest: each is twice as large as the one before. */
#define BATCH_FIRST 10
#define BATCH_MOST 640

typedef enum ItemKind
{
	ITEM_NODE, /* not read yet */
	ITEM_REST, /* a leaf, whose rows from slot and the item's key on are left */
	ITEM_ROW,  /* known by its code */
	ITEM_READY /* known by its body */
} ItemKind;

typedef struct Visit
{
	AngleNodePointer node;
	AngleProbe probe; /* of nodes */
	ItemPointerData tid;
	uint16 slot;
	ItemKind kind;
} Visit;

/* The items of both queues; free ones are chained by node.block. */
typedef struct Pool
{
	Visit *items;
	uint32 count;
	uint32 capacity;
	uint32 free; /* UINT32_MAX: none */
} Pool;

typedef struct AngleScan
{
	MemoryContext memory; /* of one run; reset by rescan */
	AngleIndex *self;
	AngleQuery *query;
	AngleFilter *filter;
	bool started;
	AngleQueue nodes;
	AngleQueue rows;
	AngleQueue batch; /* rows that are given out next */
	AngleQueue late;  /* rows that come last */
	size_t batch_size;
	double given; /* the key of the last row that was given out */
	Pool pool;
	int probes; /* leaves to be read before the first row; 0: by the stop rule */
	int leaves;			/* that were read */
	double seen;		/* rows of them that pass the conditions */
	double due;			/* rows to be seen before the next batch */
	double enough;		/* rows to be seen before the first one */
	double asked;		/* rows of this and all batches before */
	BlockNumber visits; /* nodes that were read */
	bool exact;			/* read all */
	float *centroid;	/* (dims) */
	AngleBodyReader reader;
	AngleCandidate *nearest; /* (capacity + 1) */
	AngleTop view;			 /* keys of the nearest rows that were seen */
	PGAlignedBlock copy;	 /* of a leaf's head page, for filters */
	Oid type;				 /* of the ordering operator's result */
} AngleScan;

IndexScanDesc
angle_beginscan(Relation index, int keys, int orders)
{
	IndexScanDesc scan = RelationGetIndexScan(index, keys, orders);
	AngleScan *self = palloc0(sizeof(AngleScan));

	self->memory = AllocSetContextCreate(CurrentMemoryContext, "angle scan",
										 ALLOCSET_DEFAULT_SIZES);
	self->type = FLOAT8OID;
	if (orders > 0)
	{
		scan->xs_orderbyvals = palloc0(sizeof(Datum) * orders);
		scan->xs_orderbynulls = palloc(sizeof(bool) * orders);
	}
	scan->opaque = self;
	return scan;
}

void
angle_rescan(IndexScanDesc scan, ScanKey keys, int n_keys, ScanKey orders,
			 int n_orders)
{
	AngleScan *self = scan->opaque;

	if (keys != NULL && scan->numberOfKeys > 0)
		memmove(scan->keyData, keys, scan->numberOfKeys * sizeof(ScanKeyData));
	if (orders != NULL && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, orders,
				scan->numberOfOrderBys * sizeof(ScanKeyData));
	self->started = false;
}

void
angle_endscan(IndexScanDesc scan)
{
	AngleScan *self = scan->opaque;

	MemoryContextDelete(self->memory);
	pfree(self);
}

/* ---- queues --------------------------------------------------------------- */

static void
queue_push(AngleScan *self, AngleQueue *queue, double key, const Visit *item)
{
	Pool *pool = &self->pool;
	uint32 id = pool->free;

	if (id != UINT32_MAX)
		pool->free = pool->items[id].node.block;
	else
	{
		if (pool->count == pool->capacity)
		{
			pool->capacity *= 2;
			pool->items =
				repalloc_huge(pool->items, pool->capacity * sizeof(Visit));
		}
		id = pool->count++;
	}
	pool->items[id] = *item;
	if (angle_queue_push(queue, key, id))
		return;
	queue->items = repalloc_huge(queue->items,
								 queue->capacity * 2 * sizeof(AngleCandidate));
	queue->capacity *= 2;
	(void) angle_queue_push(queue, key, id);
}

static Visit
queue_pop(AngleScan *self, AngleQueue *queue, double *key)
{
	AngleCandidate first = angle_queue_pop(queue);
	Visit item = self->pool.items[first.id];

	*key = first.key;
	self->pool.items[first.id].node.block = self->pool.free;
	self->pool.free = (uint32) first.id;
	return item;
}

static void
queues_init(AngleScan *self)
{
	const size_t start = 256;

	AngleQueue *queues[] = {&self->nodes, &self->rows, &self->batch,
							&self->late};

	for (int i = 0; i < lengthof(queues); i++)
		angle_queue_init(queues[i], palloc(start * sizeof(AngleCandidate)),
						 start);
	self->pool = (Pool){palloc(start * sizeof(Visit)), 0, start, UINT32_MAX};
}

/* ---- nodes ---------------------------------------------------------------- */

/* Queues the children of an inner node, whose head page is locked. */
static void
expand_inner(AngleScan *self, Buffer head)
{
	const AngleLayout *layout = &self->self->layout;
	const Page page = BufferGetPage(head);

	for (int slot = 0; slot < layout->fanout; slot++)
	{
		Visit item = {.kind = ITEM_NODE};
		double key = 0;

		if (!angle_slot_live(layout, page, slot))
			continue;
		item.node = angle_inner_pointers(layout, page)[slot];
		if (self->query->ordered)
		{
			angle_bfloat_decode(angle_body_get(&self->reader,
											   BufferGetBlockNumber(head),
											   layout->centroid_size, slot),
								self->centroid, layout->dims);
			key = angle_query_node(self->query, self->centroid, &item.probe);
		}
		queue_push(self, &self->nodes, isnan(key) ? -INFINITY : key, &item);
	}
	angle_body_done(&self->reader);
}

/* The key of a row by its body. The body's page stays locked for the next row,
 * but not while conditions are tested. */
static double
rank_body(AngleScan *self, BlockNumber block, int slot)
{
	double key = angle_query_row(
		self->query, angle_body_get(&self->reader, block,
									self->self->layout.row_size, slot));

	if (!angle_filter_empty(self->filter))
		angle_body_done(&self->reader);
	return key;
}

/* Fills keys (capacity) for the rows of a leaf that are live and pass, the rest
 * with NaN. */
static void
rank_rows(AngleScan *self, BlockNumber block, Page head, AngleProbe probe,
		  double *keys)
{
	const AngleLayout *layout = &self->self->layout;

	for (int slot = 0; slot < layout->capacity; slot++)
	{
		if (slot % ANGLE_BLOCK == 0 && self->query->ordered && !self->exact)
			angle_query_block(self->query, head, slot / ANGLE_BLOCK, probe,
							  keys + slot);
		if (!angle_slot_live(layout, head, slot) ||
			!angle_filter_pass(self->filter, layout, head, slot))
			keys[slot] = NAN;
		else if (!self->query->ordered)
			keys[slot] = 0;
		else if (self->exact)
			keys[slot] = rank_body(self, block, slot);
	}
	angle_body_done(&self->reader);
}

/* Where all of the index is read, rows are queued as long as work_mem lasts: it
 * costs less than to read leaves again. */
static size_t
rows_at_a_time(const AngleScan *self)
{
	const Size each = sizeof(Visit) + sizeof(AngleCandidate);

	if (self->exact && self->pool.count * each < (Size) work_mem * 1024)
		return self->self->layout.capacity;
	return ROWS_AT_A_TIME;
}

/* Queues the nearest rows of those from (floor, first) on, and an item for what
 * is left of them. */
static void
queue_rows(AngleScan *self, const Visit *leaf, Page head, const double *keys,
		   double floor)
{
	const AngleLayout *layout = &self->self->layout;
	const ItemKind kind =
		self->query->ordered && !self->exact ? ITEM_ROW : ITEM_READY;
	const double limit = leaf->kind == ITEM_NODE && kind == ITEM_ROW
							 ? angle_top_limit(&self->view)
							 : INFINITY;
	AngleCandidate rest = {INFINITY, 0}; /* the first one behind the limit */
	AngleTop top;
	Visit item = *leaf;
	const size_t most = rows_at_a_time(self);

	angle_top_init(&top, self->nearest, most + 1);
	for (int slot = 0; slot < layout->capacity; slot++)
		if (keys[slot] > floor ||
			(keys[slot] == floor &&
			 (leaf->kind == ITEM_NODE || slot >= leaf->slot)))
		{
			if (keys[slot] <= limit)
				(void) angle_top_offer(&top, keys[slot], slot);
			else if (keys[slot] < rest.key)
				rest = (AngleCandidate){keys[slot], slot};
		}
	angle_top_sort(&top);
	if (top.count <= most && rest.key < INFINITY)
		top.items[top.count++] = rest;
	for (size_t i = 0; i < top.count; i++)
	{
		item.slot = self->nearest[i].id;
		item.tid = angle_leaf_tids(layout, head)[item.slot];
		item.kind =
			i == most || self->nearest[i].key > limit ? ITEM_REST : kind;
		(void) angle_top_offer(&self->view, self->nearest[i].key, 0);
		queue_push(self, &self->rows, self->nearest[i].key, &item);
	}
}

/* Reads a leaf; its head page is locked, and unlocked here. */
static void
expand_leaf(AngleScan *self, const Visit *item, double floor, Buffer head)
{
	Page page = BufferGetPage(head);
	double keys[1024 + ANGLE_BLOCK];

	if (!angle_filter_empty(self->filter) || self->exact)
	{
		/* conditions are functions: not with a page locked */
		memcpy(self->copy.data, page, BLCKSZ);
		LockBuffer(head, BUFFER_LOCK_UNLOCK);
		page = (Page) self->copy.data;
	}
	rank_rows(self, BufferGetBlockNumber(head), page, item->probe, keys);
	for (int i = 0; item->kind == ITEM_NODE && i < self->self->layout.capacity;
		 i++)
		self->seen += !isnan(keys[i]);
	queue_rows(self, item, page, keys, floor);
	if (page != (Page) self->copy.data)
		LockBuffer(head, BUFFER_LOCK_UNLOCK);
	ReleaseBuffer(head);
}

/* Raises an error after more nodes than there are. */
static void
count_visit(Relation index, AngleScan *self, BlockNumber block)
{
	const BlockNumber often = 1024;

	if (++self->visits % often == 0 &&
		self->visits > angle_segment_count(index, &self->self->layout) + often)
		ereport(
			ERROR, errcode(ERRCODE_INDEX_CORRUPTED),
			errmsg(
				"index \"%s\" is damaged: its tree has a cycle through block %u",
				RelationGetRelationName(index), block),
			errhint("REINDEX it."));
}

/* Reads the node of item. */
static void
expand(Relation index, AngleScan *self, const Visit *item, double floor)
{
	Buffer head = angle_read_head(index, &self->self->layout, item->node.block,
								  BUFFER_LOCK_SHARE);
	const AngleNodeHeader *node = angle_node(BufferGetPage(head));

	if (node->generation != item->node.generation)
	{
		UnlockReleaseBuffer(head);
		return;
	}
	if (node->kind == ANGLE_NODE_LEAF)
	{
		self->leaves += item->kind == ITEM_NODE;
		expand_leaf(self, item, floor, head);
		return;
	}
	expand_inner(self, head);
	UnlockReleaseBuffer(head);
}

/* ---- rows ----------------------------------------------------------------- */

/* Whether the nearest node comes before the nearest row. */
static bool
node_is_next(const AngleScan *self)
{
	if (self->nodes.count == 0)
		return false;
	if (self->rows.count == 0)
		return true;
	if (!self->query->ordered)
		return false;
	if (self->exact)
		return true;
	if (self->probes > 0)
		return self->leaves < self->probes;
	return self->seen < self->due;
}

/* Makes the next row ready; false if there is none. */
static bool
next_row(Relation index, AngleScan *self, Visit *item, double *key)
{
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (node_is_next(self))
		{
			*item = queue_pop(self, &self->nodes, key);
			count_visit(index, self, item->node.block);
			expand(index, self, item, -INFINITY);
			continue;
		}
		if (self->rows.count == 0)
			return false;
		*item = queue_pop(self, &self->rows, key);
		if (item->kind == ITEM_READY)
			return true;
		if (item->kind == ITEM_REST)
		{
			expand(index, self, item, *key);
			continue;
		}
		*key = rank_body(self, item->node.block, item->slot);
		angle_body_done(&self->reader);
		item->kind = ITEM_READY;
		queue_push(self, &self->rows, *key, item);
	}
}

/* Collects the rows of the next batch. */
static void
fill_batch(Relation index, AngleScan *self)
{
	Visit item;
	double key;

	self->asked += self->batch_size;
	self->due = angle_stop_due(self->enough, self->asked);
	while (self->batch.count < self->batch_size &&
		   next_row(index, self, &item, &key))
		queue_push(self, key < self->given ? &self->late : &self->batch, key,
				   &item);
	self->batch_size = Min(2 * self->batch_size, BATCH_MOST);
}

/* Takes the row that is to be given out; false if there is none. */
static bool
take_row(Relation index, AngleScan *self, Visit *item, double *key)
{
	if (!self->query->ordered)
		return next_row(index, self, item, key);
	if (self->batch.count == 0)
		fill_batch(index, self);
	if (self->batch.count > 0)
	{
		*item = queue_pop(self, &self->batch, key);
		self->given = *key;
		return true;
	}
	if (self->late.count == 0)
		return false;
	*item = queue_pop(self, &self->late, key);
	return true;
}

/* Begins a run: the query is prepared, the root queued. */
static void
start(IndexScanDesc scan, AngleScan *self)
{
	Relation index = scan->indexRelation;
	MemoryContext old;
	AngleMeta meta = angle_meta_read(index);
	Visit root = {.kind = ITEM_NODE, .node = meta.root};
	int dims;

	MemoryContextReset(self->memory);
	old = MemoryContextSwitchTo(self->memory);
	self->self = angle_index_make(&meta);
	dims = self->self->layout.dims;
	self->query =
		angle_query_make(index, self->self,
						 scan->numberOfOrderBys > 0 ? scan->orderByData : NULL);
	self->filter = angle_filter_make(index, scan->keyData, scan->numberOfKeys);
	self->exact = angle_recall_target >= 1 && angle_probes == 0;
	self->probes = angle_probes;
	self->leaves = 0;
	self->seen = self->asked = self->due = 0;
	self->enough = angle_stop_rows(meta.stop, angle_recall_target);
	self->visits = 0;
	self->reader = (AngleBodyReader){.index = index};
	queues_init(self);
	angle_top_init(&self->view, palloc(ROWS_IN_VIEW * sizeof(AngleCandidate)),
				   ROWS_IN_VIEW);
	self->batch_size = BATCH_FIRST;
	self->given = -INFINITY;
	if (dims > 0)
	{
		self->centroid = palloc0(dims * sizeof(float));
		self->nearest =
			palloc((self->self->layout.capacity + 1) * sizeof(AngleCandidate));
		if (self->query->ordered)
			(void) angle_query_node(self->query, self->centroid, &root.probe);
		queue_push(self, &self->nodes, -INFINITY, &root);
	}
	self->started = true;
	MemoryContextSwitchTo(old);
	pgstat_count_index_scan(index);
	PredicateLockRelation(index, scan->xs_snapshot);
}

/* Tells the executor the row's distance, a lower bound perhaps. */
static void
set_distance(IndexScanDesc scan, AngleScan *self, double key)
{
	const AngleQuery *query = self->query;
	IndexOrderByDistance distance = {.isnull = query->null};

	if (scan->numberOfOrderBys == 0)
		return;
	distance.value =
		query->ordered ? angle_query_distance(query, key) : get_float8_nan();
	index_store_float8_orderby_distances(scan, &self->type, &distance,
										 query->ordered && !query->estimated);
}

bool
angle_gettuple(IndexScanDesc scan, ScanDirection direction)
{
	AngleScan *self = scan->opaque;
	MemoryContext old;
	Visit item;
	double key;
	bool found;

	if (!self->started)
		start(scan, self);
	old = MemoryContextSwitchTo(self->memory);
	found = take_row(scan->indexRelation, self, &item, &key);
	MemoryContextSwitchTo(old);
	if (!found)
		return false;
	if (!ItemPointerIsValid(&item.tid))
		ereport(
			ERROR, errcode(ERRCODE_INDEX_CORRUPTED),
			errmsg(
				"index \"%s\" is damaged at block %u: entry %u has no place in the table",
				RelationGetRelationName(scan->indexRelation), item.node.block,
				item.slot),
			errhint("REINDEX it."));
	scan->xs_heaptid = item.tid;
	scan->xs_recheck = angle_filter_lossy(self->filter);
	set_distance(scan, self, key);
	return true;
}
