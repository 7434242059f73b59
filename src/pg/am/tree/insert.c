/*
 * Inserting a row: find the leaf of the nearest centroids and another one for the second
 * entry, and put both and the body into free slots, by one WAL record. Where the first
 * leaf is full, split.c makes room before. The second entry makes a row easier to find,
 * not findable: it goes to a leaf that has room and that nobody has locked, or nowhere.
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "core/ann/kmeans.h"
#include "core/quant/fastscan.h"
#include "pg/am/am.h"
#include "pg/am/store/body.h"
#include "pg/am/store/keys.h"
#include "pg/am/store/node.h"
#include "pg/am/tree/descend.h"
#include "pg/am/tree/split.h"

/* So many times a way is found without the lock on the tree. */
#define TRIES 4

/* What stays between the insertions of a statement. */
typedef struct Inserter
{
	AngleIndex *self;
	AngleWays *ways;
	AngleRow row;
	float *point; /* (dims) */
	/* leaves that the second entry may go to, by SOAR's loss */
	const AngleWay *second[ANGLE_WAYS];
	int second_count;
} Inserter;

/* What came of a try. */
typedef enum Outcome
{
	DONE,
	AGAIN, /* the leaf or the place of the body was not there any more */
	FULL,  /* the leaf is */
} Outcome;

/* The leaf at the end of a way. */
static AngleNodePointer
end_of(const AngleWay *way)
{
	return way->steps[way->length - 1].node;
}

/* Puts the leaves beside the first in the order of their loss. */
static void
order_second(Inserter *inserter)
{
	const AngleWays *ways = inserter->ways;
	const AngleWay *first = ways->way[0];
	const double to_first = (double) first->far * first->far;
	double losses[ANGLE_WAYS];

	inserter->second_count = 0;
	for (int i = 1; i < ways->count; i++)
	{
		const AngleWay *other = ways->way[i];
		const double loss =
			angle_second_loss(inserter->point, first->centroid, other->centroid,
							  inserter->self->layout.dims, to_first,
							  (double) other->far * other->far);
		int place = inserter->second_count++;

		for (; place > 0 && loss < losses[place - 1]; place--)
		{
			losses[place] = losses[place - 1];
			inserter->second[place] = inserter->second[place - 1];
		}
		losses[place] = loss;
		inserter->second[place] = other;
	}
}

/* A free slot of the leaf that node leads to, whose page is locked; −1 if it is not
 * there any more, capacity if it is full. */
static int
free_slot(const AngleLayout *layout, Page page, AngleNodePointer node)
{
	if (!angle_page_is_node(page, node) ||
		angle_node(page)->kind != ANGLE_NODE_LEAF ||
		(angle_node(page)->flags & ANGLE_NODE_GONE))
		return -1;
	/* where codes lie in one piece first: that is less WAL */
	for (int start = 0; start < layout->capacity; start += ANGLE_BLOCK)
	{
		const int end = start + ANGLE_BLOCK;
		int slot = end;

		if (angle_block_loose(page, start / ANGLE_BLOCK))
			slot = angle_slot_find_free(layout, page, start, end);
		if (slot < end)
			return slot;
	}
	return angle_slot_find_free(layout, page, 0, layout->capacity);
}

/* Puts the second entry into a leaf that is locked. */
static void
put_second(const Inserter *inserter, const AngleWay *leaf, Page page, int slot)
{
	AngleRow row = inserter->row;

	row.where.slot |= ANGLE_ENTRY_SECOND;
	angle_row_set_code(&row, inserter->self, inserter->point, leaf->centroid);
	angle_head_put_row(&inserter->self->layout, page, slot, &row);
}

/* Finds a leaf for the second entry that nobody has locked, and locks it: to wait with
 * another head locked could be for ever. */
static Buffer
lock_second(Relation index, const Inserter *inserter, const AngleWay **leaf,
			int *slot)
{
	const AngleLayout *layout = &inserter->self->layout;

	for (int i = 0; i < inserter->second_count; i++)
	{
		Buffer buffer = ReadBuffer(index, end_of(inserter->second[i]).block);

		if (ConditionalLockBuffer(buffer))
		{
			*leaf = inserter->second[i];
			*slot = free_slot(layout, BufferGetPage(buffer), end_of(*leaf));
			if (*slot >= 0 && *slot < layout->capacity)
				return buffer;
			LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		}
		ReleaseBuffer(buffer);
	}
	return InvalidBuffer;
}

/* Puts the first entry into a leaf that is locked; a second entry gives way to it. */
static void
put_first(const Inserter *inserter, Page page, int slot)
{
	const AngleLayout *layout = &inserter->self->layout;

	if (angle_slot_live(layout, page, slot))
		angle_slot_clear_live(layout, page, slot);
	angle_head_put_row(layout, page, slot, &inserter->row);
}

/* Puts body and entries where there is room: head is that of the first leaf, body the page
 * of bodies, both locked. */
static void
put_row(Relation index, Inserter *inserter, Buffer head, int slot, Buffer body,
		int place)
{
	const AngleLayout *layout = &inserter->self->layout;
	AngleRow *row = &inserter->row;
	const AngleWay *leaf = NULL;
	GenericXLogState *state;
	Buffer second;
	int second_slot = 0;

	BlockIdSet(&row->where.block, BufferGetBlockNumber(body));
	row->where.slot = place;
	/* nothing leads there until the slot is live */
	angle_body_write_rest(index, layout, BufferGetBlockNumber(body), row);
	second = lock_second(index, inserter, &leaf, &second_slot);
	state = GenericXLogStart(index);
	put_first(inserter, GenericXLogRegisterBuffer(state, head, 0), slot);
	angle_body_put(layout, GenericXLogRegisterBuffer(state, body, 0), place,
				   row);
	if (BufferIsValid(second))
		put_second(inserter, leaf, GenericXLogRegisterBuffer(state, second, 0),
				   second_slot);
	GenericXLogFinish(state);
	if (BufferIsValid(second))
		UnlockReleaseBuffer(second);
}

/* Tries the leaf at the end of the way, with a body on a page that has room. */
static Outcome
try_leaf(Relation index, Relation heap, Inserter *inserter)
{
	const AngleLayout *layout = &inserter->self->layout;
	const AngleNodePointer leaf = end_of(inserter->ways->way[0]);
	const BlockNumber block = angle_body_room(index, heap, layout);
	Buffer head = ReadBuffer(index, leaf.block);
	Buffer body = ReadBuffer(index, block);
	Outcome outcome = AGAIN;
	int slot, place;

	LockBuffer(head, BUFFER_LOCK_EXCLUSIVE);
	slot = free_slot(layout, BufferGetPage(head), leaf);
	if (slot == layout->capacity)
		slot = angle_leaf_expendable(layout, BufferGetPage(head));
	if (slot == layout->capacity)
		outcome = FULL;
	else if (slot >= 0)
	{
		/* heads are locked before bodies, as splits do */
		LockBuffer(body, BUFFER_LOCK_EXCLUSIVE);
		place = angle_body_find_free(layout, BufferGetPage(body));
		if (place < layout->body_slots)
		{
			put_row(index, inserter, head, slot, body, place);
			outcome = DONE;
		}
		LockBuffer(body, BUFFER_LOCK_UNLOCK);
	}
	ReleaseBuffer(body);
	UnlockReleaseBuffer(head);
	return outcome;
}

/* Finds a place for the row, and makes one where there is none. */
static void
insert_row(Relation index, Relation heap, Inserter *inserter)
{
	for (int tries = 0;; tries++)
	{
		AngleMeta meta = angle_meta_read(index);
		Outcome outcome = AGAIN;

		CHECK_FOR_INTERRUPTS();
		if (angle_ways_find(index, inserter->self, meta.root, inserter->point,
							inserter->ways))
		{
			angle_row_set_code(&inserter->row, inserter->self, inserter->point,
							   inserter->ways->way[0]->centroid);
			order_second(inserter);
			outcome = try_leaf(index, heap, inserter);
		}
		if (outcome == DONE)
			return;
		if (outcome == FULL || tries >= TRIES)
			angle_make_room(index, heap, inserter->self, inserter->point);
	}
}

/* The inserter of this statement; made anew once the index has dimensions. */
static Inserter *
get_inserter(Relation index, Datum datum, IndexInfo *info)
{
	Inserter *inserter = info->ii_AmCache;
	MemoryContext old;

	if (inserter != NULL)
		return inserter;
	old = MemoryContextSwitchTo(info->ii_Context);
	inserter = palloc0(sizeof(Inserter));
	inserter->self = angle_index_open(index);
	if (inserter->self->layout.dims == 0)
	{
		angle_make_root(index, datum);
		inserter->self = angle_index_open(index);
	}
	inserter->ways = angle_ways_make(&inserter->self->layout);
	inserter->point = palloc(inserter->self->layout.dims * sizeof(float));
	angle_row_init(&inserter->row, &inserter->self->layout);
	info->ii_AmCache = inserter;
	MemoryContextSwitchTo(old);
	return inserter;
}

/* Whether the column was changed by an UPDATE makes no difference to the work:
 * the new version of the row has a TID of its own, which must be found. */
bool
angle_insert(Relation index, Datum *values, bool *isnull, ItemPointer tid,
			 Relation heap, IndexUniqueCheck unique, bool unchanged,
			 IndexInfo *info)
{
	MemoryContext scratch, old;
	Inserter *inserter;

	if (isnull[0])
		return false;
	scratch = AllocSetContextCreate(CurrentMemoryContext, "angle insert",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(scratch);
	inserter = get_inserter(index, values[0], info);
	if (angle_index_point(index, inserter->self, values[0], inserter->point))
	{
		inserter->row.tid = *tid;
		angle_keys_store(index, values, isnull, &inserter->row);
		angle_row_set_point(&inserter->row, &inserter->self->layout,
							inserter->point);
		insert_row(index, heap, inserter);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	return false;
}
