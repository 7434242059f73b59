#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "pg/embed/columns.h"
#include "pg/embed/table_rows.h"
#include "pg/pg_compat.h"

/* Columns of a fetched row. */
enum
{
	FETCHED_PLACE = 1,
	FETCHED_TABLE,
	FETCHED_FIRST_TEXT,
};

/* ---- the table ----------------------------------------------------------- */

/* A row of a foreign table has no place that it could be found by. */
static void
check_no_foreign_parts(Relation relation)
{
	ListCell *cell;

	if (!relation->rd_rel->relhassubclass)
		return;
	foreach(cell, find_all_inheritors(RelationGetRelid(relation),
									  AccessShareLock, NULL))
	{
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
			ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
					errmsg("table \"%s\" has a part, \"%s\", that is a "
						   "foreign table",
						   RelationGetRelationName(relation),
						   get_rel_name(lfirst_oid(cell))),
					errhint("Embed the other parts one by one."));
	}
}

static void
check_kind(Relation relation)
{
	char kind = relation->rd_rel->relkind;

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(
			ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
			errmsg("\"%s\" is not a table", RelationGetRelationName(relation)));
	check_no_foreign_parts(relation);
}

/* FROM and WHERE: rows without an embedding that have a text. The table goes by
 * its own name there, so that the condition may call it so. */
static char *
select_pending(const AngleTableRows *rows)
{
	const char *alias = quote_identifier(rows->name);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, " FROM %s AS %s WHERE %s.%s IS NULL AND (",
					 rows->relation, alias, alias,
					 quote_identifier(rows->embedding));
	for (int i = 0; i < rows->text_count; i++)
		appendStringInfo(&sql, "%s%s.%s IS NOT NULL", i > 0 ? " OR " : "",
						 alias, quote_identifier(rows->texts[i]));
	appendStringInfoChar(&sql, ')');
	/* the line feed ends a comment in it */
	if (rows->condition != NULL)
		appendStringInfo(&sql, " AND (%s\n)", rows->condition);
	return sql.data;
}

void
angle_rows_open(AngleTableRows *rows, const char *model, int dimensions)
{
	Relation relation = try_relation_open(rows->table, AccessShareLock);
	Form_pg_attribute column;

	if (relation == NULL)
		ereport(
			ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
			errmsg("the table to embed, with OID %u, does not exist any more",
				   rows->table));
	check_kind(relation);
	column = angle_embedding_column(relation, rows->embedding, rows->type);
	angle_embedding_column_fits(relation, column, model, dimensions);
	for (int i = 0; i < rows->text_count; i++)
		(void) angle_text_column(relation, rows->texts[i]);
	rows->name = pstrdup(RelationGetRelationName(relation));
	rows->relation = quote_qualified_identifier(
		get_namespace_name(RelationGetNamespace(relation)), rows->name);
	rows->selected = select_pending(rows);
	relation_close(relation, NoLock);
}

/* ---- statements ---------------------------------------------------------- */

static void
execute(const char *sql, int expected, int count, Oid *types, Datum *values)
{
	int result =
		SPI_execute_with_args(sql, count, types, values, NULL, false, 0);

	if (result != expected)
		elog(ERROR, "\"%s\" failed: %s", sql, SPI_result_code_string(result));
}

static Datum
fetched(const SPITupleTable *table, uint64 row, int column, bool *null)
{
	return SPI_getbinval(table->vals[row], table->tupdesc, column, null);
}

AngleTableSurvey
angle_rows_survey(const AngleTableRows *rows)
{
	const char *alias = quote_identifier(rows->name);
	AngleTableSurvey survey = {0};
	SPITupleTable *result;
	bool null;

	execute(psprintf("SELECT pg_catalog.count(*), pg_catalog.min(%s.ctid), "
					 "pg_catalog.max(%s.ctid)%s",
					 alias, alias, rows->selected),
			SPI_OK_SELECT, 0, NULL, NULL);
	result = SPI_tuptable;
	survey.pending = DatumGetInt64(fetched(result, 0, 1, &null));
	if (survey.pending > 0)
	{
		survey.first = ItemPointerGetBlockNumber(
			(ItemPointer) DatumGetPointer(fetched(result, 0, 2, &null)));
		survey.last = ItemPointerGetBlockNumber(
			(ItemPointer) DatumGetPointer(fetched(result, 0, 3, &null)));
	}
	SPI_freetuptable(result);
	return survey;
}

/* The bounds let the planner read no other blocks. What is locked is what an
 * UPDATE of the embedding locks: foreign keys to the row do not wait. */
SPITupleTable *
angle_rows_fetch(const AngleTableRows *rows, const AngleRowPlace *after,
				 BlockNumber before, int limit)
{
	const char *t = quote_identifier(rows->name);
	Oid types[] = {TIDOID, TIDOID, OIDOID, INT8OID};
	ItemPointerData from = after->place;
	ItemPointerData to = from;
	Datum values[] = {PointerGetDatum(&from), PointerGetDatum(&to),
					  ObjectIdGetDatum(after->table), Int64GetDatum(limit)};
	StringInfoData sql;

	ItemPointerSet(&to, before, 0);
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s.ctid, %s.tableoid", t, t);
	for (int i = 0; i < rows->text_count; i++)
		appendStringInfo(&sql, ", %s.%s::pg_catalog.text", t,
						 quote_identifier(rows->texts[i]));
	appendStringInfo(&sql,
					 "%s AND %s.ctid OPERATOR(pg_catalog.>=) $1"
					 " AND %s.ctid OPERATOR(pg_catalog.<) $2"
					 " AND (%s.ctid OPERATOR(pg_catalog.>) $1"
					 " OR %s.tableoid OPERATOR(pg_catalog.>) $3)"
					 " ORDER BY %s.ctid, %s.tableoid LIMIT $4"
					 " FOR NO KEY UPDATE OF %s SKIP LOCKED",
					 rows->selected, t, t, t, t, t, t, t);
	execute(sql.data, SPI_OK_SELECT, lengthof(types), types, values);
	return SPI_tuptable;
}

AngleRowPlace
angle_rows_place(const SPITupleTable *table, uint64 row)
{
	AngleRowPlace place;
	bool null;

	place.place = *(ItemPointer) DatumGetPointer(
		fetched(table, row, FETCHED_PLACE, &null));
	place.table = DatumGetObjectId(fetched(table, row, FETCHED_TABLE, &null));
	return place;
}

text *
angle_rows_content(const SPITupleTable *table, uint64 row)
{
	int count = table->tupdesc->natts - FETCHED_FIRST_TEXT + 1;
	Datum *texts = palloc(count * sizeof(Datum));
	bool *nulls = palloc(count * sizeof(bool));

	for (int i = 0; i < count; i++)
		texts[i] = fetched(table, row, FETCHED_FIRST_TEXT + i, &nulls[i]);
	return angle_join_texts(texts, nulls, count);
}

/* ---- storing ------------------------------------------------------------- */

static Datum
tid_array(const AngleRowPlace *places, int count)
{
	Datum *elements = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
		elements[i] =
			PointerGetDatum(unconstify(ItemPointerData *, &places[i].place));
	return PointerGetDatum(construct_array(elements, count, TIDOID,
										   sizeof(ItemPointerData), false,
										   TYPALIGN_SHORT));
}

static Datum
oid_array(const AngleRowPlace *places, int count)
{
	Datum *elements = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
		elements[i] = ObjectIdGetDatum(places[i].table);
	return PointerGetDatum(construct_array(elements, count, OIDOID, sizeof(Oid),
										   true, TYPALIGN_INT));
}

/* The rows are locked, so they are where they were found. */
uint64
angle_rows_store(const AngleTableRows *rows, const AngleRowPlace *places,
				 Datum *vectors, int count)
{
	Oid types[] = {get_array_type(TIDOID), OIDARRAYOID,
				   get_array_type(rows->type)};
	Datum values[] = {
		tid_array(places, count), oid_array(places, count),
		PointerGetDatum(construct_array(vectors, count, rows->type, -1, false,
										TYPALIGN_INT))};

	execute(psprintf("UPDATE %s AS t SET %s = v.vector"
					 " FROM ROWS FROM (pg_catalog.unnest($1),"
					 " pg_catalog.unnest($2), pg_catalog.unnest($3))"
					 " AS v (place, part, vector)"
					 " WHERE t.ctid OPERATOR(pg_catalog.=) v.place"
					 " AND t.tableoid OPERATOR(pg_catalog.=) v.part",
					 rows->relation, quote_identifier(rows->embedding)),
			SPI_OK_UPDATE, lengthof(types), types, values);
	return SPI_processed;
}
