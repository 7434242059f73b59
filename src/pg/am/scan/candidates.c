/* Candidates in arrays: see candidates.h. Sorted by PostgreSQL's template, in a quarter of
 * the time of a heap. */
#include "postgres.h"

#include "pg/am/scan/candidates.h"

static inline int
compare(const AngleCandidate *a, const AngleCandidate *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

#define ST_SORT sort
#define ST_ELEMENT_TYPE AngleCandidate
#define ST_COMPARE compare
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

void
angle_candidates_sort(AngleCandidate *candidates, size_t count)
{
	sort(candidates, count);
}

/* Parts of an array that are sorted rather than parted again. */
#define SORTED_AT_ONCE 12

/* Partings before an array that parts badly is sorted: far more than it takes. */
#define PARTINGS 64

/* The one between the other two. */
static AngleCandidate
middle_of(AngleCandidate a, AngleCandidate b, AngleCandidate c)
{
	if (compare(&a, &b) > 0)
	{
		const AngleCandidate greater = a;

		a = b;
		b = greater;
	}
	if (compare(&c, &a) < 0)
		return a;
	return compare(&c, &b) < 0 ? c : b;
}

/* Parts candidates into those that are before the pivot, which is one of them, and the
 * others; returns how many those before are, or it with them (Hoare's scheme). */
static size_t
part(AngleCandidate *candidates, size_t count)
{
	const AngleCandidate pivot =
		middle_of(candidates[0], candidates[count / 2], candidates[count - 1]);
	size_t low = 0, high = count - 1;

	for (;; low++, high--)
	{
		AngleCandidate swapped;

		while (compare(&candidates[low], &pivot) < 0)
			low++;
		while (compare(&candidates[high], &pivot) > 0)
			high--;
		if (low >= high)
			return Max(low, 1);
		swapped = candidates[low];
		candidates[low] = candidates[high];
		candidates[high] = swapped;
	}
}

void
angle_candidates_select(AngleCandidate *candidates, size_t count, size_t wanted)
{
	int partings = 0;

	while (wanted > 0 && wanted < count && count > SORTED_AT_ONCE &&
		   partings++ < PARTINGS)
	{
		const size_t before = part(candidates, count);

		if (wanted <= before)
			count = before;
		else
		{
			candidates += before;
			count -= before;
			wanted -= before;
		}
	}
	if (wanted > 0 && wanted < count)
		sort(candidates, count);
}
