/* The order of candidates: see candidates.h. Sorted by PostgreSQL's template, in a quarter of
 * the time of a heap. */
#include "postgres.h"

#include "core/ann/order.h"
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

void
angle_candidates_order(const float *keys, uint32 count, uint32 *places)
{
	AngleCandidate *candidates;

	if (count <= ANGLE_ORDER_PLACES)
	{
		angle_order_places(keys, count, places);
		return;
	}
	candidates =
		palloc_extended(count * sizeof(AngleCandidate), MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < count; i++)
		candidates[i] = (AngleCandidate){keys[i], i};
	sort(candidates, count);
	for (uint32 i = 0; i < count; i++)
		places[i] = (uint32) candidates[i].id;
	pfree(candidates);
}
