/* Reads entries of nodes and puts them into others. */
#include "postgres.h"

#include "storage/bufmgr.h"

#include "core/ann/kmeans.h"
#include "core/distance/sums.h"
#include "pg/am/store/body.h"
#include "pg/am/store/entries.h"

int
angle_entries_batch(const AngleLayout *layout)
{
	const Size bytes = (Size) 16 << 20;

	return Min(ANGLE_ASSIGN_BATCH, bytes / (layout->dims * sizeof(float)));
}

void
angle_entries_init(AngleEntries *entries, Relation index,
				   const AngleIndex *self, int capacity)
{
	memset(entries, 0, sizeof(*entries));
	entries->index = entries->reader.index = index;
	entries->self = self;
	entries->capacity = capacity;
	entries->points = palloc_extended(
		(Size) capacity * self->layout.dims * sizeof(float), MCXT_ALLOC_HUGE);
	entries->rows = palloc0(capacity * sizeof(AngleRow));
	entries->children = palloc0(capacity * sizeof(AngleChild));
}

void
angle_entries_free(AngleEntries *entries)
{
	for (int i = 0; i < entries->capacity; i++)
	{
		if (entries->rows[i].body != NULL)
		{
			pfree(entries->rows[i].body);
			pfree(entries->rows[i].values);
		}
		if (entries->children[i].centroid != NULL)
			pfree(entries->children[i].centroid);
	}
	pfree(entries->rows);
	pfree(entries->children);
	pfree(entries->points);
	if (entries->reader.scratch != NULL)
		pfree(entries->reader.scratch);
}

static void
damaged(const AngleEntries *entries, Buffer head, int slot, const char *what)
{
	angle_entry_damaged(entries->index, BufferGetBlockNumber(head), slot, what);
}

/* The last point was read: clustering takes none that is too far away for its squares. */
static void
check_point(const AngleEntries *entries, Buffer head, int slot)
{
	const Size dims = entries->self->layout.dims;
	const float *point = entries->points + entries->count * dims;
	const double most = 2 * ANGLE_SPACE_FARTHEST;

	if (!(angle_distance_kernels()->dot(point, point, dims) <= most * most))
		damaged(entries, head, slot, "it is no point");
}

static void
read_row(AngleEntries *entries, Buffer head, int slot)
{
	const AngleLayout *layout = &entries->self->layout;
	AngleRow *row = &entries->rows[entries->count];
	const char *body;

	if (row->body == NULL)
		angle_row_init(row, layout);
	angle_head_get_row(layout, BufferGetPage(head), slot, row);
	body = angle_body_get(&entries->reader, layout, row->where, &row->tid);
	if (body == NULL)
		damaged(entries, head, slot, "where its body should be is another");
	memcpy(row->body, body, layout->row_size);
	angle_row_get_point(row, layout,
						entries->points + (Size) entries->count * layout->dims);
}

static void
read_child(AngleEntries *entries, Buffer head, int slot)
{
	const AngleLayout *layout = &entries->self->layout;
	AngleChild *child = &entries->children[entries->count];
	Page page = BufferGetPage(head);

	if (child->centroid == NULL)
		child->centroid = palloc(layout->centroid_size);
	child->pointer = angle_inner_pointers(layout, page)[slot];
	child->kind = angle_inner_kinds(layout, page)[slot];
	memcpy(child->centroid,
		   angle_centroid_get(&entries->reader, layout,
							  BufferGetBlockNumber(head), slot),
		   layout->centroid_size);
	angle_bfloat_decode(child->centroid,
						entries->points + (Size) entries->count * layout->dims,
						layout->dims);
}

/* Whether an entry of a leaf is asked for. */
static bool
is_wanted(const AngleEntries *entries, const AngleLeafEntry *entry)
{
	const uint64 number =
		angle_body_number(&entries->self->layout, entry->body);

	if (angle_entry_second(entry))
		return !entries->first_only;
	return (entries->alone == NULL || angle_bits_has(entries->alone, number)) &&
		   (entries->known == NULL || !angle_bits_has(entries->known, number));
}

/* Asks for the bodies of a leaf's rows: they lie here and there. */
static void
prefetch_bodies(const AngleEntries *entries, Page page)
{
	const AngleLayout *layout = &entries->self->layout;
	const AngleLeafEntry *entry = angle_leaf_entries(layout, page);
	BlockNumber last = InvalidBlockNumber;

	for (int slot = 0; slot < layout->capacity; slot++)
	{
		const BlockNumber block = angle_body_block(entry[slot].body);

		if (!angle_slot_live(layout, page, slot) || block == last ||
			!is_wanted(entries, &entry[slot]))
			continue;
		(void) PrefetchBuffer(entries->index, MAIN_FORKNUM, block);
		last = block;
	}
}

/* Adds what is in a slot. */
static void
read_slot(AngleEntries *entries, Buffer head, int slot)
{
	if (entries->count == entries->capacity)
		damaged(entries, head, slot, "more entries than are counted");
	if (angle_node(BufferGetPage(head))->kind == ANGLE_NODE_LEAF)
		read_row(entries, head, slot);
	else
		read_child(entries, head, slot);
	check_point(entries, head, slot);
	entries->count++;
}

void
angle_entries_read_slot(AngleEntries *entries, Buffer head, int slot)
{
	read_slot(entries, head, slot);
	angle_reader_done(&entries->reader);
}

void
angle_entries_read(AngleEntries *entries, Buffer head)
{
	const AngleLayout *layout = &entries->self->layout;
	const bool leaf = angle_node(BufferGetPage(head))->kind == ANGLE_NODE_LEAF;
	const int limit = leaf ? layout->capacity : layout->fanout;

	if (leaf)
		prefetch_bodies(entries, BufferGetPage(head));
	for (int slot = 0; slot < limit; slot++)
	{
		if (!angle_slot_live(layout, BufferGetPage(head), slot) ||
			(leaf && !is_wanted(entries, angle_leaf_entries(
											 layout, BufferGetPage(head)) +
											 slot)))
			continue;
		read_slot(entries, head, slot);
	}
	angle_reader_done(&entries->reader);
}

void
angle_entries_put(const AngleEntries *entries, int i, const float *centroid,
				  AngleImage *image)
{
	const AngleIndex *self = entries->self;

	if (angle_node((Page) image->pages[0].data)->kind == ANGLE_NODE_INNER)
	{
		angle_image_add_child(image, &entries->children[i]);
		return;
	}
	angle_row_set_code(&entries->rows[i], self,
					   entries->points + (Size) i * self->layout.dims,
					   centroid);
	angle_image_add_row(image, &entries->rows[i]);
}

void
angle_centroid_store(const AngleLayout *layout, float *centroid,
					 AngleBfloat *stored)
{
	angle_bfloat_encode(centroid, stored, layout->dims);
	angle_bfloat_decode(stored, centroid, layout->dims);
}
