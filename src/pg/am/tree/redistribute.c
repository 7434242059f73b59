/* Choosing the nodes of entries: see redistribute.h. */
#include "postgres.h"

#include <math.h>

#include "core/ann/kmeans.h"
#include "core/ann/regroup.h"
#include "pg/am/store/body.h"
#include "pg/am/tree/redistribute.h"
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

/* Cuts count points from start on in two. */
static void
cut(const AngleReplacement *replacement, int start, int count, float *centroids,
	uint8 *sides)
{
	const Size dims = replacement->replacer->self->layout.dims;
	const AngleSplit request = {
		.points = replacement->entries.points + start * dims,
		.count = count,
		.dims = dims,
		.seed = replacement->old[0].node.block,
		.scratch = palloc(2 * Max(1, count) * sizeof(float))};

	angle_split(&request, centroids, sides);
	pfree(request.scratch);
}

/* The old nodes, those with most entries first. */
static void
order_old(const AngleReplacement *replacement, int *order)
{
	const int *first = replacement->first;

	for (int i = 0; i < replacement->old_count; i++)
	{
		const int size = first[i + 1] - first[i];
		int place = i;

		for (; place > 0 &&
			   size > first[order[place - 1] + 1] - first[order[place - 1]];
			 place--)
			order[place] = order[place - 1];
		order[place] = i;
	}
}

/* Centroids to start from: the means of the old nodes that have most entries, and if there
 * are to be more than old ones, two for as many of them. */
static void
choose_starts(const AngleReplacement *replacement, int count)
{
	const Size dims = replacement->replacer->self->layout.dims;
	const int *first = replacement->first;
	const int halved = count - replacement->old_count;
	float *centroid = replacement->centroids;
	int order[ANGLE_REPLACE_OLD];

	order_old(replacement, order);
	for (int i = 0, made = 0; made < count; i++)
	{
		const int old = order[i], entries = first[old + 1] - first[old];

		if (i < halved)
			cut(replacement, first[old], entries, centroid + made * dims,
				replacement->lists);
		else
			angle_mean(replacement->entries.points + first[old] * dims, entries,
					   dims, centroid + made * dims);
		made += i < halved ? 2 : 1;
	}
}

/* How many entries a node gets at most: no full one, where equal points would fill some and
 * leave others empty, if that can be. */
static int
least_capacity(const AngleReplacement *replacement, int entries, int count,
			   int most)
{
	const int fill = angle_fill_most(&replacement->replacer->self->layout,
									 replacement->kind);

	if (count * most >= entries)
		return most;
	return count * fill >= entries ? fill : replacement->capacity;
}

/* Groups the first entries, so many, around the centroids, evenly enough that all nodes hold
 * them. */
static void
regroup(AngleReplacement *replacement, int entries, int count, int most)
{
	AngleArena *arena = angle_context_arena(CurrentMemoryContext);
	const AngleRegroup request = {
		.points = replacement->entries.points,
		.count = entries,
		.dims = replacement->replacer->self->layout.dims,
		.lists = count,
		.capacity = least_capacity(replacement, entries, count, most)};
	AngleError err;

	angle_check(angle_regroup(&request, arena, replacement->centroids,
							  replacement->lists, &err),
				&err);
	angle_arena_destroy(arena);
}

/* ---- second entries --------------------------------------------------------- */

/* An entry by the body of its row. */
typedef struct Key
{
	uint64 body;
	int entry;
} Key;

static int
compare_keys(const void *a, const void *b)
{
	const uint64 x = ((const Key *) a)->body, y = ((const Key *) b)->body;

	return (x > y) - (x < y);
}

/* The first entries, so many, in the order of their bodies. */
static Key *
sort_by_body(const AngleEntries *entries, int count)
{
	Key *keys = palloc(Max(1, count) * sizeof(Key));

	for (int i = 0; i < count; i++)
		keys[i] = (Key){angle_body_key(entries->rows[i].where), i};
	qsort(keys, count, sizeof(Key), compare_keys);
	return keys;
}

static void
swap_entries(AngleEntries *entries, int i, int j, float *scratch)
{
	const Size dims = entries->self->layout.dims;
	const Size bytes = dims * sizeof(float);
	const AngleRow row = entries->rows[i];

	entries->rows[i] = entries->rows[j];
	entries->rows[j] = row;
	memcpy(scratch, entries->points + i * dims, bytes);
	memcpy(entries->points + i * dims, entries->points + j * dims, bytes);
	memcpy(entries->points + j * dims, scratch, bytes);
}

/* Brings second entries behind first ones; returns how many these are. */
static int
part_second(AngleEntries *entries)
{
	float *scratch = palloc(entries->self->layout.dims * sizeof(float));
	int left = 0;

	for (int i = 0; i < entries->count; i++)
	{
		if (entries->rows[i].where.slot & ANGLE_ENTRY_SECOND)
			continue;
		if (left < i)
			swap_entries(entries, left, i, scratch);
		left++;
	}
	pfree(scratch);
	return left;
}

/* The node for the second entry i of a row whose first one is in the node own, or in none
 * of these if that is negative: that of least loss that has less than most entries. */
static uint8
choose_second(const AngleReplacement *replacement, int i, int own,
			  const int *sizes, int most)
{
	const AngleIndex *self = replacement->replacer->self;
	const Size dims = self->layout.dims;
	const float *point = replacement->entries.points + i * dims;
	const float *first = replacement->centroids + Max(0, own) * dims;
	const double far =
		angle_rabitq_probe(self->metric, dims, point, first).error;
	double least = INFINITY;
	uint8 best = ANGLE_REPLACE_DROP;

	for (int list = 0; list < replacement->new_count; list++)
	{
		const float *other = replacement->centroids + list * dims;
		double to_other, loss;

		if (list == own || sizes[list] >= most)
			continue;
		to_other = angle_rabitq_probe(self->metric, dims, point, other).error;
		loss = to_other * to_other;
		if (own >= 0)
			loss = angle_second_loss(point, first, other, dims, far * far,
									 to_other * to_other);
		if (loss < least)
		{
			least = loss;
			best = list;
		}
	}
	return best;
}

/* Chooses nodes for second entries, those from entry start on, other ones than those of the
 * first entries; where none has room they are dropped. */
static void
place_second(AngleReplacement *replacement, int start)
{
	const AngleEntries *entries = &replacement->entries;
	const int most = angle_fill_most(&replacement->replacer->self->layout,
									 replacement->kind);
	Key *keys = sort_by_body(entries, start);
	int sizes[ANGLE_REPLACE_NEW] = {0};

	for (int i = 0; i < start; i++)
		sizes[replacement->lists[i]]++;
	for (int i = start; i < entries->count; i++)
	{
		const Key key = {angle_body_key(entries->rows[i].where), i};
		const Key *first =
			bsearch(&key, keys, start, sizeof(Key), compare_keys);
		const int own = first != NULL ? replacement->lists[first->entry] : -1;
		const uint8 list = choose_second(replacement, i, own, sizes, most);

		replacement->lists[i] = list;
		if (list != ANGLE_REPLACE_DROP)
			sizes[list]++;
	}
	pfree(keys);
}

/* ---- all of it ------------------------------------------------------------- */

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

/* How many entries nodes are chosen by, which come to be in front: of rows the first ones,
 * unless there are so few that they do not say where the nodes should be. */
static int
count_leading(AngleReplacement *replacement, int count)
{
	const int entries = replacement->entries.count;
	int first;

	if (replacement->kind == ANGLE_NODE_INNER)
		return entries;
	first = part_second(&replacement->entries);
	return first < 2 * count ? entries : first;
}

void
angle_redistribute(AngleReplacement *replacement, int count, int most)
{
	AngleEntries *entries = &replacement->entries;
	const int dims = replacement->replacer->self->layout.dims;
	int leading;

	Assert(count >= 1 && count <= 2 * replacement->old_count &&
		   count <= ANGLE_REPLACE_NEW);
	Assert(count * replacement->capacity >= entries->count);
	replacement->lists = palloc0(Max(1, entries->count));
	replacement->centroids = palloc0((Size) count * dims * sizeof(float));
	replacement->new_count = count;
	if (count > 1 && replacement->old_count > 1)
		choose_starts(replacement, count);
	leading = count_leading(replacement, count);
	if (count == 1)
	{
		/* where a row has two entries they become one when the node is written */
		angle_mean(entries->points, leading, dims, replacement->centroids);
		return;
	}
	if (replacement->old_count == 1)
		cut(replacement, 0, leading, replacement->centroids,
			replacement->lists);
	else
		regroup(replacement, leading, count, most);
	if (leading < entries->count)
		place_second(replacement, leading);
	if (replacement->old_count > 1)
		replacement->new_count = drop_empty(replacement, count);
}
