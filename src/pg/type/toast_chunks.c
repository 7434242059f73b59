/* Values from chunks at places: see toast_chunks.h. */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "storage/bufmgr.h"

#include "core/base/prefetch.h"
#include "pg/pg_compat.h"
#include "pg/type/toast_chunks.h"

/* The head of a chunk, and enough of it that the processor sees where reading
 * goes. */
#define PREFETCH_BYTES 512

/* How many values are remembered. */
#define NOTES 16384

typedef struct Note
{
	Oid table;
	Oid value;
	AngleToastPlace place;
} Note;

static Note notes[NOTES];

/* Takes the chunk at a place, if it is the one that is next. The buffer is locked. */
static bool
take_chunk(AngleToastValue *value, Snapshot snapshot, Buffer buffer,
		   OffsetNumber offset)
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
	chunk.t_tableOid = RelationGetRelid(value->table);
	ItemPointerSet(&chunk.t_self, BufferGetBlockNumber(buffer), offset);
	return HeapTupleSatisfiesVisibility(&chunk, snapshot, buffer) &&
		   angle_toast_take(value, &chunk);
}

/* Reads a block; InvalidBuffer if the table is not that long, which cannot change
 * while it is locked. The block lies in the buffer of the place, or, when a table
 * was read in order, in the next one: to see whether it does is less work than to
 * look it up. */
static Buffer
read_block(Relation table, AngleToastPlace *place, BlockNumber block)
{
	Buffer guess = place->buffer;

	if (guess > 0 && block != place->block)
		guess = guess < NBuffers ? guess + 1 : InvalidBuffer;
	place->block = block;
	if (guess > 0 && ReadRecentBuffer(ANGLE_RELATION_LOCATOR(table),
									  MAIN_FORKNUM, block, guess))
		place->buffer = guess;
	else if (block < RelationGetNumberOfBlocks(table))
		place->buffer = ReadBuffer(table, block);
	else
		place->buffer = InvalidBuffer;
	return place->buffer;
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
take_chunks(AngleToastValue *value, Snapshot snapshot, AngleToastPlace *place,
			BlockNumber block, OffsetNumber offset)
{
	const uint32 before = value->done;
	Buffer buffer = read_block(value->table, place, block);

	if (!BufferIsValid(buffer))
		return false;
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	while (value->done < value->size &&
		   take_chunk(value, snapshot, buffer, offset))
		place->offset = offset++;
	if (value->done == value->size)
		prefetch_chunk(BufferGetPage(buffer), offset);
	UnlockReleaseBuffer(buffer);
	return value->done > before;
}

bool
angle_toast_follow(AngleToastValue *value, Snapshot snapshot,
				   AngleToastPlace *place)
{
	BlockNumber block = place->block;

	take_chunks(value, snapshot, place, block, place->offset + 1);
	while (value->done < value->size &&
		   take_chunks(value, snapshot, place, ++block, FirstOffsetNumber))
		;
	return value->done == value->size;
}

/* ---- places that are remembered -------------------------------------------- */

static Note *
note_of(Oid table, Oid value)
{
	return &notes[(value ^ table * 0x9e3779b1u) % NOTES];
}

void
angle_toast_note(Oid table, Oid value, AngleToastPlace place)
{
	*note_of(table, value) = (Note){table, value, place};
}

bool
angle_toast_noted(Oid table, Oid value, AngleToastPlace *place)
{
	const Note *note = note_of(table, value);

	if (note->table != table || note->value != value)
		return false;
	*place = note->place;
	return true;
}
