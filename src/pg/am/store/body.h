/*
 * Bodies: what is known of a row for certain, its re-rank code, on pages apart from the
 * tree. A body stays where it is, however often the entries that lead to it move.
 *
 * A body begins with the row's TID. Who has read an entry, let go of its page and comes to
 * the body later finds there either the same row's or, by another TID, that VACUUM has
 * taken the row meanwhile, which its snapshot cannot see then. (If it is the same TID all
 * the same, then of a newer row in its place, whose distance this is.)
 *
 * Pages with free slots are found through the free space map, in which they count as a
 * quarter empty, and pages that are free as empty.
 */
#ifndef ANGLE_BODY_H
#define ANGLE_BODY_H

#include "pg/am/store/draft.h"
#include "pg/am/store/index.h"
#include "pg/am/store/node.h"

/* Where a body begins on a page of bodies. */
static inline char *
angle_body_at(const AngleLayout *layout, Page page, int slot)
{
	return (char *) page + layout->body_start + slot * layout->body_size;
}

static inline AngleBodiesHeader *
angle_bodies(Page page)
{
	return (AngleBodiesHeader *) PageGetContents(page);
}

/* Whether a page, of any role, has bodies or goes on with one. */
static inline bool
angle_page_is_bodies(Page page)
{
	return !PageIsNew(page) &&
		   (angle_page_tail(page)->role == ANGLE_PAGE_BODY ||
			angle_page_tail(page)->role == ANGLE_PAGE_BODY_REST);
}

/* Whether such a page is of a tree. */
static inline bool
angle_bodies_of(Page page, uint32 tree)
{
	return angle_bodies(page)->tree == tree;
}

static inline bool
angle_body_live(const AngleLayout *layout, Page page, int slot)
{
	return ((uint8 *) page)[layout->body_live + slot / 8] >> slot % 8 & 1;
}

static inline ItemPointerData
angle_body_tid(const AngleLayout *layout, Page page, int slot)
{
	ItemPointerData tid;

	memcpy(&tid, angle_body_at(layout, page, slot), sizeof(tid));
	return tid;
}

/* The bodies of an index by number: no two have the same. */
static inline uint64
angle_body_number(const AngleLayout *layout, AngleBodyPointer body)
{
	return (uint64) angle_body_block(body) * layout->body_slots +
		   angle_body_slot(body);
}

/* A number for each body, whatever the layout, and one by which hash tables find it. */
static inline uint64
angle_body_key(AngleBodyPointer body)
{
	return (uint64) angle_body_block(body) << 16 | angle_body_slot(body);
}

static inline uint32
angle_body_hash(uint64 key)
{
	return (uint32) (key * UINT64CONST(0x9e3779b97f4a7c15) >> 32);
}

/* Of a page with any role: whether this body of the row at tid is there. */
bool
angle_body_is(const AngleLayout *layout, Page page, int slot, ItemPointer tid);

/* The same, without a look at the beginning and the end of the page, where it is said which
 * slots are live and what the page's role is: for a scan, whose snapshot does not see the row
 * if its body has made room for something else. */
bool angle_body_fits(const AngleLayout *layout, Page page, int slot,
					 ItemPointer tid);

/* AngleRerankFactors and the code of the row at tid, valid until the next call for the
 * reader; NULL if its body is no longer there. */
const char *angle_body_get(AnglePageReader *reader, const AngleLayout *layout,
						   AngleBodyPointer body, ItemPointer tid);

/* Makes an empty page of bodies of a tree; it keeps its generation. */
void angle_bodies_init(const AngleLayout *layout, Page page, uint32 tree);

/* Of a page with any role: the first free slot for a body of a tree; body_slots if there is
 * none. */
int angle_body_find_free(const AngleLayout *layout, Page page, uint32 tree);

/* Puts the body of row, or the first page of it, into a slot and makes it live. */
void angle_body_put(const AngleLayout *layout, Page page, int slot,
					const AngleRow *row);

/* Frees a slot. */
void angle_body_clear(const AngleLayout *layout, Page page, int slot);

/* A page of bodies of a tree that had a free slot just now. Free pages become some where heap,
 * the table, lets them, or the file grows. */
BlockNumber angle_body_room(Relation index, Relation heap,
							const AngleLayout *layout, uint32 tree);

/* Tells the free space map what a page of bodies has. */
void angle_body_record(Relation index, BlockNumber block, bool room);

/* Writes what a body has behind its first page, logged. The slot is not live. */
void angle_body_write_rest(Relation index, const AngleLayout *layout,
						   BlockNumber first, const AngleRow *row, uint32 tree);

/* Puts bodies on pages one after another: of a draft, or of a build, without WAL. */
typedef struct AngleBodyWriter
{
	Relation index;
	const AngleLayout *layout;
	const AngleDraft *draft; /* NULL: a build */
	PGAlignedBlock page;
	BlockNumber block; /* where it belongs; InvalidBlockNumber: there is none */
} AngleBodyWriter;

AngleBodyWriter *
angle_body_writer_make(Relation index, const AngleLayout *layout,
					   const AngleDraft *draft);

AngleBodyPointer
angle_body_writer_add(AngleBodyWriter *writer, const AngleRow *row);

/* Writes the page that is not full yet; the next body begins another one. */
void angle_body_writer_flush(AngleBodyWriter *writer);

#endif
