/* Second entries on their way: see move_second.h. */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "storage/bufmgr.h"

#include "pg/am/tree/move_second.h"

/* Whether this is still the page of the leaf that a pointer leads to. */
static bool
is_leaf(Page page, AngleNodePointer leaf)
{
	return angle_page_is_node(page, leaf) && angle_page_is_leaf(page);
}

int
angle_entry_find(const AngleLayout *layout, Page page, AngleBodyPointer body)
{
	int slot = 0;

	while (
		slot < layout->capacity &&
		!(angle_slot_live(layout, page, slot) &&
		  angle_body_same(angle_leaf_entries(layout, page)[slot].body, body)))
		slot++;
	return slot;
}

bool
angle_entry_is_at(const AngleLeafPass *pass, uint32 place,
				  AngleBodyPointer body)
{
	const AngleLayout *layout = &pass->self->layout;
	const AngleNodePointer leaf = angle_pass_leaf(pass, place);
	Buffer head = ReadBuffer(pass->index, leaf.block);
	Page page = BufferGetPage(head);
	bool found;

	LockBuffer(head, BUFFER_LOCK_SHARE);
	found = is_leaf(page, leaf) &&
			angle_entry_find(layout, page, body) < layout->capacity;
	UnlockReleaseBuffer(head);
	return found;
}

Buffer
angle_second_find(const AngleLeafPass *pass, uint32 place,
				  AngleBodyPointer body, int *slot)
{
	const AngleLayout *layout = &pass->self->layout;
	const AngleNodePointer leaf = angle_pass_leaf(pass, place);
	Buffer head = ReadBuffer(pass->index, leaf.block);
	Page page = BufferGetPage(head);

	LockBuffer(head, BUFFER_LOCK_EXCLUSIVE);
	if (is_leaf(page, leaf))
	{
		*slot = angle_entry_find(layout, page, body);
		if (*slot < layout->capacity &&
			angle_entry_second(&angle_leaf_entries(layout, page)[*slot]))
			return head;
	}
	UnlockReleaseBuffer(head);
	return InvalidBuffer;
}

/* Writes it. to is where it goes, a page that is locked. */
static void
put(const AngleMove *move, AngleNearLeaf leaf, Buffer to, int slot, Buffer from,
	int old)
{
	const AngleLayout *layout = &move->pass->self->layout;
	const AngleSecond second = {.index = move->pass->index,
								.self = move->pass->self,
								.leaf = leaf,
								.slot = slot};
	GenericXLogState *state = GenericXLogStart(second.index);

	angle_second_put(&second, move->row, move->point,
					 GenericXLogRegisterBuffer(state, to, 0));
	if (BufferIsValid(from))
		angle_slot_clear_live(layout, GenericXLogRegisterBuffer(state, from, 0),
							  old);
	GenericXLogFinish(state);
}

bool
angle_second_move(const AngleMove *move, uint32 to, Buffer from, int slot)
{
	const AngleLeafPass *pass = move->pass;
	const AngleLayout *layout = &pass->self->layout;
	const AngleNearLeaf leaf = {.node = angle_pass_leaf(pass, to),
								.centroid = pass->nearest.centroids +
											(Size) to * layout->dims};
	Buffer head = ReadBuffer(pass->index, leaf.node.block);
	Page page = BufferGetPage(head);
	bool moved = false;

	/* to wait with another head locked could be for ever */
	if (!ConditionalLockBuffer(head))
	{
		ReleaseBuffer(head);
		return false;
	}
	if (is_leaf(page, leaf.node) &&
		angle_entry_find(layout, page, move->row->where) == layout->capacity)
	{
		const int free = move->choose(move->context, page);

		moved = free < layout->capacity;
		if (moved)
			put(move, leaf, head, free, from, slot);
	}
	UnlockReleaseBuffer(head);
	return moved;
}
