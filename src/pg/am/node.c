/* Rows and children on pages. */
#include "postgres.h"

#include "core/quant/fastscan.h"
#include "pg/am/node.h"

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

/* Of a leaf's head page, the codes of the block that slot is in. */
static uint8 *
block_codes(const AngleLayout *layout, Page head, int slot)
{
	return (uint8 *) head + layout->codes +
		   slot / ANGLE_BLOCK * angle_block_size(layout->dims);
}

void
angle_head_put_row(const AngleLayout *layout, Page head, int slot,
				   const AngleRow *row)
{
	char *page = (char *) head;

	angle_leaf_tids(layout, head)[slot] = row->tid;
	((float *) (page + layout->add))[slot] = row->factors.add;
	((float *) (page + layout->rescale))[slot] = row->factors.rescale;
	((AngleBfloat *) (page + layout->error))[slot] =
		angle_bfloat_above(row->factors.error);
	if (layout->keys > 0)
		((uint32 *) (page + layout->nulls))[slot] = row->nulls;
	for (int key = 0; key < layout->keys; key++)
		((uint64 *) (page + layout->values))[key * layout->capacity + slot] =
			row->values[key];
	angle_block_set(block_codes(layout, head, slot), layout->dims,
					slot % ANGLE_BLOCK, row->code);
	angle_slot_set_live(layout, head, slot);
}

void
angle_head_get_row(const AngleLayout *layout, Page head, int slot,
				   AngleRow *row)
{
	const char *page = (const char *) head;

	row->tid = angle_leaf_tids(layout, head)[slot];
	if (layout->keys > 0)
		row->nulls = ((const uint32 *) (page + layout->nulls))[slot];
	for (int key = 0; key < layout->keys; key++)
		row->values[key] =
			((const uint64 *) (page +
							   layout->values))[key * layout->capacity + slot];
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
angle_image_reset(AngleImage *image, AngleNodeKind kind, uint32 generation)
{
	angle_head_init((Page) image->pages[0].data, kind, generation);
	image->used = 1;
}

/* Puts the body of entry slot, size bytes, where it belongs. */
static void
add_body(AngleImage *image, Size size, int slot, const char *body)
{
	AngleBodySpot spot = angle_body_spot(size, slot);

	for (int i = 0; i < spot.pages; i++)
	{
		char *page = image->pages[spot.page + i].data;
		Size part = Min(size, ANGLE_PAGE_ROOM);

		while (image->used <= spot.page + i)
			angle_page_init((Page) image->pages[image->used++].data,
							ANGLE_PAGE_BODY);
		memcpy(page + spot.offset, body, part);
		body += part;
		size -= part;
	}
}

void
angle_image_add_row(AngleImage *image, const AngleRow *row)
{
	Page head = (Page) image->pages[0].data;
	int slot = angle_node(head)->count;

	Assert(slot < image->layout->capacity);
	angle_head_put_row(image->layout, head, slot, row);
	add_body(image, image->layout->row_size, slot, row->body);
}

void
angle_image_add_child(AngleImage *image, const AngleChild *child)
{
	Page head = (Page) image->pages[0].data;
	int slot = angle_node(head)->count;

	Assert(slot < image->layout->fanout);
	angle_head_put_child(image->layout, head, slot, child);
	add_body(image, image->layout->centroid_size, slot,
			 (const char *) child->centroid);
}
