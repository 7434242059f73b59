/* Rows in memory. */
#include "postgres.h"

#include "pg/am/store/row_set.h"

AngleRowSet
angle_row_set_make(const AngleLayout *layout, Size size, int most, bool bodies)
{
	Size each = layout->dims * sizeof(float) + sizeof(ItemPointerData) +
				sizeof(uint32) + layout->keys * sizeof(uint64) +
				(bodies ? layout->row_size : 0);
	AngleRowSet set = {.capacity = Max(16, Min((Size) most, size / each))};
	Size capacity = set.capacity;

	set.tids =
		palloc_extended(capacity * sizeof(ItemPointerData), MCXT_ALLOC_HUGE);
	set.nulls = palloc_extended(capacity * sizeof(uint32), MCXT_ALLOC_HUGE);
	set.values = palloc_extended(
		Max(1, capacity * layout->keys) * sizeof(uint64), MCXT_ALLOC_HUGE);
	set.points = palloc_extended(capacity * layout->dims * sizeof(float),
								 MCXT_ALLOC_HUGE);
	if (bodies)
		set.bodies =
			palloc_extended(capacity * layout->row_size, MCXT_ALLOC_HUGE);
	return set;
}

void
angle_row_set_free(AngleRowSet *set)
{
	pfree(set->tids);
	pfree(set->nulls);
	pfree(set->values);
	pfree(set->points);
	if (set->bodies != NULL)
		pfree(set->bodies);
}
