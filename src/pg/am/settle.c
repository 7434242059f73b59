/* Trading rows: see settle.h. */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "core/ann/kmeans.h"
#include "pg/am/entries.h"
#include "pg/am/settle.h"
#include "pg/bridge.h"

/* Leaves that a row may go to. */
#define NEAREST 4

/* Below so many leaves one cluster had all rows. */
#define LEAVES_LEAST 32

/* A row that was read. */
typedef struct Place
{
	int leaf;
	int slot;
} Place;

typedef struct Settling
{
	Relation index;
	const AngleIndex *self;
	const AngleChild *leaves; /* (count) */
	int count;
	AngleArena *arena;
	float *centroids; /* (count, dims), by order */
	int *order;		  /* (count): leaves by group */
	int *rows;		  /* (count), by order: live rows */
	AngleAssigner *assigner;
	AngleEntries entries; /* of several leaves */
	Place *places;		  /* (entries.capacity); leaf is a place in order */
} Settling;

static AngleClusters
make_groups(Settling *settling, const float *points)
{
	const AngleCancel cancel = {angle_interrupt_pending, NULL};
	const int dims = settling->self->layout.dims;
	const Size size = (Size) settling->count * dims * sizeof(float);
	AngleClusterRequest request = {.points =
									   palloc_extended(size, MCXT_ALLOC_HUGE),
								   .count = settling->count,
								   .dims = dims,
								   .lists = lround(sqrt(settling->count)),
								   .seed = 1,
								   .cancel = &cancel};
	AngleClusters clusters;
	AngleError err;

	memcpy(request.points, points, size);
	angle_check(angle_cluster(&request, settling->arena, &clusters, &err),
				&err);
	pfree(request.points);
	return clusters;
}

/* The group of each leaf. */
static uint32 *
choose_groups(Settling *settling, const AngleClusters *groups,
			  const float *points)
{
	const Size dims = settling->self->layout.dims;
	uint32 *chosen = palloc_extended(
		((Size) settling->count + ANGLE_ASSIGN_BATCH) * sizeof(uint32),
		MCXT_ALLOC_HUGE);
	AngleAssigner *assigner;
	AngleError err;

	angle_check(angle_assigner_create(groups, ANGLE_ASSIGN_GROUPS,
									  settling->arena, &assigner, &err),
				&err);
	for (int i = 0; i < settling->count; i += ANGLE_ASSIGN_BATCH)
		angle_assign(assigner, points + i * dims,
					 Min(ANGLE_ASSIGN_BATCH, settling->count - i), 1,
					 chosen + i, NULL);
	return chosen;
}

/* Brings the leaves of a group together, and makes what finds the nearest leaves. */
static void
make_assigner(Settling *settling, const float *points)
{
	const Size dims = settling->self->layout.dims;
	const AngleClusters groups = make_groups(settling, points);
	uint32 *chosen = choose_groups(settling, &groups, points);
	size_t *starts = palloc0((groups.lists + 1) * sizeof(size_t));
	size_t *next = palloc(groups.lists * sizeof(size_t));
	AngleClusters clusters = {.dims = dims, .lists = settling->count};
	AngleError err;

	for (int i = 0; i < settling->count; i++)
		starts[chosen[i] + 1]++;
	for (size_t g = 0; g < groups.lists; g++)
		next[g] = starts[g + 1] += starts[g];
	memcpy(next, starts, groups.lists * sizeof(size_t));
	for (int i = 0; i < settling->count; i++)
	{
		size_t place = next[chosen[i]]++;

		settling->order[place] = i;
		memcpy(settling->centroids + place * dims, points + i * dims,
			   dims * sizeof(float));
	}
	/* a group without leaves is none */
	clusters.starts = starts;
	clusters.group_centroids = groups.centroids;
	clusters.centroids = settling->centroids;
	for (size_t g = 0; g < groups.lists; g++)
	{
		if (starts[g + 1] == starts[g])
			continue;
		memmove(groups.centroids + clusters.groups * dims,
				groups.centroids + g * dims, dims * sizeof(float));
		starts[clusters.groups++] = starts[g];
	}
	starts[clusters.groups] = settling->count;
	angle_check(angle_assigner_create(&clusters, ANGLE_ASSIGN_GROUPS,
									  settling->arena, &settling->assigner,
									  &err),
				&err);
	pfree(chosen);
	pfree(starts);
	pfree(next);
}

static const AngleChild *
leaf_at(const Settling *settling, int place)
{
	return &settling->leaves[settling->order[place]];
}

/* Reads the rows of a leaf behind those that are there. */
static void
read_leaf(Settling *settling, int place)
{
	const AngleLayout *layout = &settling->self->layout;
	Buffer head = angle_read_head(settling->index, layout,
								  leaf_at(settling, place)->pointer.block,
								  BUFFER_LOCK_SHARE);
	int i = settling->entries.count;

	for (int slot = 0; slot < layout->capacity; slot++)
		if (angle_slot_live(layout, BufferGetPage(head), slot))
			settling->places[i++] = (Place){place, slot};
	angle_entries_read(&settling->entries, head);
	UnlockReleaseBuffer(head);
}

/* Writes the body of a row, whose leaf nobody else sees. */
static void
write_body(const Settling *settling, BlockNumber head, int slot,
		   const char *body)
{
	const Size size = settling->self->layout.row_size;
	const AngleBodySpot spot = angle_body_spot(size, slot);

	for (int i = 0; i < spot.pages; i++)
	{
		const Size done = i * ANGLE_PAGE_ROOM;
		Buffer buffer = ReadBuffer(settling->index, head + spot.page + i);
		Page page = BufferGetPage(buffer);

		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		if (PageIsNew(page))
			angle_page_init(page, ANGLE_PAGE_BODY);
		memcpy((char *) page + spot.offset, body + done,
			   Min(size - done, ANGLE_PAGE_ROOM));
		MarkBufferDirty(buffer);
		UnlockReleaseBuffer(buffer);
	}
}

/* Moves entry i to the leaf at place to, which has a free slot. */
static void
move_row(Settling *settling, int i, int to)
{
	const AngleIndex *self = settling->self;
	const AngleLayout *layout = &self->layout;
	const Place from = settling->places[i];
	const BlockNumber block = leaf_at(settling, to)->pointer.block;
	AngleRow *row = &settling->entries.rows[i];
	Buffer head;
	int slot;

	angle_row_set_code(row, self,
					   settling->entries.points + (Size) i * layout->dims,
					   settling->centroids + (Size) to * layout->dims);
	head =
		angle_read_head(settling->index, layout, block, BUFFER_LOCK_EXCLUSIVE);
	slot =
		angle_slot_find_free(layout, BufferGetPage(head), 0, layout->capacity);
	write_body(settling, block, slot, row->body);
	angle_head_put_row(layout, BufferGetPage(head), slot, row);
	MarkBufferDirty(head);
	UnlockReleaseBuffer(head);
	head = angle_read_head(settling->index, layout,
						   leaf_at(settling, from.leaf)->pointer.block,
						   BUFFER_LOCK_EXCLUSIVE);
	angle_slot_clear_live(layout, BufferGetPage(head), from.slot);
	MarkBufferDirty(head);
	UnlockReleaseBuffer(head);
	settling->rows[to]++;
	settling->rows[from.leaf]--;
}

/* Moves those of the rows that were read which have a nearer leaf with room. */
static void
settle_batch(Settling *settling)
{
	const int capacity = settling->self->layout.capacity;
	uint32 lists[ANGLE_ASSIGN_BATCH * NEAREST];

	angle_assign(settling->assigner, settling->entries.points,
				 settling->entries.count, NEAREST, lists, NULL);
	for (int i = 0; i < settling->entries.count; i++)
	{
		const uint32 *nearest = lists + i * NEAREST;
		const int own = settling->places[i].leaf;

		for (int j = 0; j < NEAREST && nearest[j] < settling->count; j++)
		{
			if (nearest[j] == own)
				break;
			if (settling->rows[nearest[j]] == capacity)
				continue;
			move_row(settling, i, nearest[j]);
			break;
		}
	}
	settling->entries.count = 0;
}

static void
settle(Settling *settling)
{
	const AngleLayout *layout = &settling->self->layout;

	for (int place = 0; place < settling->count; place++)
	{
		CHECK_FOR_INTERRUPTS();
		if (settling->entries.count + layout->capacity >
			settling->entries.capacity)
			settle_batch(settling);
		read_leaf(settling, place);
	}
	settle_batch(settling);
}

/* Live rows of each leaf. */
static void
count_rows(Settling *settling)
{
	for (int place = 0; place < settling->count; place++)
	{
		Buffer head = angle_read_head(settling->index, &settling->self->layout,
									  leaf_at(settling, place)->pointer.block,
									  BUFFER_LOCK_SHARE);

		settling->rows[place] = angle_node(BufferGetPage(head))->count;
		UnlockReleaseBuffer(head);
	}
}

static void
make_entries(Settling *settling)
{
	const int capacity = ANGLE_ASSIGN_BATCH;

	angle_entries_init(&settling->entries, settling->index, settling->self,
					   capacity);
	settling->places = palloc(capacity * sizeof(Place));
	settling->rows =
		palloc_extended(settling->count * sizeof(int), MCXT_ALLOC_HUGE);
}

void
angle_settle(Relation index, const AngleIndex *self, const AngleChild *leaves,
			 int count, Size memory)
{
	const Size dims = self->layout.dims;
	const Size points = count * dims * sizeof(float);
	Settling settling = {
		.index = index, .self = self, .leaves = leaves, .count = count};
	MemoryContext context, old;
	AngleAllocator allocator;
	float *decoded;

	/* the points, in two orders, packed, and copied to be clustered */
	if (count < LEAVES_LEAST || 4 * points > memory)
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "angle settling",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	allocator = angle_context_allocator(context);
	settling.arena = angle_arena_create(&allocator);
	if (settling.arena == NULL)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
	decoded = palloc_extended(points, MCXT_ALLOC_HUGE);
	settling.centroids = palloc_extended(points, MCXT_ALLOC_HUGE);
	settling.order = palloc_extended(count * sizeof(int), MCXT_ALLOC_HUGE);
	for (int i = 0; i < count; i++)
		angle_bfloat_decode(leaves[i].centroid, decoded + i * dims, dims);
	make_assigner(&settling, decoded);
	pfree(decoded);
	make_entries(&settling);
	count_rows(&settling);
	settle(&settling);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
