/* A walk over the inner nodes. */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/bufmgr.h"

#include "pg/am/node_segment.h"
#include "pg/am/reach.h"

struct AngleReach
{
	Relation index;
	const AngleLayout *layout;
	BlockNumber segments; /* that existed */
	uint8 *reached;		  /* a bit for each */
};

static void
damaged(const AngleReach *reach, BlockNumber from, BlockNumber to,
		const char *what)
{
	ereport(
		ERROR, errcode(ERRCODE_INDEX_CORRUPTED),
		errmsg(
			"index \"%s\" is damaged at block %u: its pointer to block %u %s",
			RelationGetRelationName(reach->index), from, to, what),
		errhint("REINDEX it."));
}

/* Notes that from leads to node. */
static void
mark(AngleReach *reach, BlockNumber from, AngleNodePointer node)
{
	BlockNumber segment = (node.block - 1) / reach->layout->pages;

	if (node.block == ANGLE_META_BLOCK ||
		(node.block - 1) % reach->layout->pages != 0 ||
		segment >= reach->segments)
		damaged(reach, from, node.block, "leads to no node");
	if (reach->reached[segment / 8] >> segment % 8 & 1)
		damaged(reach, from, node.block, "is the second one to it");
	reach->reached[segment / 8] |= 1 << segment % 8;
}

/* kind is what the node above says of it, 0 for the root. */
static void
walk(AngleReach *reach, BlockNumber from, AngleNodePointer node, uint8 kind)
{
	const AngleLayout *layout = reach->layout;
	AngleNodePointer *children = NULL;
	uint8 *kinds = NULL;
	AngleNodeHeader header;
	Buffer buffer;
	Page page;
	int count = 0;

	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	mark(reach, from, node);
	buffer =
		angle_read_head(reach->index, layout, node.block, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	header = *angle_node(page);
	if (header.kind == ANGLE_NODE_INNER)
	{
		children = palloc(layout->fanout * sizeof(AngleNodePointer));
		kinds = palloc(layout->fanout);
		for (int slot = 0; slot < layout->fanout; slot++)
			if (angle_slot_live(layout, page, slot))
			{
				kinds[count] = angle_inner_kinds(layout, page)[slot];
				children[count++] = angle_inner_pointers(layout, page)[slot];
			}
	}
	UnlockReleaseBuffer(buffer);
	if (header.generation != node.generation ||
		(header.flags & ANGLE_NODE_GONE))
		damaged(reach, from, node.block, "has outlived the node");
	if (kind != 0 && header.kind != kind)
		damaged(reach, from, node.block, "leads to a node of another kind");
	for (int i = 0; i < count; i++)
		walk(reach, node.block, children[i], kinds[i]);
	if (children != NULL)
	{
		pfree(children);
		pfree(kinds);
	}
}

AngleReach *
angle_reach_find(Relation index, const AngleLayout *layout)
{
	AngleReach *reach = palloc0(sizeof(AngleReach));
	AngleMeta meta = angle_meta_read(index);

	reach->index = index;
	reach->layout = layout;
	reach->segments = angle_segment_count(index, layout);
	reach->reached = palloc0(reach->segments / 8 + 1);
	walk(reach, ANGLE_META_BLOCK, meta.root, 0);
	return reach;
}

bool
angle_reach_misses(const AngleReach *reach, BlockNumber block)
{
	BlockNumber segment = (block - 1) / reach->layout->pages;

	return segment < reach->segments &&
		   !(reach->reached[segment / 8] >> segment % 8 & 1);
}
