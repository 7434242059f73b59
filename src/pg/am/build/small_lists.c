/* Small lists are merged: see small_lists.h. */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "pg/am/build/small_lists.h"

/* Of the rows that a list should have: the most of one that is merged with another, and of
 * both together. */
#define SMALL 0.5
#define MERGED 1.2

/* Of the lists from first to last − 1 the one nearest to list that has room for all of it; or list
 * itself. */
static Size
nearest_with_room(const AngleClusters *clusters, const int *sizes, Size list,
				  Size first, Size last, int limit)
{
	const Size dims = clusters->dims;
	const float *own = clusters->centroids + list * dims;
	double least = INFINITY;
	Size best = list;

	for (Size other = first; other < last; other++)
	{
		const float *centroid = clusters->centroids + other * dims;
		double sum = 0;

		if (other == list || sizes[other] == 0 ||
			sizes[other] + sizes[list] > limit)
			continue;
		for (Size d = 0; d < dims; d++)
			sum += (own[d] - centroid[d]) * (own[d] - centroid[d]);
		if (sum < least)
		{
			least = sum;
			best = other;
		}
	}
	return best;
}

/* Makes one list of two. */
static void
merge_lists(AngleClusters *clusters, int *sizes, Size list, Size other)
{
	const Size dims = clusters->dims;
	const float share = (float) sizes[list] / (sizes[list] + sizes[other]);

	for (Size d = 0; d < dims; d++)
		clusters->centroids[other * dims + d] +=
			share * (clusters->centroids[list * dims + d] -
					 clusters->centroids[other * dims + d]);
	sizes[other] += sizes[list];
	sizes[list] = 0;
}

/* How many leaves more there will be than are wanted. */
static int
leaves_too_many(const AngleLists *lists, const int *sizes)
{
	int leaves = 0;

	for (Size list = 0; list < lists->clusters->lists; list++)
		leaves += (sizes[list] + lists->limit - 1) / lists->limit;
	return leaves - (lists->count + lists->wanted - 1) / lists->wanted;
}

/* Merges lists of so many rows with others of the same group, while there are leaves too many;
 * returns how many are then. */
static int
merge_lists_of(const AngleLists *lists, int *sizes, uint32 *into, int size,
			   int too_many)
{
	AngleClusters *clusters = lists->clusters;

	for (Size g = 0; g < clusters->groups; g++)
		for (Size list = clusters->starts[g];
			 too_many > 0 && list < clusters->starts[g + 1]; list++)
		{
			if (sizes[list] != size)
				continue;
			CHECK_FOR_INTERRUPTS();
			into[list] = (uint32) nearest_with_room(
				clusters, sizes, list, clusters->starts[g],
				clusters->starts[g + 1], MERGED * lists->wanted);
			if (into[list] == list)
				continue;
			merge_lists(clusters, sizes, list, into[list]);
			too_many--;
		}
	return too_many;
}

void
angle_small_lists_merge(const AngleLists *lists)
{
	const Size count = lists->clusters->lists;
	int *sizes = palloc0(count * sizeof(int));
	uint32 *into = palloc(count * sizeof(uint32));
	int too_many;

	for (int i = 0; i < lists->count; i++)
		sizes[lists->chosen[i]]++;
	for (Size list = 0; list < count; list++)
		into[list] = (uint32) list;
	too_many = leaves_too_many(lists, sizes);
	for (int size = 1; too_many > 0 && size <= SMALL * lists->wanted; size++)
		too_many = merge_lists_of(lists, sizes, into, size, too_many);
	for (int i = 0; i < lists->count; i++)
		while (into[lists->chosen[i]] != lists->chosen[i])
			lists->chosen[i] = into[lists->chosen[i]];
	pfree(sizes);
	pfree(into);
}
