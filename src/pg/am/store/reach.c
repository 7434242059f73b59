/* A walk over the inner nodes, and the leaves where they are to be read. */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/bufmgr.h"

#include "pg/am/store/bits.h"
#include "pg/am/store/node_segment.h"
#include "pg/am/store/reach.h"

struct AngleReach
{
	Relation index;
	const AngleLayout *layout;
	bool leaves;		/* are read */
	BlockNumber blocks; /* that existed */
	AngleBits reached;
};

static void
damaged(const AngleReach *reach, BlockNumber from, BlockNumber to,
		const char *what)
{
	angle_damaged(reach->index, from,
				  psprintf("its pointer to block %u %s", to, what));
}

/* Notes that from leads to so many pages from the head at to on. */
static void
mark(AngleReach *reach, BlockNumber from, BlockNumber to, int pages)
{
	if (to == ANGLE_META_BLOCK || to >= reach->blocks ||
		reach->blocks - to < pages)
		damaged(reach, from, to, "leads to no node");
	for (BlockNumber block = to; block < to + pages; block++)
	{
		if (angle_bits_has(&reach->reached, block))
			damaged(reach, from, to, "is the second one to it");
		angle_bits_add(&reach->reached, block);
	}
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
	if (node.block == ANGLE_META_BLOCK || node.block >= reach->blocks)
		damaged(reach, from, node.block, "leads to no node");
	buffer = angle_read_node(reach->index, layout, node, BUFFER_LOCK_SHARE);
	if (!BufferIsValid(buffer))
		damaged(reach, from, node.block, "has outlived the node");
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
	mark(reach, from, node.block,
		 header.kind == ANGLE_NODE_INNER ? layout->pages : 1);
	if (header.flags & ANGLE_NODE_GONE)
		damaged(reach, from, node.block, "has outlived the node");
	if (kind != 0 && header.kind != kind)
		damaged(reach, from, node.block, "leads to a node of another kind");
	for (int i = 0; i < count; i++)
		if (reach->leaves || kinds[i] != ANGLE_NODE_LEAF)
			walk(reach, node.block, children[i], kinds[i]);
		else
			mark(reach, node.block, children[i].block, 1);
	if (children != NULL)
	{
		pfree(children);
		pfree(kinds);
	}
}

AngleReach *
angle_reach_find(Relation index, const AngleLayout *layout, bool leaves)
{
	AngleReach *reach = palloc0(sizeof(AngleReach));
	AngleMeta meta = angle_meta_read(index);

	reach->index = index;
	reach->layout = layout;
	reach->leaves = leaves;
	reach->blocks = RelationGetNumberOfBlocks(index);
	walk(reach, ANGLE_META_BLOCK, meta.root, 0);
	return reach;
}

bool
angle_reach_misses(const AngleReach *reach, BlockNumber block)
{
	return block < reach->blocks && !angle_bits_has(&reach->reached, block);
}
