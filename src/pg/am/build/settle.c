/* Second entries, and trading rows: see settle.h. */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "pg/am/build/settle.h"
#include "pg/am/store/edit.h"
#include "pg/am/store/entries.h"
#include "pg/am/tree/near_leaves.h"
#include "pg/am/tree/wishes.h"

/* Leaves that a row's first entry may go to. */
#define NEAREST_FIRST 4

/* First entries that a leaf gets here at most: one of more is split by the next insertion
 * (angle_leaf_expendable()). */
#define MOST_FIRST 0.75

/* Leaves that a process takes at a time: those of a turn have a common multiple with
 * those of a part. */
#define TURN 16

/* A row that was read. */
typedef struct Place
{
	int leaf;
	int slot;
} Place;

/* Leaves that are looked at together. */
typedef struct Part
{
	Relation index;
	const AngleIndex *self;
	bool logged;
	const AngleChild *leaves; /* (count) */
	int count;
	AngleNearest nearest;
	bool *full;			  /* (count), by order: it had no room when last seen */
	AngleEntries entries; /* of several leaves */
	Place *places;		  /* (entries.capacity); leaf is a place in order */
	AngleWishes wishes;
} Part;

/* What became of an entry. */
typedef enum Put
{
	PUT_NOWHERE, /* the leaf is full */
	PUT_AHEAD,	 /* the rows of the leaf are still to be read */
	PUT_BEHIND,	 /* they were read before */
} Put;

static Buffer
lock_leaf(const Part *part, int place)
{
	return angle_read_head(
		part->index, &part->self->layout,
		part->leaves[part->nearest.order[place]].pointer.block,
		BUFFER_LOCK_EXCLUSIVE);
}

/* Reads the rows whose first entry is in a leaf behind those that are there. */
static void
read_leaf(Part *part, int place)
{
	const AngleLayout *layout = &part->self->layout;
	Buffer head = lock_leaf(part, place);
	Page page = BufferGetPage(head);
	const AngleLeafEntry *entries = angle_leaf_entries(layout, page);
	int i = part->entries.count;
	AngleEdit edit;

	for (int slot = 0; slot < layout->capacity; slot++)
		if (angle_slot_live(layout, page, slot) &&
			!angle_entry_second(&entries[slot]))
			part->places[i++] = (Place){place, slot};
	angle_entries_read(&part->entries, head);
	page = angle_edit_begin(&edit, part->index, head, part->logged);
	angle_node(page)->flags |= ANGLE_NODE_SETTLED;
	angle_edit_end(&edit);
	UnlockReleaseBuffer(head);
}

/* Puts an entry of row i into the leaf at place to, if that has less than most entries; slot is
 * where it is then. */
static Put
put_entry(Part *part, int i, int to, uint16 flag, int most, int *slot)
{
	const AngleIndex *self = part->self;
	const AngleLayout *layout = &self->layout;
	AngleRow *row = &part->entries.rows[i];
	Put result = PUT_NOWHERE;
	AngleEdit edit;
	Buffer head;
	Page page;

	angle_row_set_code(row, self,
					   part->entries.points + (Size) i * layout->dims,
					   part->nearest.centroids + (Size) to * layout->dims);
	row->where.slot = angle_body_slot(row->where) | flag;
	head = lock_leaf(part, to);
	page = BufferGetPage(head);
	if (angle_node(page)->count < most)
	{
		*slot = angle_slot_find_free(layout, page, 0, layout->capacity);
		angle_head_put_row(
			layout, angle_edit_begin(&edit, part->index, head, part->logged),
			*slot, row);
		angle_edit_end(&edit);
		result = angle_node(page)->flags & ANGLE_NODE_SETTLED ? PUT_BEHIND
															  : PUT_AHEAD;
	}
	part->full[to] = angle_node(page)->count >= most;
	UnlockReleaseBuffer(head);
	return result;
}

static void
take_entry(Part *part, Place from)
{
	Buffer head = lock_leaf(part, from.leaf);
	AngleEdit edit;

	angle_slot_clear_live(
		&part->self->layout,
		angle_edit_begin(&edit, part->index, head, part->logged), from.slot);
	angle_edit_end(&edit);
	UnlockReleaseBuffer(head);
	part->full[from.leaf] = false;
}

/* Moves the first entry of row i to the nearest leaf that has room, unless that is where it is;
 * false if it is met again there. */
static bool
settle_first(Part *part, int i, const uint32 *nearest)
{
	const Place from = part->places[i];
	const int most = MOST_FIRST * part->self->layout.capacity;

	for (int j = 0; j < NEAREST_FIRST && nearest[j] < part->count; j++)
	{
		Put put = PUT_NOWHERE;
		int slot;

		if (nearest[j] == from.leaf)
			return true;
		if (!part->full[nearest[j]])
			put = put_entry(part, i, nearest[j], 0, most, &slot);
		if (put == PUT_NOWHERE)
			continue;
		take_entry(part, from);
		part->places[i] = (Place){nearest[j], slot};
		return put == PUT_BEHIND;
	}
	return true;
}

/* Notes where row i would have its second entry. */
static void
wish_second(Part *part, int i, const uint32 *nearest, const float *distances)
{
	const Size dims = part->self->layout.dims;
	const AngleWisher wisher = {part->entries.points + i * dims,
								part->nearest.centroids,
								dims,
								part->count,
								nearest,
								distances};

	angle_wishes_add(&part->wishes, &wisher, part->places[i].leaf)->slot =
		part->places[i].slot;
}

static void
settle_batch(Part *part)
{
	uint32 lists[ANGLE_ASSIGN_BATCH * ANGLE_WISHES_OF];
	float distances[ANGLE_ASSIGN_BATCH * ANGLE_WISHES_OF];

	angle_assign(part->nearest.assigner, part->entries.points,
				 part->entries.count, ANGLE_WISHES_OF, lists, distances);
	for (int i = 0; i < part->entries.count; i++)
		if (settle_first(part, i, lists + i * ANGLE_WISHES_OF))
			wish_second(part, i, lists + i * ANGLE_WISHES_OF,
						distances + i * ANGLE_WISHES_OF);
	part->entries.count = 0;
}

/* Settles the rows of a turn's leaves, together with what was read before. */
static void
settle_turn(Part *part, int from, int to)
{
	for (int place = from; place < to; place++)
	{
		CHECK_FOR_INTERRUPTS();
		if (part->entries.count + part->self->layout.capacity >
			part->entries.capacity)
			settle_batch(part);
		read_leaf(part, angle_nearest_scattered(&part->nearest, place));
	}
}

/* ---- second entries ------------------------------------------------------- */

/* Puts the second entry of row i of those that were read into the best leaf that has room. */
static void
grant(Part *part, int i, const AngleWish *wish)
{
	const int most = part->self->layout.capacity;
	int slot;

	for (int j = 0; j < ANGLE_WISHES && wish->leaves[j] != ANGLE_WISH_NONE; j++)
		if (!part->full[wish->leaves[j]] &&
			put_entry(part, i, wish->leaves[j], ANGLE_ENTRY_SECOND, most,
					  &slot) != PUT_NOWHERE)
			return;
}

/* Grants those of the wishes from first on, up to end, of rows of one leaf, whose turn it is in a
 * round. */
static void
grant_leaf(Part *part, Size first, Size end, int round)
{
	const AngleWish *due[ANGLE_ASSIGN_BATCH];
	int dues = 0;
	Buffer head;

	for (Size i = first; i < end; i++)
	{
		const AngleWish *wish = angle_wish(&part->wishes, i);

		if (angle_wish_is_due(&part->wishes, wish, round))
			due[dues++] = wish;
	}
	if (dues == 0)
		return;
	head = lock_leaf(part, due[0]->first);
	for (int i = 0; i < dues; i++)
		angle_entries_read_slot(&part->entries, head, due[i]->slot);
	UnlockReleaseBuffer(head);
	for (int i = 0; i < dues; i++)
		grant(part, i, due[i]);
	part->entries.count = 0;
}

/* Where the wishes that follow that at first, and are of rows of the same leaf, end. */
static Size
end_of_leaf(const AngleWishes *wishes, Size first)
{
	const uint32 leaf = angle_wish(wishes, first)->first;
	Size end = first + 1;

	while (end < wishes->count && angle_wish(wishes, end)->first == leaf)
		end++;
	return end;
}

static void
grant_wishes(Part *part)
{
	/* of first entries; now there may be more */
	memset(part->full, 0, part->count * sizeof(bool));
	angle_wishes_part(&part->wishes);
	for (int round = 0; round < ANGLE_WISH_ROUNDS; round++)
		for (Size first = 0, end; first < part->wishes.count; first = end)
		{
			CHECK_FOR_INTERRUPTS();
			end = end_of_leaf(&part->wishes, first);
			grant_leaf(part, first, end, round);
		}
}

/* ---- the whole ------------------------------------------------------------ */

static void
make_part(Part *part)
{
	const int capacity = angle_entries_batch(&part->self->layout);

	angle_nearest_make(&part->nearest, part->self, part->leaves, part->count);
	part->full = palloc_extended(part->count * sizeof(bool),
								 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	angle_entries_init(&part->entries, part->index, part->self, capacity);
	part->entries.first_only = true;
	part->places = palloc(capacity * sizeof(Place));
}

/* Takes leaves, if there are none of its own. */
static void
take_turn(AngleSettling *settling)
{
	if (settling->has_own)
		return;
	settling->own = pg_atomic_fetch_add_u32(settling->next, TURN);
	settling->has_own = true;
}

int
angle_settle_most(const AngleLayout *layout, Size memory)
{
	const int most =
		angle_nearest_most(layout, memory, angle_wishes_size(layout));

	return Max(TURN, most / TURN * TURN);
}

void
angle_settle_part(AngleSettling *settling, const AngleChild *leaves,
				  uint32 first, int count)
{
	Part part = {.index = settling->index,
				 .self = settling->self,
				 .logged = settling->logged,
				 .leaves = leaves,
				 .count = count};
	MemoryContext context, old;

	take_turn(settling);
	if (settling->own >= first + count)
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "angle settling",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	make_part(&part);
	while (settling->own < first + count)
	{
		const int from = settling->own - first;

		settle_turn(&part, from, Min(from + TURN, count));
		settling->has_own = false;
		take_turn(settling);
	}
	settle_batch(&part);
	grant_wishes(&part);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* All codes of a leaf have their places. */
static void
end_leaf(const AngleSettling *settling, BlockNumber block)
{
	const AngleLayout *layout = &settling->self->layout;
	Buffer head =
		angle_read_head(settling->index, layout, block, BUFFER_LOCK_EXCLUSIVE);
	AngleEdit edit;
	Page page =
		angle_edit_begin(&edit, settling->index, head, settling->logged);

	angle_leaf_close(layout, page);
	angle_node(page)->flags &= ~ANGLE_NODE_SETTLED;
	angle_edit_end(&edit);
	UnlockReleaseBuffer(head);
}

void
angle_settle_end(const AngleSettling *settling, const AngleNodePointer *leaves,
				 uint32 count)
{
	uint32 first;

	while ((first = pg_atomic_fetch_add_u32(settling->next, TURN)) < count)
		for (uint32 i = first; i < Min(first + TURN, count); i++)
		{
			CHECK_FOR_INTERRUPTS();
			end_leaf(settling, leaves[i].block);
		}
}

void
angle_settle(const AngleTreeWriter *writer, Size memory)
{
	const int most = angle_settle_most(&writer->self->layout, memory);
	pg_atomic_uint32 next;
	AngleSettling settling = {.index = writer->index,
							  .self = writer->self,
							  .logged = writer->draft != NULL,
							  .next = &next};

	pg_atomic_init_u32(&next, 0);
	for (int first = 0; first < writer->count; first += most)
		angle_settle_part(&settling, writer->children + first, first,
						  Min(most, writer->count - first));
	for (int i = 0; i < writer->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		end_leaf(&settling, writer->children[i].pointer.block);
	}
}
