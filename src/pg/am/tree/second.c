/* Where second entries go: see second.h. */
#include "postgres.h"

#include "storage/bufmgr.h"

#include "core/ann/kmeans.h"
#include "core/quant/fastscan.h"
#include "pg/am/tree/second.h"

int
angle_leaf_free_slot(const AngleLayout *layout, Page page,
					 AngleNodePointer node)
{
	if (!angle_page_is_node(page, node) || !angle_page_is_leaf(page))
		return -1;
	/* where codes lie in one piece first: that is less WAL */
	for (int start = 0; start < layout->capacity; start += ANGLE_BLOCK)
	{
		const int end = start + ANGLE_BLOCK;
		int slot = end;

		if (angle_block_loose(page, start / ANGLE_BLOCK))
			slot = angle_slot_find_free(layout, page, start, end);
		if (slot < end)
			return slot;
	}
	return angle_slot_find_free(layout, page, 0, layout->capacity);
}

void
angle_second_choose(AngleSecond *second, const AngleNearLeaf *near, int count,
					const float *point)
{
	double losses[ANGLE_NEAR_LEAVES];

	second->count = 0;
	for (int i = 1; i < count; i++)
	{
		const double loss = angle_second_loss(
			point, near[0].centroid, near[i].centroid,
			second->self->layout.dims, near[0].far, near[i].far);
		int place = second->count++;

		for (; place > 0 && loss < losses[place - 1]; place--)
		{
			losses[place] = losses[place - 1];
			second->leaves[place] = second->leaves[place - 1];
		}
		losses[place] = loss;
		second->leaves[place] = near[i];
	}
}

bool
angle_second_lock(AngleSecond *second)
{
	const AngleLayout *layout = &second->self->layout;

	for (int i = 0; i < second->count; i++)
	{
		second->leaf = second->leaves[i];
		second->head = ReadBuffer(second->index, second->leaf.node.block);
		if (ConditionalLockBuffer(second->head))
		{
			second->slot = angle_leaf_free_slot(
				layout, BufferGetPage(second->head), second->leaf.node);
			if (second->slot >= 0 && second->slot < layout->capacity)
				return true;
			LockBuffer(second->head, BUFFER_LOCK_UNLOCK);
		}
		ReleaseBuffer(second->head);
	}
	second->head = InvalidBuffer;
	return false;
}

void
angle_second_put(const AngleSecond *second, const AngleRow *row,
				 const float *point, Page page)
{
	AngleRow entry = *row;

	entry.where.slot |= ANGLE_ENTRY_SECOND;
	angle_row_set_code(&entry, second->self, point, second->leaf.centroid);
	if (angle_slot_live(&second->self->layout, page, second->slot))
		angle_slot_clear_live(&second->self->layout, page, second->slot);
	angle_head_put_row(&second->self->layout, page, second->slot, &entry);
}
