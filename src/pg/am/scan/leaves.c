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

/* Of a query with two sides, what is said of the other one where that is nearer. */
static void
take_sides(AngleScan *self, int slots)
{
	float *keys = self->keys, *estimates = self->estimates;

	for (int slot = 0; slot < slots; slot++)
		if (4 - estimates[slot] < estimates[slot])
		{
			keys[slot] += 4 - 2 * estimates[slot];
			estimates[slot] = 4 - estimates[slot];
		}
}

/* Fills estimates and keys by the codes of a leaf whose head page this is, and passing with
 * the rows that there are and that pass the conditions; returns how many these are. */
static int
rank_codes(AngleScan *self, Page head, AngleProbe probe)
{
	const AngleLayout *layout = &self->self->layout;
	const int blocks = angle_leaf_blocks(layout, head);
	int count = 0;

	angle_query_leaf(self->query, head, probe, &self->next_leaf,
					 self->estimates, self->keys);
	if (self->query->opposite != NULL)
		take_sides(self, blocks * ANGLE_BLOCK);
	for (int block = 0; block < blocks; block++)
		self->passing[block] = angle_block_live(layout, head, block);
	if (angle_filter_empty(self->filter))
		return angle_node(head)->count;
	for (int slot = 0; slot < blocks * ANGLE_BLOCK; slot++)
	{
		const unsigned bit = 1u << slot % ANGLE_BLOCK;
		uint16 *passing = &self->passing[slot / ANGLE_BLOCK];

		if (!(*passing & bit))
			continue;
		if (angle_filter_pass(self->filter, layout, head, slot))
			count++;
		else
			*passing &= ~bit;
	}
	return count;
}

/* The key of a row by its code, which may be no number. */
static inline float
bound_of(const AngleScan *self, int slot)
{
	return isnan(self->keys[slot]) ? -INFINITY : self->keys[slot];
}

/* Fills distances for the rows of a leaf that are live and pass, the rest with NaN. Where
 * all of the index is read, rows come by their first entries. */
static void
rank_rows(Relation index, AngleScan *self, const AngleLeaf *leaf, Page head)
{
	const AngleLayout *layout = &self->self->layout;
	AngleLeafEntry *entries = angle_leaf_entries(layout, head);
	AngleRowKey row;

	for (int slot = 0; slot < layout->capacity; slot++)
		self->distances[slot] = NAN;
	if (!self->once)
	{
		(void) rank_codes(self, head, leaf->probe);
		for (int slot = 0; slot < angle_leaf_blocks(layout, head) * ANGLE_BLOCK;
			 slot++)
			if (self->passing[slot / ANGLE_BLOCK] >> slot % ANGLE_BLOCK & 1)
				self->distances[slot] = bound_of(self, slot);
		return;
	}
	for (int slot = 0; slot < layout->capacity; slot++)
	{
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

/* Says what is read of the leaf that comes next: its numbers and codes, as far as it has
 * rows, which its first line says. */
static void
note_next(AngleScan *self)
{
	const AngleLayout *layout = &self->self->layout;
	Page page = angle_recent_page(recent_leaf(self, 0));

	self->next_leaf = (AngleAhead){NULL, NULL, 0};
	if (page == NULL)
		return;
	self->next_leaf.next =
		(char *) page + TYPEALIGN_DOWN(ANGLE_CACHE_LINE, layout->add);
	self->next_leaf.end =
		(char *) page + layout->codes +
		angle_leaf_blocks(layout, page) * angle_block_size(layout->dims);
}

/* Asks the processor for the first and the last line of one that comes later, which say what
 * it is: to find out where a page of memory lies takes long. */
static void
prefetch_later(const AngleScan *self)
{
	const Buffer later = recent_leaf(self, LATER);

	angle_prefetch_bytes(later, 0, 1);
	angle_prefetch_bytes(later, BLCKSZ - 1, 1);
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

/* Fills near with the rows that pass for which a number, in keys by slots, is not above the
 * limit. */
static void
choose_near(AngleScan *self, const float *keys, int blocks)
{
	angle_blocks_near(keys, blocks, self->rows.limit, self->near);
	for (int block = 0; block < blocks; block++)
		self->near[block] &= self->passing[block];
}

/* Takes the rows of a leaf that are near; returns how many pass the conditions. */
static int
take_near(AngleScan *self, uint32 place, Page page)
{
	const AngleLayout *layout = &self->self->layout;
	const AngleLeafEntry *entries = angle_leaf_entries(layout, page);
	const int blocks = angle_leaf_blocks(layout, page);
	const int count =
		rank_codes(self, page, self->rows.leaves[place].leaf.probe);
	int taken = 0;

	choose_near(self, self->estimates, blocks);
	angle_rows_estimated(&self->rows, self->estimates, blocks, self->near);
	choose_near(self, self->keys, blocks);
	prefetch_entries(self, entries, blocks);
	prefetch_later(self);
	for (int block = 0; block < blocks; block++)
		for (unsigned near = self->near[block]; near != 0; near &= near - 1)
		{
			const int slot = block * ANGLE_BLOCK + pg_rightmost_one_pos32(near);

			angle_rows_take(&self->rows, place, &entries[slot],
							bound_of(self, slot));
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
		Page page = BufferGetPage(head);

		rows = angle_node(page)->count;
		if (angle_filter_empty(self->filter))
			passed = take_near(self, place, page);
		else
			/* conditions are functions: not with a page locked */
			memcpy(self->copy.data, page, BLCKSZ);
		UnlockReleaseBuffer(head);
		if (!angle_filter_empty(self->filter))
			passed = take_near(self, place, (Page) self->copy.data);
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
	note_next(self);
	place = angle_rows_add_leaf(&self->rows, &leaf);
	if (!self->once)
		read_near(index, self, place);
	else
		angle_scan_expand(index, self, place, -INFINITY, 0);
}
