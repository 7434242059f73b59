/* All entries, and the leaves nearest to them: see leaf_pass.h. */
#include "postgres.h"

#include "commands/vacuum.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "pg/am/tree/leaf_pass.h"
#include "pg/am/tree/siblings.h"
#include "pg/pg_compat.h"

/* ---- the entries of a part ------------------------------------------------ */

static void
look_at_batch(AngleLeafPass *pass)
{
	const Size dims = pass->self->layout.dims;
	uint32 lists[ANGLE_ASSIGN_BATCH * ANGLE_WISHES_OF];
	float distances[ANGLE_ASSIGN_BATCH * ANGLE_WISHES_OF];

	angle_assign(pass->nearest.assigner, pass->entries.points,
				 pass->entries.count, ANGLE_WISHES_OF, lists, distances);
	for (int i = 0; i < pass->entries.count; i++)
	{
		const AngleNearRow row = {&pass->entries.rows[i],
								  pass->entries.points + i * dims,
								  pass->places[i], lists + i * ANGLE_WISHES_OF,
								  distances + i * ANGLE_WISHES_OF};

		pass->row(pass, &row);
	}
	pass->entries.count = 0;
}

/* Reads what entries of a leaf are to be looked at. */
static void
read_leaf(AngleLeafPass *pass, int place)
{
	const int before = pass->entries.count;
	Buffer head =
		angle_read_node(pass->index, &pass->self->layout,
						angle_pass_leaf(pass, place), BUFFER_LOCK_SHARE);

	if (!BufferIsValid(head))
		return;
	if (angle_page_is_leaf(BufferGetPage(head)))
		angle_entries_read(&pass->entries, head);
	UnlockReleaseBuffer(head);
	for (int i = before; i < pass->entries.count; i++)
		pass->places[i] = place;
}

static void
look_at_leaves(AngleLeafPass *pass)
{
	angle_nearest_make(&pass->nearest, pass->self, pass->leaves, pass->count);
	angle_entries_init(&pass->entries, pass->index, pass->self,
					   angle_entries_batch(&pass->self->layout));
	pass->entries.alone = pass->alone;
	pass->places = palloc(pass->entries.capacity * sizeof(int));
	for (int place = 0; place < pass->count; place++)
	{
		ANGLE_VACUUM_DELAY_POINT();
		if (pass->entries.count + pass->self->layout.capacity >
			pass->entries.capacity)
			look_at_batch(pass);
		read_leaf(pass, angle_nearest_scattered(&pass->nearest, place));
	}
	look_at_batch(pass);
}

/* Looks at the leaves that were collected, and forgets them. */
static void
end_part(AngleLeafPass *pass)
{
	MemoryContext old = MemoryContextSwitchTo(pass->context);

	if (pass->count > 1)
	{
		look_at_leaves(pass);
		pass->end(pass);
	}
	pass->count = pass->room = 0;
	MemoryContextSwitchTo(old);
	MemoryContextReset(pass->context);
}

/* ---- all leaves ----------------------------------------------------------- */

/* Makes room for one leaf more. The first of a part begin a new array: the last part's is gone. */
static void
make_room(AngleLeafPass *pass)
{
	const int least = 64;

	if (pass->room == 0)
		pass->leaves = palloc(least * sizeof(AngleChild));
	else if (pass->count == pass->room)
		pass->leaves =
			repalloc_huge(pass->leaves, 2 * pass->room * sizeof(AngleChild));
	else
		return;
	pass->room = Max(least, 2 * pass->room);
}

static void
collect_leaf(AngleLeafPass *pass, const AngleSibling *sibling)
{
	const AngleLayout *layout = &pass->self->layout;
	AngleChild *leaf;

	make_room(pass);
	leaf = &pass->leaves[pass->count++];
	leaf->pointer = sibling->node;
	leaf->kind = sibling->kind;
	leaf->centroid = palloc(layout->centroid_size);
	angle_bfloat_encode(sibling->centroid, leaf->centroid, layout->dims);
}

/* Collects the leaves below a node, and looks at them when there are enough. */
static void
collect(void *context, AngleSiblings *siblings)
{
	AngleLeafPass *pass = context;
	const int most =
		angle_nearest_most(&pass->self->layout, pass->memory, pass->besides);
	MemoryContext old = MemoryContextSwitchTo(pass->context);

	for (int i = 0; i < siblings->count; i++)
		if (siblings->all[i].kind == ANGLE_NODE_LEAF)
			collect_leaf(pass, &siblings->all[i]);
	MemoryContextSwitchTo(old);
	if (pass->count >= most)
		end_part(pass);
}

void
angle_leaf_pass(AngleLeafPass *pass)
{
	pass->context = AllocSetContextCreate(CurrentMemoryContext, "angle leaves",
										  ALLOCSET_DEFAULT_SIZES);
	angle_siblings_walk(pass->index, pass->self,
						angle_meta_read(pass->index).root, collect, pass);
	end_part(pass);
	MemoryContextDelete(pass->context);
}
