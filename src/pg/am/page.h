/*
 * The bytes of an index of the access method angle. README says how they are
 * used; everything that lies on a page is described here.
 *
 *   block 0                    metapage: AngleMeta
 *   blocks 1 + i·P …           segment i: one head page and P − 1 body pages
 *
 * A segment is a node of the tree: a list of rows (leaf) or of children (inner
 * node). The head page has what a scan of all entries reads, the body pages what
 * is read of a few: the re-rank code of a row, the centroid of a child. Where an
 * array begins is computed from the dimensions: AngleLayout.
 *
 * Numbers are in the machine's byte order, as everywhere in PostgreSQL.
 */
#ifndef ANGLE_PAGE_H
#define ANGLE_PAGE_H

#include "access/transam.h"
#include "storage/bufpage.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"

#include "core/quant/bfloat.h"
#include "core/quant/rerank.h"
#include "core/quant/space.h"

#define ANGLE_META_BLOCK 0
#define ANGLE_META_MAGIC 0x616e676c
#define ANGLE_META_VERSION 4

/* In the last two bytes of every page, where tools look for what it is. */
#define ANGLE_PAGE_ID 0xff8a

typedef enum AnglePageRole
{
	ANGLE_PAGE_META = 1,
	ANGLE_PAGE_HEAD = 2,
	ANGLE_PAGE_BODY = 3,
} AnglePageRole;

/* The special space of every page. */
typedef struct AnglePageTail
{
	uint32 unused; /* zero */
	uint16 role;   /* AnglePageRole */
	uint16 id;	   /* ANGLE_PAGE_ID */
} AnglePageTail;

/* A node: the block of its head page, and how often the segment had been used
 * before, by which a pointer that has outlived its node is recognised. */
typedef struct AngleNodePointer
{
	BlockNumber block; /* InvalidBlockNumber: none */
	uint32 generation;
} AngleNodePointer;

/* Stop rules are kept for these targets of recall. */
#define ANGLE_TARGETS 8

typedef struct AngleMeta
{
	uint32 magic;		   /* ANGLE_META_MAGIC */
	uint16 version;		   /* ANGLE_META_VERSION */
	uint16 dims;		   /* of all vectors; 0 until the first one comes */
	uint8 metric;		   /* AngleMetric */
	uint8 bits;			   /* of a coordinate in re-rank codes: 4, 7, 8, 16 */
	uint16 keys;		   /* columns behind the vector */
	uint16 pages;		   /* of a segment; 0 while dims is 0 */
	uint16 capacity;	   /* entries of a leaf */
	uint16 fanout;		   /* entries of an inner node */
	uint16 calibrated;	   /* whether the stop rule was measured: 0 or 1 */
	uint64 seed;		   /* of the rotation */
	AngleNodePointer root; /* none while the index has never had a row */
	uint32 height;		   /* inner nodes above a leaf, at most */
	uint32 changes;		   /* of the tree: one for each split */
	float enough[ANGLE_TARGETS]; /* rows to see: see stop.h */
	float read[ANGLE_TARGETS];	 /* rows of the leaves that are read then */
	double rows;				 /* at the end of the build */
} AngleMeta;

typedef enum AngleNodeKind
{
	ANGLE_NODE_LEAF = 1,
	ANGLE_NODE_INNER = 2,
} AngleNodeKind;

/* A node whose entries have moved to others. It stays readable until no scan
 * can hold a pointer to it; then the segment may be used again. */
#define ANGLE_NODE_GONE 1

/* What a head page begins with, behind the page header. */
typedef struct AngleNodeHeader
{
	uint8 kind;	  /* AngleNodeKind */
	uint8 flags;  /* ANGLE_NODE_GONE or 0 */
	uint16 count; /* live entries */
	uint32 generation;
	uint32 changes;	 /* of an inner node's children */
	uint32 unused;	 /* zero */
	uint64 gone_xid; /* full transaction id: the next one when it went */
} AngleNodeHeader;

/* Where the body of an entry begins: page, 1 … P − 1, of the segment, and byte
 * of the page. An entry that is larger than a page has pages of its own. */
typedef struct AngleBodySpot
{
	int page;
	int offset;
	int pages; /* that it spreads over */
} AngleBodySpot;

/* Of a page, behind its header and before its tail. */
#define ANGLE_PAGE_ROOM \
	(BLCKSZ - SizeOfPageHeaderData - MAXALIGN(sizeof(AnglePageTail)))

/*
 * Sizes and places, all computed from dims, bits and keys. Arrays of a head
 * page have one element for each entry, whether it is live or not:
 *
 *   leaf   live bitmap, heap TIDs, add and rescale (float), error (AngleBfloat),
 *          key columns: null bitmaps (uint32) and values (uint64, key by key),
 *          codes in blocks of ANGLE_BLOCK (core/quant/fastscan.h)
 *   inner  live bitmap, pointers, kinds (uint8) of the children: AngleNodeKind
 *
 * Bodies: of a leaf's entry AngleRerankFactors and the code, of an inner node's
 * the centroid (dims) AngleBfloat.
 */
typedef struct AngleLayout
{
	int dims;
	int bits;
	int keys;
	int capacity; /* of a leaf, a multiple of ANGLE_BLOCK */
	int fanout;	  /* of an inner node */
	int pages;	  /* of a segment */
	Size code_size;
	Size row_size;		/* of a leaf's body */
	Size centroid_size; /* of an inner node's body */
	/* bytes from the start of a head page */
	int live; /* of both kinds */
	int tids;
	int add;
	int rescale;
	int error;
	int nulls;
	int values;
	int codes;
	int pointers;
	int kinds;
} AngleLayout;

/* Computes the layout; dims is not 0. */
void angle_layout_init(AngleLayout *layout, int dims, int bits, int keys);

/* Where the body of entry slot lies, size being row_size or centroid_size. */
AngleBodySpot angle_body_spot(Size size, int slot);

static inline AngleNodeHeader *
angle_node(Page page)
{
	return (AngleNodeHeader *) PageGetContents(page);
}

static inline AngleMeta *
angle_meta(Page page)
{
	return (AngleMeta *) PageGetContents(page);
}

static inline AnglePageTail *
angle_page_tail(Page page)
{
	return (AnglePageTail *) PageGetSpecialPointer(page);
}

static inline bool
angle_slot_live(const AngleLayout *layout, Page page, int slot)
{
	return ((uint8 *) page)[layout->live + slot / 8] >> slot % 8 & 1;
}

static inline ItemPointer
angle_leaf_tids(const AngleLayout *layout, Page page)
{
	return (ItemPointer) ((char *) page + layout->tids);
}

static inline AngleNodePointer *
angle_inner_pointers(const AngleLayout *layout, Page page)
{
	return (AngleNodePointer *) ((char *) page + layout->pointers);
}

static inline uint8 *
angle_inner_kinds(const AngleLayout *layout, Page page)
{
	return (uint8 *) page + layout->kinds;
}

/* Makes or clears the live bit of slot and keeps count right. */
void angle_slot_set_live(const AngleLayout *layout, Page page, int slot);
void angle_slot_clear_live(const AngleLayout *layout, Page page, int slot);

/* The first slot that is not live, from start on; limit if there is none. */
int angle_slot_find_free(const AngleLayout *layout, Page page, int start,
						 int limit);

/* Makes an empty page. */
void angle_page_init(Page page, AnglePageRole role);
void angle_head_init(Page page, AngleNodeKind kind, uint32 generation);
void angle_meta_init(Page page, const AngleMeta *meta);

/* Raise ERRCODE_INDEX_CORRUPTED, with the block's number, unless page is what
 * it should be. */
void angle_page_check(Relation index, BlockNumber block, Page page,
					  AnglePageRole role);
void angle_meta_check(Relation index, Page page);
void angle_head_check(Relation index, const AngleLayout *layout,
					  BlockNumber block, Page page);

#endif
