/*
 * Nodes with few entries become one, as README has it ("Merging"). It is a split
 * the other way round: out of place, in one step for everybody who looks, with the
 * lock on the tree held.
 *
 * Heads of nodes are locked before that of their parent, and that before the
 * metapage, as splits do. Nobody else locks two heads at a time.
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "core/ann/kmeans.h"
#include "pg/am/descend.h"
#include "pg/am/entries.h"
#include "pg/am/lock.h"
#include "pg/am/merge.h"
#include "pg/am/node_segment.h"
#include "pg/am/split.h"
#include "pg/pg_compat.h"

/* Nodes with less than this share of the entries they could have are merged, and so
 * that they get no more than that: what is merged is not split by the next few
 * insertions, and what is split is not merged by the next few deletions. */
#define TINY 0.25
#define FILL 0.75

/* Nodes that become one, at most: the heads of all are locked. */
#define TOGETHER 32

/* Of the siblings so many are considered, the nearest: a list of rows that are far
 * from one another is worse than two lists. */
#define NEAREST 16

/* A child of the node whose children are merged. */
typedef struct Sibling
{
	AngleNodePointer node;
	AngleNodeKind kind;
	int slot;
	int count;		 /* entries, when it was looked at */
	float *centroid; /* (dims) */
	double far;		 /* from the one that is being merged */
	bool taken;		 /* has gone, or is what others have become */
} Sibling;

typedef struct Merge
{
	Relation index;
	Relation heap;
	const AngleIndex *self;
	AngleTally *tally;
	IndexBulkDeleteResult *stats;
	MemoryContext memory; /* of one parent */
	bool recycle;		  /* whether free segments may be taken */
	bool again; /* inner nodes were merged: their children may be now */
	AngleNodePointer spare; /* a segment that was taken and not used */
	AngleNodePointer parent;
	Sibling *siblings; /* (sibling_count) */
	int sibling_count;
	int live; /* children of the parent now */
} Merge;

/* ---- what VACUUM has counted ---------------------------------------------- */

void
angle_tally_init(AngleTally *tally, BlockNumber segments)
{
	tally->segments = segments;
	tally->rows = palloc_extended(segments * sizeof(uint16), MCXT_ALLOC_HUGE);
	for (BlockNumber i = 0; i < segments; i++)
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
	const BlockNumber segment = (head - 1) / layout->pages;

	if (segment >= tally->segments)
		return;
	tally->rows[segment] = rows;
	tally->merge |= is_tiny(layout, ANGLE_NODE_LEAF, rows);
}

/* Whether the leaf at head is tiny, as far as is known. */
static bool
tally_says_tiny(const AngleTally *tally, const AngleLayout *layout,
				BlockNumber head)
{
	const BlockNumber segment = (head - 1) / layout->pages;

	return segment < tally->segments &&
		   is_tiny(layout, ANGLE_NODE_LEAF, tally->rows[segment]);
}

/* ---- changes of many pages ------------------------------------------------ */

/* Pages that change together: more than a record of generic WAL takes, but nobody
 * sees some of them changed and others not, for all are locked. After a crash
 * between two of the records, the nodes of the later ones are orphans, for nothing
 * leads to them any more: the parent is in the first. */
typedef struct Change
{
	Relation index;
	int pages;
	GenericXLogState *states[1 + (TOGETHER + 2) / MAX_GENERIC_XLOG_PAGES];
} Change;

/* What is to be changed of the page in this buffer, which stays locked. */
static Page
change_page(Change *change, Buffer buffer)
{
	const int record = change->pages / MAX_GENERIC_XLOG_PAGES;

	Assert(record < lengthof(change->states));
	if (change->pages++ % MAX_GENERIC_XLOG_PAGES == 0)
		change->states[record] = GenericXLogStart(change->index);
	return GenericXLogRegisterBuffer(change->states[record], buffer, 0);
}

static void
finish_change(Change *change)
{
	START_CRIT_SECTION();
	for (int page = 0; page < change->pages; page += MAX_GENERIC_XLOG_PAGES)
		GenericXLogFinish(change->states[page / MAX_GENERIC_XLOG_PAGES]);
	END_CRIT_SECTION();
}

/* ---- nodes that go together ----------------------------------------------- */

typedef struct Group
{
	Sibling *members[TOGETHER];
	Buffer heads[TOGETHER];
	int count;
	int entries;
} Group;

static void
unlock_heads(Group *group)
{
	for (int i = 0; i < group->count; i++)
		UnlockReleaseBuffer(group->heads[i]);
}

/* Locks the heads of the members; the entries that all of them have. The lock on the
 * tree keeps them where they are. */
static void
lock_heads(Merge *merge, Group *group)
{
	group->entries = 0;
	for (int i = 0; i < group->count; i++)
	{
		group->heads[i] = angle_read_head(merge->index, &merge->self->layout,
										  group->members[i]->node.block,
										  BUFFER_LOCK_EXCLUSIVE);
		group->entries += angle_node(BufferGetPage(group->heads[i]))->count;
	}
}

/* Notes that the members have gone. */
static void
set_gone(Merge *merge, const Group *group, Change *change)
{
	for (int i = 0; i < group->count; i++)
	{
		angle_head_set_gone(change_page(change, group->heads[i]));
		group->members[i]->taken = true;
	}
	merge->stats->pages_newly_deleted += group->count;
	merge->stats->pages_deleted += group->count;
}

/* The parent loses the members, and gets child if that is not NULL. */
static void
link_below_parent(Merge *merge, const Group *group, const AngleChild *child)
{
	const AngleLayout *layout = &merge->self->layout;
	Buffer parent = angle_read_head(merge->index, layout, merge->parent.block,
									BUFFER_LOCK_EXCLUSIVE);
	Buffer meta = ReadBuffer(merge->index, ANGLE_META_BLOCK);
	const int slot =
		angle_slot_find_free(layout, BufferGetPage(parent), 0, layout->fanout);
	const AngleBodyTarget target = {
		merge->parent.block, slot, layout->centroid_size,
		child != NULL ? (const char *) child->centroid : NULL, layout->pages};
	Change change = {.index = merge->index};
	Page page;

	if (child != NULL)
		angle_body_write(merge->index, &target);
	LockBuffer(meta, BUFFER_LOCK_EXCLUSIVE);
	page = change_page(&change, parent);
	for (int i = 0; i < group->count; i++)
		angle_slot_clear_live(layout, page, group->members[i]->slot);
	if (child != NULL)
		angle_head_put_child(layout, page, slot, child);
	angle_node(page)->changes++;
	merge->live = angle_node(page)->count;
	angle_meta(change_page(&change, meta))->changes++;
	set_gone(merge, group, &change);
	finish_change(&change);
	UnlockReleaseBuffer(meta);
	UnlockReleaseBuffer(parent);
}

/* The metapage leads to child in place of the parent, which goes, too. */
static void
link_as_root(Merge *merge, const Group *group, const AngleChild *child)
{
	Buffer parent = angle_read_head(merge->index, &merge->self->layout,
									merge->parent.block, BUFFER_LOCK_EXCLUSIVE);
	Buffer meta = ReadBuffer(merge->index, ANGLE_META_BLOCK);
	Change change = {.index = merge->index};
	AngleMeta *changed;

	LockBuffer(meta, BUFFER_LOCK_EXCLUSIVE);
	changed = angle_meta(change_page(&change, meta));
	changed->root = child->pointer;
	changed->height = child->kind == ANGLE_NODE_LEAF ? 0 : changed->height - 1;
	changed->changes++;
	angle_head_set_gone(change_page(&change, parent));
	merge->stats->pages_newly_deleted++;
	merge->stats->pages_deleted++;
	set_gone(merge, group, &change);
	finish_change(&change);
	UnlockReleaseBuffer(meta);
	UnlockReleaseBuffer(parent);
}

/* Writes the entries of the members as one node to the spare segment. The centroid is
 * their mean, or the origin where the node is to be the root. */
static void
write_node(Merge *merge, const Group *group, bool root, AngleChild *child)
{
	const AngleLayout *layout = &merge->self->layout;
	AngleImage *image = angle_image_make(layout);
	float *centroid = palloc0(layout->dims * sizeof(float));
	AngleEntries entries;

	angle_entries_init(&entries, merge->index, merge->self, group->entries);
	for (int i = 0; i < group->count; i++)
		angle_entries_read(&entries, group->heads[i]);
	if (!root)
		angle_mean(entries.points, entries.count, layout->dims, centroid);
	child->pointer = merge->spare;
	child->kind = group->members[0]->kind;
	child->centroid = palloc(layout->centroid_size);
	angle_centroid_store(layout, centroid, child->centroid);
	angle_image_reset(image, child->kind, child->pointer.generation);
	for (int i = 0; i < entries.count; i++)
		angle_entries_put(&entries, i, centroid, image);
	angle_segment_write(merge->index, child->pointer.block, image);
	merge->spare.block = InvalidBlockNumber;
	if (child->kind == ANGLE_NODE_LEAF)
		angle_tally_note(merge->tally, layout, child->pointer.block,
						 entries.count);
}

/* Makes one node of the members, or none if they are empty; nothing if insertions
 * have filled them meanwhile. The parent has a free slot. */
static void
merge_group(Merge *merge, Group *group, bool root)
{
	const AngleLayout *layout = &merge->self->layout;
	const AngleNodeKind kind = group->members[0]->kind;
	AngleChild child;

	/* before a head is locked, for that can wait for other locks */
	if (merge->spare.block == InvalidBlockNumber)
		merge->spare = angle_segment_take(merge->index, layout, merge->heap,
										  merge->recycle);
	lock_heads(merge, group);
	if (group->entries <=
		(kind == ANGLE_NODE_LEAF ? layout->capacity : layout->fanout))
	{
		write_node(merge, group, root, &child);
		if (root)
			link_as_root(merge, group, &child);
		else
			link_below_parent(merge, group, &child);
		merge->again |= kind == ANGLE_NODE_INNER;
	}
	unlock_heads(group);
}

/* Takes empty leaves from below the parent, which keeps one child. */
static void
drop_empty(Merge *merge)
{
	for (;;)
	{
		Group group = {.count = 0};

		for (int i = 0; i < merge->sibling_count; i++)
			if (!merge->siblings[i].taken && merge->siblings[i].count == 0 &&
				merge->siblings[i].kind == ANGLE_NODE_LEAF &&
				group.count < Min(TOGETHER, merge->live - 1))
				group.members[group.count++] = &merge->siblings[i];
		if (group.count == 0)
			return;
		lock_heads(merge, &group);
		if (group.entries == 0)
			link_below_parent(merge, &group, NULL);
		unlock_heads(&group);
		if (group.entries > 0)
			return; /* somebody fills them again */
	}
}

/* ---- which nodes ---------------------------------------------------------- */

static int
compare_siblings(const void *a, const void *b)
{
	double x = (*(Sibling *const *) a)->far, y = (*(Sibling *const *) b)->far;

	return (x > y) - (x < y);
}

/* The siblings of tiny that are nearest to it, into near (NEAREST); returns how
 * many. */
static int
find_near(Merge *merge, const Sibling *tiny, Sibling **near)
{
	const AngleIndex *self = merge->self;
	Sibling **all = palloc(merge->sibling_count * sizeof(Sibling *));
	int count = 0;

	for (int i = 0; i < merge->sibling_count; i++)
	{
		Sibling *other = &merge->siblings[i];

		if (other == tiny || other->taken || other->kind != tiny->kind)
			continue;
		other->far = angle_rabitq_probe(self->metric, self->layout.dims,
										tiny->centroid, other->centroid)
						 .error;
		all[count++] = other;
	}
	qsort(all, count, sizeof(Sibling *), compare_siblings);
	count = Min(count, NEAREST);
	memcpy(near, all, count * sizeof(Sibling *));
	pfree(all);
	return count;
}

/* Merges a tiny node with those of its siblings that fit. */
static void
merge_tiny(Merge *merge, Sibling *tiny)
{
	const AngleLayout *layout = &merge->self->layout;
	const double limit =
		FILL *
		(tiny->kind == ANGLE_NODE_LEAF ? layout->capacity : layout->fanout);
	Group group = {.members = {tiny}, .count = 1};
	Sibling *near[NEAREST];
	const int count = find_near(merge, tiny, near);
	int entries = tiny->count;

	for (int i = 0; i < count && group.count < TOGETHER; i++)
		if (entries + near[i]->count <= limit)
		{
			entries += near[i]->count;
			group.members[group.count++] = near[i];
		}
	if (group.count > 1)
		merge_group(merge, &group, false);
}

/* Reads the children of the parent; false if it is no inner node any more. */
static bool
read_siblings(Merge *merge)
{
	const AngleLayout *layout = &merge->self->layout;
	AngleEntries entries = {.count = 0};
	Buffer head = angle_read_head(merge->index, layout, merge->parent.block,
								  BUFFER_LOCK_SHARE);
	const AngleNodeHeader node = *angle_node(BufferGetPage(head));
	const bool there = node.generation == merge->parent.generation &&
					   node.kind == ANGLE_NODE_INNER &&
					   !(node.flags & ANGLE_NODE_GONE);

	merge->sibling_count = 0;
	merge->siblings = palloc0(layout->fanout * sizeof(Sibling));
	for (int slot = 0; there && slot < layout->fanout; slot++)
		if (angle_slot_live(layout, BufferGetPage(head), slot))
			merge->siblings[merge->sibling_count++].slot = slot;
	merge->live = merge->sibling_count;
	if (there)
	{
		angle_entries_init(&entries, merge->index, merge->self, merge->live);
		angle_entries_read(&entries, head);
	}
	UnlockReleaseBuffer(head);
	for (int i = 0; i < merge->sibling_count; i++)
	{
		Sibling *sibling = &merge->siblings[i];

		sibling->node = entries.children[i].pointer;
		sibling->kind = entries.children[i].kind;
		sibling->centroid = entries.points + (Size) i * layout->dims;
		head = angle_read_head(merge->index, layout, sibling->node.block,
							   BUFFER_LOCK_SHARE);
		sibling->count = angle_node(BufferGetPage(head))->count;
		UnlockReleaseBuffer(head);
	}
	return there;
}

/* Merges children of the node at parent. */
static void
merge_below(Merge *merge, AngleNodePointer parent)
{
	const AngleLayout *layout = &merge->self->layout;
	MemoryContext old = MemoryContextSwitchTo(merge->memory);

	merge->parent = parent;
	angle_lock_tree(merge->index);
	if (read_siblings(merge))
	{
		drop_empty(merge);
		for (int i = 0; i < merge->sibling_count; i++)
			if (!merge->siblings[i].taken && merge->live < layout->fanout &&
				is_tiny(layout, merge->siblings[i].kind,
						merge->siblings[i].count))
				merge_tiny(merge, &merge->siblings[i]);
	}
	angle_unlock_tree(merge->index);
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
	const AngleLayout *layout = &merge->self->layout;
	Buffer head =
		angle_read_head(merge->index, layout, pointer.block, BUFFER_LOCK_SHARE);
	Page page = BufferGetPage(head);
	const AngleNodeHeader *node = angle_node(page);
	Below below = {.inner = NULL};

	if (node->generation == pointer.generation &&
		node->kind == ANGLE_NODE_INNER)
	{
		below.count = node->count;
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
		angle_tree_has_cycle(merge->index, node.block);
	for (int i = 0; i < below.inner_count; i++)
		below.merge |= is_tiny(&merge->self->layout, ANGLE_NODE_INNER,
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
	int rows = 0;

	for (int i = 0; i < merge->sibling_count; i++)
	{
		if (merge->siblings[i].kind != ANGLE_NODE_LEAF)
			return false;
		rows += merge->siblings[i].count;
	}
	return merge->sibling_count <= TOGETHER &&
		   rows <= FILL * merge->self->layout.capacity;
}

/* Takes the root away if there is only one node below it, or rows for one; false if
 * there is more. */
static bool
lower_root_once(Merge *merge)
{
	Group group = {.count = 0};

	merge->parent = angle_meta_read(merge->index).root;
	if (!read_siblings(merge) || merge->sibling_count == 0)
		return false;
	if (one_leaf_is_enough(merge))
	{
		for (int i = 0; i < merge->sibling_count; i++)
			group.members[group.count++] = &merge->siblings[i];
		merge_group(merge, &group, true);
		return false;
	}
	if (merge->sibling_count > 1 || merge->siblings[0].kind == ANGLE_NODE_LEAF)
		return false;
	link_as_root(merge, &group,
				 &(AngleChild){.pointer = merge->siblings[0].node,
							   .kind = ANGLE_NODE_INNER});
	return true;
}

static void
lower_root(Merge *merge)
{
	MemoryContext old = MemoryContextSwitchTo(merge->memory);

	angle_lock_tree(merge->index);
	while (lower_root_once(merge))
		;
	angle_unlock_tree(merge->index);
	MemoryContextSwitchTo(old);
	MemoryContextReset(merge->memory);
}

void
angle_merge(Relation index, Relation heap, const AngleIndex *self,
			AngleTally *tally, IndexBulkDeleteResult *stats)
{
	Merge merge = {index, heap, self, tally, stats};

	if (!tally->merge)
		return;
	merge.memory = AllocSetContextCreate(CurrentMemoryContext, "angle merge",
										 ALLOCSET_DEFAULT_SIZES);
	merge.spare.block = InvalidBlockNumber;
	merge.recycle = angle_lock_moves(index);
	do
	{
		merge.again = false;
		visit(&merge, angle_meta_read(index).root, 0);
	} while (merge.again);
	lower_root(&merge);
	angle_unlock_moves(index, merge.recycle);
	MemoryContextDelete(merge.memory);
}
