/* Segments of pages. */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "storage/bufmgr.h"
#include "storage/indexfsm.h"
#include "storage/lmgr.h"
#include "utils/snapmgr.h"

#include "pg/am/node_segment.h"
#include "pg/pg_compat.h"

bool
angle_segment_free(Relation heap, Page head)
{
	const AngleNodeHeader *node = angle_node(head);

	if (PageIsNew(head))
		return true;
	if (angle_page_tail(head)->role != ANGLE_PAGE_HEAD ||
		!(node->flags & ANGLE_NODE_GONE))
		return false;
	return GlobalVisCheckRemovableFullXid(
		heap, FullTransactionIdFromU64(node->gone_xid));
}

void
angle_head_set_gone(Page head)
{
	angle_node(head)->flags |= ANGLE_NODE_GONE;
	angle_node(head)->gone_xid =
		U64FromFullTransactionId(ReadNextFullTransactionId());
}

/* Takes the segment whose head page the free space map gave, if it is free. From now
 * on it is another use of it: a scan on a standby, which may hold a pointer to the node
 * that was there, must see that before bodies are written, which come before the head. */
static bool
try_recycle(Relation index, Relation heap, BlockNumber block,
			uint32 *generation)
{
	Buffer buffer = ReadBuffer(index, block);
	bool taken = false;

	if (ConditionalLockBuffer(buffer))
	{
		taken = angle_segment_free(heap, BufferGetPage(buffer));
		*generation = 0;
		if (taken && !PageIsNew(BufferGetPage(buffer)))
		{
			GenericXLogState *state = GenericXLogStart(index);

			*generation =
				++angle_node(GenericXLogRegisterBuffer(state, buffer, 0))
					  ->generation;
			GenericXLogFinish(state);
		}
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	}
	ReleaseBuffer(buffer);
	return taken;
}

/* Extends the file by a segment. What a crash left of one before is skipped. */
static BlockNumber
extend(Relation index, const AngleLayout *layout)
{
	/* an index that is new in this transaction is new to parallel workers, too */
	const bool shared = !RELATION_IS_LOCAL(index) || IsInParallelMode();
	BlockNumber first;

	if (shared)
		LockRelationForExtension(index, ExclusiveLock);
	first = angle_segment_head(layout, angle_segment_count(index, layout));
	for (BlockNumber end = RelationGetNumberOfBlocks(index);
		 end < first + layout->pages; end++)
		ReleaseBuffer(ReadBuffer(index, P_NEW));
	if (shared)
		UnlockRelationForExtension(index, ExclusiveLock);
	return first;
}

AngleNodePointer
angle_segment_take(Relation index, const AngleLayout *layout, Relation heap,
				   bool recycle)
{
	AngleNodePointer pointer = {InvalidBlockNumber, 0};

	while (recycle)
	{
		pointer.block = GetFreeIndexPage(index);
		if (pointer.block == InvalidBlockNumber)
			break;
		if ((pointer.block - 1) % layout->pages == 0 &&
			try_recycle(index, heap, pointer.block, &pointer.generation))
			return pointer;
	}
	return (AngleNodePointer){extend(index, layout), 0};
}

BlockNumber
angle_segment_count(Relation index, const AngleLayout *layout)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(index);

	return (blocks - 1 + layout->pages - 1) / layout->pages;
}

void
angle_segment_write(Relation index, BlockNumber head, const AngleImage *image)
{
	/* the head comes last: with it the node is complete */
	for (int i = image->used - 1; i >= 0; i--)
	{
		Buffer buffer = ReadBuffer(index, head + i);
		GenericXLogState *state;
		Page page;

		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		state = GenericXLogStart(index);
		page =
			GenericXLogRegisterBuffer(state, buffer, GENERIC_XLOG_FULL_IMAGE);
		memcpy(page, image->pages[i].data, BLCKSZ);
		GenericXLogFinish(state);
		UnlockReleaseBuffer(buffer);
	}
}

void
angle_segment_write_unlogged(Relation index, BlockNumber head,
							 const AngleImage *image)
{
	for (int i = 0; i < image->used; i++)
	{
		Buffer buffer = ReadBufferExtended(index, MAIN_FORKNUM, head + i,
										   RBM_ZERO_AND_LOCK, NULL);

		memcpy(BufferGetPage(buffer), image->pages[i].data, BLCKSZ);
		MarkBufferDirty(buffer);
		UnlockReleaseBuffer(buffer);
	}
}
