/* Values in any order: see toast_reader.h. */
#include "postgres.h"

#include "access/detoast.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/toast_internals.h"
#include "catalog/pg_am_d.h"
#include "utils/fmgroids.h"

#include "pg/pg_compat.h"
#include "pg/type/toast_chunks.h"
#include "pg/type/toast_reader.h"

AngleToastReader *
angle_toast_reader_make(void)
{
	AngleToastReader *reader = palloc0(sizeof(AngleToastReader));

	reader->memory = CurrentMemoryContext;
	return reader;
}

static void
open_table(AngleToastReader *reader, Oid table)
{
	MemoryContext old = MemoryContextSwitchTo(reader->memory);
	int valid;

	reader->table = table_open(table, AccessShareLock);
	reader->slot = table_slot_create(reader->table, NULL);
	valid = toast_open_indexes(reader->table, AccessShareLock, &reader->indexes,
							   &reader->index_count);
	reader->scan =
		angle_index_beginscan(reader->table, reader->indexes[valid],
							  angle_toast_snapshot(&reader->space), 1, 0);
	MemoryContextSwitchTo(old);
}

void
angle_toast_reader_end(AngleToastReader *reader)
{
	if (reader->table == NULL)
		return;
	index_endscan(reader->scan);
	ExecDropSingleTupleTableSlot(reader->slot);
	toast_close_indexes(reader->indexes, reader->index_count, AccessShareLock);
	table_close(reader->table, AccessShareLock);
	reader->table = NULL;
}

/* Notes the place of the value whose first chunk is in the slot. */
static void
note(const AngleToastReader *reader, const AngleToastValue *value)
{
	const ItemPointer first = &reader->slot->tts_tid;

	angle_toast_note(
		RelationGetRelid(reader->table), value->id,
		(AngleToastPlace){ItemPointerGetBlockNumber(first),
						  ItemPointerGetOffsetNumber(first) - 1,
						  ((BufferHeapTupleTableSlot *) reader->slot)->buffer});
}

/* Takes the chunks in their order, as the index has them. */
static void
take_chunks(AngleToastReader *reader, AngleToastValue *value)
{
	TupleTableSlot *slot = reader->slot;
	ScanKeyData key;

	ScanKeyInit(&key, ANGLE_TOAST_ID, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(value->id));
	index_rescan(reader->scan, &key, 1, NULL, 0);
	while (value->done < value->size &&
		   index_getnext_slot(reader->scan, ForwardScanDirection, slot))
	{
		if (value->done == 0)
			note(reader, value);
		if (!angle_toast_take(value, ExecFetchSlotHeapTuple(slot, false, NULL)))
			break;
	}
	/* lets go of the pages: VACUUM would wait for them */
	ExecClearTuple(slot);
	index_rescan(reader->scan, &key, 1, NULL, 0);
}

/* Takes the value from where it was read before, if it was lately; returns whether it is
 * whole. */
static bool
take_noted(AngleToastReader *reader, AngleToastValue *value)
{
	AngleToastPlace place;

	if (!angle_toast_noted(RelationGetRelid(reader->table), value->id, &place))
		return false;
	return angle_toast_follow(value, reader->scan->xs_snapshot, &place);
}

/* The value, or NULL if it is PostgreSQL's to get, or to say what is wrong. */
static struct varlena *
read_value(AngleToastReader *reader, const struct varlena *external)
{
	struct varatt_external pointer;
	AngleToastValue value;

	VARATT_EXTERNAL_GET_POINTER(pointer, external);
	if (VARATT_EXTERNAL_IS_COMPRESSED(pointer))
		return NULL;
	if (reader->table == NULL)
		open_table(reader, pointer.va_toastrelid);
	if (RelationGetRelid(reader->table) != pointer.va_toastrelid ||
		reader->table->rd_rel->relam != HEAP_TABLE_AM_OID)
		return NULL;
	value = angle_toast_begin(external, reader->table);
	if (!take_noted(reader, &value))
	{
		value.done = 0;
		take_chunks(reader, &value);
	}
	return angle_toast_end(&value);
}

struct varlena *
angle_toast_read(AngleToastReader *reader, struct varlena *external)
{
	struct varlena *value = read_value(reader, external);

	return value != NULL ? value : pg_detoast_datum(external);
}
