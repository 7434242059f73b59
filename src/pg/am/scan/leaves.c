/* The leaves of a scan: see state.h. */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/bufmgr.h"

#include "pg/am/scan/state.h"

/* How many leaves lie between the next one and the one that is asked for later on. */
#define LATER 2

/* Fills key with what the body of a row says; false if VACUUM has taken the row since its
 * entry was read. */
bool
angle_scan_body(Relation index, AngleScan *self, AngleLeafEntry *entry,
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

/* Fills keys, and estimates, by the codes of a leaf whose head page this is, NaN for slots
 * without a row and for rows that do not pass; returns how many rows do. */
static int
rank_codes(AngleScan *self, Page head, AngleProbe probe)
{
	const AngleLayout *layout = &self->self->layout;
	float *keys = self->keys, *estimates = self->estimates;
	int count = 0;

	angle_query_leaf(self->query, head, probe, estimates, keys);
	for (int slot = 0; slot < layout->capacity; slot++)
	{
		if (!angle_slot_live(layout, head, slot) ||
			!angle_filter_pass(self->filter, layout, head, slot))
		{
			keys[slot] = NAN;
			continue;
		}
		count++;
		if (self->query->opposite != NULL &&
			4 - estimates[slot] < estimates[slot])
		{
			keys[slot] += 4 - 2 * estimates[slot];
			estimates[slot] = 4 - estimates[slot];
		}
		if (isnan(keys[slot]))
			keys[slot] = -INFINITY;
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
		else if (angle_scan_body(index, self, &entries[slot], &row))
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
void
angle_scan_expand(Relation index, AngleScan *self, uint32 place, double floor,
				  int slot)
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

/* Where the page of the leaf so many behind the next one was; InvalidBuffer: not known. */
static Buffer
recent_leaf(const AngleScan *self, uint32 ahead)
{
	const AngleLeaf *leaf = angle_route_peek(self->route, ahead);
	const Buffer *recent = NULL;

	if (leaf != NULL)
		recent = angle_directory_recent(self->directory, leaf->node.block);
	return recent != NULL ? *recent : InvalidBuffer;
}

/* Asks the processor for what is read of the leaf that comes next. */
static void
prefetch_next(const AngleScan *self)
{
	const Buffer next = recent_leaf(self, 0);
	const int add = self->self->layout.add;

	angle_prefetch_bytes(next, 0, 1);
	angle_prefetch_bytes(next, add, BLCKSZ - add);
}

/* And for the beginnings of both halves of one that comes later: to find out where a page of
 * memory lies takes long. */
static void
prefetch_later(const AngleScan *self)
{
	const Buffer later = recent_leaf(self, LATER);

	angle_prefetch_bytes(later, 0, 1);
	angle_prefetch_bytes(later, BLCKSZ / 2, 1);
}

/* Asks the processor for the entries of the rows that are near. */
static void
prefetch_entries(const AngleScan *self, const AngleLeafEntry *entries,
				 int blocks)
{
	for (int block = 0; block < blocks; block++)
		for (unsigned near = self->near[block]; near != 0; near &= near - 1)
			__builtin_prefetch(
				&entries[block * ANGLE_BLOCK + pg_rightmost_one_pos32(near)]);
}

/* Takes the rows of a leaf that are near. */
static void
take_near(AngleScan *self, uint32 place, Page page)
{
	const AngleLayout *layout = &self->self->layout;
	const AngleProbe probe = self->rows.leaves[place].leaf.probe;
	const AngleLeafEntry *entries = angle_leaf_entries(layout, page);
	const int blocks = angle_leaf_blocks(layout, page);
	int taken = 0;

	angle_query_leaf(self->query, page, probe, self->estimates, self->keys);
	angle_blocks_near(self->keys, blocks, self->rows.limit, self->near);
	for (int block = 0; block < blocks; block++)
		self->near[block] &= angle_block_live(layout, page, block);
	prefetch_entries(self, entries, blocks);
	prefetch_later(self);
	for (int block = 0; block < blocks; block++)
		for (unsigned near = self->near[block]; near != 0; near &= near - 1)
		{
			const int slot = block * ANGLE_BLOCK + pg_rightmost_one_pos32(near);
			const float key = self->keys[slot];

			if (key > self->rows.limit)
				continue;
			angle_rows_take(&self->rows, place, &entries[slot],
							isnan(key) ? -INFINITY : key,
							self->estimates[slot]);
			taken++;
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
			angle_rows_take(&self->rows, place, &entries[slot],
							self->keys[slot], self->estimates[slot]);
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

/* Reads the next leaf, if there is one. */
void
angle_scan_leaf(Relation index, AngleScan *self)
{
	AngleLeaf leaf;
	uint32 place;

	self->more = angle_route_next(self->route, &leaf);
	if (!self->more)
		return;
	prefetch_next(self);
	place = angle_rows_add_leaf(&self->rows, &leaf);
	if (!self->once)
		read_near(index, self, place);
	else
		angle_scan_expand(index, self, place, -INFINITY, 0);
}
