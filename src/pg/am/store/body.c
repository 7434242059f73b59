/* Pages of bodies: see body.h. */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "storage/bufmgr.h"
#include "storage/freespace.h"
#include "storage/indexfsm.h"
#include "utils/rel.h"

#include "pg/am/store/body.h"
#include "pg/am/store/node_segment.h"

/* What the free space map has for a page of bodies that has room: so little that whoever
 * looks for a free page, half empty at least, is not led to it. */
#define SPACE_ROOM (BLCKSZ / 4)
#define SPACE_WANTED (BLCKSZ / 8)

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
angle_bodies_init(const AngleLayout *layout, Page page, uint32 tree)
{
	angle_page_init(page, ANGLE_PAGE_BODY,
					PageIsNew(page) ? 0 : angle_page_generation(page));
	((PageHeader) page)->pd_lower = layout->body_start;
	angle_bodies(page)->tree = tree;
}

/* Makes one that goes on with a body. */
static void
init_rest(Page page, uint32 tree)
{
	angle_page_init(page, ANGLE_PAGE_BODY_REST,
					PageIsNew(page) ? 0 : angle_page_generation(page));
	angle_bodies(page)->tree = tree;
}

int
angle_body_find_free(const AngleLayout *layout, Page page, uint32 tree)
{
	int slot = 0;

	if (PageIsNew(page) || angle_page_tail(page)->role != ANGLE_PAGE_BODY ||
		!angle_bodies_of(page, tree))
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

/* Makes a page that is locked and free one of bodies, or one that goes on with a body. */
static void
convert(Relation index, const AngleLayout *layout, Buffer buffer, uint32 tree,
		bool rest)
{
	GenericXLogState *state = GenericXLogStart(index);
	Page page =
		GenericXLogRegisterBuffer(state, buffer, GENERIC_XLOG_FULL_IMAGE);

	angle_page_renew(page, ANGLE_PAGE_TAKEN);
	if (rest)
		init_rest(page, tree);
	else
		angle_bodies_init(layout, page, tree);
	GenericXLogFinish(state);
}

/* Whether the page has a free slot for a body of the tree, or has one now. A body of several pages
 * needs some that lie together, which free pages do not. */
static bool
has_room(Relation index, Relation heap, const AngleLayout *layout, uint32 tree,
		 BlockNumber block)
{
	Buffer buffer = ReadBuffer(index, block);
	Page page = BufferGetPage(buffer);
	bool room;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	if (!PageIsNew(page) && angle_page_tail(page)->role == ANGLE_PAGE_BODY)
		room = angle_bodies_of(page, tree) &&
			   angle_bodies(page)->count < layout->body_slots;
	else
	{
		room = layout->body_pages == 1 && angle_segment_is_free(heap, page);
		if (room)
			convert(index, layout, buffer, tree, false);
	}
	UnlockReleaseBuffer(buffer);
	return room;
}

/* Makes a page that was new just now one of the tree's bodies; false if VACUUM has seen it
 * before, and somebody else has it. */
static bool
begin_page(Relation index, const AngleLayout *layout, uint32 tree,
		   BlockNumber block, bool rest)
{
	Buffer buffer = ReadBuffer(index, block);
	bool begun;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	begun = PageIsNew(BufferGetPage(buffer));
	if (begun)
		convert(index, layout, buffer, tree, rest);
	UnlockReleaseBuffer(buffer);
	return begun;
}

/* Gives back a page that was begun. */
static void
give_back(Relation index, BlockNumber block)
{
	Buffer buffer = ReadBuffer(index, block);

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	angle_page_set_free(index, buffer);
	UnlockReleaseBuffer(buffer);
	RecordFreeIndexPage(index, block);
}

/* New pages for one body or as many as a page holds. The first comes last, for with it a body can
 * be put there. */
static BlockNumber
extend(Relation index, const AngleLayout *layout, uint32 tree)
{
	for (;;)
	{
		const BlockNumber first = angle_pages_extend(index, layout->body_pages);
		int rest = layout->body_pages;

		while (rest > 0 &&
			   begin_page(index, layout, tree, first + rest - 1, rest > 1))
			rest--;
		if (rest == 0)
		{
			announce(index, first);
			return first;
		}
		for (; rest < layout->body_pages; rest++)
			give_back(index, first + rest);
	}
}

BlockNumber
angle_body_room(Relation index, Relation heap, const AngleLayout *layout,
				uint32 tree)
{
	BlockNumber block = RelationGetTargetBlock(index);

	if (block != InvalidBlockNumber &&
		has_room(index, heap, layout, tree, block))
		return block;
	for (;;)
	{
		if (block != InvalidBlockNumber)
			angle_body_record(index, block, false);
		block = GetPageWithFreeSpace(index, SPACE_WANTED);
		if (block == InvalidBlockNumber)
			block = extend(index, layout, tree);
		/* what the map knows of may have been lost in a crash */
		if (block < RelationGetNumberOfBlocks(index) &&
			has_room(index, heap, layout, tree, block))
			break;
	}
	RelationSetTargetBlock(index, block);
	return block;
}

void
angle_body_write_rest(Relation index, const AngleLayout *layout,
					  BlockNumber first, const AngleRow *row, uint32 tree)
{
	const Size part = angle_body_part(layout);

	for (int i = 1; i < layout->body_pages; i++)
	{
		Buffer buffer = ReadBuffer(index, first + i);
		GenericXLogState *state = GenericXLogStart(index);
		Page page;

		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		page = GenericXLogRegisterBuffer(state, buffer, 0);
		angle_page_check(index, first + i, page, ANGLE_PAGE_BODY_REST);
		init_rest(page, tree);
		copy_body(row, i * part, Min(layout->body_size - i * part, part),
				  (char *) page + layout->body_start);
		GenericXLogFinish(state);
		UnlockReleaseBuffer(buffer);
	}
}

/* ---- one after another ---------------------------------------------------- */

AngleBodyWriter *
angle_body_writer_make(Relation index, const AngleLayout *layout,
					   const AngleDraft *draft)
{
	AngleBodyWriter *writer = palloc(sizeof(AngleBodyWriter));

	writer->index = index;
	writer->layout = layout;
	writer->draft = draft;
	writer->block = InvalidBlockNumber;
	return writer;
}

static void
write_unlogged(Relation index, BlockNumber block, const char *contents)
{
	Buffer buffer =
		ReadBufferExtended(index, MAIN_FORKNUM, block, RBM_ZERO_AND_LOCK, NULL);

	memcpy(BufferGetPage(buffer), contents, BLCKSZ);
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

/* The page keeps its generation. */
static void
write_logged(Relation index, BlockNumber block, const char *contents)
{
	Buffer buffer = ReadBuffer(index, block);
	GenericXLogState *state = GenericXLogStart(index);
	uint32 generation = 0;
	Page page;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	page = GenericXLogRegisterBuffer(state, buffer, GENERIC_XLOG_FULL_IMAGE);
	if (!PageIsNew(page))
		generation = angle_page_generation(page);
	memcpy(page, contents, BLCKSZ);
	angle_page_tail(page)->generation = generation;
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
}

static void
write_page(const AngleBodyWriter *writer, BlockNumber block,
		   const char *contents)
{
	if (writer->draft != NULL)
		write_logged(writer->index, block, contents);
	else
		write_unlogged(writer->index, block, contents);
}

/* Pages for one body or as many as a page holds. */
static BlockNumber
take_pages(const AngleBodyWriter *writer)
{
	const AngleLayout *layout = writer->layout;

	if (writer->draft == NULL || layout->body_pages > 1)
		return angle_pages_extend(writer->index, layout->body_pages);
	/* a page is a page */
	return angle_segment_take(writer->index, layout, ANGLE_NODE_LEAF,
							  writer->draft->heap, true)
		.block;
}

void
angle_body_writer_flush(AngleBodyWriter *writer)
{
	if (writer->block == InvalidBlockNumber)
		return;
	write_page(writer, writer->block, writer->page.data);
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
		init_rest((Page) rest.data,
				  angle_bodies((Page) writer->page.data)->tree);
		copy_body(row, i * part, Min(layout->body_size - i * part, part),
				  rest.data + layout->body_start);
		write_page(writer, writer->block + i, rest.data);
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
		writer->block = take_pages(writer);
		memset(page, 0, BLCKSZ);
		angle_bodies_init(layout, page,
						  writer->draft != NULL ? writer->draft->tree : 0);
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
