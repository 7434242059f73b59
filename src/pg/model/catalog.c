#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "pg/model/catalog.h"
#include "pg/pg_compat.h"

/* A message quotes this much of what is no name: it may be a long text, where
 * arguments were exchanged. */
#define MAX_QUOTED (ANGLE_MODEL_NAME_MAX + 1)

/* Columns of _angle.chunk. */
enum
{
	CHUNK_MODEL = 1,
	CHUNK_SEQUENCE,
	CHUNK_CRC32C,
	CHUNK_DATA,
};

/* ---- names -------------------------------------------------------------- */

bool
angle_model_name_valid(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= ANGLE_MODEL_NAME_MAX && name[0] != '.' &&
		   strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
						"0123456789._-") == length;
}

void
angle_model_name_check(const char *name)
{
	if (angle_model_name_valid(name))
		return;
	ereport(
		ERROR, errcode(ERRCODE_INVALID_NAME),
		errmsg("invalid model name \"%.*s\"",
			   pg_mbcliplen(name, (int) strlen(name), MAX_QUOTED), name),
		errdetail(
			"A model's name consists of up to %d letters, digits, dots, underscores and hyphens, and does not start with a dot.",
			ANGLE_MODEL_NAME_MAX),
		errhint("The view angle_models lists the models."));
}

/* ---- which tables, and when they change --------------------------------- */

/* The relations, once they have been looked up. */
typedef struct Tables
{
	bool known;
	Oid model;
	Oid model_key;
	Oid chunk;
	Oid chunk_key;
} Tables;

static Tables tables;
static uint64_t generation = 1;

static void
forget_tables(void)
{
	generation++;
	tables.known = false;
}

/* A row of _angle.model has changed (its trigger says so), or the table. */
static void
relation_changed(Datum argument, Oid relation)
{
	if (!OidIsValid(relation) || relation == tables.model)
		forget_tables();
}

/* A schema, and so perhaps ours, was made or dropped; or a role changed. */
static void
syscache_changed(Datum argument, int cache, uint32 hash)
{
	forget_tables();
}

static void
watch_changes(void)
{
	static bool watching = false;

	if (watching)
		return;
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, syscache_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, syscache_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, syscache_changed, (Datum) 0);
	watching = true;
}

/* A relation of the extension. One that a user has made where an older version
 * of the extension has none may have any columns and is not read. */
static Oid
own_relation(const char *name, Oid schema)
{
	Oid relation = get_relname_relid(name, schema);

	if (!OidIsValid(relation) ||
		getExtensionOfObject(RelationRelationId, relation) !=
			get_extension_oid("angle", true))
		return InvalidOid;
	return relation;
}

static const Tables *
find_tables(void)
{
	Oid schema;

	watch_changes();
	if (tables.known)
		return &tables;
	tables = (Tables){.known = true};
	schema = get_namespace_oid("_angle", true);
	if (!OidIsValid(schema))
		return &tables;
	tables.model = own_relation("model", schema);
	tables.chunk = own_relation("chunk", schema);
	if (!OidIsValid(tables.model) || !OidIsValid(tables.chunk))
		tables.model = tables.chunk = InvalidOid;
	tables.model_key = get_relname_relid("model_pkey", schema);
	tables.chunk_key = get_relname_relid("chunk_pkey", schema);
	return &tables;
}

uint64_t
angle_catalog_generation(void)
{
	return generation;
}

Oid
angle_catalog_model_table(void)
{
	return find_tables()->model;
}

Oid
angle_catalog_chunk_table(void)
{
	return find_tables()->chunk;
}

/* ---- models ------------------------------------------------------------- */

static Datum
required(HeapTuple tuple, int column, TupleDesc descriptor)
{
	bool null;
	Datum value = heap_getattr(tuple, column, descriptor, &null);

	if (null)
		elog(ERROR, "column %d of a table of models is null", column);
	return value;
}

static List *
read_names(Datum array)
{
	List *names = NIL;
	Datum *values;
	bool *nulls;
	int count;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i])
			names = lappend(names, TextDatumGetCString(values[i]));
	}
	return names;
}

static void
read_row(HeapTuple tuple, TupleDesc descriptor, AngleModelRow *row)
{
	bytea *sha256 = DatumGetByteaPP(required(tuple, MODEL_SHA256, descriptor));

	if (VARSIZE_ANY_EXHDR(sha256) != ANGLE_SHA256_BYTES)
		elog(ERROR, "a model has a digest of the wrong length");
	memcpy(row->sha256, VARDATA_ANY(sha256), ANGLE_SHA256_BYTES);
	strlcpy(row->name,
			TextDatumGetCString(required(tuple, MODEL_NAME, descriptor)),
			sizeof(row->name));
	row->bytes = DatumGetInt64(required(tuple, MODEL_BYTES, descriptor));
	row->owner = TextDatumGetCString(required(tuple, MODEL_OWNER, descriptor));
	row->users = read_names(required(tuple, MODEL_USERS, descriptor));
}

bool
angle_catalog_find(const char *name, AngleModelRow *row)
{
	const Tables *found = find_tables();
	Relation table;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple tuple;

	if (!OidIsValid(found->model))
		return false;
	ScanKeyInit(&key, MODEL_NAME, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(name));
	table = table_open(found->model, AccessShareLock);
	scan = systable_beginscan(table, tables.model_key, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		read_row(tuple, RelationGetDescr(table), row);
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return HeapTupleIsValid(tuple);
}

static int
compare_models(const ListCell *a, const ListCell *b)
{
	return strcmp(((const AngleModelRow *) lfirst(a))->name,
				  ((const AngleModelRow *) lfirst(b))->name);
}

List *
angle_catalog_models(void)
{
	const Tables *found = find_tables();
	List *rows = NIL;
	Relation table;
	SysScanDesc scan;
	HeapTuple tuple;

	if (!OidIsValid(found->model))
		return NIL;
	table = table_open(found->model, AccessShareLock);
	scan = systable_beginscan(table, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		AngleModelRow *row = palloc(sizeof(*row));

		read_row(tuple, RelationGetDescr(table), row);
		rows = lappend(rows, row);
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	list_sort(rows, compare_models);
	return rows;
}

bool
angle_catalog_has_image(const List *rows, const uint8_t *sha256)
{
	ListCell *cell;

	foreach(cell, rows)
	{
		const AngleModelRow *row = lfirst(cell);

		if (memcmp(row->sha256, sha256, ANGLE_SHA256_BYTES) == 0)
			return true;
	}
	return false;
}

/* ---- chunks ------------------------------------------------------------- */

static void
take_tuple(HeapTuple tuple, TupleDesc descriptor, AngleTakeChunk take,
		   void *context)
{
	bytea *data = DatumGetByteaPP(required(tuple, CHUNK_DATA, descriptor));
	AngleModelChunk chunk = {
		.sequence = DatumGetInt32(required(tuple, CHUNK_SEQUENCE, descriptor)),
		.crc32c =
			(uint32_t) DatumGetInt64(required(tuple, CHUNK_CRC32C, descriptor)),
		.data = {(const uint8_t *) VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data)},
	};

	take(context, &chunk);
}

void
angle_catalog_each_chunk(const char *name, AngleTakeChunk take, void *context)
{
	Relation table = table_open(find_tables()->chunk, AccessShareLock);
	Relation index = index_open(tables.chunk_key, AccessShareLock);
	MemoryContext piece = AllocSetContextCreate(
		CurrentMemoryContext, "angle chunk", ALLOCSET_DEFAULT_SIZES);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple tuple;

	ScanKeyInit(&key, CHUNK_MODEL, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(name));
	scan = systable_beginscan_ordered(table, index, NULL, 1, &key);
	while (HeapTupleIsValid(
		tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		MemoryContext old = MemoryContextSwitchTo(piece);

		CHECK_FOR_INTERRUPTS();
		take_tuple(tuple, RelationGetDescr(table), take, context);
		MemoryContextSwitchTo(old);
		MemoryContextReset(piece);
	}
	systable_endscan_ordered(scan);
	MemoryContextDelete(piece);
	index_close(index, AccessShareLock);
	table_close(table, AccessShareLock);
}
