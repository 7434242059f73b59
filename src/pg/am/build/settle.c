/* Second entries, and trading rows: see settle.h. */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "core/distance/sums.h"
#include "pg/am/build/settle.h"
#include "pg/am/store/entries.h"
#include "pg/am/tree/near_leaves.h"

/* Leaves that a row's first entry may go to, and that its second may. */
#define NEAREST_FIRST 4
#define NEAREST 8

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
	const AngleChild *leaves; /* (count) */
	int count;
	AngleNearest nearest;
	bool *full; /* (count), by order: it had no free slot when last seen */
	AngleEntries entries; /* of several leaves */
	Place *places;		  /* (entries.capacity); leaf is a place in order */
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

	for (int slot = 0; slot < layout->capacity; slot++)
		if (angle_slot_live(layout, page, slot) &&
			!angle_entry_second(&entries[slot]))
			part->places[i++] = (Place){place, slot};
	angle_entries_read(&part->entries, head);
	angle_node(page)->flags |= ANGLE_NODE_SETTLED;
	MarkBufferDirty(head);
	UnlockReleaseBuffer(head);
}

/* Puts an entry of row i into the leaf at place to, if it has a free slot. */
static Put
put_entry(Part *part, int i, int to, uint16 flag)
{
	const AngleIndex *self = part->self;
	const AngleLayout *layout = &self->layout;
	AngleRow *row = &part->entries.rows[i];
	Put result = PUT_NOWHERE;
	Buffer head;
	Page page;
	int slot;

	angle_row_set_code(row, self,
					   part->entries.points + (Size) i * layout->dims,
					   part->nearest.centroids + (Size) to * layout->dims);
	row->where.slot = angle_body_slot(row->where) | flag;
	head = lock_leaf(part, to);
	page = BufferGetPage(head);
	slot = angle_slot_find_free(layout, page, 0, layout->capacity);
	if (slot < layout->capacity)
	{
		angle_head_put_row(layout, page, slot, row);
		MarkBufferDirty(head);
		result = angle_node(page)->flags & ANGLE_NODE_SETTLED ? PUT_BEHIND
															  : PUT_AHEAD;
	}
	part->full[to] = angle_node(page)->count == layout->capacity;
	UnlockReleaseBuffer(head);
	return result;
}

/* Moves the first entry of row i to the leaf at place to, if it has a free slot. */
static Put
move_first(Part *part, int i, int to)
{
	const Place from = part->places[i];
	const Put result = put_entry(part, i, to, 0);
	Buffer head;

	if (result == PUT_NOWHERE)
		return result;
	head = lock_leaf(part, from.leaf);
	angle_slot_clear_live(&part->self->layout, BufferGetPage(head), from.slot);
	MarkBufferDirty(head);
	UnlockReleaseBuffer(head);
	part->full[from.leaf] = false;
	return result;
}

/* The nearest leaf with room for row i, or the one where it is. */
static int
choose_first(const Part *part, int i, const uint32 *nearest)
{
	const int own = part->places[i].leaf;

	for (int j = 0; j < NEAREST_FIRST && nearest[j] < part->count; j++)
		if (nearest[j] == own || !part->full[nearest[j]])
			return nearest[j];
	return own;
}

/* Of the nearest leaves with room the one with the least loss beside the first; −1 if
 * there is none. */
static int
choose_second(const Part *part, int i, int first, const uint32 *nearest,
			  const float *distances)
{
	const Size dims = part->self->layout.dims;
	const float *point = part->entries.points + i * dims;
	const float *centroid = part->nearest.centroids + first * dims;
	const double to_first =
		angle_distance_kernels()->l2_squared(point, centroid, dims);
	double least = INFINITY;
	int best = -1;

	for (int j = 0; j < NEAREST && nearest[j] < part->count; j++)
	{
		const int other = nearest[j];
		double loss;

		if (other == first || part->full[other])
			continue;
		loss = angle_second_loss(point, centroid,
								 part->nearest.centroids + other * dims, dims,
								 to_first, distances[j]);
		if (loss < least)
		{
			least = loss;
			best = other;
		}
	}
	return best;
}

/* Finds the places of row i: of its first entry, and if that is in a leaf that was read
 * of its second. A leaf that turns out to be full is not chosen again. */
static void
settle_row(Part *part, int i, const uint32 *nearest, const float *distances)
{
	Put put = PUT_NOWHERE;
	int first, second;

	while (put == PUT_NOWHERE)
	{
		first = choose_first(part, i, nearest);
		put = first == part->places[i].leaf ? PUT_BEHIND
											: move_first(part, i, first);
	}
	if (put == PUT_AHEAD)
		return;
	put = PUT_NOWHERE;
	while (put == PUT_NOWHERE &&
		   (second = choose_second(part, i, first, nearest, distances)) >= 0)
		put = put_entry(part, i, second, ANGLE_ENTRY_SECOND);
}

static void
settle_batch(Part *part)
{
	uint32 lists[ANGLE_ASSIGN_BATCH * NEAREST];
	float distances[ANGLE_ASSIGN_BATCH * NEAREST];

	angle_assign(part->nearest.assigner, part->entries.points,
				 part->entries.count, NEAREST, lists, distances);
	for (int i = 0; i < part->entries.count; i++)
		settle_row(part, i, lists + i * NEAREST, distances + i * NEAREST);
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
		read_leaf(part, place);
	}
}

static void
make_part(Part *part)
{
	const int capacity = ANGLE_ASSIGN_BATCH;

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
	return Max(TURN, angle_nearest_most(layout, memory) / TURN * TURN);
}

void
angle_settle_part(AngleSettling *settling, const AngleChild *leaves,
				  uint32 first, int count)
{
	Part part = {.index = settling->index,
				 .self = settling->self,
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

	angle_leaf_pack(layout, BufferGetPage(head));
	angle_node(BufferGetPage(head))->flags &= ~ANGLE_NODE_SETTLED;
	MarkBufferDirty(head);
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
angle_settle(Relation index, const AngleIndex *self, const AngleChild *leaves,
			 int count, Size memory)
{
	const int most = angle_settle_most(&self->layout, memory);
	pg_atomic_uint32 next;
	AngleSettling settling = {.index = index, .self = self, .next = &next};

	pg_atomic_init_u32(&next, 0);
	for (int first = 0; first < count; first += most)
		angle_settle_part(&settling, leaves + first, first,
						  Min(most, count - first));
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		end_leaf(&settling, leaves[i].pointer.block);
	}
}
