/* Rows and children on pages. */
#include "postgres.h"

#include "core/quant/fastscan.h"
#include "pg/am/store/node.h"

/* First entries take the place of second ones until these have no more than this share of a
 * leaf. */
#define SECONDS_LEAST 0.25

void
angle_row_init(AngleRow *row, const AngleLayout *layout)
{
	memset(row, 0, sizeof(*row));
	row->body = palloc(layout->row_size);
	row->values = palloc0(Max(1, layout->keys) * sizeof(uint64));
}

void
angle_row_set_point(AngleRow *row, const AngleLayout *layout,
					const float *point)
{
	AngleRerankFactors factors;

	angle_rerank_encode(layout->dims, layout->bits, point,
						(uint8 *) row->body + sizeof(factors), &factors);
	memcpy(row->body, &factors, sizeof(factors));
}

void
angle_row_get_point(const AngleRow *row, const AngleLayout *layout,
					float *point)
{
	AngleRerankFactors factors;

	memcpy(&factors, row->body, sizeof(factors));
	angle_rerank_decode(layout->dims, layout->bits,
						(uint8 *) row->body + sizeof(factors), &factors, point);
}

void
angle_row_set_code(AngleRow *row, const AngleIndex *self, const float *point,
				   const float *centroid)
{
	angle_rabitq_encode(self->metric, self->layout.dims, point, centroid,
						row->code, &row->factors);
}

/* Of a leaf's head page, the codes of a block. */
static uint8 *
block_codes(const AngleLayout *layout, Page head, int block)
{
	return (uint8 *) head + layout->codes +
		   block * angle_block_size(layout->dims);
}

static void
put_code(const AngleLayout *layout, Page head, int slot, const uint8 *code)
{
	const int block = slot / ANGLE_BLOCK, place = slot % ANGLE_BLOCK;
	uint8 *codes = block_codes(layout, head, block);

	if (angle_block_loose(head, block))
		memcpy(codes + place * layout->code_size, code, layout->code_size);
	else
		angle_block_set(codes, layout->dims, place, code);
}

static void
get_code(const AngleLayout *layout, Page head, int slot, uint8 *code)
{
	const int block = slot / ANGLE_BLOCK, place = slot % ANGLE_BLOCK;
	const uint8 *codes = block_codes(layout, head, block);

	if (angle_block_loose(head, block))
		memcpy(code, codes + place * layout->code_size, layout->code_size);
	else
		angle_block_get(codes, layout->dims, place, code);
}

/* Makes a loose block one that is not. */
static void
pack_block(const AngleLayout *layout, Page head, int block)
{
	uint8 *codes = block_codes(layout, head, block);
	uint8 loose[ANGLE_BLOCK * ANGLE_CODED_MAX / 8];

	memcpy(loose, codes, angle_block_size(layout->dims));
	angle_block_fill(codes, layout->dims, loose);
	angle_node(head)->loose &= ~(UINT64CONST(1) << block);
}

/* The other way round. */
static void
loosen_block(const AngleLayout *layout, Page head, int block)
{
	uint8 *codes = block_codes(layout, head, block);
	uint8 packed[ANGLE_BLOCK * ANGLE_CODED_MAX / 8];

	memcpy(packed, codes, angle_block_size(layout->dims));
	for (int place = 0; place < ANGLE_BLOCK; place++)
		angle_block_get(packed, layout->dims, place,
						codes + place * layout->code_size);
	angle_node(head)->loose |= UINT64CONST(1) << block;
}

/* Whether a block has no room. The last one never counts as full: there first entries take the
 * place of second ones. */
static bool
is_full(const AngleLayout *layout, Page head, int block)
{
	return block < layout->capacity / ANGLE_BLOCK - 1 &&
		   angle_block_live(layout, head, block) == (1 << ANGLE_BLOCK) - 1;
}

bool
angle_leaf_packs(const AngleLayout *layout, Page head)
{
	for (int block = 0; block < layout->capacity / ANGLE_BLOCK; block++)
		if (angle_block_loose(head, block) && is_full(layout, head, block))
			return true;
	return false;
}

void
angle_leaf_pack(const AngleLayout *layout, Page head)
{
	for (int block = 0; block < layout->capacity / ANGLE_BLOCK; block++)
		if (angle_block_loose(head, block) && is_full(layout, head, block))
			pack_block(layout, head, block);
}

/* Moves an entry to a slot that is not live. */
static void
move_entry(const AngleLayout *layout, Page head, int from, int to)
{
	char *page = (char *) head;
	float *add = (float *) (page + layout->add);
	float *rescale = (float *) (page + layout->rescale);
	AngleBfloat *error = (AngleBfloat *) (page + layout->error);
	uint32 *nulls = (uint32 *) (page + layout->nulls);
	uint64 *values = (uint64 *) (page + layout->values);
	uint8 code[ANGLE_CODED_MAX / 8];

	get_code(layout, head, from, code);
	put_code(layout, head, to, code);
	angle_leaf_entries(layout, head)[to] =
		angle_leaf_entries(layout, head)[from];
	add[to] = add[from];
	rescale[to] = rescale[from];
	error[to] = error[from];
	if (layout->keys > 0)
		nulls[to] = nulls[from];
	for (int key = 0; key < layout->keys; key++)
		values[key * layout->capacity + to] =
			values[key * layout->capacity + from];
	angle_slot_clear_live(layout, head, from);
	angle_slot_set_live(layout, head, to);
}

void
angle_leaf_close(const AngleLayout *layout, Page head)
{
	int last = layout->capacity - 1, gap;

	for (;;)
	{
		while (last >= 0 && !angle_slot_live(layout, head, last))
			last--;
		gap = angle_slot_find_free(layout, head, 0, layout->capacity);
		if (gap > last)
			break;
		move_entry(layout, head, last, gap);
	}
	angle_leaf_pack(layout, head);
	for (int block = 0; block < layout->capacity / ANGLE_BLOCK; block++)
		if (!angle_block_loose(head, block) && !is_full(layout, head, block))
			loosen_block(layout, head, block);
}

void
angle_head_put_row(const AngleLayout *layout, Page head, int slot,
				   const AngleRow *row)
{
	char *page = (char *) head;

	angle_leaf_entries(layout, head)[slot] =
		(AngleLeafEntry){row->tid, row->where};
	((float *) (page + layout->add))[slot] = row->factors.add;
	((float *) (page + layout->rescale))[slot] = row->factors.rescale;
	((AngleBfloat *) (page + layout->error))[slot] =
		angle_bfloat_above(row->factors.error);
	if (layout->keys > 0)
		((uint32 *) (page + layout->nulls))[slot] = row->nulls;
	for (int key = 0; key < layout->keys; key++)
		((uint64 *) (page + layout->values))[key * layout->capacity + slot] =
			row->values[key];
	put_code(layout, head, slot, row->code);
	angle_slot_set_live(layout, head, slot);
}

void
angle_head_get_row(const AngleLayout *layout, Page head, int slot,
				   AngleRow *row)
{
	const char *page = (const char *) head;
	const AngleLeafEntry *entry = angle_leaf_entries(layout, head) + slot;

	row->tid = entry->tid;
	row->where = entry->body;
	if (layout->keys > 0)
		row->nulls = ((const uint32 *) (page + layout->nulls))[slot];
	for (int key = 0; key < layout->keys; key++)
		row->values[key] =
			((const uint64 *) (page +
							   layout->values))[key * layout->capacity + slot];
}

/* Whether the entry of one slot is less of a loss than that of another. The error grows with
 * the distance from the centroid under every metric. To write into a block that is not loose is a third
 * more WAL for the row. */
static bool
less_of_a_loss(const AngleLayout *layout, Page head, int slot, int than)
{
	const AngleBfloat *error =
		(const AngleBfloat *) ((char *) head + layout->error);
	const bool loose = angle_block_loose(head, slot / ANGLE_BLOCK);

	if (loose != angle_block_loose(head, than / ANGLE_BLOCK))
		return loose;
	return angle_bfloat_value(error[slot]) > angle_bfloat_value(error[than]);
}

int
angle_leaf_seconds(const AngleLayout *layout, Page head)
{
	const AngleLeafEntry *entries = angle_leaf_entries(layout, head);
	int seconds = 0;

	for (int slot = 0; slot < layout->capacity; slot++)
		seconds += angle_slot_live(layout, head, slot) &&
				   angle_entry_second(&entries[slot]);
	return seconds;
}

int
angle_leaf_expendable(const AngleLayout *layout, Page head)
{
	const AngleLeafEntry *entries = angle_leaf_entries(layout, head);
	int seconds = 0, least = layout->capacity;

	for (int slot = 0; slot < layout->capacity; slot++)
	{
		if (!angle_entry_second(&entries[slot]))
			continue;
		if (seconds++ == 0 || less_of_a_loss(layout, head, slot, least))
			least = slot;
	}
	return seconds > SECONDS_LEAST * layout->capacity ? least
													  : layout->capacity;
}

void
angle_head_put_child(const AngleLayout *layout, Page head, int slot,
					 const AngleChild *child)
{
	angle_inner_pointers(layout, head)[slot] = child->pointer;
	angle_inner_kinds(layout, head)[slot] = child->kind;
	angle_slot_set_live(layout, head, slot);
}

AngleImage *
angle_image_make(const AngleLayout *layout)
{
	AngleImage *image = palloc(sizeof(AngleImage));

	image->layout = layout;
	image->pages = palloc_extended(sizeof(PGAlignedBlock) * layout->pages,
								   MCXT_ALLOC_HUGE);
	image->used = 0;
	return image;
}

void
angle_image_reset(AngleImage *image, AngleNodeKind kind, AngleNodePointer node)
{
	angle_head_init((Page) image->pages[0].data, kind, node.generation);
	image->used = 1;
	image->head = node.block;
}

/* Looks for the other entry of row, and makes that the only one. */
static bool
join_entries(const AngleLayout *layout, Page head, const AngleRow *row)
{
	AngleLeafEntry *entries = angle_leaf_entries(layout, head);

	for (int slot = 0; slot < angle_node(head)->count; slot++)
		if (angle_body_same(entries[slot].body, row->where))
		{
			entries[slot].body.slot &= row->where.slot;
			return true;
		}
	return false;
}

void
angle_image_add_row(AngleImage *image, const AngleRow *row)
{
	const AngleLayout *layout = image->layout;
	Page head = (Page) image->pages[0].data;
	int slot = angle_node(head)->count;

	if (join_entries(layout, head, row))
		return;
	Assert(slot < layout->capacity);
	angle_head_put_row(layout, head, slot, row);
	if (slot % ANGLE_BLOCK == ANGLE_BLOCK - 1 && slot + 1 < layout->capacity)
		pack_block(layout, head, slot / ANGLE_BLOCK);
}

/* Puts the centroid of entry slot where it belongs. */
static void
add_centroid(AngleImage *image, int slot, const AngleBfloat *centroid)
{
	const AngleCentroidSpot spot = angle_centroid_spot(image->layout, slot);
	Size size = image->layout->centroid_size;
	const char *from = (const char *) centroid;

	for (int i = 0; i < spot.pages; i++)
	{
		char *page = image->pages[spot.page + i].data;
		Size part = Min(size, ANGLE_CENTROIDS_ROOM);

		while (image->used <= spot.page + i)
		{
			memset(image->pages[image->used].data, 0, BLCKSZ);
			angle_centroids_init((Page) image->pages[image->used++].data,
								 image->head);
		}
		memcpy(page + spot.offset, from, part);
		from += part;
		size -= part;
	}
}

void
angle_image_add_child(AngleImage *image, const AngleChild *child)
{
	Page head = (Page) image->pages[0].data;
	int slot = angle_node(head)->count;

	Assert(slot < image->layout->fanout);
	angle_head_put_child(image->layout, head, slot, child);
	add_centroid(image, slot, child->centroid);
}
