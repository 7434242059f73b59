/* Opening an index, and reading its metapage and nodes. */
#include "postgres.h"

#include "access/genam.h"
#include "access/reloptions.h"
#include "pgstat.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"

#include "core/base/prefetch.h"
#include "pg/am/store/index.h"
#include "pg/am/store/stop.h"
#include "pg/pg_compat.h"
#include "pg/type/vector.h"

AngleMetric
angle_index_metric(Relation index)
{
	FmgrInfo *metric = index_getprocinfo(index, 1, ANGLE_SUPPORT_METRIC);

	return DatumGetInt32(FunctionCall0Coll(metric, InvalidOid));
}

int
angle_index_bits(Relation index)
{
	const AngleOptions *options = (AngleOptions *) index->rd_options;

	return options != NULL ? options->rerank : ANGLE_RERANK_BITS;
}

void
angle_index_check_columns(Relation index)
{
	const int keys = IndexRelationGetNumberOfKeyAttributes(index);

	if (!OidIsValid(index_getprocid(index, 1, ANGLE_SUPPORT_METRIC)))
		ereport(
			ERROR, errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			errmsg("the first column of an angle index must be a vector"),
			errhint(
				"Put the columns of filters behind it: USING angle (embedding, tenant)."));
	for (int column = 2; column <= keys; column++)
		if (OidIsValid(index_getprocid(index, column, ANGLE_SUPPORT_METRIC)))
			ereport(
				ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg(
					"column %d of an angle index cannot be a vector, only the first one can",
					column),
				errhint("Make an index for each vector."));
}

void
angle_meta_set_dims(AngleMeta *meta, int dims)
{
	AngleLayout layout;

	angle_layout_init(&layout, dims, meta->bits, meta->keys);
	meta->dims = dims;
	meta->pages = layout.pages;
	meta->capacity = layout.capacity;
	meta->fanout = layout.fanout;
}

AngleMeta
angle_meta_make(Relation index)
{
	AngleMeta meta;

	memset(&meta, 0, sizeof(meta));
	meta.magic = ANGLE_META_MAGIC;
	meta.version = ANGLE_META_VERSION;
	meta.metric = angle_index_metric(index);
	meta.bits = angle_index_bits(index);
	meta.keys = IndexRelationGetNumberOfKeyAttributes(index) - 1;
	/* any seed is as good as another, and one that is known makes an index that
	 * is built twice from the same rows the same */
	meta.seed = 1;
	meta.root.block = meta.free_run = InvalidBlockNumber;
	angle_stop_default(&meta);
	return meta;
}

AngleMeta
angle_meta_read(Relation index)
{
	Buffer buffer = ReadBuffer(index, ANGLE_META_BLOCK);
	AngleMeta meta;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	angle_meta_check(index, BufferGetPage(buffer));
	meta = *angle_meta(BufferGetPage(buffer));
	UnlockReleaseBuffer(buffer);
	return meta;
}

AngleIndex *
angle_index_make(const AngleMeta *meta)
{
	AngleIndex *self = palloc0(sizeof(AngleIndex));
	void *rotation;

	self->metric = meta->metric;
	self->layout.bits = meta->bits;
	self->layout.keys = meta->keys;
	if (meta->dims == 0)
		return self;
	angle_layout_init(&self->layout, meta->dims, meta->bits, meta->keys);
	rotation = palloc(angle_rotation_size(meta->dims));
	self->space.metric = meta->metric;
	self->space.dims = meta->dims;
	self->space.rotation =
		angle_rotation_init(rotation, meta->dims, meta->seed);
	return self;
}

AngleIndex *
angle_index_open(Relation index)
{
	AngleMeta meta = angle_meta_read(index);

	return angle_index_make(&meta);
}

bool
angle_index_point(Relation index, const AngleIndex *self, Datum datum,
				  float *point)
{
	AngleVector *vector = DatumGetAngleVector(datum);
	bool has_place;

	if (vector->dim != self->layout.dims)
		ereport(ERROR, errcode(ERRCODE_DATA_EXCEPTION),
				errmsg("different vector dimensions %d and %d",
					   self->layout.dims, vector->dim),
				errdetail("The vectors of index \"%s\" have %d dimensions.",
						  RelationGetRelationName(index), self->layout.dims));
	has_place = angle_space_enter(&self->space, vector->x, point);
	if ((Pointer) vector != DatumGetPointer(datum))
		pfree(vector);
	return has_place;
}

/* The part of the spread that counts. */
#define SPREAD_SHARE 0.4

double
angle_centroid_spread(const AngleIndex *self, const AngleBfloat *centroid)
{
	double squared = 0;

	if (self->metric != ANGLE_METRIC_COSINE)
		return 0;
	for (int i = 0; i < self->layout.dims; i++)
	{
		const double x = angle_bfloat_value(centroid[i]);

		squared += x * x;
	}
	return SPREAD_SHARE * Max(0, 1 - squared);
}

/* Uses of a page from which on they need not be counted: the most are five, and one is
 * taken off each time that PostgreSQL comes by in search of a buffer. */
#define USES_ENOUGH 2

/* Where a pointer is damaged, PostgreSQL would take this number for a wish for a new block. */
static Buffer
read_block(Relation index, BlockNumber block)
{
	if (block == InvalidBlockNumber)
		angle_damaged(index, block, "a pointer leads there");
	return ReadBuffer(index, block);
}

bool
angle_pin_recent(Relation relation, BlockNumber block, Buffer recent)
{
	uint32 state;

	if (!BufferIsValid(recent) || BufferIsLocal(recent))
		return false;
	state = pg_atomic_read_u32(&GetBufferDescriptor(recent - 1)->state);
	if (BUF_STATE_GET_USAGECOUNT(state) < USES_ENOUGH ||
		!ReadRecentBuffer(ANGLE_RELATION_LOCATOR(relation), MAIN_FORKNUM, block,
						  recent))
		return false;
	pgstat_count_buffer_read(relation);
	pgstat_count_buffer_hit(relation);
	return true;
}

Buffer
angle_read_recent(Relation index, BlockNumber block, Buffer *recent)
{
	if (!angle_pin_recent(index, block, *recent))
		*recent = read_block(index, block);
	return *recent;
}

Page
angle_recent_page(Buffer recent)
{
	if (!BufferIsValid(recent) || BufferIsLocal(recent))
		return NULL;
	__builtin_prefetch(GetBufferDescriptor(recent - 1), 1);
	return (Page) BufferGetBlock(recent);
}

void
angle_prefetch_bytes(Buffer recent, Size from, Size bytes)
{
	const char *page = angle_recent_page(recent);

	if (page == NULL)
		return;
	for (Size at = TYPEALIGN_DOWN(ANGLE_CACHE_LINE, from); at < from + bytes;
		 at += ANGLE_CACHE_LINE)
		__builtin_prefetch(page + at);
}

Buffer
angle_read_head(Relation index, const AngleLayout *layout, BlockNumber block,
				int lock)
{
	Buffer buffer = read_block(index, block);

	LockBuffer(buffer, lock);
	angle_head_check(index, layout, block, BufferGetPage(buffer));
	return buffer;
}

Buffer
angle_read_node(Relation index, const AngleLayout *layout,
				AngleNodePointer node, int lock)
{
	Buffer buffer = read_block(index, node.block);

	LockBuffer(buffer, lock);
	if (angle_page_is_node(BufferGetPage(buffer), node))
	{
		angle_head_check(index, layout, node.block, BufferGetPage(buffer));
		return buffer;
	}
	UnlockReleaseBuffer(buffer);
	return InvalidBuffer;
}

void
angle_reader_done(AnglePageReader *reader)
{
	if (BufferIsValid(reader->buffer))
		UnlockReleaseBuffer(reader->buffer);
	reader->buffer = InvalidBuffer;
}

char *
angle_reader_page(AnglePageReader *reader, BlockNumber block)
{
	if (!BufferIsValid(reader->buffer) ||
		BufferGetBlockNumber(reader->buffer) != block)
	{
		angle_reader_done(reader);
		reader->buffer = read_block(reader->index, block);
		LockBuffer(reader->buffer, BUFFER_LOCK_SHARE);
	}
	return (char *) BufferGetPage(reader->buffer);
}

char *
angle_reader_scratch(AnglePageReader *reader, int pages)
{
	if (pages > reader->scratch_pages)
	{
		if (reader->scratch != NULL)
			pfree(reader->scratch);
		reader->scratch = palloc(pages * BLCKSZ);
		reader->scratch_pages = pages;
	}
	return reader->scratch;
}

/* A page of centroids, checked. */
static const char *
centroid_page(AnglePageReader *reader, BlockNumber block)
{
	char *page = angle_reader_page(reader, block);

	angle_page_check(reader->index, block, page, ANGLE_PAGE_CENTROIDS);
	return page;
}

const AngleBfloat *
angle_centroid_get(AnglePageReader *reader, const AngleLayout *layout,
				   BlockNumber head, int slot)
{
	const AngleCentroidSpot spot = angle_centroid_spot(layout, slot);
	const Size size = layout->centroid_size, room = ANGLE_CENTROIDS_ROOM;
	char *scratch;

	if (spot.pages == 1)
		return (const AngleBfloat *) (centroid_page(reader, head + spot.page) +
									  spot.offset);
	scratch = angle_reader_scratch(reader, spot.pages);
	for (int i = 0; i < spot.pages; i++)
		memcpy(scratch + i * room,
			   centroid_page(reader, head + spot.page + i) + spot.offset,
			   Min(size - i * room, room));
	return (const AngleBfloat *) scratch;
}
