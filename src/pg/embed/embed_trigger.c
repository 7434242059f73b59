/*
 * angle_embed_trigger(): keeps a column with the embedding of others of its row.
 *
 * It runs no SQL and looks up nothing by search_path: columns are those of the
 * table, and the model is named as everywhere.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "pg/embed/columns.h"
#include "pg/embed/content.h"
#include "pg/embed/embed_memo.h"
#include "pg/model/registry.h"
#include "pg/pg_compat.h"

/* The arguments of CREATE TRIGGER; src/pg/model/uses.c looks for the model. */
enum
{
	ARGUMENT_EMBEDDING,
	ARGUMENT_MODEL,
	ARGUMENT_FIRST_TEXT,
};

/* The columns of texts, with what the row has in them. */
typedef struct SourceTexts
{
	int count;
	Form_pg_attribute *columns; /* (count) */
	Datum *values;				/* (count) texts */
	bool *nulls;				/* (count) */
} SourceTexts;

static void
raise_misuse(const char *message)
{
	ereport(
		ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		errmsg("%s", message),
		errhint(
			"CREATE TRIGGER ... BEFORE INSERT OR UPDATE ON ... FOR EACH ROW EXECUTE FUNCTION angle_embed_trigger('embedding', 'model', 'body');"));
}

static void
check_call(FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		raise_misuse("angle_embed_trigger() must be called by a trigger");
	if (!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		raise_misuse("angle_embed_trigger() must be fired for each row");
	if (!TRIGGER_FIRED_BEFORE(trigger->tg_event))
		raise_misuse("angle_embed_trigger() must be fired before the event");
	if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) &&
		!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		raise_misuse("angle_embed_trigger() must be fired by INSERT or UPDATE");
	if (trigger->tg_trigger->tgnargs <= ARGUMENT_FIRST_TEXT)
		raise_misuse(
			"angle_embed_trigger() needs the names of a column for the "
			"embedding, of a model, and of one or more columns with text");
}

/* Generated columns are computed after the last BEFORE trigger. */
static void
check_not_generated(Relation relation, Form_pg_attribute column)
{
	if (column->attgenerated != '\0')
		ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("column \"%s\" of relation \"%s\" is a generated "
					   "column, which has no value yet when the trigger runs",
					   NameStr(column->attname),
					   RelationGetRelationName(relation)),
				errhint("Name the columns that it is generated from."));
}

static SourceTexts
find_sources(TriggerData *trigger)
{
	Relation relation = trigger->tg_relation;
	int count = trigger->tg_trigger->tgnargs - ARGUMENT_FIRST_TEXT;
	char **names = trigger->tg_trigger->tgargs + ARGUMENT_FIRST_TEXT;
	SourceTexts sources = {
		.count = count,
		.columns = palloc(count * sizeof(Form_pg_attribute)),
		.values = palloc(count * sizeof(Datum)),
		.nulls = palloc(count * sizeof(bool)),
	};

	for (int i = 0; i < count; i++)
	{
		sources.columns[i] = angle_text_column(relation, names[i]);
		check_not_generated(relation, sources.columns[i]);
	}
	return sources;
}

/* ---- what has changed ---------------------------------------------------- */

/* Two pointers to one value out of line are found equal without reading it. */
static bool
same_value(Datum a, Datum b)
{
	Size size = VARSIZE_ANY(DatumGetPointer(a));

	if (size == VARSIZE_ANY(DatumGetPointer(b)) &&
		memcmp(DatumGetPointer(a), DatumGetPointer(b), size) == 0)
		return true;
	return datum_image_eq(a, b, false, -1);
}

static bool
column_changed(const TriggerData *trigger, int number)
{
	TupleDesc descriptor = RelationGetDescr(trigger->tg_relation);
	bool old_null;
	bool new_null;
	Datum old_value =
		heap_getattr(trigger->tg_trigtuple, number, descriptor, &old_null);
	Datum new_value =
		heap_getattr(trigger->tg_newtuple, number, descriptor, &new_null);

	if (old_null || new_null)
		return old_null != new_null;
	return !same_value(old_value, new_value);
}

/* By value, not by the columns that the UPDATE names: another trigger may have
 * set one, and setting one to what it was is no change. */
static bool
sources_changed(const TriggerData *trigger, const SourceTexts *sources)
{
	for (int i = 0; i < sources->count; i++)
		if (column_changed(trigger, sources->columns[i]->attnum))
			return true;
	return false;
}

/* ---- the embedding ------------------------------------------------------- */

static text *
read_sources(SourceTexts *sources, HeapTuple row, TupleDesc descriptor)
{
	for (int i = 0; i < sources->count; i++)
	{
		Form_pg_attribute column = sources->columns[i];

		sources->values[i] =
			heap_getattr(row, column->attnum, descriptor, &sources->nulls[i]);
		/* as a cast to text does: without the blanks that fill it */
		if (!sources->nulls[i] && getBaseType(column->atttypid) == BPCHAROID)
			sources->values[i] =
				DirectFunctionCall1(rtrim1, sources->values[i]);
	}
	return angle_join_texts(sources->values, sources->nulls, sources->count);
}

static const AngleVector *
embed(FunctionCallInfo fcinfo, const AngleEmbedCall *call, const text *content)
{
	AngleEmbedMemo *memo = angle_embed_memos(fcinfo->flinfo, 1);
	AngleBytes utf8 = angle_content_utf8(content);

	angle_embed_memos_fill(memo, call, &utf8, 1);
	return memo->result;
}

static HeapTuple
set_embedding(HeapTuple row, TupleDesc descriptor, Form_pg_attribute column,
			  const AngleVector *vector)
{
	int number = column->attnum;
	Datum value = PointerGetDatum(vector);
	bool null = vector == NULL;

	if (get_typtype(column->atttypid) == TYPTYPE_DOMAIN)
		domain_check(value, null, column->atttypid, NULL, NULL);
	return heap_modify_tuple_by_cols(row, descriptor, 1, &number, &value,
									 &null);
}

static HeapTuple
embed_row(FunctionCallInfo fcinfo, HeapTuple row, SourceTexts *sources)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Relation relation = trigger->tg_relation;
	char **arguments = trigger->tg_trigger->tgargs;
	Form_pg_attribute column =
		angle_embedding_column(relation, arguments[ARGUMENT_EMBEDDING],
							   angle_vector_type(fcinfo->flinfo->fn_oid));
	AngleEmbedCall call = {0};
	text *content;

	call.model = angle_registry_model(arguments[ARGUMENT_MODEL]);
	angle_embed_call_measure(&call);
	angle_embedding_column_fits(relation, column, arguments[ARGUMENT_MODEL],
								call.dimensions);
	content = read_sources(sources, row, RelationGetDescr(relation));
	return set_embedding(row, RelationGetDescr(relation), column,
						 content == NULL ? NULL
										 : embed(fcinfo, &call, content));
}

/* ---- entry --------------------------------------------------------------- */

static void
name_trigger(void *context)
{
	const TriggerData *trigger = context;

	errcontext("trigger \"%s\" of relation \"%s\"", trigger->tg_trigger->tgname,
			   RelationGetRelationName(trigger->tg_relation));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_embed_trigger);

Datum
angle_embed_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	ErrorContextCallback callback = {error_context_stack, name_trigger,
									 trigger};
	HeapTuple row;
	SourceTexts sources;

	check_call(fcinfo);
	error_context_stack = &callback;
	row = trigger->tg_trigtuple;
	sources = find_sources(trigger);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		row = trigger->tg_newtuple;
	if (!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		sources_changed(trigger, &sources))
		row = embed_row(fcinfo, row, &sources);
	error_context_stack = callback.previous;
	return PointerGetDatum(row);
}
