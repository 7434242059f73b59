/* Pages of bodies: see body.h. */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "storage/bufmgr.h"
#include "storage/freespace.h"
#include "utils/rel.h"

#include "pg/am/store/body.h"
#include "pg/am/store/node_segment.h"

/* What the free space map has for a page of bodies that has room: so little that whoever
 * looks for a free page, half empty at least, is not led to it. */
#define SPACE_ROOM (BLCKSZ / 4)
#define SPACE_WANTED (BLCKSZ / 8)

/* A record of generic WAL takes so many pages. */
#define PAGES_PER_RECORD MAX_GENERIC_XLOG_PAGES

bool
angle_body_is(const AngleLayout *layout, Page page, int slot, ItemPointer tid)
{
	return !PageIsNew(page) && angle_page_tail(page)->role == ANGLE_PAGE_BODY &&
		   angle_body_fits(layout, page, slot, tid) &&
		   angle_body_live(layout, page, slot);
}

bool
angle_body_fits(const AngleLayout *layout, Page page, int slot, ItemPointer tid)
{
	ItemPointerData own;

	if (slot >= layout->body_slots)
		return false;
	own = angle_body_tid(layout, page, slot);
	return ItemPointerEquals(&own, tid);
}

/* Copies the parts of a body behind the first page. */
static void
copy_rest(AnglePageReader *reader, const AngleLayout *layout, BlockNumber first)
{
	const Size part = angle_body_part(layout);

	for (int i = 1; i < layout->body_pages; i++)
		memcpy(reader->scratch + i * part,
			   angle_reader_page(reader, first + i) + layout->body_start,
			   Min(layout->body_size - i * part, part));
}

const char *
angle_body_get(AnglePageReader *reader, const AngleLayout *layout,
			   AngleBodyPointer body, ItemPointer tid)
{
	const BlockNumber block = angle_body_block(body);
	const int slot = angle_body_slot(body);
	char *page = angle_reader_page(reader, block);
	const char *at;

	if (!angle_body_is(layout, page, slot, tid))
		return NULL;
	at = angle_body_at(layout, page, slot);
	if (layout->body_pages > 1)
	{
		(void) angle_reader_scratch(reader, layout->body_pages);
		copy_rest(reader, layout, block);
		/* the first page comes last: it tells whether the others were the row's */
		page = angle_reader_page(reader, block);
		if (!angle_body_is(layout, page, slot, tid))
			return NULL;
		memcpy(reader->scratch, angle_body_at(layout, page, slot),
			   angle_body_part(layout));
		at = reader->scratch;
	}
	return at + sizeof(ItemPointerData);
}

void
angle_bodies_init(const AngleLayout *layout, Page page)
{
	angle_page_init(page, ANGLE_PAGE_BODY,
					PageIsNew(page) ? 0 : angle_page_generation(page));
	((PageHeader) page)->pd_lower = layout->body_start;
}

int
angle_body_find_free(const AngleLayout *layout, Page page)
{
	int slot = 0;

	if (PageIsNew(page) || angle_page_tail(page)->role != ANGLE_PAGE_BODY)
		return layout->body_slots;
	while (slot < layout->body_slots && angle_body_live(layout, page, slot))
		slot++;
	return slot;
}

/* Copies bytes from on of row's body, so many, to where they belong. */
static void
copy_body(const AngleRow *row, Size from, Size bytes, char *to)
{
	const Size tid = sizeof(row->tid);

	if (from == 0)
	{
		memcpy(to, &row->tid, tid);
		memcpy(to + tid, row->body, bytes - tid);
	}
	else
		memcpy(to, row->body + from - tid, bytes);
}

void
angle_body_put(const AngleLayout *layout, Page page, int slot,
			   const AngleRow *row)
{
	const Size bytes = Min(layout->body_size, angle_body_part(layout));
	char *to = angle_body_at(layout, page, slot);
	PageHeader header = (PageHeader) page;

	copy_body(row, 0, bytes, to);
	((uint8 *) page)[layout->body_live + slot / 8] |= 1 << slot % 8;
	angle_bodies(page)->count++;
	header->pd_lower = Max(header->pd_lower, to + bytes - (char *) page);
}

void
angle_body_clear(const AngleLayout *layout, Page page, int slot)
{
	((uint8 *) page)[layout->body_live + slot / 8] &= ~(1 << slot % 8);
	angle_bodies(page)->count--;
}

/* ---- room ----------------------------------------------------------------- */

void
angle_body_record(Relation index, BlockNumber block, bool room)
{
	RecordPageWithFreeSpace(index, block, room ? SPACE_ROOM : 0);
}

/* The same so that it is found at once. */
static void
announce(Relation index, BlockNumber block)
{
	angle_body_record(index, block, true);
	FreeSpaceMapVacuumRange(index, block, block + 1);
}

/* Makes a page that is locked and free one of bodies. */
static void
convert(Relation index, const AngleLayout *layout, Buffer buffer)
{
	GenericXLogState *state = GenericXLogStart(index);
	Page page =
		GenericXLogRegisterBuffer(state, buffer, GENERIC_XLOG_FULL_IMAGE);

	angle_page_retire(page, ANGLE_PAGE_TAKEN);
	angle_bodies_init(layout, page);
	GenericXLogFinish(state);
}

/* Whether the page has a free slot, or has one now. A body of several pages needs some
 * that lie together, which free pages do not. */
static bool
has_room(Relation index, Relation heap, const AngleLayout *layout,
		 BlockNumber block)
{
	Buffer buffer = ReadBuffer(index, block);
	Page page = BufferGetPage(buffer);
	bool room;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	if (!PageIsNew(page) && angle_page_tail(page)->role == ANGLE_PAGE_BODY)
		room = angle_bodies(page)->count < layout->body_slots;
	else
	{
		room = layout->body_pages == 1 && angle_segment_free(heap, page);
		if (room)
			convert(index, layout, buffer);
	}
	UnlockReleaseBuffer(buffer);
	return room;
}

/* Makes a page that was new just now one of bodies. */
static bool
begin_page(Relation index, const AngleLayout *layout, BlockNumber block)
{
	Buffer buffer = ReadBuffer(index, block);
	bool begun;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	begun = PageIsNew(BufferGetPage(buffer));
	if (begun)
		convert(index, layout, buffer);
	UnlockReleaseBuffer(buffer);
	return begun;
}

/* New pages for one body or as many as a page holds. If VACUUM has seen them before we
 * could say what they are, somebody else may have them. */
static BlockNumber
extend(Relation index, const AngleLayout *layout)
{
	for (;;)
	{
		const BlockNumber first = angle_pages_extend(index, layout->body_pages);
		bool ours = true;

		for (int i = 1; ours && i < layout->body_pages; i++)
			ours = angle_page_mark_new(index, first + i, ANGLE_PAGE_BODY_REST);
		if (ours && begin_page(index, layout, first))
		{
			announce(index, first);
			return first;
		}
	}
}

BlockNumber
angle_body_room(Relation index, Relation heap, const AngleLayout *layout)
{
	BlockNumber block = RelationGetTargetBlock(index);

	if (block != InvalidBlockNumber && has_room(index, heap, layout, block))
		return block;
	for (;;)
	{
		if (block != InvalidBlockNumber)
			angle_body_record(index, block, false);
		block = GetPageWithFreeSpace(index, SPACE_WANTED);
		if (block == InvalidBlockNumber)
			block = extend(index, layout);
		/* what the map knows of may have been lost in a crash */
		if (block < RelationGetNumberOfBlocks(index) &&
			has_room(index, heap, layout, block))
			break;
	}
	RelationSetTargetBlock(index, block);
	return block;
}

void
angle_body_write_rest(Relation index, const AngleLayout *layout,
					  BlockNumber first, const AngleRow *row)
{
	const Size part = angle_body_part(layout);

	for (int i = 1; i < layout->body_pages; i++)
	{
		Buffer buffer = ReadBuffer(index, first + i);
		GenericXLogState *state = GenericXLogStart(index);
		Page page;

		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		page = GenericXLogRegisterBuffer(state, buffer, 0);
		angle_page_init(page, ANGLE_PAGE_BODY_REST,
						angle_page_generation(page));
		copy_body(row, i * part, Min(layout->body_size - i * part, part),
				  (char *) page + layout->body_start);
		GenericXLogFinish(state);
		UnlockReleaseBuffer(buffer);
	}
}

/* ---- builds --------------------------------------------------------------- */

AngleBodyWriter *
angle_body_writer_make(Relation index, const AngleLayout *layout)
{
	AngleBodyWriter *writer = palloc(sizeof(AngleBodyWriter));

	writer->index = index;
	writer->layout = layout;
	writer->block = InvalidBlockNumber;
	return writer;
}

static void
write_page(Relation index, BlockNumber block, const char *contents)
{
	Buffer buffer =
		ReadBufferExtended(index, MAIN_FORKNUM, block, RBM_ZERO_AND_LOCK, NULL);

	memcpy(BufferGetPage(buffer), contents, BLCKSZ);
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

void
angle_body_writer_flush(AngleBodyWriter *writer)
{
	if (writer->block == InvalidBlockNumber)
		return;
	write_page(writer->index, writer->block, writer->page.data);
	writer->block = InvalidBlockNumber;
}

/* What a large body has behind its first page. */
static void
write_rest(AngleBodyWriter *writer, const AngleRow *row)
{
	const AngleLayout *layout = writer->layout;
	const Size part = angle_body_part(layout);
	PGAlignedBlock rest;

	for (int i = 1; i < layout->body_pages; i++)
	{
		memset(rest.data, 0, BLCKSZ);
		angle_page_init((Page) rest.data, ANGLE_PAGE_BODY_REST, 0);
		copy_body(row, i * part, Min(layout->body_size - i * part, part),
				  rest.data + layout->body_start);
		write_page(writer->index, writer->block + i, rest.data);
	}
}

AngleBodyPointer
angle_body_writer_add(AngleBodyWriter *writer, const AngleRow *row)
{
	const AngleLayout *layout = writer->layout;
	Page page = (Page) writer->page.data;
	AngleBodyPointer body;
	int slot;

	if (writer->block == InvalidBlockNumber)
	{
		writer->block = angle_pages_extend(writer->index, layout->body_pages);
		memset(page, 0, BLCKSZ);
		angle_bodies_init(layout, page);
	}
	slot = angle_bodies(page)->count;
	angle_body_put(layout, page, slot, row);
	write_rest(writer, row);
	BlockIdSet(&body.block, writer->block);
	body.slot = slot;
	if (slot + 1 == layout->body_slots)
		angle_body_writer_flush(writer);
	return body;
}
