/* Second entries, and trading rows: see settle.h. */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "core/ann/kmeans.h"
#include "core/distance/sums.h"
#include "pg/am/build/settle.h"
#include "pg/am/store/entries.h"
#include "pg/bridge.h"

/* Leaves that a row's first entry may go to, and that its second may. */
#define NEAREST_FIRST 4
#define NEAREST 8

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
	int *rows;		  /* (count), by order: live entries */
	int read;		  /* leaves whose rows were read, by order */
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

/* Reads the rows whose first entry is in the next leaf behind those that are there. */
static void
read_leaf(Settling *settling)
{
	const AngleLayout *layout = &settling->self->layout;
	const int place = settling->read++;
	Buffer head = angle_read_head(settling->index, layout,
								  leaf_at(settling, place)->pointer.block,
								  BUFFER_LOCK_SHARE);
	const AngleLeafEntry *entries =
		angle_leaf_entries(layout, BufferGetPage(head));
	int i = settling->entries.count;

	for (int slot = 0; slot < layout->capacity; slot++)
		if (angle_slot_live(layout, BufferGetPage(head), slot) &&
			!angle_entry_second(&entries[slot]))
			settling->places[i++] = (Place){place, slot};
	angle_entries_read(&settling->entries, head);
	UnlockReleaseBuffer(head);
}

/* Puts an entry of row i into the leaf at place to, which has a free slot and which nobody
 * else sees. */
static void
put_entry(Settling *settling, int i, int to, uint16 flag)
{
	const AngleIndex *self = settling->self;
	const AngleLayout *layout = &self->layout;
	AngleRow *row = &settling->entries.rows[i];
	Buffer head = angle_read_head(settling->index, layout,
								  leaf_at(settling, to)->pointer.block,
								  BUFFER_LOCK_EXCLUSIVE);
	const int slot =
		angle_slot_find_free(layout, BufferGetPage(head), 0, layout->capacity);

	angle_row_set_code(row, self,
					   settling->entries.points + (Size) i * layout->dims,
					   settling->centroids + (Size) to * layout->dims);
	row->where.slot = angle_body_slot(row->where) | flag;
	angle_head_put_row(layout, BufferGetPage(head), slot, row);
	MarkBufferDirty(head);
	UnlockReleaseBuffer(head);
	settling->rows[to]++;
}

/* Moves the first entry of row i to the leaf at place to. */
static void
move_first(Settling *settling, int i, int to)
{
	const Place from = settling->places[i];
	Buffer head;

	put_entry(settling, i, to, 0);
	head = angle_read_head(settling->index, &settling->self->layout,
						   leaf_at(settling, from.leaf)->pointer.block,
						   BUFFER_LOCK_EXCLUSIVE);
	angle_slot_clear_live(&settling->self->layout, BufferGetPage(head),
						  from.slot);
	MarkBufferDirty(head);
	UnlockReleaseBuffer(head);
	settling->rows[from.leaf]--;
}

/* The nearest leaf with room for row i, or the one where it is. */
static int
choose_first(const Settling *settling, int i, const uint32 *nearest)
{
	const int own = settling->places[i].leaf;

	for (int j = 0; j < NEAREST_FIRST && nearest[j] < settling->count; j++)
		if (nearest[j] == own ||
			settling->rows[nearest[j]] < settling->self->layout.capacity)
			return nearest[j];
	return own;
}

/* Of the nearest leaves with room the one with the least loss beside the first; −1 if
 * there is none. */
static int
choose_second(const Settling *settling, int i, int first, const uint32 *nearest,
			  const float *distances)
{
	const Size dims = settling->self->layout.dims;
	const float *point = settling->entries.points + i * dims;
	const float *centroid = settling->centroids + first * dims;
	const double to_first =
		angle_distance_kernels()->l2_squared(point, centroid, dims);
	double least = INFINITY;
	int best = -1;

	for (int j = 0; j < NEAREST && nearest[j] < settling->count; j++)
	{
		const int other = nearest[j];
		double loss;

		if (other == first ||
			settling->rows[other] == settling->self->layout.capacity)
			continue;
		loss = angle_second_loss(point, centroid,
								 settling->centroids + other * dims, dims,
								 to_first, distances[j]);
		if (loss < least)
		{
			least = loss;
			best = other;
		}
	}
	return best;
}

/* Finds the places of the rows that were read. One whose first entry goes to a leaf that
 * is still to be read comes again. */
static void
settle_batch(Settling *settling)
{
	uint32 lists[ANGLE_ASSIGN_BATCH * NEAREST];
	float distances[ANGLE_ASSIGN_BATCH * NEAREST];

	angle_assign(settling->assigner, settling->entries.points,
				 settling->entries.count, NEAREST, lists, distances);
	for (int i = 0; i < settling->entries.count; i++)
	{
		const uint32 *nearest = lists + i * NEAREST;
		const int first = choose_first(settling, i, nearest);
		int second;

		if (first != settling->places[i].leaf)
			move_first(settling, i, first);
		if (first >= settling->read)
			continue;
		second =
			choose_second(settling, i, first, nearest, distances + i * NEAREST);
		if (second >= 0)
			put_entry(settling, i, second, ANGLE_ENTRY_SECOND);
	}
	settling->entries.count = 0;
}

static void
settle(Settling *settling)
{
	const AngleLayout *layout = &settling->self->layout;

	while (settling->read < settling->count)
	{
		CHECK_FOR_INTERRUPTS();
		if (settling->entries.count + layout->capacity >
			settling->entries.capacity)
			settle_batch(settling);
		read_leaf(settling);
	}
	settle_batch(settling);
}

/* All codes have their places. */
static void
pack_leaves(Settling *settling)
{
	for (int place = 0; place < settling->count; place++)
	{
		Buffer head = angle_read_head(settling->index, &settling->self->layout,
									  leaf_at(settling, place)->pointer.block,
									  BUFFER_LOCK_EXCLUSIVE);

		angle_leaf_pack(&settling->self->layout, BufferGetPage(head));
		MarkBufferDirty(head);
		UnlockReleaseBuffer(head);
	}
}

/* Live entries of each leaf. */
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
	settling->entries.first_only = true;
	settling->places = palloc(capacity * sizeof(Place));
	settling->rows =
		palloc_extended(settling->count * sizeof(int), MCXT_ALLOC_HUGE);
}

/* The same of leaves that are looked at together. */
static void
settle_part(Relation index, const AngleIndex *self, const AngleChild *leaves,
			int count)
{
	const Size dims = self->layout.dims;
	const Size points = count * dims * sizeof(float);
	Settling settling = {
		.index = index, .self = self, .leaves = leaves, .count = count};
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "angle settling", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	AngleAllocator allocator = angle_context_allocator(context);
	float *decoded;

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
	pack_leaves(&settling);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

void
angle_settle(Relation index, const AngleIndex *self, const AngleChild *leaves,
			 int count, Size memory)
{
	/* the points, in two orders, packed, and copied to be clustered */
	const Size each = 4 * self->layout.dims * sizeof(float);
	const int most = Max(2, Min(memory / each, INT_MAX));
	const int parts = (count + most - 1) / most;

	for (int part = 0; part < parts; part++)
	{
		const int from = (int64) count * part / parts;
		const int to = (int64) count * (part + 1) / parts;

		settle_part(index, self, leaves + from, to - from);
	}
}
