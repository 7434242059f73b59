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

#include "pg/am/store/lock.h"
#include "pg/am/store/node_segment.h"
#include "pg/pg_compat.h"

bool
angle_head_removable(Relation heap, Page head)
{
	const AngleNodeHeader *node = angle_node(head);

	return (node->flags & ANGLE_NODE_GONE) &&
		   GlobalVisCheckRemovableFullXid(
			   heap, FullTransactionIdFromU64(node->gone_xid));
}

bool
angle_segment_is_free(Relation heap, Page page)
{
	if (PageIsNew(page) || angle_page_tail(page)->role == ANGLE_PAGE_FREE)
		return true;
	return angle_page_tail(page)->role == ANGLE_PAGE_HEAD &&
		   angle_node(page)->kind == ANGLE_NODE_LEAF &&
		   angle_head_removable(heap, page);
}

void
angle_head_set_gone(Page head)
{
	angle_node(head)->flags |= ANGLE_NODE_GONE;
	angle_node(head)->gone_xid =
		U64FromFullTransactionId(ReadNextFullTransactionId());
}

/* Marks a page that is locked and free. A scan on a standby, which may hold a pointer to
 * the leaf that was there, sees by the generation that it is another page now. */
static uint32
mark(Relation index, Buffer buffer, AnglePageRole role)
{
	GenericXLogState *state = GenericXLogStart(index);
	Page page =
		GenericXLogRegisterBuffer(state, buffer, GENERIC_XLOG_FULL_IMAGE);

	angle_page_renew(page, role);
	GenericXLogFinish(state);
	return angle_page_generation(BufferGetPage(buffer));
}

/* Takes the page that the free space map gave, if it is free. */
static bool
try_recycle(Relation index, Relation heap, BlockNumber block,
			uint32 *generation)
{
	Buffer buffer;
	bool taken = false;

	/* what the map knows of may have been lost in a crash */
	if (block >= RelationGetNumberOfBlocks(index))
		return false;
	buffer = ReadBuffer(index, block);
	if (ConditionalLockBuffer(buffer))
	{
		taken = angle_segment_is_free(heap, BufferGetPage(buffer));
		if (taken)
			*generation = mark(index, buffer, ANGLE_PAGE_TAKEN);
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	}
	ReleaseBuffer(buffer);
	return taken;
}

BlockNumber
angle_pages_extend(Relation index, int count)
{
	/* an index that is new in this transaction is new to parallel workers, too */
	const bool shared = !RELATION_IS_LOCAL(index) || IsInParallelMode();
	BlockNumber first = InvalidBlockNumber;

	if (shared)
		LockRelationForExtension(index, ExclusiveLock);
	for (int i = 0; i < count; i++)
	{
		Buffer buffer = ReadBuffer(index, P_NEW);

		if (i == 0)
			first = BufferGetBlockNumber(buffer);
		ReleaseBuffer(buffer);
	}
	if (shared)
		UnlockRelationForExtension(index, ExclusiveLock);
	return first;
}

/* Takes a page that was new just now; false if somebody has found it through the free space map
 * in the meantime. */
static bool
mark_new(Relation index, BlockNumber block)
{
	Buffer buffer = ReadBuffer(index, block);
	bool taken;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	taken = PageIsNew(BufferGetPage(buffer));
	if (taken)
		(void) mark(index, buffer, ANGLE_PAGE_TAKEN);
	UnlockReleaseBuffer(buffer);
	return taken;
}

/* Takes pages behind the end of the file. */
static AngleNodePointer
take_new(Relation index, int count)
{
	for (;;)
	{
		const BlockNumber first = angle_pages_extend(index, count);
		int marked = 0;

		while (marked < count && mark_new(index, first + marked))
			marked++;
		if (marked == count)
			return (AngleNodePointer){first, 0};
		/* those that were marked are left to VACUUM */
	}
}

/* Changes the list of free runs: the page in buffer, which is locked, is made one of this
 * role, and next is the first of the list. */
static void
change_runs(Relation index, Buffer buffer, AnglePageRole role, Buffer meta,
			BlockNumber first, BlockNumber next)
{
	GenericXLogState *state = GenericXLogStart(index);
	Page page =
		GenericXLogRegisterBuffer(state, buffer, GENERIC_XLOG_FULL_IMAGE);
	AngleFreeRun *run = (AngleFreeRun *) PageGetContents(page);

	angle_page_renew(page, role);
	run->next = next;
	((PageHeader) page)->pd_lower = (char *) (run + 1) - (char *) page;
	angle_meta(GenericXLogRegisterBuffer(state, meta, 0))->free_run = first;
	GenericXLogFinish(state);
}

static Buffer
lock_meta(Relation index)
{
	Buffer meta = ReadBuffer(index, ANGLE_META_BLOCK);

	LockBuffer(meta, BUFFER_LOCK_EXCLUSIVE);
	return meta;
}

void
angle_run_set_free(Relation index, Relation heap, BlockNumber head)
{
	Buffer buffer = ReadBuffer(index, head);
	Page page = BufferGetPage(buffer);
	Buffer meta;

	angle_lock_tree(index);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	meta = lock_meta(index);
	if (!PageIsNew(page) && angle_page_tail(page)->role == ANGLE_PAGE_HEAD &&
		angle_node(page)->kind == ANGLE_NODE_INNER &&
		angle_head_removable(heap, page))
		change_runs(index, buffer, ANGLE_PAGE_FREE_RUN, meta, head,
					angle_meta(BufferGetPage(meta))->free_run);
	UnlockReleaseBuffer(meta);
	UnlockReleaseBuffer(buffer);
	angle_unlock_tree(index);
}

/* Takes the first run of the list; false if there is none. */
static bool
take_run(Relation index, AngleNodePointer *pointer)
{
	const BlockNumber first = angle_meta_read(index).free_run;
	Buffer buffer, meta;
	Page page;

	if (first == InvalidBlockNumber)
		return false;
	buffer = ReadBuffer(index, first);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	page = BufferGetPage(buffer);
	angle_page_check(index, first, page, ANGLE_PAGE_FREE_RUN);
	meta = lock_meta(index);
	change_runs(index, buffer, ANGLE_PAGE_TAKEN, meta,
				((AngleFreeRun *) PageGetContents(page))->next,
				InvalidBlockNumber);
	*pointer = (AngleNodePointer){first, angle_page_generation(page)};
	UnlockReleaseBuffer(meta);
	UnlockReleaseBuffer(buffer);
	return true;
}

AngleNodePointer
angle_segment_take(Relation index, const AngleLayout *layout,
				   AngleNodeKind kind, Relation heap, bool recycle)
{
	AngleNodePointer pointer = {InvalidBlockNumber, 0};

	if (recycle && kind == ANGLE_NODE_INNER && take_run(index, &pointer))
		return pointer;
	while (recycle && kind == ANGLE_NODE_LEAF)
	{
		pointer.block = GetFreeIndexPage(index);
		if (pointer.block == InvalidBlockNumber)
			break;
		if (try_recycle(index, heap, pointer.block, &pointer.generation))
			return pointer;
	}
	return take_new(index, kind == ANGLE_NODE_LEAF ? 1 : layout->pages);
}

AngleNodePointer
angle_segment_take_unlogged(Relation index, const AngleLayout *layout,
							AngleNodeKind kind)
{
	return (AngleNodePointer){
		angle_pages_extend(index, kind == ANGLE_NODE_LEAF ? 1 : layout->pages),
		0};
}

void
angle_page_set_free(Relation index, Buffer buffer)
{
	(void) mark(index, buffer, ANGLE_PAGE_FREE);
}

void
angle_segment_give_back(Relation index, const AngleLayout *layout,
						AngleNodeKind kind, AngleNodePointer node)
{
	const int count = kind == ANGLE_NODE_LEAF ? 1 : layout->pages;

	for (int i = 0; i < count; i++)
	{
		Buffer buffer = ReadBuffer(index, node.block + i);

		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		angle_page_set_free(index, buffer);
		UnlockReleaseBuffer(buffer);
		RecordFreeIndexPage(index, node.block + i);
	}
}

/* Writes a part of a centroid to a page, which may have none yet. */
static void
write_part(Relation index, BlockNumber head, BlockNumber block, int offset,
		   const char *part, Size size)
{
	Buffer buffer = ReadBuffer(index, block);
	GenericXLogState *state;
	bool fresh;
	Page page;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	page = BufferGetPage(buffer);
	fresh = ((PageHeader) page)->pd_lower < ((PageHeader) page)->pd_upper;
	state = GenericXLogStart(index);
	page = GenericXLogRegisterBuffer(state, buffer,
									 fresh ? GENERIC_XLOG_FULL_IMAGE : 0);
	if (fresh)
		angle_centroids_init(page, head);
	memcpy((char *) page + offset, part, size);
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
}

void
angle_centroid_write(Relation index, const AngleLayout *layout,
					 BlockNumber head, int slot, const AngleChild *child)
{
	const AngleCentroidSpot spot = angle_centroid_spot(layout, slot);
	const Size size = layout->centroid_size, room = ANGLE_CENTROIDS_ROOM;

	for (int i = 0; i < spot.pages; i++)
		write_part(index, head, head + spot.page + i, spot.offset,
				   (const char *) child->centroid + i * room,
				   Min(size - i * room, room));
}

/* Copies page i of image to where it goes, which keeps its generation. */
static void
copy_page(Page page, const AngleImage *image, int i)
{
	const uint32 generation = PageIsNew(page) ? 0 : angle_page_generation(page);

	memcpy(page, image->pages[i].data, BLCKSZ);
	angle_page_tail(page)->generation = generation;
}

/* Pages of the node that image is. */
static int
image_pages(const AngleImage *image)
{
	const AngleNodeHeader *node = angle_node((Page) image->pages[0].data);

	return node->kind == ANGLE_NODE_LEAF ? 1 : image->layout->pages;
}

/* Fills page i of the node that image is. */
static void
fill_page(Page page, const AngleImage *image, int i)
{
	if (i < image->used)
		copy_page(page, image, i);
	else
		angle_centroids_reserve(page, image->head);
}

void
angle_segment_write(Relation index, BlockNumber head, const AngleImage *image)
{
	/* the head comes last: with it the node is complete */
	for (int i = image_pages(image) - 1; i >= 0; i--)
	{
		Buffer buffer = ReadBuffer(index, head + i);
		GenericXLogState *state;

		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		state = GenericXLogStart(index);
		fill_page(
			GenericXLogRegisterBuffer(state, buffer, GENERIC_XLOG_FULL_IMAGE),
			image, i);
		GenericXLogFinish(state);
		UnlockReleaseBuffer(buffer);
	}
}

void
angle_segment_write_unlogged(Relation index, BlockNumber head,
							 const AngleImage *image)
{
	for (int i = 0; i < image_pages(image); i++)
	{
		Buffer buffer = ReadBufferExtended(index, MAIN_FORKNUM, head + i,
										   RBM_ZERO_AND_LOCK, NULL);

		fill_page(BufferGetPage(buffer), image, i);
		MarkBufferDirty(buffer);
		UnlockReleaseBuffer(buffer);
	}
}
