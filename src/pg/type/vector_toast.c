#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/table.h"
#include "access/toast_internals.h"
#include "catalog/pg_am_d.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/base/prefetch.h"
#include "pg/pg_compat.h"
#include "pg/type/toast_value.h"
#include "pg/type/vector_toast.h"

/* How many tables are kept in mind, and the most rows that pass before another
 * guess after wrong ones. */
#define TRAILS 4
#define PAUSE_MAX 63

/* The head of a chunk, and enough of it that the processor sees where reading
 * goes. */
#define PREFETCH_BYTES 512

/* Where reading a TOAST table has come to. Nothing of it need be true: the table
 * can have changed since, or be another one of the same OID. */
typedef struct Trail
{
	Oid table;
	bool known; /* whether the chunk below is the last of the row before */
	int pause;	/* rows to pass after the next wrong guess */
	int skip;	/* rows still to pass */
	BlockNumber block;	 /* where a chunk is, */
	OffsetNumber offset; /* there, */
	Buffer buffer;		 /* and which buffer the block was in; 0: not read */
} Trail;

static Trail trails[TRAILS];

/* The trail of a table; that of another one gives way. */
static Trail *
trail_of(Oid table)
{
	Trail *trail = &trails[table % TRAILS];

	if (trail->table != table)
		*trail = (Trail){.table = table};
	return trail;
}

/* A value that is looked for without the index. */
typedef struct Search
{
	AngleToastValue value;
	Snapshot snapshot; /* that sees chunks */
} Search;

/* Takes the chunk at a place, if it is the one that is next. The buffer is locked. */
static bool
take_chunk(Search *search, Buffer buffer, OffsetNumber offset)
{
	Page page = BufferGetPage(buffer);
	ItemId item;
	HeapTupleData chunk;

	if (offset > PageGetMaxOffsetNumber(page))
		return false;
	item = PageGetItemId(page, offset);
	if (!ItemIdIsNormal(item))
		return false;
	chunk.t_data = (HeapTupleHeader) PageGetItem(page, item);
	chunk.t_len = ItemIdGetLength(item);
	chunk.t_tableOid = RelationGetRelid(search->value.table);
	ItemPointerSet(&chunk.t_self, BufferGetBlockNumber(buffer), offset);
	return HeapTupleSatisfiesVisibility(&chunk, search->snapshot, buffer) &&
		   angle_toast_take(&search->value, &chunk);
}

/* Reads a block; InvalidBuffer if the table is not that long, which cannot change
 * while it is locked. The block lies in the buffer of the trail, or, when a table
 * was read in order, in the next one: to see whether it does is less work than to
 * look it up. */
static Buffer
read_block(Relation table, Trail *trail, BlockNumber block)
{
	Buffer guess = trail->buffer;

	if (guess > 0 && block != trail->block)
		guess = guess < NBuffers ? guess + 1 : InvalidBuffer;
	trail->block = block;
	if (guess > 0 && ReadRecentBuffer(ANGLE_RELATION_LOCATOR(table),
									  MAIN_FORKNUM, block, guess))
		trail->buffer = guess;
	else if (block < RelationGetNumberOfBlocks(table))
		trail->buffer = ReadBuffer(table, block);
	else
		trail->buffer = InvalidBuffer;
	return trail->buffer;
}

/* Lets the processor fetch the chunk at offset of a page, the next row's. */
static void
prefetch_chunk(Page page, OffsetNumber offset)
{
	if (offset <= PageGetMaxOffsetNumber(page))
		angle_prefetch(PageGetItem(page, PageGetItemId(page, offset)),
					   PREFETCH_BYTES);
}

/* Takes the chunks from offset on of a block, as far as they are the value's. Returns
 * whether there is one. */
static bool
take_chunks(Search *search, Trail *trail, BlockNumber block,
			OffsetNumber offset)
{
	const AngleToastValue *value = &search->value;
	const uint32 before = value->done;
	Buffer buffer = read_block(value->table, trail, block);

	if (!BufferIsValid(buffer))
		return false;
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	while (value->done < value->size && take_chunk(search, buffer, offset))
		trail->offset = offset++;
	if (value->done == value->size)
		prefetch_chunk(BufferGetPage(buffer), offset);
	UnlockReleaseBuffer(buffer);
	return value->done > before;
}

/* Puts the value together from the chunks that follow the trail, on the same page
 * and the ones after it. Returns whether it is whole. */
static bool
follow(Search *search, Trail *trail)
{
	const AngleToastValue *value = &search->value;
	BlockNumber block = trail->block;

	take_chunks(search, trail, block, trail->offset + 1);
	while (value->done < value->size &&
		   take_chunks(search, trail, ++block, FirstOffsetNumber))
		;
	return value->done == value->size;
}

/* Looks up where the last chunk of the value is. */
static void
find_last_chunk(const Search *search, Trail *trail)
{
	Relation table = search->value.table;
	Relation *indexes;
	int count;
	int valid = toast_open_indexes(table, AccessShareLock, &indexes, &count);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple chunk;

	ScanKeyInit(&key, ANGLE_TOAST_ID, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(search->value.id));
	scan = systable_beginscan_ordered(table, indexes[valid], search->snapshot,
									  1, &key);
	chunk = systable_getnext_ordered(scan, BackwardScanDirection);
	trail->known = chunk != NULL;
	if (chunk != NULL)
	{
		trail->block = ItemPointerGetBlockNumber(&chunk->t_self);
		trail->offset = ItemPointerGetOffsetNumber(&chunk->t_self);
		trail->buffer = InvalidBuffer;
	}
	systable_endscan_ordered(scan);
	toast_close_indexes(indexes, count, AccessShareLock);
}

/* Follows the trail, or finds it. */
static void
fetch_on_trail(Search *search, Trail *trail)
{
	if (trail->known && follow(search, trail))
	{
		trail->pause = 0;
		return;
	}
	if (trail->known)
	{
		trail->skip = trail->pause;
		trail->pause = Min(2 * trail->pause + 1, PAUSE_MAX);
		trail->known = false;
	}
	if (trail->skip == 0)
		find_last_chunk(search, trail);
}

/* The vector, if the trail leads to it, otherwise NULL. */
static AngleVector *
fetch_by_guess(const struct varlena *external, Trail *trail)
{
	Relation table = table_open(trail->table, AccessShareLock);
	SnapshotData space;
	AngleVector *vector = NULL;

	if (table->rd_rel->relam == HEAP_TABLE_AM_OID)
	{
		Search search = {angle_toast_begin(external, table),
						 angle_toast_snapshot(&space)};

		fetch_on_trail(&search, trail);
		vector = (AngleVector *) angle_toast_end(&search.value);
	}
	table_close(table, AccessShareLock);
	return vector;
}

AngleVector *
angle_vector_fetch(struct varlena *external)
{
	struct varatt_external pointer;
	Trail *trail;
	AngleVector *vector = NULL;

	VARATT_EXTERNAL_GET_POINTER(pointer, external);
	trail = trail_of(pointer.va_toastrelid);
	if (trail->skip > 0)
		trail->skip--;
	else if (!VARATT_EXTERNAL_IS_COMPRESSED(pointer))
		vector = fetch_by_guess(external, trail);
	return vector != NULL ? vector : (AngleVector *) pg_detoast_datum(external);
}
