/* A step of k-means over all leaves: see recentre.h. */
#include "postgres.h"

#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "pg/am/store/lock.h"
#include "pg/am/tree/leaf_pass.h"
#include "pg/am/tree/move_second.h"
#include "pg/am/tree/recentre.h"
#include "pg/am/tree/replace.h"
#include "pg/am/tree/siblings.h"
#include "pg/pg_compat.h"

/* A leaf of a part, by its block. */
typedef struct Key
{
	BlockNumber block;
	uint32 place;
} Key;

typedef struct Recentring
{
	AngleLeafPass pass; /* the first member: what it calls gets this */
	AngleReplacer replacer;
	IndexBulkDeleteResult *stats;
	/* of the part, by place */
	float *sums;	 /* (pass.count, dims): of the rows nearest to a leaf … */
	uint32 *members; /* (pass.count): … so many */
	Key *keys;		 /* (pass.count), by block */
} Recentring;

/* ---- means ---------------------------------------------------------------- */

static void
begin_part(AngleLeafPass *pass)
{
	Recentring *recentring = (Recentring *) pass;
	const Size dims = pass->self->layout.dims;

	recentring->sums = palloc_extended(pass->count * dims * sizeof(float),
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	recentring->members = palloc_extended(pass->count * sizeof(uint32),
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* A free slot, or that of another second entry, if there are more than a few. */
static int
choose_slot(void *context, Page page)
{
	const AngleLayout *layout = context;
	const int slot = angle_slot_find_free(layout, page, 0, layout->capacity);

	return slot < layout->capacity ? slot : angle_leaf_expendable(layout, page);
}

/* Moves the second entry, by which the row was read, to its nearest leaf; false if the row has another
 * one there or there is no room. */
static bool
move_to_nearest(const AngleLeafPass *pass, const AngleNearRow *row)
{
	const AngleMove move = {pass, row->row, row->point, choose_slot,
							(void *) &pass->self->layout};
	Buffer from;
	bool moved;
	int slot;

	if (angle_entry_is_at(pass, row->nearest[0], row->row->where))
		return false;
	from = angle_second_find(pass, row->own, row->row->where, &slot);
	if (!BufferIsValid(from))
		return false;
	moved = angle_second_move(&move, row->nearest[0], from, slot);
	UnlockReleaseBuffer(from);
	return moved;
}

/* A row is counted by the entry that is in its nearest leaf, or that comes there. */
static void
look_at_row(AngleLeafPass *pass, const AngleNearRow *row)
{
	Recentring *recentring = (Recentring *) pass;
	const Size dims = pass->self->layout.dims;
	const uint32 nearest = row->nearest[0];
	const bool second = row->row->where.slot & ANGLE_ENTRY_SECOND;
	float *sum;

	if (nearest >= pass->count ||
		(nearest != row->own && !(second && move_to_nearest(pass, row))))
		return;
	sum = recentring->sums + nearest * dims;
	for (Size d = 0; d < dims; d++)
		sum[d] += row->point[d];
	recentring->members[nearest]++;
}

static int
compare_keys(const void *a, const void *b)
{
	const BlockNumber x = ((const Key *) a)->block,
					  y = ((const Key *) b)->block;

	return (x > y) - (x < y);
}

static void
sort_keys(Recentring *recentring)
{
	const AngleLeafPass *pass = &recentring->pass;

	recentring->keys =
		palloc_extended(pass->count * sizeof(Key), MCXT_ALLOC_HUGE);
	for (int i = 0; i < pass->count; i++)
		recentring->keys[i] = (Key){angle_pass_leaf(pass, i).block, i};
	qsort(recentring->keys, pass->count, sizeof(Key), compare_keys);
}

/* Fills centroid (dims) with the mean of the rows that are nearest to a leaf; false if it is not
 * known. */
static bool
find_mean(const Recentring *recentring, AngleNodePointer leaf, float *centroid)
{
	const AngleLeafPass *pass = &recentring->pass;
	const Size dims = pass->self->layout.dims;
	const Key wanted = {leaf.block, 0};
	const Key *key = bsearch(&wanted, recentring->keys, pass->count,
							 sizeof(Key), compare_keys);

	if (key == NULL ||
		angle_pass_leaf(pass, key->place).generation != leaf.generation ||
		recentring->members[key->place] == 0)
		return false;
	for (Size d = 0; d < dims; d++)
		centroid[d] = recentring->sums[key->place * dims + d] /
					  recentring->members[key->place];
	return true;
}

/* ---- leaves --------------------------------------------------------------- */

/* Each of the new nodes has the entries of an old one. */
static void
keep_entries(AngleReplacement *replacement)
{
	replacement->new_count = replacement->old_count;
	replacement->lists = palloc(Max(1, replacement->entries.count));
	for (int list = 0; list < replacement->new_count; list++)
		for (int i = replacement->first[list]; i < replacement->first[list + 1];
			 i++)
			replacement->lists[i] = list;
}

/* Adds children of the parent whose means are known, so many at most. */
static void
choose_leaves(const Recentring *recentring, const AngleSiblings *siblings,
			  int most, AngleReplacement *replacement)
{
	const Size dims = siblings->self->layout.dims;

	replacement->centroids = palloc(ANGLE_REPLACE_NEW * dims * sizeof(float));
	for (int i = 0; i < siblings->count && replacement->old_count < most; i++)
	{
		const AngleSibling *sibling = &siblings->all[i];

		if (sibling->kind == ANGLE_NODE_LEAF &&
			find_mean(recentring, sibling->node,
					  replacement->centroids + replacement->old_count * dims))
			replacement->old[replacement->old_count++] =
				(AngleOldNode){sibling->node, sibling->slot};
	}
}

/* Replaces some children of parent; false if all have been, or there is no room. */
static bool
replace_some(Recentring *recentring, AngleNodePointer parent)
{
	AngleReplacer *replacer = &recentring->replacer;
	AngleSiblings siblings = {
		.index = replacer->index, .self = replacer->self, .parent = parent};
	AngleReplacement replacement = {
		.replacer = replacer, .parent = parent, .kind = ANGLE_NODE_LEAF};
	MemoryContext memory = AllocSetContextCreate(
		CurrentMemoryContext, "angle recentring", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);

	angle_lock_tree(replacer->index);
	if (angle_siblings_read(&siblings))
		choose_leaves(recentring, &siblings,
					  Min(replacer->self->layout.fanout - siblings.count,
						  ANGLE_REPLACE_NEW),
					  &replacement);
	if (replacement.old_count > 0)
	{
		angle_replacement_read(&replacement, replacement.old_count);
		keep_entries(&replacement);
		angle_replace(&replacement);
		recentring->stats->pages_newly_deleted += replacement.old_count;
		recentring->stats->pages_deleted += replacement.old_count;
	}
	angle_unlock_tree(replacer->index);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	return replacement.old_count > 0;
}

static void
end_part(AngleLeafPass *pass)
{
	Recentring *recentring = (Recentring *) pass;

	sort_keys(recentring);
	recentring->replacer = angle_replacer_begin(
		pass->index, recentring->replacer.heap, pass->self);
	for (int i = 0; i < pass->parent_count; i++)
		while (replace_some(recentring, pass->parents[i]))
			ANGLE_VACUUM_DELAY_POINT();
	angle_replacer_end(&recentring->replacer);
}

void
angle_recentre(Relation index, Relation heap, const AngleIndex *self,
			   Size memory, IndexBulkDeleteResult *stats)
{
	Recentring recentring = {
		.pass = {.index = index,
				 .self = self,
				 .memory = memory,
				 .besides = self->layout.dims * sizeof(float) + sizeof(uint32) +
							sizeof(Key),
				 .begin = begin_part,
				 .row = look_at_row,
				 .end = end_part},
		.replacer.heap = heap,
		.stats = stats};

	angle_leaf_pass(&recentring.pass);
}
