/* Rows of a build, through a sort by partition. */
#include "postgres.h"

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "utils/tuplesort.h"

#include "pg/am/build/sort.h"
#include "pg/pg_compat.h"

/* Columns of the sorted tuples. */
enum
{
	COLUMN_PARTITION,
	COLUMN_TID,
	COLUMN_NULLS,
	COLUMN_DATA, /* bytea: values, then the body, or the point */
	COLUMNS
};

struct AngleBuildSort
{
	const AngleLayout *layout;
	Tuplesortstate *state;
	TupleDesc columns;
	TupleTableSlot *in;
	TupleTableSlot *out;
	bytea *data; /* scratch */
	bool bodies; /* whether rows have them */
	Size values; /* bytes of a row's values */
	Size rest;	 /* and of what follows */
};

AngleBuildSort *
angle_build_sort_make(const AngleLayout *layout, bool bodies)
{
	AngleBuildSort *sort = palloc0(sizeof(AngleBuildSort));
	TupleDesc columns = CreateTemplateTupleDesc(COLUMNS);

	TupleDescInitEntry(columns, COLUMN_PARTITION + 1, "partition", INT4OID, -1,
					   0);
	TupleDescInitEntry(columns, COLUMN_TID + 1, "tid", INT8OID, -1, 0);
	TupleDescInitEntry(columns, COLUMN_NULLS + 1, "nulls", INT4OID, -1, 0);
	TupleDescInitEntry(columns, COLUMN_DATA + 1, "data", BYTEAOID, -1, 0);
	sort->layout = layout;
	sort->columns = columns;
	sort->values = layout->keys * sizeof(uint64);
	sort->bodies = bodies;
	sort->rest = bodies ? layout->row_size : layout->dims * sizeof(float);
	sort->data = palloc(VARHDRSZ + sort->values + sort->rest);
	SET_VARSIZE(sort->data, VARHDRSZ + sort->values + sort->rest);
	sort->in = MakeSingleTupleTableSlot(columns, &TTSOpsVirtual);
	sort->out = MakeSingleTupleTableSlot(columns, &TTSOpsMinimalTuple);
	return sort;
}

void
angle_build_sort_free(AngleBuildSort *sort)
{
	ExecDropSingleTupleTableSlot(sort->in);
	ExecDropSingleTupleTableSlot(sort->out);
	pfree(sort->data);
	pfree(sort);
}

void
angle_build_sort_begin(AngleBuildSort *sort, int memory)
{
	AttrNumber key = COLUMN_PARTITION + 1;
	Oid less = Int4LessOperator;
	Oid collation = InvalidOid;
	bool nulls_first = false;

	sort->state =
		tuplesort_begin_heap(sort->columns, 1, &key, &less, &collation,
							 &nulls_first, memory, NULL, TUPLESORT_NONE);
}

TupleTableSlot *
angle_build_sort_form(AngleBuildSort *sort, int partition,
					  const AngleRowSet *rows, int i)
{
	const AngleLayout *layout = sort->layout;
	TupleTableSlot *slot = sort->in;
	uint64 tid = 0;
	const void *rest;

	if (sort->bodies)
		rest = rows->bodies + i * layout->row_size;
	else
		rest = rows->points + (Size) i * layout->dims;
	memcpy(&tid, &rows->tids[i], sizeof(ItemPointerData));
	memcpy(VARDATA(sort->data), rows->values + (Size) i * layout->keys,
		   sort->values);
	memcpy(VARDATA(sort->data) + sort->values, rest, sort->rest);
	ExecClearTuple(slot);
	slot->tts_values[COLUMN_PARTITION] = Int32GetDatum(partition);
	slot->tts_values[COLUMN_TID] = Int64GetDatum(tid);
	slot->tts_values[COLUMN_NULLS] = Int32GetDatum(rows->nulls[i]);
	slot->tts_values[COLUMN_DATA] = PointerGetDatum(sort->data);
	memset(slot->tts_isnull, 0, COLUMNS * sizeof(bool));
	return ExecStoreVirtualTuple(slot);
}

void
angle_build_sort_put(AngleBuildSort *sort, TupleTableSlot *slot)
{
	tuplesort_puttupleslot(sort->state, slot);
}

void
angle_build_sort_put_tuple(AngleBuildSort *sort, MinimalTuple tuple)
{
	ExecStoreMinimalTuple(tuple, sort->out, false);
	tuplesort_puttupleslot(sort->state, sort->out);
}

void
angle_build_sort_perform(AngleBuildSort *sort)
{
	tuplesort_performsort(sort->state);
}

/* Takes what follows the values of row i. */
static void
set_rest(const AngleBuildSort *sort, AngleRowSet *rows, int i, const char *rest)
{
	const AngleLayout *layout = sort->layout;
	float *point = rows->points + (Size) i * layout->dims;
	AngleRow row;

	if (!sort->bodies)
	{
		memcpy(point, rest, sort->rest);
		return;
	}
	row.body = rows->bodies + i * layout->row_size;
	memcpy(row.body, rest, sort->rest);
	angle_row_get_point(&row, layout, point);
}

/* Appends the row in the slot for what comes out; returns its partition. */
static int
append_row(AngleBuildSort *sort, AngleRowSet *rows)
{
	const AngleLayout *layout = sort->layout;
	const int i = rows->count++;
	TupleTableSlot *slot = sort->out;
	const char *data;
	uint64 tid;

	slot_getallattrs(slot);
	tid = DatumGetInt64(slot->tts_values[COLUMN_TID]);
	data = VARDATA_ANY(DatumGetPointer(slot->tts_values[COLUMN_DATA]));
	memcpy(&rows->tids[i], &tid, sizeof(ItemPointerData));
	rows->nulls[i] = DatumGetInt32(slot->tts_values[COLUMN_NULLS]);
	memcpy(rows->values + (Size) i * layout->keys, data, sort->values);
	set_rest(sort, rows, i, data + sort->values);
	return DatumGetInt32(slot->tts_values[COLUMN_PARTITION]);
}

int
angle_build_sort_get(void *sort, AngleRowSet *rows)
{
	AngleBuildSort *self = sort;

	if (!tuplesort_gettupleslot(self->state, true, false, self->out, NULL))
		return -1;
	return append_row(self, rows);
}

int
angle_build_sort_read(AngleBuildSort *sort, MinimalTuple tuple,
					  AngleRowSet *rows)
{
	int partition;

	ExecStoreMinimalTuple(tuple, sort->out, false);
	partition = append_row(sort, rows);
	ExecClearTuple(sort->out);
	return partition;
}

void
angle_build_sort_end(AngleBuildSort *sort)
{
	/* it points into the sort */
	ExecClearTuple(sort->out);
	tuplesort_end(sort->state);
}
