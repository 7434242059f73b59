#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "pg/embed/columns.h"
#include "pg/pg_compat.h"

Oid
angle_vector_type(Oid function)
{
	Oid type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
							   CStringGetDatum("angle_vector"),
							   ObjectIdGetDatum(get_func_namespace(function)));

	if (!OidIsValid(type))
		elog(ERROR, "there is no type angle_vector beside function %u",
			 function);
	return type;
}

static Form_pg_attribute
find_column(Relation relation, const char *name)
{
	TupleDesc descriptor = RelationGetDescr(relation);

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(descriptor, i);

		if (!column->attisdropped &&
			strcmp(NameStr(column->attname), name) == 0)
			return column;
	}
	ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
			errmsg("column \"%s\" of relation \"%s\" does not exist", name,
				   RelationGetRelationName(relation)));
}

Form_pg_attribute
angle_text_column(Relation relation, const char *name)
{
	Form_pg_attribute column = find_column(relation, name);
	Oid type = getBaseType(column->atttypid);

	if (type != BPCHAROID && !IsBinaryCoercible(type, TEXTOID))
		ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("column \"%s\" of relation \"%s\" is of type %s, which "
					   "is not text",
					   name, RelationGetRelationName(relation),
					   format_type_be(column->atttypid)),
				errhint("Only columns of the types text, varchar and char can "
						"be embedded."));
	return column;
}

/* Whether vectors can be stored there as they are, as in a column of pgvector's
 * type for which the casts are installed. */
static bool
takes_vectors(Oid base, Oid type)
{
	Oid function;

	return base == type ||
		   find_coercion_pathway(base, type, COERCION_ASSIGNMENT, &function) ==
			   COERCION_PATH_RELABELTYPE;
}

Form_pg_attribute
angle_embedding_column(Relation relation, const char *name, Oid type)
{
	Form_pg_attribute column = find_column(relation, name);

	if (!takes_vectors(getBaseType(column->atttypid), type))
		ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("column \"%s\" of relation \"%s\" is of type %s, not %s",
					   name, RelationGetRelationName(relation),
					   format_type_be(column->atttypid), format_type_be(type)));
	if (column->attgenerated != '\0')
		ereport(ERROR, errcode(ERRCODE_GENERATED_ALWAYS),
				errmsg("column \"%s\" of relation \"%s\" is a generated column",
					   name, RelationGetRelationName(relation)),
				errhint("A generated column is always up to date by itself."));
	return column;
}

void
angle_embedding_column_fits(Relation relation, Form_pg_attribute column,
							const char *model, int dimensions)
{
	int32 typmod = column->atttypmod;

	getBaseTypeAndTypmod(column->atttypid, &typmod);
	if (typmod != -1 && typmod != dimensions)
		ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("column \"%s\" of relation \"%s\" has %d dimensions, "
					   "but the embeddings by model \"%s\" have %d",
					   NameStr(column->attname),
					   RelationGetRelationName(relation), typmod, model,
					   dimensions));
}

text *
angle_join_texts(const Datum *texts, const bool *nulls, int count)
{
	text *first = NULL;
	StringInfoData joined;
	int found = 0;

	for (int i = 0; i < count; i++)
	{
		text *next;

		if (nulls[i])
			continue;
		next = DatumGetTextPP(texts[i]);
		if (found++ == 0)
		{
			first = next;
			continue;
		}
		if (found == 2)
		{
			initStringInfo(&joined);
			appendBinaryStringInfo(&joined, VARDATA_ANY(first),
								   VARSIZE_ANY_EXHDR(first));
		}
		appendStringInfoChar(&joined, '\n');
		appendBinaryStringInfo(&joined, VARDATA_ANY(next),
							   VARSIZE_ANY_EXHDR(next));
	}
	return found < 2 ? first
					 : cstring_to_text_with_len(joined.data, joined.len);
}
