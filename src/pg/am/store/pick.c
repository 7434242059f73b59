/* Rows of an index at random. */
#include "postgres.h"

#include "storage/bufmgr.h"

#include "pg/am/store/body.h"
#include "pg/am/store/pick.h"

bool
angle_pick_row(Relation index, const AngleLayout *layout, uint32 tree,
			   AngleRng *rng, ItemPointer tid, char *body)
{
	const BlockNumber count = RelationGetNumberOfBlocks(index);
	const BlockNumber block = (BlockNumber) angle_rng_below(rng, count);
	const int slot = (int) angle_rng_below(rng, layout->body_slots);
	AnglePageReader reader = {.index = index};
	Page page = (Page) angle_reader_page(&reader, block);
	AngleBodyPointer pointer = {.slot = slot};
	const char *found = NULL;

	BlockIdSet(&pointer.block, block);
	if (!PageIsNew(page) && angle_page_tail(page)->role == ANGLE_PAGE_BODY &&
		angle_bodies_of(page, tree) && angle_body_live(layout, page, slot))
	{
		*tid = angle_body_tid(layout, page, slot);
		found = angle_body_get(&reader, layout, pointer, tid);
	}
	if (found != NULL && body != NULL)
		memcpy(body, found, layout->row_size);
	angle_reader_done(&reader);
	if (reader.scratch != NULL)
		pfree(reader.scratch);
	return found != NULL;
}
