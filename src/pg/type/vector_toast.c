#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/toast_internals.h"
#include "catalog/pg_am_d.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "pg/pg_compat.h"
#include "pg/type/toast_chunks.h"
#include "pg/type/vector_toast.h"

/* How many tables are kept in mind, and the most rows that pass before another
 * guess after wrong ones. */
#define TRAILS 4
#define PAUSE_MAX 63

/* Where reading a TOAST table has come to. Nothing of it need be true: the table
 * can have changed since, or be another one of the same OID. */
typedef struct Trail
{
	Oid table;
	bool
		known; /* whether the place is that of the last chunk of the row before */
	int pause; /* rows to pass after the next wrong guess */
	int skip;  /* rows still to pass */
	AngleToastPlace place;
} Trail;

static Trail trails[TRAILS];

/* The trail of a table; that of another one gives way. */
static Trail *
trail_of(Oid table)
{
	Trail *trail = &trails[table % TRAILS];

	if (trail->table != table)
		*trail = (Trail){.table = table};
	return trail;
}

/* Looks up where the last chunk of the value is. */
static void
find_last_chunk(const AngleToastValue *value, Snapshot snapshot, Trail *trail)
{
	Relation table = value->table;
	Relation *indexes;
	int count;
	int valid = toast_open_indexes(table, AccessShareLock, &indexes, &count);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple chunk;

	ScanKeyInit(&key, ANGLE_TOAST_ID, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(value->id));
	scan = systable_beginscan_ordered(table, indexes[valid], snapshot, 1, &key);
	chunk = systable_getnext_ordered(scan, BackwardScanDirection);
	trail->known = chunk != NULL;
	if (chunk != NULL)
		trail->place = (AngleToastPlace){
			ItemPointerGetBlockNumber(&chunk->t_self),
			ItemPointerGetOffsetNumber(&chunk->t_self), InvalidBuffer};
	systable_endscan_ordered(scan);
	toast_close_indexes(indexes, count, AccessShareLock);
}

/* Follows the trail, or finds it. */
static void
fetch_on_trail(AngleToastValue *value, Snapshot snapshot, Trail *trail)
{
	if (trail->known && angle_toast_follow(value, snapshot, &trail->place))
	{
		trail->pause = 0;
		return;
	}
	if (trail->known)
	{
		trail->skip = trail->pause;
		trail->pause = Min(2 * trail->pause + 1, PAUSE_MAX);
		trail->known = false;
	}
	if (trail->skip == 0)
		find_last_chunk(value, snapshot, trail);
}

/* The vector, if the trail leads to it, otherwise NULL. */
static AngleVector *
fetch_by_guess(const struct varlena *external, Trail *trail)
{
	Relation table = table_open(trail->table, AccessShareLock);
	SnapshotData space;
	AngleVector *vector = NULL;

	if (table->rd_rel->relam == HEAP_TABLE_AM_OID)
	{
		AngleToastValue value = angle_toast_begin(external, table);

		fetch_on_trail(&value, angle_toast_snapshot(&space), trail);
		vector = (AngleVector *) angle_toast_end(&value);
	}
	table_close(table, AccessShareLock);
	return vector;
}

AngleVector *
angle_vector_fetch(struct varlena *external)
{
	struct varatt_external pointer;
	Trail *trail;
	AngleVector *vector = NULL;

	VARATT_EXTERNAL_GET_POINTER(pointer, external);
	trail = trail_of(pointer.va_toastrelid);
	if (angle_toast_noted(trail->table, pointer.va_valueid, &trail->place))
	{
		trail->known = true;
		trail->skip = 0;
	}
	if (trail->skip > 0)
		trail->skip--;
	else if (!VARATT_EXTERNAL_IS_COMPRESSED(pointer))
		vector = fetch_by_guess(external, trail);
	return vector != NULL ? vector : (AngleVector *) pg_detoast_datum(external);
}
