/* Distances of rows: see row_distance.h. */
#include "postgres.h"

#include <math.h>

#include "access/relscan.h"
#include "access/tableam.h"
#include "fmgr.h"
#include "utils/memutils.h"

#include "pg/am/scan/row_distance.h"

AngleRowDistance *
angle_row_distance_make(Relation heap)
{
	AngleRowDistance *rows = palloc(sizeof(AngleRowDistance));

	rows->slot = table_slot_create(heap, NULL);
	rows->toast = angle_toast_reader_make();
	rows->memory = AllocSetContextCreate(CurrentMemoryContext, "angle rows",
										 ALLOCSET_SMALL_SIZES);
	return rows;
}

void
angle_row_distance_end(AngleRowDistance *rows)
{
	ExecDropSingleTupleTableSlot(rows->slot);
	angle_toast_reader_end(rows->toast);
	MemoryContextDelete(rows->memory);
	pfree(rows->toast);
	pfree(rows);
}

bool
angle_row_fetch(AngleRowDistance *rows, IndexScanDesc scan, ItemPointer tid)
{
	ItemPointerData at = *tid;
	bool again = false;

	/* all that the snapshot sees of a HOT chain is one row */
	return table_index_fetch_tuple(scan->xs_heapfetch, &at, scan->xs_snapshot,
								   rows->slot, &again, NULL);
}

void
angle_row_forget(AngleRowDistance *rows)
{
	ExecClearTuple(rows->slot);
}

/* The vector as the operator takes it, in the current memory context. */
static Datum
whole(AngleRowDistance *rows, Datum vector)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(vector);

	return VARATT_IS_EXTERNAL_ONDISK(value)
			   ? PointerGetDatum(angle_toast_read(rows->toast, value))
			   : vector;
}

bool
angle_row_distance(AngleRowDistance *rows, IndexScanDesc scan, double *distance)
{
	ScanKey order = &scan->orderByData[0];
	const AttrNumber column =
		scan->indexRelation->rd_index->indkey.values[order->sk_attno - 1];
	bool null;
	const Datum vector = slot_getattr(rows->slot, column, &null);
	MemoryContext old;

	if (null)
		return false;
	old = MemoryContextSwitchTo(rows->memory);
	*distance = DatumGetFloat8(
		FunctionCall2Coll(&order->sk_func, order->sk_collation,
						  whole(rows, vector), order->sk_argument));
	MemoryContextSwitchTo(old);
	MemoryContextReset(rows->memory);
	if (isnan(*distance))
		*distance = INFINITY;
	return true;
}
