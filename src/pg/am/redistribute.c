/* Choosing the nodes of entries: see redistribute.h. */
#include "postgres.h"

#include "core/ann/kmeans.h"
#include "core/ann/regroup.h"
#include "pg/am/redistribute.h"
#include "pg/bridge.h"

#define FILL 0.95

int
angle_fill_most(const AngleLayout *layout, AngleNodeKind kind)
{
	const bool leaf = kind == ANGLE_NODE_LEAF;
	const int capacity = leaf ? layout->capacity : layout->fanout;

	/* a child that is replaced by two needs two free slots */
	return Min((int) (FILL * capacity), capacity - (leaf ? 1 : 2));
}

/* Cuts count points in two. */
static void
cut(const AngleReplacement *replacement, int count, float *centroids,
	uint8 *sides)
{
	const AngleSplit request = {
		.points = replacement->entries.points,
		.count = count,
		.dims = replacement->replacer->self->layout.dims,
		.seed = replacement->old[0].node.block,
		.scratch = palloc(2 * Max(1, count) * sizeof(float))};

	angle_split(&request, centroids, sides);
	pfree(request.scratch);
}

/* Centroids to start from: the means of the old nodes that have most entries, and if there
 * are to be more than those, two for the first one. */
static void
choose_starts(const AngleReplacement *replacement, int count)
{
	const int dims = replacement->replacer->self->layout.dims;
	const int *first = replacement->first;
	const float *points = replacement->entries.points;
	bool taken[ANGLE_REPLACE_OLD] = {false};
	int i = 0;

	if (count > replacement->old_count)
	{
		cut(replacement, first[1], replacement->centroids, replacement->lists);
		taken[0] = true;
		i = 2;
	}
	for (; i < count; i++)
	{
		int most = -1;

		for (int j = 0; j < replacement->old_count; j++)
			if (!taken[j] && (most < 0 || first[j + 1] - first[j] >
											  first[most + 1] - first[most]))
				most = j;
		taken[most] = true;
		angle_mean(points + (Size) first[most] * dims,
				   first[most + 1] - first[most], dims,
				   replacement->centroids + (Size) i * dims);
	}
}

/* Groups the entries around the centroids, evenly enough that all nodes hold them. */
static void
regroup(AngleReplacement *replacement, int count)
{
	const int most = angle_fill_most(&replacement->replacer->self->layout,
									 replacement->kind);
	const AngleAllocator allocator =
		angle_context_allocator(CurrentMemoryContext);
	AngleArena *arena = angle_arena_create(&allocator);
	const AngleRegroup request = {
		.points = replacement->entries.points,
		.count = replacement->entries.count,
		.dims = replacement->replacer->self->layout.dims,
		.lists = count,
		.capacity = count * most >= replacement->entries.count
						? most
						: replacement->capacity};
	AngleError err;

	if (arena == NULL)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
	choose_starts(replacement, count);
	angle_check(angle_regroup(&request, arena, replacement->centroids,
							  replacement->lists, &err),
				&err);
	angle_arena_destroy(arena);
}

/* Takes lists without entries out; counts what is left. */
static int
drop_empty(AngleReplacement *replacement, int count)
{
	const int dims = replacement->replacer->self->layout.dims;
	const int entries = replacement->entries.count;
	int left = 0;

	for (int list = 0; list < count; list++)
	{
		bool used = false;

		for (int i = 0; i < entries; i++)
			if (replacement->lists[i] == list)
			{
				used = true;
				replacement->lists[i] = left;
			}
		if (!used)
			continue;
		memmove(replacement->centroids + (Size) left * dims,
				replacement->centroids + (Size) list * dims,
				dims * sizeof(float));
		left++;
	}
	return left;
}

void
angle_redistribute(AngleReplacement *replacement, int count)
{
	const AngleEntries *entries = &replacement->entries;
	const int dims = replacement->replacer->self->layout.dims;

	Assert(count >= 1 && count <= replacement->old_count + 1 &&
		   count <= ANGLE_REPLACE_NEW);
	Assert(count * replacement->capacity >= entries->count);
	replacement->lists = palloc0(Max(1, entries->count));
	replacement->centroids = palloc0((Size) count * dims * sizeof(float));
	replacement->new_count = count;
	if (count == 1)
		angle_mean(entries->points, entries->count, dims,
				   replacement->centroids);
	else if (replacement->old_count == 1)
		cut(replacement, entries->count, replacement->centroids,
			replacement->lists);
	else
	{
		regroup(replacement, count);
		replacement->new_count = drop_empty(replacement, count);
	}
}
