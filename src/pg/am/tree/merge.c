/* Nodes with few entries become one, as README has it ("Merging"). */
#include "postgres.h"

#include <math.h>

#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "pg/am/store/lock.h"
#include "pg/am/tree/descend.h"
#include "pg/am/tree/merge.h"
#include "pg/am/tree/redistribute.h"
#include "pg/am/tree/siblings.h"
#include "pg/pg_compat.h"

/* Nodes with less than this share of the entries they could have are merged, and so
 * that they get no more than that: what is merged is not split by the next few
 * insertions, and what is split is not merged by the next few deletions. */
#define TINY 0.25
#define FILL 0.75

/* Of the siblings so many are considered, the nearest: a list of rows that are far
 * from one another is worse than two lists. */
#define NEAREST 16

/* Siblings that share what a tiny node has where none has room for all of it, at most:
 * each of them is written anew. */
#define SHARE 4

typedef struct Merge
{
	AngleReplacer replacer;
	AngleTally *tally;
	IndexBulkDeleteResult *stats;
	MemoryContext memory; /* of one parent */
	bool again; /* inner nodes were merged: their children may be now */
	AngleSiblings siblings;
	int live; /* children of the parent now */
} Merge;

/* ---- what VACUUM has counted ---------------------------------------------- */

void
angle_tally_init(AngleTally *tally, BlockNumber blocks)
{
	tally->blocks = blocks;
	tally->rows = palloc_extended(blocks * sizeof(uint16), MCXT_ALLOC_HUGE);
	for (BlockNumber i = 0; i < blocks; i++)
		tally->rows[i] = ANGLE_TALLY_NONE;
	tally->merge = false;
}

static bool
is_tiny(const AngleLayout *layout, AngleNodeKind kind, int count)
{
	return count <
		   TINY * (kind == ANGLE_NODE_LEAF ? layout->capacity : layout->fanout);
}

void
angle_tally_note(AngleTally *tally, const AngleLayout *layout, BlockNumber head,
				 int rows)
{
	if (head >= tally->blocks)
		return;
	tally->rows[head] = rows;
	tally->merge |= is_tiny(layout, ANGLE_NODE_LEAF, rows);
}

/* Whether the leaf at head is tiny, as far as is known. */
static bool
tally_says_tiny(const AngleTally *tally, const AngleLayout *layout,
				BlockNumber head)
{
	return head < tally->blocks &&
		   is_tiny(layout, ANGLE_NODE_LEAF, tally->rows[head]);
}

/* ---- nodes that go together ----------------------------------------------- */

typedef struct Group
{
	AngleSibling *members[ANGLE_REPLACE_OLD];
	int count;
} Group;

static AngleReplacement
read_group(Merge *merge, const Group *group, int new_count)
{
	AngleReplacement replacement = {.replacer = &merge->replacer,
									.parent = merge->siblings.parent,
									.kind = group->members[0]->kind,
									.old_count = group->count,
									.new_count = new_count};

	for (int i = 0; i < group->count; i++)
		replacement.old[i] =
			(AngleOldNode){group->members[i]->node, group->members[i]->slot};
	angle_replacement_read(&replacement, new_count);
	return replacement;
}

static void
count_gone(Merge *merge, int count)
{
	merge->stats->pages_newly_deleted += count;
	merge->stats->pages_deleted += count;
}

/* Notes that the members have been replaced by so many nodes. */
static void
set_gone(Merge *merge, const Group *group, int new_count)
{
	for (int i = 0; i < group->count; i++)
		group->members[i]->gone = true;
	merge->live += new_count - group->count;
	count_gone(merge, group->count);
}

/* Notes what the new leaves have, for they may be merged again. */
static void
note_leaves(Merge *merge, const AngleReplacement *replacement)
{
	for (int list = 0; list < replacement->new_count; list++)
	{
		int rows = 0;

		for (int i = 0; i < replacement->entries.count; i++)
			rows += replacement->lists[i] == list;
		angle_tally_note(merge->tally, &merge->replacer.self->layout,
						 replacement->children[list].pointer.block, rows);
	}
}

/* Makes count nodes of the members, or the root; nothing if insertions have filled them
 * meanwhile. The parent has as many free slots. */
static void
merge_group(Merge *merge, const Group *group, int count, bool root)
{
	const int dims = merge->replacer.self->layout.dims;
	AngleReplacement replacement = read_group(merge, group, count);

	if (replacement.entries.count > count * replacement.capacity)
	{
		angle_replacement_release(&replacement);
		return;
	}
	angle_redistribute(
		&replacement, count,
		angle_fill_most(&merge->replacer.self->layout, replacement.kind));
	if (root)
	{
		/* the root has no centroid: it is coded around the origin */
		memset(replacement.centroids, 0, dims * sizeof(float));
		angle_replace_root(&replacement);
		count_gone(merge, 1); /* the parent */
	}
	else
		angle_replace(&replacement);
	set_gone(merge, group, replacement.new_count);
	merge->again |= replacement.kind == ANGLE_NODE_INNER;
	if (replacement.kind == ANGLE_NODE_LEAF)
		note_leaves(merge, &replacement);
}

/* Takes empty leaves from below the parent, which keeps one child. */
static void
drop_empty(Merge *merge)
{
	for (;;)
	{
		AngleReplacement replacement;
		Group group = {.count = 0};

		for (int i = 0; i < merge->siblings.count; i++)
		{
			AngleSibling *sibling = &merge->siblings.all[i];

			if (!sibling->gone && sibling->count == 0 &&
				sibling->kind == ANGLE_NODE_LEAF &&
				group.count < Min(ANGLE_REPLACE_OLD, merge->live - 1))
				group.members[group.count++] = sibling;
		}
		if (group.count == 0)
			return;
		replacement = read_group(merge, &group, 0);
		if (replacement.entries.count > 0)
		{
			/* somebody fills them again */
			angle_replacement_release(&replacement);
			return;
		}
		angle_replace(&replacement);
		set_gone(merge, &group, 0);
	}
}

/* ---- which nodes ---------------------------------------------------------- */

/* Gives what a tiny node has to the nearest siblings, as many as it takes. */
static void
share_out(Merge *merge, AngleSibling *tiny, AngleSibling **near, int count)
{
	const AngleLayout *layout = &merge->replacer.self->layout;
	const int most = angle_fill_most(layout, tiny->kind);
	const int slots = layout->fanout - merge->live;
	Group group = {.members = {tiny}, .count = 1};
	int entries = tiny->count;

	for (int i = 0; i < Min(count, Min(SHARE, slots)); i++)
	{
		entries += near[i]->count;
		group.members[group.count++] = near[i];
		if (entries <= (i + 1) * most)
		{
			merge_group(merge, &group, i + 1, false);
			return;
		}
	}
}

/* Merges a tiny node with those of its siblings that fit, or if there are none lets
 * siblings share what it has. */
static void
merge_tiny(Merge *merge, AngleSibling *tiny)
{
	const AngleLayout *layout = &merge->replacer.self->layout;
	const double limit =
		FILL *
		(tiny->kind == ANGLE_NODE_LEAF ? layout->capacity : layout->fanout);
	Group group = {.members = {tiny}, .count = 1};
	AngleSibling *near[NEAREST];
	const int count =
		angle_siblings_near(&merge->siblings, tiny, near, NEAREST);
	int entries = tiny->count;

	for (int i = 0; i < count && group.count < ANGLE_REPLACE_OLD; i++)
		if (entries + near[i]->count <= limit)
		{
			entries += near[i]->count;
			group.members[group.count++] = near[i];
		}
	if (group.count > 1)
		merge_group(merge, &group, 1, false);
	else
		share_out(merge, tiny, near, count);
}

/* Reads the children of a node and their counts; false if it is no inner node any
 * more. */
static bool
read_siblings(Merge *merge, AngleNodePointer parent)
{
	AngleSiblings *siblings = &merge->siblings;

	*siblings = (AngleSiblings){.index = merge->replacer.index,
								.self = merge->replacer.self,
								.parent = parent};
	if (!angle_siblings_read(siblings))
		return false;
	for (int i = 0; i < siblings->count; i++)
		angle_sibling_look(siblings, &siblings->all[i]);
	merge->live = siblings->count;
	return true;
}

/* Merges children of the node at parent. */
static void
merge_below(Merge *merge, AngleNodePointer parent)
{
	const AngleLayout *layout = &merge->replacer.self->layout;
	MemoryContext old = MemoryContextSwitchTo(merge->memory);

	angle_lock_tree(merge->replacer.index);
	if (read_siblings(merge, parent))
	{
		AngleSibling *all = merge->siblings.all;

		drop_empty(merge);
		for (int i = 0; i < merge->siblings.count; i++)
			if (!all[i].gone && merge->live < layout->fanout &&
				is_tiny(layout, all[i].kind, all[i].count))
				merge_tiny(merge, &all[i]);
	}
	angle_unlock_tree(merge->replacer.index);
	MemoryContextSwitchTo(old);
	MemoryContextReset(merge->memory);
}

/* ---- the tree ------------------------------------------------------------- */

/* What is below an inner node. */
typedef struct Below
{
	AngleNodePointer *inner; /* (inner_count) */
	int inner_count;
	int count;	/* children */
	bool merge; /* whether leaves are tiny */
} Below;

static Below
look_below(Merge *merge, AngleNodePointer pointer)
{
	const AngleLayout *layout = &merge->replacer.self->layout;
	Buffer head = angle_read_node(merge->replacer.index, layout, pointer,
								  BUFFER_LOCK_SHARE);
	Below below = {.inner = NULL};
	Page page;

	if (!BufferIsValid(head))
		return below;
	page = BufferGetPage(head);
	if (angle_node(page)->kind == ANGLE_NODE_INNER)
	{
		below.count = angle_node(page)->count;
		below.inner = palloc(layout->fanout * sizeof(AngleNodePointer));
		for (int slot = 0; slot < layout->fanout; slot++)
		{
			AngleNodePointer child = angle_inner_pointers(layout, page)[slot];

			if (!angle_slot_live(layout, page, slot))
				continue;
			if (angle_inner_kinds(layout, page)[slot] == ANGLE_NODE_INNER)
				below.inner[below.inner_count++] = child;
			else
				below.merge |=
					tally_says_tiny(merge->tally, layout, child.block);
		}
	}
	UnlockReleaseBuffer(head);
	return below;
}

/* Merges what is below a node, from the leaves up; returns how many children it has
 * then. A node that was split meanwhile is left to the next VACUUM. */
static int
visit(Merge *merge, AngleNodePointer node, int depth)
{
	Below below = look_below(merge, node);

	if (depth == ANGLE_HEIGHT_MAX)
		angle_tree_has_cycle(merge->replacer.index, node.block);
	for (int i = 0; i < below.inner_count; i++)
		below.merge |= is_tiny(&merge->replacer.self->layout, ANGLE_NODE_INNER,
							   visit(merge, below.inner[i], depth + 1));
	ANGLE_VACUUM_DELAY_POINT();
	if (below.merge)
	{
		merge_below(merge, node);
		below.count = merge->live;
	}
	if (below.inner != NULL)
		pfree(below.inner);
	return below.count;
}

/* Whether all children of the root are leaves whose rows fit into one. */
static bool
one_leaf_is_enough(const Merge *merge)
{
	const AngleSiblings *siblings = &merge->siblings;
	int rows = 0;

	for (int i = 0; i < siblings->count; i++)
	{
		if (siblings->all[i].kind != ANGLE_NODE_LEAF)
			return false;
		rows += siblings->all[i].count;
	}
	return siblings->count <= ANGLE_REPLACE_OLD &&
		   rows <= FILL * merge->replacer.self->layout.capacity;
}

/* Takes the root away if there is only one node below it, or rows for one; false if
 * there is more. */
static bool
lower_root_once(Merge *merge)
{
	AngleReplacer *replacer = &merge->replacer;
	AngleSiblings *siblings = &merge->siblings;
	Group group = {.count = 0};

	if (!read_siblings(merge, angle_meta_read(replacer->index).root) ||
		siblings->count == 0)
		return false;
	if (one_leaf_is_enough(merge))
	{
		for (int i = 0; i < siblings->count; i++)
			group.members[group.count++] = &siblings->all[i];
		merge_group(merge, &group, 1, true);
		return false;
	}
	if (siblings->count > 1 || siblings->all[0].kind == ANGLE_NODE_LEAF)
		return false;
	angle_lower_root(replacer, siblings->parent, siblings->all[0].node);
	count_gone(merge, 1);
	return true;
}

static void
lower_root(Merge *merge)
{
	Relation index = merge->replacer.index;
	MemoryContext old = MemoryContextSwitchTo(merge->memory);

	angle_lock_tree(index);
	while (lower_root_once(merge))
		;
	angle_unlock_tree(index);
	MemoryContextSwitchTo(old);
	MemoryContextReset(merge->memory);
}

void
angle_merge(Relation index, Relation heap, const AngleIndex *self,
			AngleTally *tally, IndexBulkDeleteResult *stats)
{
	Merge merge = {.tally = tally, .stats = stats};

	if (!tally->merge)
		return;
	merge.memory = AllocSetContextCreate(CurrentMemoryContext, "angle merge",
										 ALLOCSET_DEFAULT_SIZES);
	merge.replacer = angle_replacer_begin(index, heap, self);
	do
	{
		merge.again = false;
		visit(&merge, angle_meta_read(index).root, 0);
	} while (merge.again);
	lower_root(&merge);
	angle_replacer_end(&merge.replacer);
	MemoryContextDelete(merge.memory);
}
