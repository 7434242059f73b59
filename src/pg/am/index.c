/* Opening an index, and reading its metapage and nodes. */
#include "postgres.h"

#include "access/genam.h"
#include "access/reloptions.h"
#include "pgstat.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"

#include "pg/am/index.h"
#include "pg/am/stop.h"
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
	meta.root.block = InvalidBlockNumber;
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

/* Uses of a page from which on they need not be counted: the most are five, and one is
 * taken off each time that PostgreSQL comes by in search of a buffer. */
#define USES_ENOUGH 2

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
		*recent = ReadBuffer(index, block);
	return *recent;
}

void
angle_prefetch_recent(Buffer recent, Size from, Size bytes)
{
	const Size line = 64;
	const char *page;

	if (!BufferIsValid(recent) || BufferIsLocal(recent))
		return;
	page = (const char *) BufferGetBlock(recent);
	__builtin_prefetch(GetBufferDescriptor(recent - 1), 1);
	__builtin_prefetch(page);
	__builtin_prefetch(page + BLCKSZ - line);
	for (Size at = from / line * line; at < from + bytes; at += line)
		__builtin_prefetch(page + at);
}

Buffer
angle_read_head(Relation index, const AngleLayout *layout, BlockNumber block,
				int lock)
{
	Buffer buffer = ReadBuffer(index, block);

	LockBuffer(buffer, lock);
	angle_head_check(index, layout, block, BufferGetPage(buffer));
	return buffer;
}

Buffer
angle_read_body(Relation index, BlockNumber block, int lock)
{
	Buffer buffer = ReadBuffer(index, block);

	LockBuffer(buffer, lock);
	angle_page_check(index, block, BufferGetPage(buffer), ANGLE_PAGE_BODY);
	return buffer;
}

void
angle_body_done(AngleBodyReader *reader)
{
	if (BufferIsValid(reader->buffer))
		UnlockReleaseBuffer(reader->buffer);
	reader->buffer = InvalidBuffer;
}

/* The page of a block, locked. */
static const char *
reader_page(AngleBodyReader *reader, BlockNumber block)
{
	if (!BufferIsValid(reader->buffer) ||
		BufferGetBlockNumber(reader->buffer) != block)
	{
		angle_body_done(reader);
		reader->buffer =
			angle_read_body(reader->index, block, BUFFER_LOCK_SHARE);
	}
	return (const char *) BufferGetPage(reader->buffer);
}

const void *
angle_body_get(AngleBodyReader *reader, BlockNumber head, Size size, int slot)
{
	AngleBodySpot spot = angle_body_spot(size, slot);

	if (spot.pages == 1)
		return reader_page(reader, head + spot.page) + spot.offset;
	if (reader->scratch == NULL)
		reader->scratch = palloc(spot.pages * ANGLE_PAGE_ROOM);
	for (int i = 0; i < spot.pages; i++)
		memcpy(reader->scratch + i * ANGLE_PAGE_ROOM,
			   reader_page(reader, head + spot.page + i) + spot.offset,
			   Min(size - i * ANGLE_PAGE_ROOM, ANGLE_PAGE_ROOM));
	return reader->scratch;
}

void
angle_body_read(Relation index, BlockNumber head, Size size, int slot,
				void *out)
{
	AngleBodyReader reader = {.index = index};

	memcpy(out, angle_body_get(&reader, head, size, slot), size);
	angle_body_done(&reader);
	if (reader.scratch != NULL)
		pfree(reader.scratch);
}
