/* Values from their chunks: see toast_value.h. */
#include "postgres.h"

#include "access/detoast.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"

#include "pg/pg_compat.h"
#include "pg/type/toast_value.h"

AngleToastValue
angle_toast_begin(const struct varlena *external, Relation table)
{
	AngleToastValue value = {.table = table};
	struct varatt_external pointer;

	VARATT_EXTERNAL_GET_POINTER(pointer, external);
	value.id = pointer.va_valueid;
	value.size = VARATT_EXTERNAL_GET_EXTSIZE(pointer);
	value.whole = palloc(value.size + VARHDRSZ);
	SET_VARSIZE(value.whole, value.size + VARHDRSZ);
	return value;
}

/* The bytes of a chunk if it is the one that the value needs next, otherwise
 * NULL. They lie in the chunk's buffer. */
static const char *
chunk_bytes(const AngleToastValue *value, HeapTuple chunk, uint32 size)
{
	TupleDesc columns = RelationGetDescr(value->table);
	int32 number = value->done / TOAST_MAX_CHUNK_SIZE;
	bool null;
	struct varlena *data;

	if (DatumGetObjectId(fastgetattr(chunk, ANGLE_TOAST_ID, columns, &null)) !=
		value->id)
		return NULL;
	if (DatumGetInt32(fastgetattr(chunk, ANGLE_TOAST_NUMBER, columns, &null)) !=
		number)
		return NULL;
	data = (struct varlena *) DatumGetPointer(
		fastgetattr(chunk, ANGLE_TOAST_DATA, columns, &null));
	if (VARATT_IS_EXTENDED(data) || VARSIZE(data) - VARHDRSZ != size)
		return NULL;
	return VARDATA(data);
}

bool
angle_toast_take(AngleToastValue *value, HeapTuple chunk)
{
	const uint32 size = Min(TOAST_MAX_CHUNK_SIZE, value->size - value->done);
	const char *bytes = chunk_bytes(value, chunk, size);

	if (bytes == NULL)
		return false;
	memcpy(VARDATA(value->whole) + value->done, bytes, size);
	value->done += size;
	return true;
}

struct varlena *
angle_toast_end(AngleToastValue *value)
{
	if (value->done == value->size)
		return value->whole;
	pfree(value->whole);
	return NULL;
}
