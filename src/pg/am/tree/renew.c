/* Neighbours clustered anew, as README has it ("Renewing"). */
#include "postgres.h"

#include <math.h>

#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "pg/am/store/bits.h"
#include "pg/am/store/lock.h"
#include "pg/am/tree/descend.h"
#include "pg/am/tree/redistribute.h"
#include "pg/am/tree/renew.h"
#include "pg/am/tree/siblings.h"
#include "pg/pg_compat.h"

/* Shares of what a node can have. Leaves are as full as those of a build with two entries of
 * each row; of these the first ones take no more than leaves that are not split
 * (SECONDS_LEAST). Inner nodes have room for the leaves that become more. */
#define LEAF 0.9
#define LEAF_FIRSTS 0.75
#define INNER 0.65
#define INNER_MOST 0.75

typedef struct Renewal
{
	AngleReplacer replacer;
	IndexBulkDeleteResult *stats;
	MemoryContext memory; /* of one group */
	AngleBits done;		  /* blocks of nodes that came or stay */
	AngleSiblings siblings;
} Renewal;

/* Neighbours that are replaced together. */
typedef struct Group
{
	int count;
	AngleSibling *members[ANGLE_REPLACE_NEW];
} Group;

/* Nodes for so many children, or first entries of rows. */
static double
nodes_for(const AngleLayout *layout, AngleNodeKind kind, int entries)
{
	return kind == ANGLE_NODE_LEAF ? 2 * entries / (LEAF * layout->capacity)
								   : entries / (INNER * layout->fanout);
}

static int
most_of(const AngleLayout *layout, AngleNodeKind kind)
{
	return kind == ANGLE_NODE_LEAF ? LEAF_FIRSTS * layout->capacity
								   : INNER_MOST * layout->fanout;
}

/* Reads the children of parent that were there before, and how many entries they have; false if
 * it is no inner node any more. */
static bool
read_siblings(Renewal *renewal, AngleNodePointer parent)
{
	AngleSiblings *siblings = &renewal->siblings;

	*siblings = (AngleSiblings){.index = renewal->replacer.index,
								.self = renewal->replacer.self,
								.parent = parent};
	if (!angle_siblings_read(siblings))
		return false;
	for (int i = 0; i < siblings->count; i++)
	{
		AngleSibling *sibling = &siblings->all[i];

		sibling->gone = angle_bits_has(&renewal->done, sibling->node.block);
		if (!sibling->gone)
			angle_sibling_look(siblings, sibling);
	}
	return true;
}

/* A node that is still to be renewed, and those nearest to it, so many that no more than slots
 * come. */
static Group
choose_group(Renewal *renewal, int slots)
{
	AngleSiblings *siblings = &renewal->siblings;
	const AngleLayout *layout = &siblings->self->layout;
	AngleSibling *near[ANGLE_REPLACE_NEW - 1];
	Group group = {.count = 0};
	double nodes;
	int count, i = 0;

	while (i < siblings->count && siblings->all[i].gone)
		i++;
	if (i == siblings->count)
		return group;
	group.members[group.count++] = &siblings->all[i];
	nodes = nodes_for(layout, siblings->all[i].kind, siblings->all[i].firsts);
	count = angle_siblings_near(siblings, &siblings->all[i], near,
								ANGLE_REPLACE_NEW - 1);
	for (i = 0; i < count; i++)
	{
		nodes += nodes_for(layout, near[i]->kind, near[i]->firsts);
		if (ceil(nodes) > slots)
			break;
		group.members[group.count++] = near[i];
	}
	return group;
}

/* How many nodes come in place of those that were read, slots at most. */
static int
count_new(const AngleReplacement *replacement, int slots)
{
	const AngleEntries *entries = &replacement->entries;
	const AngleLayout *layout = &replacement->replacer->self->layout;
	int firsts = 0, least, count;
	double nodes;

	for (int i = 0; i < entries->count; i++)
		firsts += replacement->kind == ANGLE_NODE_INNER ||
				  !(entries->rows[i].where.slot & ANGLE_ENTRY_SECOND);
	nodes = nodes_for(layout, replacement->kind, firsts);
	count = replacement->kind == ANGLE_NODE_INNER ? ceil(nodes) : lround(nodes);
	least = ceil((double) entries->count /
				 angle_fill_most(layout, replacement->kind));
	count = Max(1, Max(least, count));
	return Min(count, Min(slots, 2 * replacement->old_count));
}

static void
set_done(Renewal *renewal, BlockNumber block)
{
	angle_bits_add(&renewal->done, block);
}

/* Replaces a group; the parent has so many free slots. */
static void
replace(Renewal *renewal, const Group *group, int slots)
{
	const AngleNodeKind kind = group->members[0]->kind;
	AngleReplacement replacement = {.replacer = &renewal->replacer,
									.parent = renewal->siblings.parent,
									.kind = kind,
									.old_count = group->count};
	int count;

	for (int i = 0; i < group->count; i++)
	{
		replacement.old[i] =
			(AngleOldNode){group->members[i]->node, group->members[i]->slot};
		set_done(renewal, group->members[i]->node.block);
	}
	angle_replacement_read(&replacement, slots);
	count = count_new(&replacement, slots);
	if (count * replacement.capacity < replacement.entries.count ||
		(count == 1 && group->count == 1))
	{
		angle_replacement_release(&replacement);
		return;
	}
	angle_redistribute(&replacement, count,
					   most_of(&renewal->replacer.self->layout, kind));
	angle_replace(&replacement);
	for (int i = 0; i < replacement.new_count; i++)
		set_done(renewal, replacement.children[i].pointer.block);
	renewal->stats->pages_newly_deleted += group->count;
	renewal->stats->pages_deleted += group->count;
}

/* Renews some children of parent; false if all have been. */
static bool
renew_once(Renewal *renewal, AngleNodePointer parent)
{
	const AngleLayout *layout = &renewal->replacer.self->layout;
	MemoryContext old = MemoryContextSwitchTo(renewal->memory);
	bool more = false;

	angle_lock_tree(renewal->replacer.index);
	if (read_siblings(renewal, parent))
	{
		const int slots =
			Min(layout->fanout - renewal->siblings.count, ANGLE_REPLACE_NEW);
		const Group group = choose_group(renewal, slots);

		more = group.count > 0 && slots > 0;
		if (more)
			replace(renewal, &group, slots);
	}
	angle_unlock_tree(renewal->replacer.index);
	MemoryContextSwitchTo(old);
	MemoryContextReset(renewal->memory);
	return more;
}

/* The inner nodes below node, as many as the call returns, palloc'd. */
static int
find_inner(Renewal *renewal, AngleNodePointer node, AngleNodePointer **inner)
{
	AngleSiblings siblings = {.index = renewal->replacer.index,
							  .self = renewal->replacer.self,
							  .parent = node};
	MemoryContext old = MemoryContextSwitchTo(renewal->memory);
	int count = 0;

	angle_lock_tree(siblings.index);
	(void) angle_siblings_read(&siblings);
	angle_unlock_tree(siblings.index);
	MemoryContextSwitchTo(old);
	*inner = palloc((siblings.count + 1) * sizeof(AngleNodePointer));
	for (int i = 0; i < siblings.count; i++)
		if (siblings.all[i].kind == ANGLE_NODE_INNER)
			(*inner)[count++] = siblings.all[i].node;
	MemoryContextReset(renewal->memory);
	return count;
}

/* Renews what is below a node, from the top down: borders between inner nodes are
 * borders that no row crosses below. A node that is split meanwhile stays as it is. */
static void
renew_below(Renewal *renewal, AngleNodePointer node, int depth)
{
	AngleNodePointer *inner;
	int rounds = renewal->replacer.self->layout.fanout, count;

	if (depth == ANGLE_HEIGHT_MAX)
		angle_tree_has_cycle(renewal->replacer.index, node.block);
	/* insertions may make more children as fast as that */
	while (rounds-- > 0 && renew_once(renewal, node))
		ANGLE_VACUUM_DELAY_POINT();
	count = find_inner(renewal, node, &inner);
	for (int i = 0; i < count; i++)
		renew_below(renewal, inner[i], depth + 1);
	pfree(inner);
}

/* Splits the root where it has no room for children that become more. */
static void
widen_root(Renewal *renewal)
{
	AngleReplacer *replacer = &renewal->replacer;
	const AngleLayout *layout = &replacer->self->layout;
	MemoryContext old = MemoryContextSwitchTo(renewal->memory);
	AngleReplacement replacement = {.replacer = replacer,
									.parent = {InvalidBlockNumber, 0},
									.kind = ANGLE_NODE_INNER,
									.old_count = 1};
	AngleSiblings *siblings = &renewal->siblings;

	angle_lock_tree(replacer->index);
	replacement.old[0].node = angle_meta_read(replacer->index).root;
	replacement.old[0].slot = -1;
	if (read_siblings(renewal, replacement.old[0].node) &&
		siblings->count > most_of(layout, ANGLE_NODE_INNER))
	{
		angle_replacement_read(&replacement, 2);
		angle_redistribute(&replacement, 2, most_of(layout, ANGLE_NODE_INNER));
		angle_replace(&replacement);
	}
	angle_unlock_tree(replacer->index);
	MemoryContextSwitchTo(old);
	MemoryContextReset(renewal->memory);
}

void
angle_renew(Relation index, Relation heap, const AngleIndex *self,
			IndexBulkDeleteResult *stats)
{
	Renewal renewal = {.stats = stats, .done.context = CurrentMemoryContext};

	renewal.memory = AllocSetContextCreate(
		CurrentMemoryContext, "angle renewal", ALLOCSET_DEFAULT_SIZES);
	renewal.replacer = angle_replacer_begin(index, heap, self);
	widen_root(&renewal);
	renew_below(&renewal, angle_meta_read(index).root, 0);
	angle_replacer_end(&renewal.replacer);
	MemoryContextDelete(renewal.memory);
}
