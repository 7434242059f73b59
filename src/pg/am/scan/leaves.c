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

/* Fills distances for the rows of a leaf that are live and pass, the rest with NaN. Rows come
 * by their first entries. */
static void
rank_rows(Relation index, AngleScan *self, Page head)
{
	const AngleLayout *layout = &self->self->layout;
	AngleLeafEntry *entries = angle_leaf_entries(layout, head);
	AngleRowKey row;

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

/* Rows are taken as long as work_mem lasts: it costs less than to read leaves again. */
static size_t
rows_at_a_time(const AngleScan *self)
{
	const Size each = sizeof(AngleRowItem) + sizeof(AngleCandidate);

	if (self->rows.count * each < (Size) work_mem * 1024)
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
		angle_damaged(index, leaf->node.block,
					  "not the leaf that the node above says");
	}
	UnlockReleaseBuffer(head);
	return InvalidBuffer;
}

/* A copy of a page, until the next one is made: conditions are functions, which are not called
 * with a page locked. */
static Page
copy_page(AngleScan *self, Page page)
{
	if (self->copy == NULL)
		self->copy = palloc(BLCKSZ);
	memcpy(self->copy, page, BLCKSZ);
	return (Page) self->copy;
}

void
angle_scan_expand(Relation index, AngleScan *self, uint32 place, double floor,
				  int slot)
{
	const AngleLeaf leaf = self->rows.leaves[place].leaf;
	const AngleRowsPart part = {place, floor, slot, rows_at_a_time(self)};
	const AngleLayout *layout = &self->self->layout;
	Buffer head = lock_leaf(index, self, &leaf);
	Page page;

	if (!BufferIsValid(head))
		return;
	page = copy_page(self, BufferGetPage(head));
	UnlockReleaseBuffer(head);
	rank_rows(index, self, page);
	angle_rows_add_part(&self->rows, &part, angle_leaf_entries(layout, page),
						self->distances, layout->capacity);
}

/* Where the page of a leaf, or NULL, was; InvalidBuffer: not known. */
static Buffer
recent_leaf(const AngleScan *self, const AngleLeaf *leaf)
{
	const Buffer *recent = NULL;

	if (leaf != NULL)
		recent = angle_directory_recent(self->directory, leaf->node.block);
	return recent != NULL ? *recent : InvalidBuffer;
}

/* Says what is read of the leaf that comes next, or NULL: its numbers and codes, as far as it
 * has rows, which its first line says. */
static void
note_next(AngleScan *self, const AngleLeaf *leaf)
{
	const AngleLayout *layout = &self->self->layout;
	Page page = angle_recent_page(recent_leaf(self, leaf));

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
	const Buffer later = recent_leaf(self, self->later);

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

/* Takes the rows of a leaf that are near, and were not taken when rows up to floor were;
 * returns how many pass the conditions. */
static int
take_near(AngleScan *self, uint32 place, Page page, float floor)
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

			const float bound = bound_of(self, slot);

			if (bound > floor || floor == -INFINITY)
				angle_rows_take(&self->rows, place, &entries[slot], bound);
			taken++;
		}
	if (taken < count)
		angle_rows_leave(&self->rows, place);
	return count;
}

/* How many rows a leaf has, and how many of them pass the conditions. */
typedef struct LeafCount
{
	int rows;
	int passed;
} LeafCount;

/* Takes what is near of a leaf, beyond floor. */
static LeafCount
read_near(Relation index, AngleScan *self, uint32 place, float floor)
{
	const AngleLeaf leaf = self->rows.leaves[place].leaf;
	Buffer head = lock_leaf(index, self, &leaf);
	LeafCount count = {0, 0};
	Page page;

	if (!BufferIsValid(head))
		return count;
	page = BufferGetPage(head);
	count.rows = angle_node(page)->count;
	if (angle_filter_empty(self->filter))
		count.passed = take_near(self, place, page, floor);
	else
		page = copy_page(self, page);
	UnlockReleaseBuffer(head);
	if (!angle_filter_empty(self->filter))
		count.passed = take_near(self, place, page, floor);
	return count;
}

/* Reads the next leaf, if there is one. */
void
angle_scan_leaf(Relation index, AngleScan *self)
{
	AngleLeaf leaf;
	LeafCount count;
	uint32 place;

	self->more = angle_route_next(self->route, &leaf);
	if (!self->more)
		return;
	place = angle_rows_add_leaf(&self->rows, &leaf);
	if (self->once)
	{
		angle_scan_expand(index, self, place, -INFINITY, 0);
		return;
	}
	note_next(self, angle_route_peek(self->route, 0));
	self->later = angle_route_peek(self->route, LATER);
	count = read_near(index, self, place, -INFINITY);
	angle_stop_note(&self->stop, leaf.distance, count.rows, count.passed);
}

/* The places of the leaves of which rows were left out; returns how many there are. */
static uint32
rests(const AngleRows *rows, uint32 *places)
{
	uint32 count = 0;

	for (uint32 place = 0; place < rows->leaf_count; place++)
		if (rows->leaves[place].rest < INFINITY)
			places[count++] = place;
	return count;
}

void
angle_scan_widen(Relation index, AngleScan *self)
{
	AngleSeenLeaf *leaves = self->rows.leaves;
	uint32 *places = palloc_extended(self->rows.leaf_count * sizeof(uint32),
									 MCXT_ALLOC_HUGE);
	const uint32 count = rests(&self->rows, places);

	angle_rows_widen(&self->rows);
	for (uint32 i = 0; i < count; i++)
	{
		const float floor = leaves[places[i]].rest;

		CHECK_FOR_INTERRUPTS();
		note_next(self, i + 1 < count ? &leaves[places[i + 1]].leaf : NULL);
		self->later =
			i + LATER < count ? &leaves[places[i + LATER]].leaf : NULL;
		leaves[places[i]].rest = INFINITY;
		(void) read_near(index, self, places[i], floor);
	}
	pfree(places);
}
