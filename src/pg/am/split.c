/*
 * The growth of the tree, as README has it ("Splitting"). Whoever changes the
 * tree holds a heavyweight lock on block 0; readers and insertions that find
 * room do not.
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"

#include "core/ann/kmeans.h"
#include "pg/am/descend.h"
#include "pg/am/entries.h"
#include "pg/am/lock.h"
#include "pg/am/node_segment.h"
#include "pg/am/split.h"
#include "pg/type/vector.h"

/* A node that is cut in two. */
typedef struct Split
{
	Relation index;
	Relation heap;
	const AngleIndex *self;
	AngleNodePointer node;	 /* which goes */
	AngleNodePointer parent; /* block is InvalidBlockNumber for the root */
	int slot;				 /* in the parent */
	bool recycle;			 /* whether free segments may be taken */
	AngleEntries entries;	 /* of the node */
	uint8 *sides;			 /* (entries) */
	AngleChild halves[2];	 /* what takes its place */
	float *centroids;		 /* (2, dims), as they are stored */
} Split;

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
		meta.root = angle_segment_take(index, &self->layout, NULL, false);
		image = angle_image_make(&self->layout);
		angle_image_reset(image, ANGLE_NODE_LEAF, meta.root.generation);
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

/* Room for so many entries. */
static void
allocate(Split *split, int count)
{
	const AngleLayout *layout = &split->self->layout;

	angle_entries_init(&split->entries, split->index, split->self, count);
	split->sides = palloc(count);
	split->centroids = palloc(2 * layout->dims * sizeof(float));
	for (int side = 0; side < 2; side++)
		split->halves[side].centroid = palloc(layout->centroid_size);
}

/* Cuts the points in two and rounds the centroids as they are stored. */
static void
cut(Split *split)
{
	const AngleLayout *layout = &split->self->layout;
	const int count = split->entries.count;
	const AngleSplit request = {.points = split->entries.points,
								.count = count,
								.dims = layout->dims,
								.seed = split->node.block,
								.scratch = palloc(2 * count * sizeof(float))};

	angle_split(&request, split->centroids, split->sides);
	for (int side = 0; side < 2; side++)
		angle_centroid_store(layout, split->centroids + side * layout->dims,
							 split->halves[side].centroid);
}

static void
write_halves(Split *split, AngleNodeKind kind, AngleImage *image)
{
	for (int side = 0; side < 2; side++)
	{
		AngleChild *half = &split->halves[side];
		const float *centroid =
			split->centroids + side * split->self->layout.dims;

		half->kind = kind;
		angle_image_reset(image, kind, half->pointer.generation);
		for (int i = 0; i < split->entries.count; i++)
			if (split->sides[i] == side)
				angle_entries_put(&split->entries, i, centroid, image);
		angle_segment_write(split->index, half->pointer.block, image);
	}
}

/* In one record: the parent has the halves, the node is gone, the tree has
 * changed. The node's head is locked; the parent has two free slots. */
static void
link_below_parent(Split *split, Buffer node)
{
	const AngleLayout *layout = &split->self->layout;
	Buffer parent = angle_read_head(split->index, layout, split->parent.block,
									BUFFER_LOCK_EXCLUSIVE);
	int slots[2];
	Buffer meta = ReadBuffer(split->index, ANGLE_META_BLOCK);
	GenericXLogState *state;
	Page page;

	slots[0] =
		angle_slot_find_free(layout, BufferGetPage(parent), 0, layout->fanout);
	slots[1] = angle_slot_find_free(layout, BufferGetPage(parent), slots[0] + 1,
									layout->fanout);
	for (int side = 0; side < 2; side++)
	{
		AngleBodyTarget target = {
			split->parent.block, slots[side], layout->centroid_size,
			(const char *) split->halves[side].centroid, layout->pages};

		angle_body_write(split->index, &target);
	}
	LockBuffer(meta, BUFFER_LOCK_EXCLUSIVE);
	state = GenericXLogStart(split->index);
	page = GenericXLogRegisterBuffer(state, parent, 0);
	angle_slot_clear_live(layout, page, split->slot);
	angle_head_put_child(layout, page, slots[0], &split->halves[0]);
	angle_head_put_child(layout, page, slots[1], &split->halves[1]);
	angle_node(page)->changes++;
	angle_head_set_gone(GenericXLogRegisterBuffer(state, node, 0));
	angle_meta(GenericXLogRegisterBuffer(state, meta, 0))->changes++;
	GenericXLogFinish(state);
	UnlockReleaseBuffer(meta);
	UnlockReleaseBuffer(parent);
}

/* In one record: the metapage leads to a new root above the halves, which is
 * written before, and the old root is gone. */
static void
link_below_new_root(Split *split, Buffer node, AngleNodePointer root,
					AngleImage *image)
{
	Buffer buffer;
	GenericXLogState *state;
	AngleMeta *meta;

	angle_image_reset(image, ANGLE_NODE_INNER, root.generation);
	angle_image_add_child(image, &split->halves[0]);
	angle_image_add_child(image, &split->halves[1]);
	angle_segment_write(split->index, root.block, image);

	buffer = ReadBuffer(split->index, ANGLE_META_BLOCK);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	state = GenericXLogStart(split->index);
	meta = angle_meta(GenericXLogRegisterBuffer(state, buffer, 0));
	meta->root = root;
	meta->height++;
	meta->changes++;
	angle_head_set_gone(GenericXLogRegisterBuffer(state, node, 0));
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
}

/* Splits a node; all segments are taken before its head is locked, for that can
 * wait for other locks. */
static void
split_node(Split *split)
{
	const AngleLayout *layout = &split->self->layout;
	const bool root = split->parent.block == InvalidBlockNumber;
	AngleImage *image = angle_image_make(layout);
	AngleNodePointer above = {InvalidBlockNumber, 0};
	Buffer head;

	allocate(split, Max(layout->capacity, layout->fanout));
	for (int side = 0; side < 2; side++)
		split->halves[side].pointer = angle_segment_take(
			split->index, layout, split->heap, split->recycle);
	if (root)
		above = angle_segment_take(split->index, layout, split->heap,
								   split->recycle);

	head = angle_read_head(split->index, layout, split->node.block,
						   BUFFER_LOCK_EXCLUSIVE);
	angle_entries_read(&split->entries, head);
	cut(split);
	write_halves(split, angle_node(BufferGetPage(head))->kind, image);
	if (root)
		link_below_new_root(split, head, above, image);
	else
		link_below_parent(split, head);
	UnlockReleaseBuffer(head);
}

/* Entries that fit into a node still. */
static int
room_in(Relation index, const AngleLayout *layout, AngleNodePointer node)
{
	Buffer head = angle_read_head(index, layout, node.block, BUFFER_LOCK_SHARE);
	const AngleNodeHeader *header = angle_node(BufferGetPage(head));
	int room =
		(header->kind == ANGLE_NODE_LEAF ? layout->capacity : layout->fanout) -
		header->count;

	UnlockReleaseBuffer(head);
	return room;
}

/* The first node on the way that must be split before the leaf can be, the leaf
 * itself if all above have room for a child in two slots; −1 if the leaf has
 * room, too. */
static int
find_full(Relation index, const AngleLayout *layout, const AngleWay *way)
{
	for (int i = 0; i < way->length; i++)
	{
		bool leaf = i == way->length - 1;

		if (room_in(index, layout, way->steps[i].node) < (leaf ? 1 : 2))
			return i;
	}
	return -1;
}

/* Splits one node on the way of point; false if there was room. */
static bool
split_once(Split *split, const float *point)
{
	const AngleLayout *layout = &split->self->layout;
	AngleWay *way = angle_way_make(layout);
	AngleMeta meta = angle_meta_read(split->index);
	int full;

	if (!angle_way_find(split->index, split->self, meta.root, point, way))
		ereport(
			ERROR, errcode(ERRCODE_INDEX_CORRUPTED),
			errmsg(
				"index \"%s\" is damaged: block %u is not the node that leads to it says",
				RelationGetRelationName(split->index),
				way->steps[way->length - 1].node.block),
			errhint("REINDEX it."));
	full = find_full(split->index, layout, way);
	if (full < 0)
		return false;
	split->node = way->steps[full].node;
	split->slot = way->steps[full].slot;
	split->parent = full > 0 ? way->steps[full - 1].node
							 : (AngleNodePointer){InvalidBlockNumber, 0};
	split_node(split);
	return full < way->length - 1;
}

void
angle_make_room(Relation index, Relation heap, const AngleIndex *self,
				const float *point)
{
	bool recycle;
	Split split;

	angle_lock_tree(index);
	recycle = angle_lock_moves(index);
	do
	{
		CHECK_FOR_INTERRUPTS();
		memset(&split, 0, sizeof(split));
		split.index = index;
		split.heap = heap;
		split.self = self;
		split.recycle = recycle;
	} while (split_once(&split, point));
	angle_unlock_moves(index, recycle);
	angle_unlock_tree(index);
}
