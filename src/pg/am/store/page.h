/*
 * The bytes of an index of the access method angle. README says how they are
 * used; everything that lies on a page is described here.
 *
 *   block 0     metapage: AngleMeta
 *   others      heads of nodes, centroids, bodies of rows, or free
 *
 * A node of the tree is a list of entries of rows (leaf), one page, its head; or of
 * children (inner node), a head and so many pages of centroids behind it. A row has
 * one body, its re-rank code, and two entries in different leaves that lead to it.
 * Where an array begins is computed from the dimensions: AngleLayout.
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
#include "core/quant/fastscan.h"
#include "core/quant/rerank.h"
#include "core/quant/space.h"

#define ANGLE_META_BLOCK 0
#define ANGLE_META_MAGIC 0x616e676c
#define ANGLE_META_VERSION 7

/* In the last two bytes of every page, where tools look for what it is. */
#define ANGLE_PAGE_ID 0xff8a

typedef enum AnglePageRole
{
	ANGLE_PAGE_META = 1,
	ANGLE_PAGE_HEAD = 2,
	ANGLE_PAGE_BODY = 3,
	ANGLE_PAGE_CENTROIDS = 4, /* AngleCentroidsHeader and what follows */
	ANGLE_PAGE_BODY_REST = 5, /* goes on with a body larger than a page */
	ANGLE_PAGE_TAKEN = 6,	  /* is to become another one; nothing yet */
	ANGLE_PAGE_FREE = 7,
	ANGLE_PAGE_FREE_RUN =
		8, /* AngleFreeRun: the head of an inner node that went */
} AnglePageRole;

/* The special space of every page. */
typedef struct AnglePageTail
{
	uint32 generation; /* how often it had been put to another use before */
	uint16 role;	   /* AnglePageRole */
	uint16 id;		   /* ANGLE_PAGE_ID */
} AnglePageTail;

/* A node: the block of its head page and that page's generation, by which a pointer
 * that has outlived its node is recognised. */
typedef struct AngleNodePointer
{
	BlockNumber block; /* InvalidBlockNumber: none */
	uint32 generation;
} AngleNodePointer;

/* Stop rules are kept for so many targets of recall, and for so many numbers of nearest
 * rows: from ten on √10 times as many each. */
#define ANGLE_TARGETS 8
#define ANGLE_SCALES 5

typedef struct AngleMeta
{
	uint32 magic;	   /* ANGLE_META_MAGIC */
	uint16 version;	   /* ANGLE_META_VERSION */
	uint16 dims;	   /* of all vectors; 0 until the first one comes */
	uint8 metric;	   /* AngleMetric */
	uint8 bits;		   /* of a coordinate in re-rank codes: 4, 6, 7, 8, 16 */
	uint16 keys;	   /* columns behind the vector */
	uint16 pages;	   /* of an inner node; 0 while dims is 0 */
	uint16 capacity;   /* entries of a leaf */
	uint16 fanout;	   /* entries of an inner node */
	uint16 calibrated; /* whether the stop rule was measured: 0 or 1 */
	uint32 tree;	   /* its number: how many have been replaced */
	uint64 seed;	   /* of the rotation */
	AngleNodePointer root; /* none while the index has never had a row */
	uint32 height;		   /* inner nodes above a leaf, at most */
	uint32 changes;		   /* of the tree: one for each split */
	BlockNumber free_run; /* the first AngleFreeRun; InvalidBlockNumber: none */
	/* rows that there were when second entries were last chosen, less those that have gone */
	float paired;
	/* of (scale, target): rows to see, see stop.h; and rows that were read then */
	float enough[ANGLE_SCALES][ANGLE_TARGETS];
	float read[ANGLE_SCALES][ANGLE_TARGETS];
	double rows; /* when the stop rule was measured */
	/* full transaction id: the next one when the last tree was replaced */
	uint64 replaced_xid;
} AngleMeta;

typedef enum AngleNodeKind
{
	ANGLE_NODE_LEAF = 1,
	ANGLE_NODE_INNER = 2,
} AngleNodeKind;

/* A node whose entries have moved to others. It stays readable until no scan
 * can hold a pointer to it; then its pages may be used again. */
#define ANGLE_NODE_GONE 1

/* A leaf of an index that is being built, whose rows have said what they wish: see
 * build/settle.h. Cleared at the end of the build. */
#define ANGLE_NODE_SETTLED 2

/* What a head page begins with, behind the page header. */
typedef struct AngleNodeHeader
{
	uint8 kind;		 /* AngleNodeKind */
	uint8 flags;	 /* ANGLE_NODE_GONE, ANGLE_NODE_SETTLED */
	uint16 count;	 /* live entries */
	uint32 changes;	 /* of an inner node's children */
	uint64 gone_xid; /* full transaction id: the next one when it went */
	uint64
		loose; /* of a leaf: bit i is set while block i of the codes is loose */
} AngleNodeHeader;

/* What a page of centroids begins with. */
typedef struct AngleCentroidsHeader
{
	BlockNumber head; /* of the inner node */
	uint32 unused;	  /* zero */
} AngleCentroidsHeader;

/* The pages of an inner node that are free. */
typedef struct AngleFreeRun
{
	BlockNumber next; /* or InvalidBlockNumber */
} AngleFreeRun;

/* What a page of bodies, or one that goes on with a body, begins with; the live bitmap follows. */
typedef struct AngleBodiesHeader
{
	uint16 count;  /* live bodies; 0 on a page that goes on with one */
	uint16 unused; /* zero */
	uint32 tree;   /* whose they are, by its number (AngleMeta) */
} AngleBodiesHeader;

/* Where a row's body is. */
typedef struct AngleBodyPointer
{
	BlockIdData block;
	uint16 slot; /* and ANGLE_ENTRY_SECOND */
} AngleBodyPointer;

/* Of the two entries of a row, the one that is not in the nearest leaf. */
#define ANGLE_ENTRY_SECOND 0x8000

/* What a leaf knows of a row beside its code. */
typedef struct AngleLeafEntry
{
	ItemPointerData tid; /* in the table */
	AngleBodyPointer body;
} AngleLeafEntry;

/* Where the centroid of a child begins: page, 1 … P − 1, of the node, and byte of the
 * page. One that is larger than a page has pages of its own. */
typedef struct AngleCentroidSpot
{
	int page;
	int offset;
	int pages; /* that it spreads over */
} AngleCentroidSpot;

/* Of a page of centroids, behind its headers and before its tail. */
#define ANGLE_CENTROIDS_ROOM                                           \
	(BLCKSZ - SizeOfPageHeaderData - MAXALIGN(sizeof(AnglePageTail)) - \
	 sizeof(AngleCentroidsHeader))

/*
 * Sizes and places, all computed from dims, bits and keys. Arrays of a head
 * page have one element for each entry, whether it is live or not:
 *
 *   leaf   live bitmap, AngleLeafEntry, add and rescale (float), error (AngleBfloat),
 *          key columns: null bitmaps (uint32) and values (uint64, key by key),
 *          codes in blocks of ANGLE_BLOCK (core/quant/fastscan.h); in a loose block
 *          the codes lie one after another
 *   inner  live bitmap, pointers, kinds (uint8) of the children: AngleNodeKind
 *
 * A centroid is (dims) AngleBfloat. A body is the heap TID, by which a reader knows that
 * it is still that of its row, AngleRerankFactors and the code. A page holds body_slots
 * of them, or a part of one that is larger than a page, which begins on a BODY page and
 * goes on on those behind.
 */
typedef struct AngleLayout
{
	int dims;
	int bits;
	int keys;
	int capacity; /* of a leaf, a multiple of ANGLE_BLOCK */
	int fanout;	  /* of an inner node */
	int pages;	  /* of an inner node */
	Size code_size;
	Size row_size;		/* AngleRerankFactors and the code */
	Size body_size;		/* the same with the TID */
	Size centroid_size; /* of a child */
	/* pages of bodies */
	int body_slots; /* of a page */
	int body_pages; /* that a body spreads over */
	int body_live;	/* byte of a page where the live bitmap begins */
	int body_start; /* and where bodies do */
	/* bytes from the start of a head page */
	int live; /* of both kinds */
	int entries;
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

/* How many leaves so many rows take, about: two entries each, nine tenths full. */
static inline double
angle_leaves_of(const AngleLayout *layout, double rows)
{
	return 2 * rows / (0.9 * layout->capacity);
}

/* Which share of the pages of an index are leaves, if none are free, about. */
static inline double
angle_leaf_share(const AngleLayout *layout)
{
	const double entries = angle_leaves_of(layout, 1);
	const double body = (double) layout->body_pages / layout->body_slots;

	return entries / (entries + body);
}

/* Bytes of a body, or of several, that a page holds. */
static inline Size
angle_body_part(const AngleLayout *layout)
{
	return BLCKSZ - MAXALIGN(sizeof(AnglePageTail)) - layout->body_start;
}

/* Where the centroid of entry slot lies. */
AngleCentroidSpot angle_centroid_spot(const AngleLayout *layout, int slot);

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

static inline uint32
angle_page_generation(Page page)
{
	return angle_page_tail(page)->generation;
}

static inline AngleLeafEntry *
angle_leaf_entries(const AngleLayout *layout, Page page)
{
	return (AngleLeafEntry *) ((char *) page + layout->entries);
}

static inline BlockNumber
angle_body_block(AngleBodyPointer body)
{
	return BlockIdGetBlockNumber(&body.block);
}

static inline int
angle_body_slot(AngleBodyPointer body)
{
	return body.slot & ~ANGLE_ENTRY_SECOND;
}

static inline bool
angle_entry_second(const AngleLeafEntry *entry)
{
	return (entry->body.slot & ANGLE_ENTRY_SECOND) != 0;
}

/* Whether two entries are of one row. */
static inline bool
angle_body_same(AngleBodyPointer a, AngleBodyPointer b)
{
	return angle_body_block(a) == angle_body_block(b) &&
		   angle_body_slot(a) == angle_body_slot(b);
}

static inline bool
angle_block_loose(Page leaf, int block)
{
	return angle_node(leaf)->loose >> block & 1;
}

/* Which slots of a block are live: a bit for each. */
static inline unsigned
angle_block_live(const AngleLayout *layout, Page leaf, int block)
{
	const uint8 *live =
		(const uint8 *) leaf + layout->live + block * ANGLE_BLOCK / 8;

	return live[0] | (unsigned) live[1] << 8;
}

/* Blocks of a leaf, without those behind its last row. */
static inline int
angle_leaf_blocks(const AngleLayout *layout, Page leaf)
{
	int blocks = layout->capacity / ANGLE_BLOCK;

	while (blocks > 0 && angle_block_live(layout, leaf, blocks - 1) == 0)
		blocks--;
	return blocks;
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

/* Whether a page, which may have any role, is the head that node leads to. */
static inline bool
angle_page_is_node(Page page, AngleNodePointer node)
{
	return !PageIsNew(page) && angle_page_generation(page) == node.generation &&
		   angle_page_tail(page)->role == ANGLE_PAGE_HEAD;
}

/* Whether a page, which is a head, is a leaf of the tree. */
static inline bool
angle_page_is_leaf(Page page)
{
	return angle_node(page)->kind == ANGLE_NODE_LEAF &&
		   !(angle_node(page)->flags & ANGLE_NODE_GONE);
}

/* Makes or clears the live bit of slot and keeps count right. */
void angle_slot_set_live(const AngleLayout *layout, Page page, int slot);
void angle_slot_clear_live(const AngleLayout *layout, Page page, int slot);

/* The first slot that is not live, from start on; limit if there is none. */
int angle_slot_find_free(const AngleLayout *layout, Page page, int start,
						 int limit);

/* Makes an empty page. */
void angle_page_init(Page page, AnglePageRole role, uint32 generation);
void angle_head_init(Page page, AngleNodeKind kind, uint32 generation);
void angle_centroids_init(Page page, BlockNumber head);

/* Makes a page of centroids that has none yet. */
void angle_centroids_reserve(Page page, BlockNumber head);

/* Makes it one that is taken or free: it goes on to another generation. */
void angle_page_renew(Page page, AnglePageRole role);
void angle_meta_init(Page page, const AngleMeta *meta);

/* Raises ERRCODE_INDEX_CORRUPTED, which says what is wrong with a block. */
_Noreturn void
angle_damaged(Relation index, BlockNumber block, const char *what);

/* The same of an entry of a node, whose head the block is. */
_Noreturn void angle_entry_damaged(Relation index, BlockNumber block, int slot,
								   const char *what);

/* Raise that error unless page is what it should be. */
void angle_page_check(Relation index, BlockNumber block, Page page,
					  AnglePageRole role);
void angle_meta_check(Relation index, Page page);
void angle_head_check(Relation index, const AngleLayout *layout,
					  BlockNumber block, Page page);

#endif
