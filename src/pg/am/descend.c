/* The way of the nearest centroids. */
#include "postgres.h"

#include "storage/bufmgr.h"

#include "pg/am/descend.h"

AngleWay *
angle_way_make(const AngleLayout *layout)
{
	AngleWay *way = palloc0(sizeof(AngleWay));

	way->centroid = palloc0(layout->dims * sizeof(float));
	way->other = palloc(layout->dims * sizeof(float));
	return way;
}

void
angle_tree_has_cycle(Relation index, BlockNumber block)
{
	ereport(
		ERROR, errcode(ERRCODE_INDEX_CORRUPTED),
		errmsg("index \"%s\" is damaged: its tree has a cycle through block %u",
			   RelationGetRelationName(index), block),
		errhint("REINDEX it."));
}

/* Finds the child nearest to point; leaves its centroid in way. */
static int
nearest_child(Relation index, const AngleIndex *self, Buffer head,
			  const float *point, AngleWay *way)
{
	const AngleLayout *layout = &self->layout;
	const int dims = layout->dims;
	AngleBodyReader reader = {.index = index, .scratch = way->scratch};
	float least = 0;
	int best = -1;

	for (int slot = 0; slot < layout->fanout; slot++)
	{
		float far;

		if (!angle_slot_live(layout, BufferGetPage(head), slot))
			continue;
		angle_bfloat_decode(angle_body_get(&reader, BufferGetBlockNumber(head),
										   layout->centroid_size, slot),
							way->other, dims);
		far = angle_rabitq_probe(self->metric, dims, point, way->other).error;
		if (best < 0 || far < least)
		{
			float *swap = way->centroid;

			way->centroid = way->other;
			way->other = swap;
			least = far;
			best = slot;
		}
	}
	angle_body_done(&reader);
	way->scratch = reader.scratch;
	return best;
}

bool
angle_way_find(Relation index, const AngleIndex *self, AngleNodePointer root,
			   const float *point, AngleWay *way)
{
	AngleStep step = {root, -1};

	memset(way->centroid, 0, self->layout.dims * sizeof(float));
	for (way->length = 0; way->length < ANGLE_HEIGHT_MAX;)
	{
		Buffer buffer = angle_read_head(index, &self->layout, step.node.block,
										BUFFER_LOCK_SHARE);
		Page page = BufferGetPage(buffer);
		AngleNodeHeader node = *angle_node(page);
		bool there = node.generation == step.node.generation &&
					 !(node.flags & ANGLE_NODE_GONE);

		way->steps[way->length++] = step;
		if (there && node.kind == ANGLE_NODE_INNER)
		{
			step.slot = nearest_child(index, self, buffer, point, way);
			if (step.slot >= 0)
				step.node =
					angle_inner_pointers(&self->layout, page)[step.slot];
			there = step.slot >= 0;
		}
		UnlockReleaseBuffer(buffer);
		if (!there)
			return false;
		if (node.kind == ANGLE_NODE_LEAF)
			return true;
	}
	angle_tree_has_cycle(index, step.node.block);
}
