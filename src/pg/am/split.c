/* The first root, and nodes that become two, as README has it ("Splitting"). */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"

#include "core/ann/kmeans.h"
#include "pg/am/descend.h"
#include "pg/am/lock.h"
#include "pg/am/node_segment.h"
#include "pg/am/replace.h"
#include "pg/am/split.h"
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

/* Cuts the entries in two. */
static void
cut(AngleReplacement *replacement)
{
	const int count = replacement->entries.count;
	const int dims = replacement->replacer->self->layout.dims;
	const AngleSplit request = {.points = replacement->entries.points,
								.count = count,
								.dims = dims,
								.seed = replacement->old[0].node.block,
								.scratch = palloc(2 * count * sizeof(float))};

	replacement->new_count = 2;
	replacement->centroids = palloc(2 * dims * sizeof(float));
	replacement->lists = palloc(count);
	angle_split(&request, replacement->centroids, replacement->lists);
}

/* Splits the node at this step of the way. */
static void
split_node(AngleReplacer *replacer, const AngleWay *way, int step)
{
	AngleReplacement replacement = {
		.replacer = replacer,
		.parent = step > 0 ? way->steps[step - 1].node
						   : (AngleNodePointer){InvalidBlockNumber, 0},
		.old_count = 1,
		.old = {{way->steps[step].node, way->steps[step].slot}}};

	angle_replacement_read(&replacement, 2);
	cut(&replacement);
	angle_replace(&replacement);
}

/* With the lock on the tree held, whatever a pointer leads to is there. */
static void
check_there(const AngleReplacer *replacer, AngleNodePointer node, bool there)
{
	if (!there)
		ereport(
			ERROR, errcode(ERRCODE_INDEX_CORRUPTED),
			errmsg(
				"index \"%s\" is damaged: block %u is not the node that leads to it says",
				RelationGetRelationName(replacer->index), node.block),
			errhint("REINDEX it."));
}

/* Entries that fit into a node still. */
static int
room_in(const AngleReplacer *replacer, AngleNodePointer node)
{
	const AngleLayout *layout = &replacer->self->layout;
	Buffer head =
		angle_read_head(replacer->index, layout, node.block, BUFFER_LOCK_SHARE);
	const AngleNodeHeader header = *angle_node(BufferGetPage(head));

	UnlockReleaseBuffer(head);
	check_there(replacer, node,
				header.generation == node.generation &&
					!(header.flags & ANGLE_NODE_GONE));
	return (header.kind == ANGLE_NODE_LEAF ? layout->capacity
										   : layout->fanout) -
		   header.count;
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
	AngleMeta meta = angle_meta_read(replacer->index);
	const AngleWay *way;
	int full;

	check_there(replacer, meta.root,
				angle_ways_find(replacer->index, replacer->self, meta.root,
								point, ways));
	way = ways->way[0];
	full = find_full(replacer, way);
	if (full < 0)
		return false;
	split_node(replacer, way, full);
	return full < way->length - 1;
}

void
angle_make_room(Relation index, Relation heap, const AngleIndex *self,
				const float *point)
{
	AngleReplacer replacer;

	angle_lock_tree(index);
	replacer = angle_replacer_begin(index, heap, self);
	do
		CHECK_FOR_INTERRUPTS();
	while (split_once(&replacer, point));
	angle_replacer_end(&replacer);
	angle_unlock_tree(index);
}
