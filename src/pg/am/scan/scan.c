/*
 * Scans give rows in the order of an operator, for as long as somebody asks.
 *
 * Leaves are read, the nearest first (route.h), until enough rows were seen
 * (store/stop.h). Then the nearest row is dealt with (rows.h): one that is known by
 * its 1-bit code is looked up in the body pages and goes back with a better key; one
 * that was looked up is given out.
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
#include "port/pg_bitutils.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "pg/am/am.h"
#include "pg/am/scan/candidates.h"
#include "pg/am/scan/limit.h"
#include "pg/am/scan/pace.h"
#include "pg/am/scan/rows.h"
#include "pg/am/scan/visits.h"
#include "pg/am/store/body.h"
#include "pg/am/store/keys.h"
#include "pg/am/store/stop.h"
#include "pg/settings.h"

/* Rows whose bodies are asked for ahead of time. */
#define BODIES_AHEAD 7

/* Rows of a batch whose pages in the table are looked for ahead of time. */
#define VISITS_AHEAD 3

/* Rows of the first batch, and of the others at least and at most: each has half as many
 * as all before it. The executor asks for some 14 rows to be sure of ten, so the first
 * batch is often enough for it; no more leaves are read for the second one. */
#define BATCH_FIRST 12
#define BATCH_LEAST 8
#define BATCH_MOST 640

/* Rows that are expected to be given out, at least, and for each that is wanted. */
#define EXPECTED 20
#define EXPECTED_SHARE 1.7

typedef struct AngleScan
{
	MemoryContext memory;		/* of one run; reset by rescan */
	MemoryContextCallback ends; /* of memory: closes directory */
	AngleDirectory *directory;	/* or NULL */
	AngleIndex *self;
	AngleQuery *query;
	AngleFilter *filter;
	AngleLimit *limit; /* or NULL */
	bool started;
	AngleRoute *route;
	bool more; /* whether there are leaves that were not read */
	AngleRows rows;
	uint32 ahead; /* rows known by their codes whose bodies were asked for */

	/* rows that are given out next, in order: places of items */
	AngleCandidate *batch; /* (batch_capacity) */
	Buffer *pages;		   /* (batch_capacity): where the table has them */
	size_t batch_capacity;
	size_t batch_count;
	size_t batch_next;
	size_t visits_next; /* rows whose pages were looked for */
	bool visits;		/* whether they are */

	AngleQueue late; /* rows that come last */
	size_t batch_size;
	int probes; /* leaves to be read before the first row; 0: by the stop rule */
	AngleStop stop; /* what was read */
	AnglePace pace;
	bool exact;		   /* read all */
	bool once;		   /* all is read, and rows come by their first entries */
	float *keys;	   /* (capacity) */
	double *distances; /* (capacity) */
	AnglePageReader reader;
	PGAlignedBlock copy; /* of a leaf's head page, for filters */
	Oid type;			 /* of the ordering operator's result */
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
	self->limit = angle_limit_find(orders);
	self->started = false;
}

void
angle_endscan(IndexScanDesc scan)
{
	AngleScan *self = scan->opaque;

	MemoryContextDelete(self->memory);
	pfree(self);
}

/* ---- leaves --------------------------------------------------------------- */

/* Fills key with what the body of a row says; false if VACUUM has taken the row since its
 * entry was read. */
static bool
rank_body(Relation index, AngleScan *self, AngleLeafEntry *entry,
		  AngleRowKey *key)
{
	const AngleLayout *layout = &self->self->layout;
	const BlockNumber block = angle_body_block(entry->body);
	const int slot = angle_body_slot(entry->body);
	Buffer *recent = angle_directory_recent(self->directory, block);
	Buffer buffer = InvalidBuffer;
	const char *body = NULL;

	if (layout->body_pages > 1)
	{
		body = angle_body_get(&self->reader, layout, entry->body, &entry->tid);
		if (body != NULL)
			*key = angle_query_row(self->query, body);
		angle_reader_done(&self->reader);
		return body != NULL;
	}
	buffer = angle_read_recent(index, block, recent != NULL ? recent : &buffer);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (angle_body_fits(layout, BufferGetPage(buffer), slot, &entry->tid))
	{
		body = angle_body_at(layout, BufferGetPage(buffer), slot) +
			   sizeof(ItemPointerData);
		*key = angle_query_row(self->query, body);
	}
	UnlockReleaseBuffer(buffer);
	return body != NULL;
}

/* Fills keys by the codes of a leaf whose head page this is, NaN for slots without a
 * row and for rows that do not pass; returns how many rows do. */
static int
rank_codes(AngleScan *self, Page head, AngleProbe probe)
{
	const AngleLayout *layout = &self->self->layout;
	int count = 0;

	for (int slot = 0; slot < layout->capacity; slot += ANGLE_BLOCK)
		angle_query_block(self->query, head, slot / ANGLE_BLOCK, probe,
						  self->keys + slot);
	if (angle_filter_empty(self->filter))
		return angle_node(head)->count;
	for (int slot = 0; slot < layout->capacity; slot++)
	{
		if (isnan(self->keys[slot]))
			continue;
		if (angle_filter_pass(self->filter, layout, head, slot))
			count++;
		else
			self->keys[slot] = NAN;
	}
	return count;
}

/* Fills distances for the rows of a leaf that are live and pass, the rest with NaN. Where
 * all of the index is read, rows come by their first entries. */
static void
rank_rows(Relation index, AngleScan *self, const AngleLeaf *leaf, Page head)
{
	const AngleLayout *layout = &self->self->layout;
	AngleLeafEntry *entries = angle_leaf_entries(layout, head);
	AngleRowKey row;

	if (!self->once)
	{
		(void) rank_codes(self, head, leaf->probe);
		for (int slot = 0; slot < layout->capacity; slot++)
			self->distances[slot] = self->keys[slot];
		return;
	}
	for (int slot = 0; slot < layout->capacity; slot++)
	{
		self->distances[slot] = NAN;
		if (!angle_slot_live(layout, head, slot) ||
			angle_entry_second(&entries[slot]) ||
			!angle_filter_pass(self->filter, layout, head, slot))
			continue;
		if (!self->query->ordered)
			self->distances[slot] = 0;
		else if (rank_body(index, self, &entries[slot], &row))
			self->distances[slot] = row.key;
	}
}

/* Where all of the index is read, rows are queued as long as work_mem lasts: it
 * costs less than to read leaves again. */
static size_t
rows_at_a_time(const AngleScan *self)
{
	const Size each = sizeof(AngleRowItem) + sizeof(AngleCandidate);

	if (self->once && self->rows.count * each < (Size) work_mem * 1024)
		return self->self->layout.capacity;
	return ANGLE_ROWS_AT_A_TIME;
}

/* The head of a leaf, locked; InvalidBuffer if its segment was used again. */
static Buffer
lock_leaf(Relation index, AngleScan *self, const AngleLeaf *leaf)
{
	Buffer nowhere = InvalidBuffer;
	Buffer *recent = angle_directory_recent(self->directory, leaf->node.block);
	Buffer head = angle_read_recent(index, leaf->node.block,
									recent != NULL ? recent : &nowhere);

	LockBuffer(head, BUFFER_LOCK_SHARE);
	if (angle_page_is_node(BufferGetPage(head), leaf->node))
	{
		angle_head_check(index, &self->self->layout, leaf->node.block,
						 BufferGetPage(head));
		if (angle_node(BufferGetPage(head))->kind == ANGLE_NODE_LEAF)
			return head;
		ereport(
			ERROR, errcode(ERRCODE_INDEX_CORRUPTED),
			errmsg(
				"index \"%s\" is damaged at block %u: not the leaf that the node above says",
				RelationGetRelationName(index), leaf->node.block),
			errhint("REINDEX it."));
	}
	UnlockReleaseBuffer(head);
	return InvalidBuffer;
}

/* Queues rows of the leaf at place from (floor, slot) on. */
static void
expand(Relation index, AngleScan *self, uint32 place, double floor, int slot)
{
	const AngleLeaf leaf = self->rows.leaves[place].leaf;
	const AngleRowsPart part = {self->once, place, floor, slot,
								rows_at_a_time(self)};
	const AngleLayout *layout = &self->self->layout;
	Buffer head = lock_leaf(index, self, &leaf);
	Page page;

	if (!BufferIsValid(head))
		return;
	/* conditions are functions: not with a page locked */
	memcpy(self->copy.data, BufferGetPage(head), BLCKSZ);
	UnlockReleaseBuffer(head);
	page = (Page) self->copy.data;
	rank_rows(index, self, &leaf, page);
	angle_rows_queue(&self->rows, &part, angle_leaf_entries(layout, page),
					 self->distances, layout->capacity);
}

/* Takes the rows of a leaf that are near. */
static void
take_near(AngleScan *self, uint32 place, Page page)
{
	const AngleLayout *layout = &self->self->layout;
	const AngleProbe probe = self->rows.leaves[place].leaf.probe;
	const AngleLeafEntry *entries = angle_leaf_entries(layout, page);
	float keys[ANGLE_BLOCK], margin;
	int taken = 0;

	for (int first = 0; first < layout->capacity; first += ANGLE_BLOCK)
	{
		unsigned near = angle_query_near(self->query, page, first / ANGLE_BLOCK,
										 probe, self->rows.limit, keys);

		for (; near != 0; near &= near - 1, taken++)
		{
			const int i = pg_rightmost_one_pos32(near);

			margin = angle_query_margin(self->query, page, first + i, probe);
			angle_rows_take(&self->rows, place, &entries[first + i],
							isnan(keys[i]) ? -INFINITY : keys[i],
							keys[i] + margin);
		}
	}
	if (taken < angle_node(page)->count)
		angle_rows_leave(&self->rows, place);
}

/* The same of a page that is not locked, for rows that pass the conditions and for
 * queries with two sides; returns how many pass. */
static int
take_passing(AngleScan *self, uint32 place, Page page)
{
	const AngleLayout *layout = &self->self->layout;
	const AngleLeafEntry *entries = angle_leaf_entries(layout, page);
	const AngleProbe probe = self->rows.leaves[place].leaf.probe;
	int count = rank_codes(self, page, probe);
	int taken = 0;

	for (int slot = 0; slot < layout->capacity; slot++)
		if (self->keys[slot] <= self->rows.limit)
		{
			angle_rows_take(
				&self->rows, place, &entries[slot], self->keys[slot],
				self->keys[slot] +
					angle_query_margin(self->query, page, slot, probe));
			taken++;
		}
	if (taken < count)
		angle_rows_leave(&self->rows, place);
	return count;
}

/* Takes what is near of a leaf that is read the first time. */
static void
read_near(Relation index, AngleScan *self, uint32 place)
{
	const AngleLeaf leaf = self->rows.leaves[place].leaf;
	Buffer head = lock_leaf(index, self, &leaf);
	int rows = 0, passed = 0;

	if (BufferIsValid(head))
	{
		const bool all =
			angle_filter_empty(self->filter) && self->query->opposite == NULL;

		rows = passed = angle_node(BufferGetPage(head))->count;
		if (all)
			take_near(self, place, BufferGetPage(head));
		else
			memcpy(self->copy.data, BufferGetPage(head), BLCKSZ);
		UnlockReleaseBuffer(head);
		if (!all)
			passed = take_passing(self, place, (Page) self->copy.data);
	}
	angle_stop_note(&self->stop, leaf.distance, rows, passed);
}

/* Asks for the codes of the leaf that comes after this one: for the first lines of
 * either half of its head page, and the processor goes on by itself, though not from one
 * 4 kB to the next. A page takes 0.47 µs so, and 0.72 with all of its lines asked for. */
static void
prefetch_leaf(const AngleScan *self)
{
	const Size half = BLCKSZ / 2, lines = 256;
	const AngleLeaf *next = angle_route_peek(self->route);

	const Buffer *recent;

	if (next == NULL)
		return;
	recent = angle_directory_recent(self->directory, next->node.block);
	if (recent == NULL)
		return;
	angle_prefetch_recent(*recent);
	angle_prefetch_bytes(*recent, self->self->layout.add, lines);
	angle_prefetch_bytes(*recent, half, lines);
	angle_prefetch_bytes(*recent, BLCKSZ - sizeof(AnglePageTail),
						 sizeof(AnglePageTail));
}

/* And for the body of a row that is known by its code. */
static void
prefetch_body(const AngleScan *self, uint32 place)
{
	const AngleLayout *layout = &self->self->layout;
	const AngleBodyPointer body = self->rows.items[place].entry.body;
	const Buffer *recent =
		angle_directory_recent(self->directory, angle_body_block(body));

	if (recent == NULL || layout->body_pages > 1)
		return;
	angle_prefetch_recent(*recent);
	angle_prefetch_bytes(
		*recent, layout->body_start + angle_body_slot(body) * layout->body_size,
		layout->body_size);
}

/* Asks for the bodies of the rows that are next, each once. */
static void
prefetch_bodies(AngleScan *self)
{
	const AngleRows *rows = &self->rows;
	const uint32 until =
		Min(rows->near_next + BODIES_AHEAD + 1, rows->near_sorted);

	for (; self->ahead < until; self->ahead++)
		prefetch_body(self, (uint32) rows->near[self->ahead].id);
}

/* Reads the next leaf, if there is one. */
static void
read_leaf(Relation index, AngleScan *self)
{
	AngleLeaf leaf;
	uint32 place;

	self->more = angle_route_next(self->route, &leaf);
	if (!self->more)
		return;
	prefetch_leaf(self);
	place = angle_rows_add_leaf(&self->rows, &leaf);
	if (!self->once)
		read_near(index, self, place);
	else
		expand(index, self, place, -INFINITY, 0);
}

/* ---- rows ----------------------------------------------------------------- */

/* Whether a leaf comes before the nearest row. */
static bool
leaf_is_next(const AngleScan *self)
{
	if (!self->more)
		return false;
	if (self->rows.ready.count == 0 && self->rows.queue.count == 0 &&
		!angle_rows_waiting(&self->rows) &&
		isinf(angle_rows_least_near(&self->rows)))
		return true;
	if (!self->query->ordered)
		return false;
	if (self->exact)
		return true;
	if (self->probes > 0)
		return self->stop.leaves < self->probes;
	return angle_stop_seen(&self->stop) <
		   angle_pace_due(&self->pace, angle_stop_share(&self->stop));
}

/* Looks up the row at place, known by its code so far. */
static void
look_up(Relation index, AngleScan *self, uint32 place)
{
	AngleRows *rows = &self->rows;
	AngleRowKey key;

	if (angle_rows_meet(rows, rows->items[place].entry.body) &&
		rank_body(index, self, &rows->items[place].entry, &key))
		angle_rows_looked_up(rows, place, key);
	else
		angle_rows_free_item(rows, place);
}

/* Looks at the row or the leaf that is next of those not looked at. */
static void
look_at_next(Relation index, AngleScan *self)
{
	AngleRows *rows = &self->rows;
	AngleCandidate first;

	if (angle_rows_least_near(rows) <= angle_queue_least(&rows->queue))
	{
		prefetch_bodies(self);
		first = rows->near[rows->near_next++];
		look_up(index, self, (uint32) first.id);
		return;
	}
	first = angle_queue_pop(&rows->queue);
	if (angle_item_kind(first.id) == ANGLE_ITEM_ROW)
		look_up(index, self, (uint32) first.id);
	else
		expand(index, self, (uint32) first.id, first.key,
			   rows->leaves[(uint32) first.id].slot);
}

/* Makes the next row ready: its item's place; false if there is none. */
static bool
next_row(Relation index, AngleScan *self, uint32 *place, double *key)
{
	AngleRows *rows = &self->rows;
	AngleCandidate first;

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (leaf_is_next(self))
		{
			read_leaf(index, self);
			continue;
		}
		if (angle_rows_waiting(rows))
		{
			angle_rows_flush(rows);
			self->ahead = rows->near_next;
		}
		if (!angle_rows_unread(rows))
			break;
		look_at_next(index, self);
	}
	if (rows->ready.count == 0)
		return false;
	first = angle_queue_pop(&rows->ready);
	*place = (uint32) first.id;
	*key = first.key;
	return true;
}

static void
make_batch(AngleScan *self, size_t capacity)
{
	if (self->batch != NULL)
	{
		pfree(self->batch);
		pfree(self->pages);
	}
	self->batch = palloc(capacity * sizeof(AngleCandidate));
	self->pages = palloc(capacity * sizeof(Buffer));
	self->batch_capacity = capacity;
}

/* Puts a row into the batch, or with those that come last: whose distance may be less
 * than a key that was given out, up to which the executor has given out all. */
static void
add_to_batch(IndexScanDesc scan, AngleScan *self, uint32 place, double key)
{
	if (angle_pace_late(&self->pace, key, self->rows.items[place].margin))
	{
		angle_queue_add(&self->late, key, place);
		return;
	}
	if (self->visits)
		angle_visit_soon(scan->heapRelation,
						 &self->rows.items[place].entry.tid);
	self->batch[self->batch_count++] = (AngleCandidate){key, place};
}

/* Collects the rows of the next batch. */
static void
fill_batch(IndexScanDesc scan, AngleScan *self)
{
	uint32 place;
	double key;

	angle_pace_batch(&self->pace, self->batch_size);
	if (leaf_is_next(self))
		angle_rows_expect(&self->rows, Max(self->pace.asked,
										   Max(EXPECTED, self->pace.wanted *
															 EXPECTED_SHARE)));
	if (self->batch_size > self->batch_capacity)
		make_batch(self, self->batch_size);
	self->batch_count = self->batch_next = 0;
	self->visits_next = 0;
	while (self->batch_count < self->batch_size &&
		   next_row(scan->indexRelation, self, &place, &key))
		add_to_batch(scan, self, place, key);
	angle_candidates_sort(self->batch, self->batch_count);
	self->batch_size = Max(BATCH_LEAST, Min(self->pace.asked / 2, BATCH_MOST));
}

static ItemPointer
batch_tid(const AngleScan *self, size_t i)
{
	return &self->rows.items[self->batch[i].id].entry.tid;
}

/* Prepares the executor's visits of the row that was taken and of those behind it. */
static void
prepare_visits(IndexScanDesc scan, AngleScan *self)
{
	const size_t next = Min(self->batch_next + VISITS_AHEAD, self->batch_count);
	const size_t now = self->batch_next - 1;

	for (; self->visits_next < next; self->visits_next++)
		self->pages[self->visits_next] = angle_visit_next(
			scan->heapRelation, batch_tid(self, self->visits_next));
	angle_visit_now(scan, batch_tid(self, now), self->pages[now]);
}

/* Takes the row that is to be given out; false if there is none. */
static bool
take_row(IndexScanDesc scan, AngleScan *self, uint32 *place, double *key)
{
	AngleCandidate first;

	if (!self->query->ordered)
		return next_row(scan->indexRelation, self, place, key);
	if (self->batch_next == self->batch_count)
		fill_batch(scan, self);
	if (self->batch_next < self->batch_count)
	{
		first = self->batch[self->batch_next++];
		angle_pace_given(&self->pace, first.key,
						 angle_rows_margin(&self->rows));
		if (self->visits)
			prepare_visits(scan, self);
	}
	else if (self->late.count > 0)
		first = angle_queue_pop(&self->late);
	else
		return false;
	*place = (uint32) first.id;
	*key = first.key;
	return true;
}

/* ---- runs ----------------------------------------------------------------- */

/* A run ends, by whatever way. */
static void
close_directory(void *arg)
{
	AngleScan *self = arg;

	if (self->directory != NULL)
		angle_directory_close(self->directory);
	self->directory = NULL;
}

static void
init_rows(AngleScan *self)
{
	angle_queue_make(&self->late, BATCH_FIRST);
	self->batch = NULL;
	self->pages = NULL;
	self->batch_capacity = self->batch_count = self->batch_next = 0;
	angle_rows_init(&self->rows, self->once);
	self->batch_size = BATCH_FIRST;
}

/* How many leaves are read before the first row, about. */
static double
expected_leaves(const AngleScan *self, const AngleMeta *meta)
{
	double rows = meta->capacity * 0.75;

	if (self->once)
		return UINT32_MAX;
	if (self->probes > 0)
		return self->probes;
	if (self->directory != NULL)
		rows = Max(1, Min(rows, 2 * meta->rows / self->directory->leaves));
	return angle_stop_read(meta, angle_recall_target, ANGLE_STOP_NEIGHBOURS) /
		   rows;
}

/* What an index with dimensions needs. */
static void
start_route(Relation index, AngleScan *self, const AngleMeta *meta)
{
	const int slots = TYPEALIGN(ANGLE_BLOCK, meta->capacity);

	self->keys = palloc(slots * sizeof(float));
	self->distances = palloc(slots * sizeof(double));
	self->route = angle_route_make(index, self->query, self->directory,
								   meta->root, !self->once);
	angle_route_expect(self->route, expected_leaves(self, meta));
}

/* Begins a run: the query is prepared. */
static void
start(IndexScanDesc scan, AngleScan *self)
{
	Relation index = scan->indexRelation;
	MemoryContext old;
	AngleMeta meta = angle_meta_read(index);

	MemoryContextReset(self->memory);
	self->ends = (MemoryContextCallback){close_directory, self, NULL};
	MemoryContextRegisterResetCallback(self->memory, &self->ends);
	old = MemoryContextSwitchTo(self->memory);
	if (meta.dims > 0)
		self->directory = angle_directory_open(index, &meta);
	self->self = self->directory != NULL ? self->directory->self
										 : angle_index_make(&meta);
	self->query =
		angle_query_make(index, self->self,
						 scan->numberOfOrderBys > 0 ? scan->orderByData : NULL);
	self->filter = angle_filter_make(index, scan->keyData, scan->numberOfKeys);
	self->exact = angle_recall_target >= 1 && angle_probes == 0;
	self->once = self->exact || !self->query->ordered;
	self->visits = angle_visits_known(scan->heapRelation);
	self->probes = angle_probes;
	angle_pace_begin(&self->pace, &meta, angle_recall_target,
					 angle_limit_rows(self->limit));
	angle_stop_begin(&self->stop, self->self->metric);
	self->reader = (AnglePageReader){.index = index};
	init_rows(self);
	self->more = meta.dims > 0;
	if (self->more)
		start_route(index, self, &meta);
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

/* Takes the row that is to be given out and that the executor will not drop; false if there
 * is none. */
static bool
take_kept(IndexScanDesc scan, AngleScan *self, uint32 *place, double *key)
{
	for (;;)
	{
		const MemoryContext old = MemoryContextSwitchTo(self->memory);
		const bool found = take_row(scan, self, place, key);
		AngleRowItem *item = &self->rows.items[*place];

		MemoryContextSwitchTo(old);
		if (!found)
			return false;
		if (!ItemPointerIsValid(&item->entry.tid))
			ereport(
				ERROR, errcode(ERRCODE_INDEX_CORRUPTED),
				errmsg(
					"index \"%s\" is damaged at block %u: a row has no place in the table",
					RelationGetRelationName(scan->indexRelation),
					self->rows.leaves[item->leaf].leaf.node.block),
				errhint("REINDEX it."));
		if (!angle_limit_drops(self->limit, scan, &item->entry.tid))
			return true;
		angle_rows_free_item(&self->rows, *place);
	}
}

bool
angle_gettuple(IndexScanDesc scan, ScanDirection direction)
{
	AngleScan *self = scan->opaque;
	uint32 place = 0;
	double key;

	if (!self->started)
		start(scan, self);
	if (!take_kept(scan, self, &place, &key))
		return false;
	scan->xs_heaptid = self->rows.items[place].entry.tid;
	angle_rows_free_item(&self->rows, place);
	scan->xs_recheck = angle_filter_lossy(self->filter);
	set_distance(scan, self, key);
	return true;
}
