/*
 * Inserting a row: find the leaf of the nearest centroids, put the row into a
 * free slot, one WAL record. Where the leaf is full, split.c makes room first.
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "pg/am/am.h"
#include "pg/am/descend.h"
#include "pg/am/keys.h"
#include "pg/am/node.h"
#include "pg/am/split.h"

/* So many times a way is found without the lock on the tree. */
#define TRIES 4

/* A record of generic WAL takes so many pages; one is the head's. */
#define BODIES_PER_RECORD 3

/* What stays between the insertions of a statement. */
typedef struct Inserter
{
	AngleIndex *self;
	AngleWays *ways;
	AngleRow row;
	float *point; /* (dims) */
} Inserter;

/* Pages of a body, locked, from the first of spot on. */
typedef struct Bodies
{
	Buffer buffers[BODIES_PER_RECORD];
	int count;
} Bodies;

/* Registers pages of the body, from its page i on, with state and copies its
 * parts there. */
static Bodies
put_bodies(Relation index, GenericXLogState *state,
		   const AngleBodyTarget *target, int i)
{
	const AngleBodySpot spot = angle_body_spot(target->size, target->slot);
	Bodies bodies = {.count = 0};

	for (; i < spot.pages && bodies.count < BODIES_PER_RECORD; i++)
	{
		Buffer buffer = ReadBuffer(index, target->head + spot.page + i);
		Size done = spot.pages > 1 ? i * ANGLE_PAGE_ROOM : 0;
		bool fresh;
		Page page;

		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		fresh = PageIsNew(BufferGetPage(buffer));
		page = GenericXLogRegisterBuffer(state, buffer,
										 fresh ? GENERIC_XLOG_FULL_IMAGE : 0);
		if (fresh)
			angle_page_init(page, ANGLE_PAGE_BODY);
		memcpy((char *) page + spot.offset, target->body + done,
			   Min(target->size - done, ANGLE_PAGE_ROOM));
		bodies.buffers[bodies.count++] = buffer;
	}
	return bodies;
}

static void
release_bodies(Bodies bodies)
{
	for (int i = 0; i < bodies.count; i++)
		UnlockReleaseBuffer(bodies.buffers[i]);
}

void
angle_body_write(Relation index, const AngleBodyTarget *target)
{
	const AngleBodySpot spot = angle_body_spot(target->size, target->slot);

	for (int i = 0; i < target->pages && i < spot.pages; i += BODIES_PER_RECORD)
	{
		GenericXLogState *state = GenericXLogStart(index);
		Bodies bodies = put_bodies(index, state, target, i);

		GenericXLogFinish(state);
		release_bodies(bodies);
	}
}

/* Puts the row into slot of the leaf whose head is locked exclusively. Pages of
 * a body that one record cannot hold are written before: nothing leads to them
 * until the slot is live. */
static void
put_row(Relation index, const AngleLayout *layout, Buffer head, int slot,
		const AngleRow *row)
{
	const BlockNumber block = BufferGetBlockNumber(head);
	const AngleBodySpot spot = angle_body_spot(layout->row_size, slot);
	int before = spot.pages > BODIES_PER_RECORD
					 ? (spot.pages - 1) / BODIES_PER_RECORD * BODIES_PER_RECORD
					 : 0;
	AngleBodyTarget target = {block, slot, layout->row_size, row->body, before};
	GenericXLogState *state;
	Bodies bodies;

	angle_body_write(index, &target);
	state = GenericXLogStart(index);
	angle_head_put_row(layout, GenericXLogRegisterBuffer(state, head, 0), slot,
					   row);
	bodies = put_bodies(index, state, &target, before);
	GenericXLogFinish(state);
	release_bodies(bodies);
}

/* Tries the nearest leaf: false if it is full or went. */
static bool
try_leaf(Relation index, Inserter *inserter, bool *full)
{
	const AngleLayout *layout = &inserter->self->layout;
	const AngleWay *way = inserter->ways->way[0];
	AngleNodePointer leaf = way->steps[way->length - 1].node;
	Buffer head =
		angle_read_head(index, layout, leaf.block, BUFFER_LOCK_EXCLUSIVE);
	const AngleNodeHeader *node = angle_node(BufferGetPage(head));
	bool there = node->generation == leaf.generation &&
				 node->kind == ANGLE_NODE_LEAF &&
				 !(node->flags & ANGLE_NODE_GONE);
	int slot = layout->capacity;

	if (there)
		slot = angle_slot_find_free(layout, BufferGetPage(head), 0,
									layout->capacity);
	*full = there && slot == layout->capacity;
	if (there && !*full)
		put_row(index, layout, head, slot, &inserter->row);
	UnlockReleaseBuffer(head);
	return there && !*full;
}

/* Finds a place for the row, and makes one where there is none. */
static void
insert_row(Relation index, Relation heap, Inserter *inserter)
{
	for (int tries = 0;; tries++)
	{
		AngleMeta meta = angle_meta_read(index);
		bool full = false;

		CHECK_FOR_INTERRUPTS();
		if (angle_ways_find(index, inserter->self, meta.root, inserter->point,
							inserter->ways))
		{
			angle_row_set_code(&inserter->row, inserter->self, inserter->point,
							   inserter->ways->way[0]->centroid);
			if (try_leaf(index, inserter, &full))
				return;
		}
		if (full || tries >= TRIES)
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
