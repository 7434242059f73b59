/* Children of one node: see siblings.h. */
#include "postgres.h"

#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "pg/am/store/entries.h"
#include "pg/am/store/lock.h"
#include "pg/am/tree/descend.h"
#include "pg/am/tree/siblings.h"

/* Notes the slots of the children, and reads the rest of what the parent says of
 * them. */
static void
read_children(AngleSiblings *siblings, Buffer head)
{
	const AngleLayout *layout = &siblings->self->layout;
	AngleEntries entries;

	siblings->all = palloc0(layout->fanout * sizeof(AngleSibling));
	for (int slot = 0; slot < layout->fanout; slot++)
		if (angle_slot_live(layout, BufferGetPage(head), slot))
			siblings->all[siblings->count++].slot = slot;
	angle_entries_init(&entries, siblings->index, siblings->self,
					   siblings->count);
	angle_entries_read(&entries, head);
	for (int i = 0; i < siblings->count; i++)
	{
		siblings->all[i].node = entries.children[i].pointer;
		siblings->all[i].kind = entries.children[i].kind;
		siblings->all[i].centroid = entries.points + (Size) i * layout->dims;
	}
}

bool
angle_siblings_read(AngleSiblings *siblings)
{
	Buffer head = angle_read_node(siblings->index, &siblings->self->layout,
								  siblings->parent, BUFFER_LOCK_SHARE);
	const AngleNodeHeader *node;
	bool there = false;

	siblings->count = 0;
	if (!BufferIsValid(head))
		return false;
	node = angle_node(BufferGetPage(head));
	there = node->kind == ANGLE_NODE_INNER && !(node->flags & ANGLE_NODE_GONE);
	if (there)
		read_children(siblings, head);
	UnlockReleaseBuffer(head);
	return there;
}

/* At this depth below the root. */
static void
walk(const AngleSiblings *walker, AngleNodePointer node, int depth,
	 void (*visit)(void *context, AngleSiblings *siblings), void *context)
{
	MemoryContext memory = AllocSetContextCreate(
		CurrentMemoryContext, "angle siblings", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	AngleSiblings siblings = *walker;
	bool there;

	if (depth == ANGLE_HEIGHT_MAX)
		angle_tree_has_cycle(walker->index, node.block);
	siblings.parent = node;
	angle_lock_tree(walker->index);
	there = angle_siblings_read(&siblings);
	angle_unlock_tree(walker->index);
	MemoryContextSwitchTo(old);
	if (there)
		visit(context, &siblings);
	MemoryContextSwitchTo(memory);
	for (int i = 0; i < siblings.count; i++)
		if (siblings.all[i].kind == ANGLE_NODE_INNER)
			walk(walker, siblings.all[i].node, depth + 1, visit, context);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

void
angle_siblings_walk(Relation index, const AngleIndex *self,
					AngleNodePointer root,
					void (*visit)(void *context, AngleSiblings *siblings),
					void *context)
{
	const AngleSiblings walker = {.index = index, .self = self};

	walk(&walker, root, 0, visit, context);
}

int
angle_sibling_look(const AngleSiblings *siblings, AngleSibling *sibling)
{
	const AngleLayout *layout = &siblings->self->layout;
	Buffer head = angle_read_head(siblings->index, layout, sibling->node.block,
								  BUFFER_LOCK_SHARE);
	Page page = BufferGetPage(head);

	sibling->count = sibling->firsts = angle_node(page)->count;
	if (sibling->kind == ANGLE_NODE_LEAF)
		sibling->firsts -= angle_leaf_seconds(layout, page);
	UnlockReleaseBuffer(head);
	return sibling->count;
}

static int
compare_siblings(const void *a, const void *b)
{
	double x = (*(AngleSibling *const *) a)->far,
		   y = (*(AngleSibling *const *) b)->far;

	return (x > y) - (x < y);
}

int
angle_siblings_near(AngleSiblings *siblings, const AngleSibling *one,
					AngleSibling **near, int most)
{
	const AngleIndex *self = siblings->self;
	AngleSibling **others = palloc(siblings->count * sizeof(AngleSibling *));
	int count = 0;

	for (int i = 0; i < siblings->count; i++)
	{
		AngleSibling *other = &siblings->all[i];

		if (other == one || other->gone || other->kind != one->kind)
			continue;
		other->far = angle_rabitq_probe(self->metric, self->layout.dims,
										one->centroid, other->centroid)
						 .error;
		others[count++] = other;
	}
	qsort(others, count, sizeof(AngleSibling *), compare_siblings);
	count = Min(count, most);
	memcpy(near, others, count * sizeof(AngleSibling *));
	pfree(others);
	return count;
}
