/* Rows of an index at random. */
#include "postgres.h"

#include "storage/bufmgr.h"

#include "pg/am/node_segment.h"
#include "pg/am/pick.h"

bool
angle_pick_row(Relation index, const AngleLayout *layout, AngleRng *rng,
			   ItemPointer tid, char *body)
{
	const BlockNumber count = angle_segment_count(index, layout);
	BlockNumber block = angle_segment_head(
		layout, (BlockNumber) angle_rng_below(rng, Max(1, count)));
	Buffer buffer = ReadBuffer(index, block);
	Page page = BufferGetPage(buffer);
	int slot = (int) angle_rng_below(rng, layout->capacity);
	bool found;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	found = !PageIsNew(page) && angle_node(page)->kind == ANGLE_NODE_LEAF &&
			!(angle_node(page)->flags & ANGLE_NODE_GONE) &&
			angle_slot_live(layout, page, slot);
	if (found)
		*tid = angle_leaf_tids(layout, page)[slot];
	if (found && body != NULL)
		angle_body_read(index, block, layout->row_size, slot, body);
	UnlockReleaseBuffer(buffer);
	return found;
}
