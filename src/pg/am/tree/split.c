/* The first root, and room where nodes are full, as README has it ("Splitting"). */
#include "postgres.h"

#include <math.h>

#include "access/generic_xlog.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"

#include "pg/am/store/lock.h"
#include "pg/am/store/node_segment.h"
#include "pg/am/tree/descend.h"
#include "pg/am/tree/redistribute.h"
#include "pg/am/tree/siblings.h"
#include "pg/am/tree/split.h"
#include "pg/type/vector.h"

void
angle_make_root(Relation index, Datum vector)
{
	AngleVector *first = DatumGetAngleVector(vector);
	AngleMeta meta;

	angle_lock_tree(index);
	meta = angle_meta_read(index);
	if (meta.dims == 0)
	{
		AngleIndex *self;
		AngleImage *image;
		Buffer buffer;
		GenericXLogState *state;

		angle_meta_set_dims(&meta, first->dim);
		self = angle_index_make(&meta);
		meta.root = angle_segment_take(index, &self->layout, ANGLE_NODE_LEAF,
									   NULL, false);
		image = angle_image_make(&self->layout);
		angle_image_reset(image, ANGLE_NODE_LEAF, meta.root);
		angle_segment_write(index, meta.root.block, image);
		buffer = ReadBuffer(index, ANGLE_META_BLOCK);
		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		state = GenericXLogStart(index);
		angle_meta_init(
			GenericXLogRegisterBuffer(state, buffer, GENERIC_XLOG_FULL_IMAGE),
			&meta);
		GenericXLogFinish(state);
		UnlockReleaseBuffer(buffer);
	}
	angle_unlock_tree(index);
}

/* With the lock on the tree held, whatever a pointer leads to is there. */
static void
check_there(const AngleReplacer *replacer, AngleNodePointer node, bool there)
{
	if (!there)
		angle_damaged(replacer->index, node.block,
					  "not the node that the one above says");
}

/* Entries that fit into a node still. */
static int
room_in(const AngleReplacer *replacer, AngleNodePointer node)
{
	const AngleLayout *layout = &replacer->self->layout;
	Buffer head =
		angle_read_node(replacer->index, layout, node, BUFFER_LOCK_SHARE);
	AngleNodeHeader header;

	check_there(replacer, node, BufferIsValid(head));
	header = *angle_node(BufferGetPage(head));
	UnlockReleaseBuffer(head);
	check_there(replacer, node, !(header.flags & ANGLE_NODE_GONE));
	return (header.kind == ANGLE_NODE_LEAF ? layout->capacity
										   : layout->fanout) -
		   header.count;
}

/* A full leaf is replaced together with the first of so many near siblings that is nearly full
 * as well; a full inner node, which is rare, together with as many as that, for the borders
 * between inner nodes are borders that no row crosses. */
#define NEAR_LEAVES 3
#define NEAR_INNER 4
#define NEAR_MOST Max(NEAR_LEAVES, NEAR_INNER)

/* Of what a leaf could have: the first entries of one that is nearly full. It is split when they
 * are three quarters (angle_leaf_expendable()). */
#define NEARLY_FULL 0.6

/* And what the nodes that come get, on average, at most. */
#define FILL 0.85

/* First entries that a new leaf gets at most: with 0.65 an insertion wrote 1 % more WAL, and a
 * third more pages were written. */
#define FIRSTS 0.55

/* Siblings with which the node own is replaced, into near; returns how many. */
static int
choose_partners(AngleSiblings *siblings, const AngleSibling *own,
				AngleSibling **near)
{
	int count;

	if (own->kind == ANGLE_NODE_INNER)
		return angle_siblings_near(siblings, own, near, NEAR_INNER);
	count = angle_siblings_near(siblings, own, near, NEAR_LEAVES);
	for (int i = 0; i < count; i++)
	{
		(void) angle_sibling_look(siblings, near[i]);
		if (near[i]->firsts >= NEARLY_FULL * siblings->self->layout.capacity)
		{
			near[0] = near[i];
			return 1;
		}
	}
	return 0;
}

/* As many nodes can be replaced by one more if all are full. */
static int
count_together(const AngleLayout *layout, AngleNodeKind kind)
{
	const int capacity =
		kind == ANGLE_NODE_LEAF ? layout->capacity : layout->fanout;
	const int most = angle_fill_most(layout, kind);

	return most / (capacity - most);
}

/* Adds siblings of the node that is to be replaced, where the parent has room for one
 * more than go. */
static void
add_partners(AngleReplacement *replacement)
{
	AngleReplacer *replacer = replacement->replacer;
	AngleSiblings siblings = {.index = replacer->index,
							  .self = replacer->self,
							  .parent = replacement->parent};
	AngleSibling *near[NEAR_MOST], *own = NULL;
	int count, most;

	(void) angle_siblings_read(&siblings);
	for (int i = 0; i < siblings.count; i++)
		if (siblings.all[i].slot == replacement->old[0].slot)
			own = &siblings.all[i];
	check_there(replacer, replacement->old[0].node, own != NULL);
	count = choose_partners(&siblings, own, near);
	most = Min(room_in(replacer, replacement->parent) - 2,
			   count_together(&replacer->self->layout, own->kind) - 1);
	count = Min(count, most);
	for (int i = 0; i < count; i++)
		replacement->old[replacement->old_count++] =
			(AngleOldNode){near[i]->node, near[i]->slot};
}

/* How many nodes come in place of the old ones. */
static int
count_new(const AngleReplacement *replacement)
{
	const AngleLayout *layout = &replacement->replacer->self->layout;
	const double fill = Min(FILL * replacement->capacity,
							angle_fill_most(layout, replacement->kind));
	const int count = ceil(replacement->entries.count / fill);

	/* one that is alone may have lost rows meanwhile */
	if (replacement->old_count == 1)
		return 2;
	return Max(1, Min(count, replacement->old_count + 1));
}

static int
most_entries(const AngleReplacement *replacement)
{
	return replacement->kind == ANGLE_NODE_LEAF
			   ? FIRSTS * replacement->capacity
			   : angle_fill_most(&replacement->replacer->self->layout,
								 replacement->kind);
}

/* Splits the node at this step of the way, together with siblings where the parent has
 * room. */
static void
split_node(AngleReplacer *replacer, const AngleWay *way, int step)
{
	AngleReplacement replacement = {
		.replacer = replacer,
		.parent = step > 0 ? way->steps[step - 1].node
						   : (AngleNodePointer){InvalidBlockNumber, 0},
		.kind = step < way->length - 1 ? ANGLE_NODE_INNER : ANGLE_NODE_LEAF,
		.old_count = 1,
		.old = {{way->steps[step].node, way->steps[step].slot}}};

	if (step > 0)
		add_partners(&replacement);
	angle_replacement_read(&replacement, replacement.old_count + 1);
	angle_redistribute(&replacement, count_new(&replacement),
					   most_entries(&replacement));
	angle_replace(&replacement);
}

/* The first node on the way that must be split before the leaf can be, the leaf
 * itself if all above have room for a child in two slots; −1 if the leaf has
 * room, too. */
static int
find_full(const AngleReplacer *replacer, const AngleWay *way)
{
	for (int i = 0; i < way->length; i++)
	{
		bool leaf = i == way->length - 1;

		if (room_in(replacer, way->steps[i].node) < (leaf ? 1 : 2))
			return i;
	}
	return -1;
}

/* Splits one node on the way of point; false if there was room. */
static bool
split_once(AngleReplacer *replacer, const float *point)
{
	AngleWays *ways = angle_ways_make(&replacer->self->layout);
	const AngleNodePointer root = angle_replacer_root(replacer);
	const AngleWay *way;
	int full;

	check_there(
		replacer, root,
		angle_ways_find(replacer->index, replacer->self, root, point, ways));
	way = ways->way[0];
	full = find_full(replacer, way);
	if (full < 0)
		return false;
	split_node(replacer, way, full);
	return full < way->length - 1;
}

void
angle_make_room(Relation index, Relation heap, const AngleIndex *self,
				AngleDraft *draft, const float *point)
{
	AngleReplacer replacer;

	angle_lock_tree(index);
	replacer = angle_replacer_begin(index, heap, self);
	replacer.draft = draft;
	do
		CHECK_FOR_INTERRUPTS();
	while (split_once(&replacer, point));
	angle_replacer_end(&replacer);
	angle_unlock_tree(index);
}
