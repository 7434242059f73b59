/*
 * Inserting a row: find the leaf of the nearest centroids and another one for the second
 * entry, and put both and the body into free slots, by one WAL record. Where the first
 * leaf is full, split.c makes room before.
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "pg/am/am.h"
#include "pg/am/store/body.h"
#include "pg/am/store/keys.h"
#include "pg/am/store/lock.h"
#include "pg/am/tree/descend.h"
#include "pg/am/tree/insert.h"
#include "pg/am/tree/second.h"
#include "pg/am/tree/split.h"

/* So many times a way is found without the lock on the tree. */
#define TRIES 4

StaticAssertDecl(ANGLE_WAYS <= ANGLE_NEAR_LEAVES, "all of them may be chosen");

/* A tree as it is at a try. */
typedef struct Tree
{
	AngleNodePointer root;
	uint32 number;
} Tree;

/* What stays between the insertions of a statement. */
struct AngleInserter
{
	Relation index;
	AngleIndex *self;
	AngleDraft *draft; /* NULL: the tree of the index */
	AngleWays *ways;
	AngleRow row;
	float *point; /* (dims) */
	AngleSecond second;
};

/* What came of a try. */
typedef enum Outcome
{
	DONE,
	AGAIN, /* the leaf or the place of the body was not there any more */
	FULL,  /* the leaf is */
} Outcome;

static Tree
look_at_tree(const AngleInserter *inserter)
{
	const AngleDraft *draft = inserter->draft;
	AngleMeta meta;

	if (draft != NULL)
		return (Tree){draft->root, draft->tree};
	meta = angle_meta_read(inserter->index);
	return (Tree){meta.root, meta.tree};
}

/* Chooses leaves for the second entry. */
static void
choose_second(AngleInserter *inserter)
{
	const AngleWays *ways = inserter->ways;
	AngleNearLeaf near[ANGLE_WAYS];

	for (int i = 0; i < ways->count; i++)
		near[i] =
			(AngleNearLeaf){angle_way_end(ways->way[i]), ways->way[i]->centroid,
							(double) ways->way[i]->far * ways->way[i]->far};
	inserter->second.index = inserter->index;
	inserter->second.self = inserter->self;
	angle_second_choose(&inserter->second, near, ways->count, inserter->point);
}

/* Puts the first entry into a leaf that is locked; a second entry gives way to it. */
static void
put_first(const AngleInserter *inserter, Page page, int slot)
{
	const AngleLayout *layout = &inserter->self->layout;

	if (angle_slot_live(layout, page, slot))
		angle_slot_clear_live(layout, page, slot);
	angle_head_put_row(layout, page, slot, &inserter->row);
}

/* Puts body and entries where there is room: head is that of the first leaf, body the page
 * of bodies, both locked. */
static void
put_row(AngleInserter *inserter, uint32 tree, Buffer head, int slot,
		Buffer body, int place)
{
	Relation index = inserter->index;
	const AngleLayout *layout = &inserter->self->layout;
	AngleSecond *second = &inserter->second;
	AngleRow *row = &inserter->row;
	GenericXLogState *state;
	bool has_second;

	BlockIdSet(&row->where.block, BufferGetBlockNumber(body));
	row->where.slot = place;
	/* nothing leads there until the slot is live */
	angle_body_write_rest(index, layout, BufferGetBlockNumber(body), row, tree);
	has_second = angle_second_lock(second);
	state = GenericXLogStart(index);
	put_first(inserter, GenericXLogRegisterBuffer(state, head, 0), slot);
	angle_body_put(layout, GenericXLogRegisterBuffer(state, body, 0), place,
				   row);
	if (has_second)
		angle_second_put(second, row, inserter->point,
						 GenericXLogRegisterBuffer(state, second->head, 0));
	GenericXLogFinish(state);
	if (has_second)
		UnlockReleaseBuffer(second->head);
}

/* Tries the leaf at the end of the way, with a body on a page that has room. */
static Outcome
try_leaf(AngleInserter *inserter, Relation heap, uint32 tree)
{
	Relation index = inserter->index;
	const AngleLayout *layout = &inserter->self->layout;
	const AngleNodePointer leaf = angle_way_end(inserter->ways->way[0]);
	const BlockNumber block = angle_body_room(index, heap, layout, tree);
	Buffer head = ReadBuffer(index, leaf.block);
	Buffer body = ReadBuffer(index, block);
	Outcome outcome = AGAIN;
	int slot, place;

	LockBuffer(head, BUFFER_LOCK_EXCLUSIVE);
	slot = angle_leaf_free_slot(layout, BufferGetPage(head), leaf);
	if (slot == layout->capacity)
		slot = angle_leaf_expendable(layout, BufferGetPage(head));
	if (slot == layout->capacity)
		outcome = FULL;
	else if (slot >= 0)
	{
		/* heads are locked before bodies, as splits do */
		LockBuffer(body, BUFFER_LOCK_EXCLUSIVE);
		place = angle_body_find_free(layout, BufferGetPage(body), tree);
		if (place < layout->body_slots)
		{
			put_row(inserter, tree, head, slot, body, place);
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
insert_row(AngleInserter *inserter, Relation heap)
{
	for (int tries = 0;; tries++)
	{
		const Tree tree = look_at_tree(inserter);
		Outcome outcome = AGAIN;

		CHECK_FOR_INTERRUPTS();
		if (angle_ways_find(inserter->index, inserter->self, tree.root,
							inserter->point, inserter->ways))
		{
			angle_row_set_code(&inserter->row, inserter->self, inserter->point,
							   inserter->ways->way[0]->centroid);
			choose_second(inserter);
			outcome = try_leaf(inserter, heap, tree.number);
		}
		if (outcome == DONE)
			return;
		if (outcome == FULL || tries >= TRIES)
			angle_make_room(inserter->index, heap, inserter->self,
							inserter->draft, inserter->point);
	}
}

AngleInserter *
angle_inserter_make(Relation index, AngleIndex *self, AngleDraft *draft)
{
	AngleInserter *inserter = palloc0(sizeof(AngleInserter));

	inserter->index = index;
	inserter->self = self;
	inserter->draft = draft;
	inserter->ways = angle_ways_make(&self->layout);
	inserter->point = palloc(self->layout.dims * sizeof(float));
	angle_row_init(&inserter->row, &self->layout);
	return inserter;
}

void
angle_inserter_put(AngleInserter *inserter, Relation heap, const AngleRow *row,
				   const float *point)
{
	const AngleLayout *layout = &inserter->self->layout;
	AngleRow *own = &inserter->row;

	own->tid = row->tid;
	own->nulls = row->nulls;
	memcpy(own->values, row->values, layout->keys * sizeof(uint64));
	memcpy(own->body, row->body, layout->row_size);
	memcpy(inserter->point, point, layout->dims * sizeof(float));
	insert_row(inserter, heap);
}

/* The inserter of this statement; made anew once the index has dimensions. */
static AngleInserter *
get_inserter(Relation index, Datum datum, IndexInfo *info)
{
	MemoryContext old;
	AngleIndex *self;

	if (info->ii_AmCache != NULL)
		return info->ii_AmCache;
	old = MemoryContextSwitchTo(info->ii_Context);
	self = angle_index_open(index);
	if (self->layout.dims == 0)
	{
		angle_make_root(index, datum);
		self = angle_index_open(index);
	}
	info->ii_AmCache = angle_inserter_make(index, self, NULL);
	MemoryContextSwitchTo(old);
	return info->ii_AmCache;
}

/* Whether the column was changed by an UPDATE makes no difference to the work:
 * the new version of the row has a TID of its own, which must be found. */
bool
angle_insert(Relation index, Datum *values, bool *isnull, ItemPointer tid,
			 Relation heap, IndexUniqueCheck unique, bool unchanged,
			 IndexInfo *info)
{
	MemoryContext scratch, old;
	AngleInserter *inserter;

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
		angle_lock_rows(index);
		insert_row(inserter, heap);
		angle_unlock_rows(index);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	return false;
}
