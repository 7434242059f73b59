/* Places on pages, empty pages, and whether a page is what it should be. */
#include "postgres.h"

#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "core/quant/fastscan.h"
#include "core/vector/parse.h"
#include "pg/am/store/page.h"

/* An inner node splits into two of half its entries; less would not do. It has more
 * where they take no more than so many pages. */
#define FANOUT_MIN 8
#define FANOUT_WANTED 64
#define FANOUT_MAX 512
#define INNER_PAGES 32
#define CAPACITY_MAX 1024

#define CONTENTS_START \
	(MAXALIGN(SizeOfPageHeaderData) + sizeof(AngleNodeHeader))

#define BODIES_START \
	(MAXALIGN(SizeOfPageHeaderData) + sizeof(AngleBodiesHeader))

#define CONTENTS_END (BLCKSZ - MAXALIGN(sizeof(AnglePageTail)))

StaticAssertDecl(sizeof(AngleNodeHeader) == 24, "stored on pages");
StaticAssertDecl(sizeof(AngleNodePointer) == 8, "stored on pages");
StaticAssertDecl(sizeof(AngleLeafEntry) == 12, "stored on pages");
StaticAssertDecl(sizeof(AnglePageTail) == 8, "stored on pages");
StaticAssertDecl(sizeof(AngleRerankFactors) == 12, "stored on pages");
StaticAssertDecl(CAPACITY_MAX / ANGLE_BLOCK <= 64, "a bit of loose each");

/* Pages that count centroids take. */
static int
centroid_pages(const AngleLayout *layout, int count)
{
	AngleCentroidSpot last = angle_centroid_spot(layout, count - 1);

	return last.page + last.pages - 1;
}

/* Centroids that pages hold. */
static int
centroids_in(Size size, int pages)
{
	if (size > ANGLE_CENTROIDS_ROOM)
		return pages /
			   ((size + ANGLE_CENTROIDS_ROOM - 1) / ANGLE_CENTROIDS_ROOM);
	return pages * (ANGLE_CENTROIDS_ROOM / size);
}

/* The place of an array of bytes, and of what follows. */
static int
take(int *at, Size bytes)
{
	int place = *at;

	*at += MAXALIGN(bytes);
	return place;
}

/* Places arrays for capacity rows; returns where they end. */
static int
place_leaf(AngleLayout *layout, int capacity)
{
	int at = CONTENTS_START;
	Size keys = (Size) layout->keys * capacity;

	layout->live = take(&at, (capacity + 7) / 8);
	layout->entries = take(&at, capacity * sizeof(AngleLeafEntry));
	layout->add = take(&at, capacity * sizeof(float));
	layout->rescale = take(&at, capacity * sizeof(float));
	layout->error = take(&at, capacity * sizeof(AngleBfloat));
	layout->nulls = take(&at, layout->keys > 0 ? capacity * sizeof(uint32) : 0);
	layout->values = take(&at, keys * sizeof(uint64));
	layout->codes = take(&at, capacity * layout->code_size);
	return at;
}

static int
place_inner(AngleLayout *layout, int fanout)
{
	int at = CONTENTS_START;

	layout->live = take(&at, (fanout + 7) / 8);
	layout->pointers = take(&at, fanout * sizeof(AngleNodePointer));
	layout->kinds = take(&at, fanout);
	return at;
}

/* Rows of a leaf: whole blocks, so many that all arrays fit. */
static int
leaf_capacity(AngleLayout *layout)
{
	const Size row = layout->code_size + sizeof(AngleLeafEntry) +
					 2 * sizeof(float) + sizeof(AngleBfloat) +
					 layout->keys * sizeof(uint64) +
					 (layout->keys > 0 ? sizeof(uint32) : 0);
	int capacity = Min(CAPACITY_MAX, BLCKSZ / row / ANGLE_BLOCK * ANGLE_BLOCK);

	while (place_leaf(layout, capacity) > CONTENTS_END)
		capacity -= ANGLE_BLOCK;
	return capacity;
}

/* How bodies lie on pages. */
static void
place_bodies(AngleLayout *layout)
{
	const Size room = CONTENTS_END - BODIES_START;
	int slots = room / layout->body_size;

	while (slots > 1 &&
		   MAXALIGN((slots + 7) / 8) + slots * layout->body_size > room)
		slots--;
	layout->body_slots = Max(1, slots);
	layout->body_live = BODIES_START;
	layout->body_start = BODIES_START + MAXALIGN((layout->body_slots + 7) / 8);
	layout->body_pages =
		(layout->body_slots * layout->body_size + angle_body_part(layout) - 1) /
		angle_body_part(layout);
}

void
angle_layout_init(AngleLayout *layout, int dims, int bits, int keys)
{
	int body;

	memset(layout, 0, sizeof(*layout));
	layout->dims = dims;
	layout->bits = bits;
	layout->keys = keys;
	layout->code_size = angle_code_size(dims);
	layout->row_size =
		sizeof(AngleRerankFactors) + angle_rerank_size(dims, bits);
	layout->body_size = sizeof(ItemPointerData) + layout->row_size;
	layout->centroid_size = dims * sizeof(AngleBfloat);
	place_bodies(layout);

	layout->capacity = leaf_capacity(layout);
	body = Max(centroid_pages(layout, FANOUT_MIN),
			   Min(INNER_PAGES, centroid_pages(layout, FANOUT_WANTED)));
	layout->pages = 1 + body;
	layout->fanout = Min(FANOUT_MAX, centroids_in(layout->centroid_size, body));
	(void) place_inner(layout, layout->fanout);
	(void) place_leaf(layout, layout->capacity);
}

AngleCentroidSpot
angle_centroid_spot(const AngleLayout *layout, int slot)
{
	const Size size = layout->centroid_size, room = ANGLE_CENTROIDS_ROOM;
	const int start =
		MAXALIGN(SizeOfPageHeaderData) + sizeof(AngleCentroidsHeader);
	int each;

	if (size > room)
	{
		each = (size + room - 1) / room;
		return (AngleCentroidSpot){1 + slot * each, start, each};
	}
	each = room / size;
	return (AngleCentroidSpot){1 + slot / each,
							   start + slot % each * (int) size, 1};
}

void
angle_slot_set_live(const AngleLayout *layout, Page page, int slot)
{
	((uint8 *) page)[layout->live + slot / 8] |= 1 << slot % 8;
	angle_node(page)->count++;
}

void
angle_slot_clear_live(const AngleLayout *layout, Page page, int slot)
{
	((uint8 *) page)[layout->live + slot / 8] &= ~(1 << slot % 8);
	angle_node(page)->count--;
}

int
angle_slot_find_free(const AngleLayout *layout, Page page, int start, int limit)
{
	int slot = start;

	while (slot < limit && angle_slot_live(layout, page, slot))
		slot++;
	return slot;
}

void
angle_page_init(Page page, AnglePageRole role, uint32 generation)
{
	AnglePageTail *tail;

	PageInit(page, BLCKSZ, sizeof(AnglePageTail));
	/* everything may hold data: nothing is left out of a page's image */
	((PageHeader) page)->pd_lower = ((PageHeader) page)->pd_upper;
	tail = angle_page_tail(page);
	tail->generation = generation;
	tail->role = role;
	tail->id = ANGLE_PAGE_ID;
}

void
angle_page_renew(Page page, AnglePageRole role)
{
	angle_page_init(page, role,
					PageIsNew(page) ? 0 : angle_page_generation(page) + 1);
	/* it holds nothing */
	((PageHeader) page)->pd_lower = SizeOfPageHeaderData;
}

void
angle_head_init(Page page, AngleNodeKind kind, uint32 generation)
{
	angle_page_init(page, ANGLE_PAGE_HEAD, generation);
	angle_node(page)->kind = kind;
	angle_node(page)->loose = UINT64_MAX;
}

void
angle_centroids_init(Page page, BlockNumber head)
{
	angle_page_init(page, ANGLE_PAGE_CENTROIDS,
					PageIsNew(page) ? 0 : angle_page_generation(page));
	((AngleCentroidsHeader *) PageGetContents(page))->head = head;
}

void
angle_centroids_reserve(Page page, BlockNumber head)
{
	angle_centroids_init(page, head);
	((PageHeader) page)->pd_lower =
		PageGetContents(page) + sizeof(AngleCentroidsHeader) - (char *) page;
}

void
angle_meta_init(Page page, const AngleMeta *meta)
{
	angle_page_init(page, ANGLE_PAGE_META, 0);
	*angle_meta(page) = *meta;
	((PageHeader) page)->pd_lower =
		(char *) angle_meta(page) + sizeof(*meta) - (char *) page;
}

void
angle_damaged(Relation index, BlockNumber block, const char *what)
{
	ereport(ERROR, errcode(ERRCODE_INDEX_CORRUPTED),
			errmsg("index \"%s\" is damaged at block %u: %s",
				   RelationGetRelationName(index), block, what),
			errhint("REINDEX it."));
}

void
angle_entry_damaged(Relation index, BlockNumber block, int slot,
					const char *what)
{
	ereport(ERROR, errcode(ERRCODE_INDEX_CORRUPTED),
			errmsg("index \"%s\" is damaged at block %u, entry %d: %s",
				   RelationGetRelationName(index), block, slot, what),
			errhint("REINDEX it."));
}

void
angle_page_check(Relation index, BlockNumber block, Page page,
				 AnglePageRole role)
{
	if (PageIsNew(page))
		angle_damaged(index, block, "the page is empty");
	if (PageGetSpecialSize(page) != MAXALIGN(sizeof(AnglePageTail)) ||
		angle_page_tail(page)->id != ANGLE_PAGE_ID)
		angle_damaged(index, block, "not a page of an angle index");
	if (angle_page_tail(page)->role != role)
		angle_damaged(index, block, "a page of another role");
}

/* Whether what is stored of the layout is what follows from the rest. */
static bool
meta_consistent(const AngleMeta *meta)
{
	AngleLayout layout;

	if (meta->dims == 0)
		return meta->root.block == InvalidBlockNumber;
	if (meta->dims > ANGLE_VECTOR_MAX_DIMENSIONS)
		return false;
	angle_layout_init(&layout, meta->dims, meta->bits, meta->keys);
	return meta->pages == layout.pages && meta->capacity == layout.capacity &&
		   meta->fanout == layout.fanout;
}

void
angle_meta_check(Relation index, Page page)
{
	const AngleMeta *meta = angle_meta(page);

	angle_page_check(index, ANGLE_META_BLOCK, page, ANGLE_PAGE_META);
	if (meta->magic != ANGLE_META_MAGIC)
		angle_damaged(index, ANGLE_META_BLOCK, "not a metapage");
	if (meta->version != ANGLE_META_VERSION)
		ereport(
			ERROR, errcode(ERRCODE_INDEX_CORRUPTED),
			errmsg(
				"index \"%s\" has format %u, and this version of angle reads format %d",
				RelationGetRelationName(index), meta->version,
				ANGLE_META_VERSION),
			errhint("REINDEX it."));
	if (meta->metric < ANGLE_METRIC_COSINE ||
		meta->metric > ANGLE_METRIC_INNER_PRODUCT)
		angle_damaged(index, ANGLE_META_BLOCK, "an unknown metric");
	if (!angle_rerank_has(meta->bits))
		angle_damaged(index, ANGLE_META_BLOCK, "unknown re-rank codes");
	if (meta->keys != IndexRelationGetNumberOfKeyAttributes(index) - 1)
		angle_damaged(index, ANGLE_META_BLOCK, "another number of columns");
	if (!meta_consistent(meta))
		angle_damaged(index, ANGLE_META_BLOCK, "sizes contradict each other");
}

void
angle_head_check(Relation index, const AngleLayout *layout, BlockNumber block,
				 Page page)
{
	const AngleNodeHeader *node = angle_node(page);
	int limit;

	angle_page_check(index, block, page, ANGLE_PAGE_HEAD);
	if (node->kind != ANGLE_NODE_LEAF && node->kind != ANGLE_NODE_INNER)
		angle_damaged(index, block, "an unknown kind of node");
	limit = node->kind == ANGLE_NODE_LEAF ? layout->capacity : layout->fanout;
	if (node->count > limit)
		angle_damaged(index, block, "more entries than there is room for");
}
