/*
 * Second entries for many rows: see pair.h. Which rows have none no entry says. So two passes
 * over the file come before: one notes the bodies that there are, one those that second
 * entries lead to. A row whose body was there had its entries by then, and they can only move to
 * behind the end of the file meanwhile (store/lock.h), which is read last.
 *
 * What is known of leaves grows old as others split them. An entry is put where its row
 * has none, into a leaf that is still there, by the lock on that alone, for nobody else takes rows
 * away. A scan that misses an entry which moves finds the row by the first one.
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "pg/am/store/bits.h"
#include "pg/am/store/body.h"
#include "pg/am/store/entries.h"
#include "pg/am/store/lock.h"
#include "pg/am/tree/descend.h"
#include "pg/am/tree/near_leaves.h"
#include "pg/am/tree/pair.h"
#include "pg/am/tree/second.h"
#include "pg/am/tree/siblings.h"
#include "pg/pg_compat.h"

typedef struct Pairing
{
	Relation index;
	const AngleIndex *self;
	BufferAccessStrategy strategy;
	AngleBits alone; /* bodies to which no second entry leads, by number */
	/* leaves that are looked at together */
	MemoryContext memory; /* of these */
	int most;
	int count;
	int room;
	AngleChild *leaves; /* (room) */
	AngleNearest nearest;
	AngleEntries entries; /* of several leaves */
	int *places; /* (entries.capacity): leaves of these, in order of nearest */
} Pairing;

/* ---- rows without second entries ------------------------------------------ */

/* Looks at each page of a role, with its buffer locked (shared), also at those that are added
 * meanwhile. */
static void
look_at_pages(Pairing *pairing, AnglePageRole role,
			  void (*look)(Pairing *pairing, Buffer buffer))
{
	BlockNumber count, block = ANGLE_META_BLOCK + 1;

	while (block < (count = RelationGetNumberOfBlocks(pairing->index)))
		for (; block < count; block++)
		{
			Buffer buffer =
				ReadBufferExtended(pairing->index, MAIN_FORKNUM, block,
								   RBM_NORMAL, pairing->strategy);
			Page page = BufferGetPage(buffer);

			ANGLE_VACUUM_DELAY_POINT();
			LockBuffer(buffer, BUFFER_LOCK_SHARE);
			if (!PageIsNew(page) && angle_page_tail(page)->role == role)
				look(pairing, buffer);
			UnlockReleaseBuffer(buffer);
		}
}

static void
note_bodies(Pairing *pairing, Buffer buffer)
{
	const AngleLayout *layout = &pairing->self->layout;
	AngleBodyPointer body;

	BlockIdSet(&body.block, BufferGetBlockNumber(buffer));
	for (body.slot = 0; body.slot < layout->body_slots; body.slot++)
		if (angle_body_live(layout, BufferGetPage(buffer), body.slot))
			angle_bits_add(&pairing->alone, angle_body_number(layout, body));
}

/* Whether a page, which is a head, is a leaf of the tree. */
static bool
is_leaf(Page page)
{
	return angle_node(page)->kind == ANGLE_NODE_LEAF &&
		   !(angle_node(page)->flags & ANGLE_NODE_GONE);
}

static void
note_seconds(Pairing *pairing, Buffer head)
{
	const AngleLayout *layout = &pairing->self->layout;
	Page page = BufferGetPage(head);
	const AngleLeafEntry *entries = angle_leaf_entries(layout, page);

	if (!is_leaf(page))
		return;
	for (int slot = 0; slot < layout->capacity; slot++)
		if (angle_slot_live(layout, page, slot) &&
			angle_entry_second(&entries[slot]))
			angle_bits_remove(&pairing->alone,
							  angle_body_number(layout, entries[slot].body));
}

static void
find_alone(Pairing *pairing)
{
	angle_lock_moves_for_vacuum(pairing->index);
	look_at_pages(pairing, ANGLE_PAGE_BODY, note_bodies);
	look_at_pages(pairing, ANGLE_PAGE_HEAD, note_seconds);
	angle_unlock_moves_for_vacuum(pairing->index);
}

/* ---- one entry ------------------------------------------------------------ */

/* A row that was read, and the leaves nearest to it. */
typedef struct Row
{
	const AngleRow *row;
	const float *point;	  /* (dims) */
	AngleNodePointer own; /* the leaf of the entry that was read */
	AngleNearLeaf near[ANGLE_NEAR_LEAVES];
	int count;
} Row;

/* The slot of an entry that leads to body; capacity if there is none. */
static int
find_entry(const AngleLayout *layout, Page page, AngleBodyPointer body)
{
	int slot = 0;

	while (
		slot < layout->capacity &&
		!(angle_slot_live(layout, page, slot) &&
		  angle_body_same(angle_leaf_entries(layout, page)[slot].body, body)))
		slot++;
	return slot;
}

/* Chooses leaves for the second entry, all of them better than that where the entry is, if the
 * first one is in the leaf at block first. */
static void
choose_better(AngleSecond *second, const Row *row, BlockNumber first)
{
	angle_second_choose(second, row->near, row->count, row->point, first);
	for (int i = 0; i < second->count; i++)
		if (second->leaves[i].node.block == row->own.block)
			second->count = i;
}

/* Locks one of them that has room and no entry of the row. */
static bool
lock_better(AngleSecond *second, const Row *row)
{
	const AngleLayout *layout = &second->self->layout;

	for (int tries = 0; tries < 2 && angle_second_lock(second); tries++)
	{
		if (find_entry(layout, BufferGetPage(second->head), row->row->where) ==
			layout->capacity)
			return true;
		/* so this is where the first one is */
		UnlockReleaseBuffer(second->head);
		choose_better(second, row, second->leaf.node.block);
	}
	return false;
}

/* Puts the second entry into the leaf that was locked, and takes it from slot of the page in
 * buffer old, unless that is invalid. */
static void
put(AngleSecond *second, const Row *row, Buffer old, int slot)
{
	GenericXLogState *state = GenericXLogStart(second->index);

	angle_second_put(second, row->row, row->point,
					 GenericXLogRegisterBuffer(state, second->head, 0));
	if (BufferIsValid(old))
		angle_slot_clear_live(&second->self->layout,
							  GenericXLogRegisterBuffer(state, old, 0), slot);
	GenericXLogFinish(state);
	UnlockReleaseBuffer(second->head);
}

/* Gives a row, of which the first entry was read, a second one. */
static void
add_second(Pairing *pairing, const Row *row)
{
	AngleSecond second = {.index = pairing->index, .self = pairing->self};

	choose_better(&second, row, row->own.block);
	if (!lock_better(&second, row))
		return;
	put(&second, row, InvalidBuffer, 0);
	/* it may be met again in another leaf, to which a split moves it */
	angle_bits_remove(&pairing->alone, angle_body_number(&pairing->self->layout,
														 row->row->where));
}

/* The slot in which the leaf whose page this is still has the second entry that was read. */
static int
find_second(const AngleLayout *layout, Page page, const Row *row)
{
	int slot = layout->capacity;

	if (angle_page_is_node(page, row->own) && is_leaf(page))
		slot = find_entry(layout, page, row->row->where);
	if (slot < layout->capacity &&
		!angle_entry_second(&angle_leaf_entries(layout, page)[slot]))
		slot = layout->capacity;
	return slot;
}

/* Moves the second entry, which was read, to a better leaf. The first one is in the nearest
 * most often. */
static void
move_second(Pairing *pairing, const Row *row)
{
	AngleSecond second = {.index = pairing->index, .self = pairing->self};
	const AngleLayout *layout = &pairing->self->layout;
	Buffer head;
	int slot;

	if (row->near[0].node.block == row->own.block)
		return;
	choose_better(&second, row, row->near[0].node.block);
	if (second.count == 0)
		return;
	head = ReadBuffer(pairing->index, row->own.block);
	LockBuffer(head, BUFFER_LOCK_EXCLUSIVE);
	slot = find_second(layout, BufferGetPage(head), row);
	if (slot < layout->capacity && lock_better(&second, row))
		put(&second, row, head, slot);
	UnlockReleaseBuffer(head);
}

/* ---- the entries of some leaves ------------------------------------------- */

static const AngleChild *
leaf_at(const Pairing *pairing, int place)
{
	return &pairing->leaves[pairing->nearest.order[place]];
}

/* The leaves nearest to row i of those that were read. */
static Row
make_row(const Pairing *pairing, int i, const uint32 *lists,
		 const float *distances)
{
	const Size dims = pairing->self->layout.dims;
	Row row = {.row = &pairing->entries.rows[i],
			   .point = pairing->entries.points + i * dims,
			   .own = leaf_at(pairing, pairing->places[i])->pointer};

	while (row.count < ANGLE_NEAR_LEAVES &&
		   lists[row.count] < pairing->nearest.count)
	{
		const Size place = lists[row.count];

		row.near[row.count] = (AngleNearLeaf){
			leaf_at(pairing, place)->pointer,
			pairing->nearest.centroids + place * dims, distances[row.count]};
		row.count++;
	}
	return row;
}

static void
pair_batch(Pairing *pairing)
{
	uint32 lists[ANGLE_ASSIGN_BATCH * ANGLE_NEAR_LEAVES];
	float distances[ANGLE_ASSIGN_BATCH * ANGLE_NEAR_LEAVES];

	angle_assign(pairing->nearest.assigner, pairing->entries.points,
				 pairing->entries.count, ANGLE_NEAR_LEAVES, lists, distances);
	for (int i = 0; i < pairing->entries.count; i++)
	{
		const Row row = make_row(pairing, i, lists + i * ANGLE_NEAR_LEAVES,
								 distances + i * ANGLE_NEAR_LEAVES);

		if (row.row->where.slot & ANGLE_ENTRY_SECOND)
			move_second(pairing, &row);
		else
			add_second(pairing, &row);
	}
	pairing->entries.count = 0;
}

/* Reads what entries of a leaf are to be looked at. */
static void
read_leaf(Pairing *pairing, int place)
{
	const AngleLayout *layout = &pairing->self->layout;
	const int before = pairing->entries.count;
	Buffer head =
		angle_read_node(pairing->index, layout,
						leaf_at(pairing, place)->pointer, BUFFER_LOCK_SHARE);

	if (!BufferIsValid(head))
		return;
	if (is_leaf(BufferGetPage(head)))
		angle_entries_read(&pairing->entries, head);
	UnlockReleaseBuffer(head);
	for (int i = before; i < pairing->entries.count; i++)
		pairing->places[i] = place;
}

/* Looks at the entries of the leaves that were collected, and forgets them. */
static void
pair_part(Pairing *pairing)
{
	MemoryContext old = MemoryContextSwitchTo(pairing->memory);

	if (pairing->count > 1)
	{
		angle_nearest_make(&pairing->nearest, pairing->self, pairing->leaves,
						   pairing->count);
		angle_entries_init(&pairing->entries, pairing->index, pairing->self,
						   ANGLE_ASSIGN_BATCH);
		pairing->entries.alone = &pairing->alone;
		pairing->places = palloc(ANGLE_ASSIGN_BATCH * sizeof(int));
		for (int place = 0; place < pairing->count; place++)
		{
			ANGLE_VACUUM_DELAY_POINT();
			if (pairing->entries.count + pairing->self->layout.capacity >
				pairing->entries.capacity)
				pair_batch(pairing);
			read_leaf(pairing, place);
		}
		pair_batch(pairing);
	}
	pairing->count = pairing->room = 0;
	MemoryContextSwitchTo(old);
	MemoryContextReset(pairing->memory);
}

/* ---- all leaves ----------------------------------------------------------- */

static void
collect_leaf(Pairing *pairing, const AngleSibling *sibling)
{
	const AngleLayout *layout = &pairing->self->layout;
	AngleChild *leaf;

	if (pairing->count == pairing->room)
	{
		const int room = Max(layout->fanout, 2 * pairing->room);
		AngleChild *leaves =
			palloc_extended(room * sizeof(AngleChild), MCXT_ALLOC_HUGE);

		if (pairing->room > 0)
			memcpy(leaves, pairing->leaves,
				   pairing->count * sizeof(AngleChild));
		pairing->leaves = leaves;
		pairing->room = room;
	}
	leaf = &pairing->leaves[pairing->count++];
	leaf->pointer = sibling->node;
	leaf->kind = sibling->kind;
	leaf->centroid = palloc(layout->centroid_size);
	angle_bfloat_encode(sibling->centroid, leaf->centroid, layout->dims);
}

/* Collects the leaves below a node, and looks at them when there are enough. A node that is
 * split meanwhile is passed over. */
static void
collect_below(Pairing *pairing, AngleNodePointer node, int depth)
{
	AngleSiblings siblings = {
		.index = pairing->index, .self = pairing->self, .parent = node};
	MemoryContext memory = AllocSetContextCreate(
		CurrentMemoryContext, "angle siblings", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);

	if (depth == ANGLE_HEIGHT_MAX)
		angle_tree_has_cycle(pairing->index, node.block);
	angle_lock_tree(pairing->index);
	(void) angle_siblings_read(&siblings);
	angle_unlock_tree(pairing->index);
	MemoryContextSwitchTo(pairing->memory);
	for (int i = 0; i < siblings.count; i++)
		if (siblings.all[i].kind == ANGLE_NODE_LEAF)
			collect_leaf(pairing, &siblings.all[i]);
	MemoryContextSwitchTo(old);
	if (pairing->count >= pairing->most)
		pair_part(pairing);
	for (int i = 0; i < siblings.count; i++)
		if (siblings.all[i].kind == ANGLE_NODE_INNER)
			collect_below(pairing, siblings.all[i].node, depth + 1);
	MemoryContextDelete(memory);
}

void
angle_pair(Relation index, const AngleIndex *self, Size memory)
{
	Pairing pairing = {.index = index,
					   .self = self,
					   .strategy = GetAccessStrategy(BAS_VACUUM),
					   .most = angle_nearest_most(&self->layout, memory)};

	find_alone(&pairing);
	pairing.memory = AllocSetContextCreate(CurrentMemoryContext, "angle pairs",
										   ALLOCSET_DEFAULT_SIZES);
	collect_below(&pairing, angle_meta_read(index).root, 0);
	pair_part(&pairing);
	MemoryContextDelete(pairing.memory);
	FreeAccessStrategy(pairing.strategy);
}
