/* The pass of a build over the table. */
#include "postgres.h"

#include "utils/memutils.h"

#include "pg/am/build/scan.h"
#include "pg/am/store/keys.h"

void
angle_build_scan_begin(AngleBuildScan *scan, Size size, int most)
{
	const AngleLayout *layout = &scan->self->layout;

	scan->batch = angle_row_set_make(layout, size, most, false);
	angle_row_init(&scan->row, layout);
}

static void
hand_on(AngleBuildScan *scan)
{
	scan->take(scan->context, &scan->batch);
	scan->batch.count = 0;
}

/* Puts a row behind the batch, where its point is already. */
static void
add_row(AngleBuildScan *scan, ItemPointer tid, const Datum *values,
		const bool *isnull)
{
	const int keys = scan->self->layout.keys;
	AngleRowSet *batch = &scan->batch;

	angle_keys_store(scan->index, values, isnull, &scan->row);
	batch->tids[batch->count] = *tid;
	batch->nulls[batch->count] = scan->row.nulls;
	memcpy(batch->values + (Size) batch->count * keys, scan->row.values,
		   keys * sizeof(uint64));
	batch->count++;
	scan->rows++;
	if (batch->count == batch->capacity)
		hand_on(scan);
}

void
angle_build_scan_row(Relation index, ItemPointer tid, Datum *values,
					 bool *isnull, bool alive, void *state)
{
	AngleBuildScan *scan = state;
	const AngleLayout *layout = &scan->self->layout;
	float *point = scan->batch.points + (Size) scan->batch.count * layout->dims;
	MemoryContext old;

	if (isnull[0])
		return;
	old = MemoryContextSwitchTo(scan->scratch);
	if (angle_index_point(index, scan->self, values[0], point))
	{
		if (scan->reservoir != NULL)
			angle_reservoir_offer(scan->reservoir, layout, tid, point);
		add_row(scan, tid, values, isnull);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(scan->scratch);
}

void
angle_build_scan_end(AngleBuildScan *scan)
{
	hand_on(scan);
	angle_row_set_free(&scan->batch);
}
