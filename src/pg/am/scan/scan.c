/*
 * Scans give rows in the order of an operator, for as long as somebody asks.
 *
 * Leaves are read, the nearest first (route.h), until enough rows were seen
 * (store/stop.h). Then the nearest row is dealt with (rows.h): one that is known by
 * its 1-bit code is looked up in the body pages and goes back with a better key; the
 * distance of one that was looked up is computed from the table (row_distance.h). When no
 * other can be nearer, it is given out. For an index on an expression the estimate from the
 * body stands for the distance.
 *
 * What a stop rule lets come late would break the order. So a row that is nearer than the
 * last one that was given out is put off until all others were: a query with LIMIT gets its
 * rows in order, one that reads everything misses none.
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
#include "utils/float.h"
#include "utils/memutils.h"

#include "pg/am/am.h"
#include "pg/am/scan/state.h"
#include "pg/am/scan/visits.h"
#include "pg/settings.h"

/* Rows whose bodies are asked for ahead of time. */
#define BODIES_AHEAD 7

/* Rows whose distances are computed together: as many as are still wanted, so many at least
 * and at most. Their pages in the table are looked for so many rows ahead. */
#define BATCH_LEAST 2
#define BATCH_MOST 16
#define VISITS_AHEAD 3

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

	if (self->table != NULL)
		angle_row_distance_end(self->table);
	MemoryContextDelete(self->memory);
	pfree(self);
}

/* ---- rows ----------------------------------------------------------------- */

/* Asks the processor for the body of a row that is known by its code. */
static void
prefetch_body(const AngleScan *self, uint32 place)
{
	const AngleLayout *layout = &self->self->layout;
	const AngleBodyPointer body = self->rows.items[place].entry.body;
	const Buffer *recent =
		angle_directory_recent(self->directory, angle_body_block(body));

	if (self->visited != NULL)
		angle_visit_perhaps(self->visited, &self->rows.items[place].entry.tid);
	if (recent == NULL || layout->body_pages > 1)
		return;
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
		prefetch_body(self, rows->near_items[self->ahead]);
}

/* What is to be seen before the next rows. */
static double
due(const AngleScan *self)
{
	const double share = angle_stop_share(&self->stop);

	return share < 1 ? angle_stop_due(&self->rule, self->nearest / share)
					 : self->due;
}

/* Whether a leaf comes before the nearest row. */
static bool
leaf_is_next(const AngleScan *self)
{
	if (!self->more)
		return false;
	if (angle_rows_none(&self->rows))
		return true;
	if (!self->query->ordered)
		return false;
	if (self->exact)
		return true;
	if (self->probes > 0)
		return self->stop.leaves < self->probes;
	return angle_stop_seen(&self->stop) < due(self);
}

/* Looks up the row at place, known by its code so far. */
static void
look_up(Relation index, AngleScan *self, uint32 place)
{
	AngleRows *rows = &self->rows;
	AngleRowKey key;

	if (angle_rows_meet(rows, rows->items[place].entry.body) &&
		angle_scan_body(index, self, &rows->items[place].entry, &key))
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

	if (!self->once)
	{
		prefetch_bodies(self);
		look_up(index, self, rows->near_items[rows->near_next++]);
		return;
	}
	first = angle_queue_pop(&rows->queue);
	angle_scan_expand(index, self, (uint32) first.id, first.key,
					  rows->leaves[first.id].slot);
}

/* Reads what may come before the rows that were taken, and puts these in order. */
static void
read_and_sort(Relation index, AngleScan *self)
{
	AngleRows *rows = &self->rows;

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (leaf_is_next(self))
			angle_scan_leaf(index, self);
		else if (angle_rows_unsorted(rows))
		{
			angle_rows_sort(rows);
			self->ahead = rows->near_next;
		}
		else if (angle_rows_exhausted(rows))
			angle_scan_widen(index, self);
		else
			return;
	}
}

/* The next of the rows that are known by their bodies: its item's place; false if there
 * is none. */
static bool
next_row(Relation index, AngleScan *self, uint32 *place, double *key)
{
	AngleRows *rows = &self->rows;
	AngleCandidate first;

	for (read_and_sort(index, self); angle_rows_unread(rows);
		 read_and_sort(index, self))
		look_at_next(index, self);
	if (rows->known.count == 0)
		return false;
	first = angle_queue_pop(&rows->known);
	*place = (uint32) first.id;
	*key = first.key;
	return true;
}

/* Collects the rows whose distances are computed next; returns how many there are. */
static int
collect_batch(IndexScanDesc scan, AngleScan *self, AngleCandidate *batch)
{
	const double all = Max(angle_limit_rows(self->limit), ANGLE_ROWS_WANTED);
	uint32 place;
	double key, more;
	int most, count = 0;

	angle_scan_look_at_filter(self);
	more =
		Max(self->wanted, ANGLE_ROWS_WANTED) - self->count - self->ready.count;
	most = (int) Min(BATCH_MOST, Max(BATCH_LEAST, Max(more, self->count / 2)));
	self->nearest = angle_scan_nearest(self);
	self->due = angle_stop_due(&self->rule, self->nearest);
	if (leaf_is_next(self))
		angle_rows_expect(&self->rows, Max(all, self->count + most));
	while (count < most && next_row(scan->indexRelation, self, &place, &key))
	{
		if (self->visited != NULL && !self->query->estimated)
			angle_visit_soon(self->visited, &self->rows.items[place].entry.tid);
		batch[count++] = (AngleCandidate){key, place};
	}
	return count;
}

static ItemPointer
row_tid(const AngleScan *self, AngleCandidate row)
{
	return &self->rows.items[row.id].entry.tid;
}

/* Raises an error if a row's TID cannot be one. */
static void
check_row(IndexScanDesc scan, const AngleScan *self, const AngleRowItem *item)
{
	if (ItemPointerIsValid(&item->entry.tid))
		return;
	angle_damaged(scan->indexRelation,
				  self->rows.leaves[item->leaf].leaf.node.block,
				  "a row has no place in the table");
}

/* Fills distance with that of a row; false if the executor would drop it, because its
 * snapshot does not see it or by a filter. */
static bool
find_distance(IndexScanDesc scan, AngleScan *self, AngleCandidate row,
			  double *distance)
{
	AngleRowDistance *table = self->table;
	bool found;

	if (self->query->estimated)
	{
		*distance = angle_query_distance(self->query, row.key);
		return true;
	}
	check_row(scan, self, &self->rows.items[row.id]);
	if (!angle_row_fetch(table, scan, row_tid(self, row)))
		return false;
	found = angle_limit_passes(self->limit, table->slot);
	if (found)
		found = angle_row_distance(table, scan, distance);
	else
	{
		self->dropped++;
		self->count++;
	}
	angle_row_forget(table);
	return found;
}

/* Puts a row with those that are ready, or with those that come last. */
static void
add_ready(AngleScan *self, AngleCandidate row, double distance)
{
	angle_queue_add(distance < self->given ? &self->late : &self->ready,
					distance, row.id);
}

/* Computes the distances of some rows that are next; false if there are none. */
static bool
compute_some(IndexScanDesc scan, AngleScan *self)
{
	AngleCandidate batch[BATCH_MOST];
	Buffer pages[BATCH_MOST];
	const int count = collect_batch(scan, self, batch);
	const bool visits = self->visited != NULL && !self->query->estimated;
	int next = 0;
	double distance;

	for (int i = 0; i < count; i++)
	{
		for (; visits && next < Min(i + VISITS_AHEAD, count); next++)
			pages[next] =
				angle_visit_next(self->visited, row_tid(self, batch[next]));
		if (visits)
			angle_visit_now(scan, row_tid(self, batch[i]), pages[i]);
		if (find_distance(scan, self, batch[i], &distance))
			add_ready(self, batch[i], distance);
		else
			angle_rows_free_item(&self->rows, (uint32) batch[i].id);
	}
	return count > 0;
}

/* Whether the first row that is ready comes before all others. */
static bool
first_is_due(const AngleScan *self)
{
	return self->ready.count > 0 && !self->looking &&
		   angle_queue_least(&self->ready) <=
			   angle_query_distance(self->query, angle_rows_bound(&self->rows));
}

/* Takes the row that is to be given out; false if there is none. */
static bool
take_row(IndexScanDesc scan, AngleScan *self, uint32 *place, double *distance)
{
	AngleCandidate first;

	while (!first_is_due(self) && compute_some(scan, self))
		;
	if (self->ready.count > 0)
	{
		first = angle_queue_pop(&self->ready);
		self->given = first.key;
		self->count++;
	}
	else if (self->late.count > 0)
		first = angle_queue_pop(&self->late);
	else
		return false;
	*place = (uint32) first.id;
	*distance = first.key;
	if (self->visited != NULL)
		angle_visit_again(scan, row_tid(self, first));
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
	angle_queue_make(&self->ready, BATCH_MOST);
	angle_queue_make(&self->late, BATCH_MOST);
	angle_rows_init(&self->rows, self->once);
	self->given = -INFINITY;
	self->count = self->dropped = self->nearest = self->due = 0;
}

/* What an index with dimensions needs. */
static void
start_route(Relation index, AngleScan *self)
{
	const int slots = TYPEALIGN(ANGLE_BLOCK, self->meta.capacity);

	self->estimates = palloc(slots * sizeof(float));
	self->keys = palloc(slots * sizeof(float));
	self->passing = palloc(slots / ANGLE_BLOCK * sizeof(uint16));
	self->near = palloc(slots / ANGLE_BLOCK * sizeof(uint16));
	self->distances = palloc(slots * sizeof(double));
	self->route = angle_route_make(index, self->query, self->directory,
								   self->meta.root, !self->once);
	angle_scan_expect(self);
}

/* For rows of which distances are to be computed. */
static void
open_table(IndexScanDesc scan, AngleScan *self)
{
	MemoryContext old;

	if (self->table != NULL || !self->query->ordered || self->query->estimated)
		return;
	old = MemoryContextSwitchTo(GetMemoryChunkContext(self));
	self->table = angle_row_distance_make(scan->heapRelation);
	MemoryContextSwitchTo(old);
}

/* Begins a run: the query is prepared. */
static void
start(IndexScanDesc scan, AngleScan *self)
{
	Relation index = scan->indexRelation;
	MemoryContext old;

	MemoryContextReset(self->memory);
	angle_limit_begin(self->limit);
	self->ends = (MemoryContextCallback){close_directory, self, NULL};
	MemoryContextRegisterResetCallback(self->memory, &self->ends);
	old = MemoryContextSwitchTo(self->memory);
	self->meta = angle_meta_read(index);
	if (self->meta.dims > 0)
		self->directory = angle_directory_open(index, &self->meta);
	self->self = self->directory != NULL ? self->directory->self
										 : angle_index_make(&self->meta);
	self->probes = angle_probes;
	self->exact = angle_recall_target >= 1 && self->probes == 0;
	self->query = angle_query_make(
		index, self->self,
		scan->numberOfOrderBys > 0 ? scan->orderByData : NULL, self->exact,
		angle_scan_rows_for(self, angle_limit_rows(self->limit)));
	angle_scan_want(self);
	self->filter = angle_filter_make(index, scan->keyData, scan->numberOfKeys);
	self->once = self->exact || !self->query->ordered;
	self->visited =
		angle_visits_known(scan->heapRelation) ? scan->heapRelation : NULL;
	self->rule = angle_stop_rule(&self->meta, angle_recall_target);
	angle_stop_begin(&self->stop, self->self->metric);
	self->copy = NULL;
	self->reader = (AnglePageReader){.index = index};
	init_rows(self);
	self->more = self->meta.dims > 0;
	if (self->more)
		start_route(index, self);
	self->started = true;
	MemoryContextSwitchTo(old);
	open_table(scan, self);
	pgstat_count_index_scan(index);
}

/* Tells the executor the row's distance. */
static void
set_distance(IndexScanDesc scan, AngleScan *self, double distance)
{
	IndexOrderByDistance order = {.value = distance,
								  .isnull = self->query->null};

	if (scan->numberOfOrderBys > 0)
		index_store_float8_orderby_distances(scan, &self->type, &order, false);
}

bool
angle_gettuple(IndexScanDesc scan, ScanDirection direction)
{
	AngleScan *self = scan->opaque;
	double distance = get_float8_nan();
	MemoryContext old;
	AngleRowItem item;
	uint32 place;
	double key;
	bool found;

	if (!self->started)
		start(scan, self);
	old = MemoryContextSwitchTo(self->memory);
	found = self->query->ordered
				? take_row(scan, self, &place, &distance)
				: next_row(scan->indexRelation, self, &place, &key);
	MemoryContextSwitchTo(old);
	if (!found)
		return false;
	item = self->rows.items[place];
	check_row(scan, self, &item);
	scan->xs_heaptid = item.entry.tid;
	angle_rows_free_item(&self->rows, place);
	scan->xs_recheck = angle_filter_lossy(self->filter);
	set_distance(scan, self, distance);
	return true;
}
