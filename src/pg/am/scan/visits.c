/* Visits of the table: see visits.h. */
#include "postgres.h"

#include "access/heapam.h"
#include "access/relscan.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "core/base/prefetch.h"
#include "pg/am/scan/visits.h"
#include "pg/am/store/index.h"

/* Bytes of a row that are asked for, at most. */
#define ROW_START 4096

/* Where this backend has met pages of tables, by their numbers: guesses, for pages of
 * several tables share a place, and a buffer may have another page by now. */
#define PLACES (1 << 17)
static Buffer places[PLACES];

static Buffer *
place_of(Relation heap, ItemPointer tid)
{
	return &places[(RelationGetRelid(heap) * 0x9e3779b1u +
					ItemPointerGetBlockNumberNoCheck(tid)) %
				   PLACES];
}

bool
angle_visits_known(Relation heap)
{
	return heap != NULL && heap->rd_tableam == GetHeapamTableAmRoutine() &&
		   !RelationUsesLocalBuffers(heap);
}

void
angle_visit_perhaps(Relation heap, ItemPointer tid)
{
	__builtin_prefetch(place_of(heap, tid));
}

static void
prefetch_page(Buffer buffer)
{
	__builtin_prefetch(GetBufferDescriptor(buffer - 1), 1);
	__builtin_prefetch(BufferGetBlock(buffer));
}

void
angle_visit_soon(Relation heap, ItemPointer tid)
{
	const Buffer guess = *place_of(heap, tid);

	if (BufferIsValid(guess))
		prefetch_page(guess);
}

/* Neither pinned nor locked: what is read may be of another page, and is an offset within
 * the buffer whatever it is. */
static void
prefetch_row(Buffer buffer, ItemPointer tid)
{
	const Page page = BufferGetPage(buffer);
	const ItemIdData item = *(volatile ItemIdData *) PageGetItemId(
		page, Min(ItemPointerGetOffsetNumber(tid), MaxHeapTuplesPerPage));

	for (Size at = 0; at < Min(item.lp_len, ROW_START); at += ANGLE_CACHE_LINE)
		__builtin_prefetch((char *) page + Min(item.lp_off + at, BLCKSZ - 1));
}

Buffer
angle_visit_next(Relation heap, ItemPointer tid)
{
	Buffer *place;

	if (!ItemPointerIsValid(tid))
		return InvalidBuffer;
	place = place_of(heap, tid);
	if (!BufferIsValid(*place) ||
		GetBufferDescriptor(*place - 1)->tag.blockNum !=
			ItemPointerGetBlockNumber(tid))
		*place =
			PrefetchBuffer(heap, MAIN_FORKNUM, ItemPointerGetBlockNumber(tid))
				.recent_buffer;
	if (BufferIsValid(*place))
		prefetch_row(*place, tid);
	return *place;
}

void
angle_visit_now(IndexScanDesc scan, ItemPointer tid, Buffer page)
{
	IndexFetchHeapData *fetch = (IndexFetchHeapData *) scan->xs_heapfetch;
	Relation heap = scan->heapRelation;

	if (!BufferIsValid(page) || page == fetch->xs_cbuf ||
		!angle_pin_recent(heap, ItemPointerGetBlockNumber(tid), page))
		return;
	if (BufferIsValid(fetch->xs_cbuf))
		ReleaseBuffer(fetch->xs_cbuf);
	fetch->xs_cbuf = page;
	/* what the table's access method does where it comes to another page */
	heap_page_prune_opt(heap, page);
}

void
angle_visit_again(IndexScanDesc scan, ItemPointer tid)
{
	angle_visit_now(scan, tid, *place_of(scan->heapRelation, tid));
}
