/* Visits of the table: see scan_visits.h. */
#include "postgres.h"

#include "access/heapam.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "pg/am/scan_visits.h"

/* Bytes of a row that are asked for; the processor goes on by itself. */
#define ROW_START 256

bool
angle_visits_known(Relation heap)
{
	return heap != NULL && heap->rd_tableam == GetHeapamTableAmRoutine() &&
		   !RelationUsesLocalBuffers(heap);
}

Buffer
angle_visit_page(Relation heap, ItemPointer tid)
{
	Buffer buffer;

	if (!ItemPointerIsValid(tid))
		return InvalidBuffer;
	buffer = PrefetchBuffer(heap, MAIN_FORKNUM, ItemPointerGetBlockNumber(tid))
				 .recent_buffer;
	if (BufferIsValid(buffer))
	{
		__builtin_prefetch(GetBufferDescriptor(buffer - 1), 1);
		__builtin_prefetch(BufferGetBlock(buffer));
	}
	return buffer;
}

void
angle_visit_row(Buffer buffer, ItemPointer tid)
{
	const Size line = 64;
	Page page;
	ItemIdData item;

	if (!BufferIsValid(buffer))
		return;
	/* Neither pinned nor locked: what is read may be of another page, and is an offset
	 * within the buffer whatever it is. */
	page = BufferGetPage(buffer);
	item = *(volatile ItemIdData *) PageGetItemId(
		page, Min(ItemPointerGetOffsetNumber(tid), MaxHeapTuplesPerPage));
	for (Size at = 0; at < ROW_START; at += line)
		__builtin_prefetch((char *) page + Min(item.lp_off + at, BLCKSZ - 1));
}
