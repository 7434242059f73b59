/*
 * A model is a row and no object of the catalogs, so nothing depends on it by
 * pg_depend. But what calls angle_embed() depends on the function; those
 * dependents are few, and their expressions tell which model they name.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_index.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "funcapi.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "pg/model/uses.h"
#include "pg/pg_compat.h"

/* The name of the argument that takes a model, in every function. */
#define MODEL_ARGUMENT "model"

/* Of angle_embed_trigger(column, model, …). */
#define TRIGGER_MODEL 1

typedef struct Search
{
	const char *name;
	Oid function; /* whose dependents are being looked at */
	int position; /* of its model argument; −1 for a trigger function */
	List *found;
} Search;

/* ---- expressions --------------------------------------------------------- */

static bool
is_model_constant(Node *node, const char *name)
{
	Const *constant;
	char *value;

	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (node == NULL || !IsA(node, Const))
		return false;
	constant = (Const *) node;
	if (constant->constisnull ||
		(constant->consttype != TEXTOID && constant->consttype != VARCHAROID))
		return false;
	value = TextDatumGetCString(constant->constvalue);
	return strcmp(value, name) == 0;
}

static bool
call_names_model(const FuncExpr *call, const Search *search)
{
	int position = 0;
	ListCell *cell;

	foreach(cell, call->args)
	{
		Node *argument = lfirst(cell);
		int place = position++;

		if (IsA(argument, NamedArgExpr))
		{
			place = ((NamedArgExpr *) argument)->argnumber;
			argument = (Node *) ((NamedArgExpr *) argument)->arg;
		}
		if (place == search->position &&
			is_model_constant(argument, search->name))
			return true;
	}
	return false;
}

static bool
find_call(Node *node, void *context)
{
	const Search *search = context;

	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) &&
		((FuncExpr *) node)->funcid == search->function &&
		call_names_model((FuncExpr *) node, search))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_call, context, 0);
	return expression_tree_walker(node, find_call, context);
}

/* Whether the expression in a column of type pg_node_tree has such a call. */
static bool
column_names_model(HeapTuple tuple, int column, TupleDesc descriptor,
				   const Search *search)
{
	bool null;
	Datum tree = heap_getattr(tuple, column, descriptor, &null);

	return !null && find_call(stringToNode(TextDatumGetCString(tree)),
							  unconstify(Search *, search));
}

/* ---- dependents ---------------------------------------------------------- */

/* Where a catalog keeps expressions: up to two columns of pg_node_tree. */
typedef struct ExpressionCatalog
{
	Oid catalog;
	Oid index; /* by OID */
	int oid;   /* the column */
	int columns[2];
} ExpressionCatalog;

static const ExpressionCatalog catalogs[] = {
	{AttrDefaultRelationId,
	 AttrDefaultOidIndexId,
	 Anum_pg_attrdef_oid,
	 {Anum_pg_attrdef_adbin}},
	{ConstraintRelationId,
	 ConstraintOidIndexId,
	 Anum_pg_constraint_oid,
	 {Anum_pg_constraint_conbin}},
	{RelationRelationId,
	 IndexRelidIndexId,
	 Anum_pg_index_indexrelid,
	 {Anum_pg_index_indexprs, Anum_pg_index_indpred}},
	{RewriteRelationId,
	 RewriteOidIndexId,
	 Anum_pg_rewrite_oid,
	 {Anum_pg_rewrite_ev_qual, Anum_pg_rewrite_ev_action}},
	{PolicyRelationId,
	 PolicyOidIndexId,
	 Anum_pg_policy_oid,
	 {Anum_pg_policy_polqual, Anum_pg_policy_polwithcheck}},
	{TriggerRelationId,
	 TriggerOidIndexId,
	 Anum_pg_trigger_oid,
	 {Anum_pg_trigger_tgqual}},
	{ProcedureRelationId,
	 ProcedureOidIndexId,
	 Anum_pg_proc_oid,
	 {Anum_pg_proc_prosqlbody, Anum_pg_proc_proargdefaults}},
};

/* Whether an argument of a trigger that runs search->function is the model;
 * tgargs are C strings one after another. */
static bool
trigger_names_model(HeapTuple tuple, TupleDesc descriptor, const Search *search)
{
	Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tuple);
	bool null;
	Datum datum =
		heap_getattr(tuple, Anum_pg_trigger_tgargs, descriptor, &null);
	const char *argument;

	if (null || trigger->tgfoid != search->function ||
		trigger->tgnargs <= TRIGGER_MODEL)
		return false;
	argument = VARDATA_ANY(DatumGetByteaPP(datum));
	for (int i = 0; i < TRIGGER_MODEL; i++)
		argument += strlen(argument) + 1;
	return strcmp(argument, search->name) == 0;
}

static bool
tuple_names_model(const ExpressionCatalog *catalog, HeapTuple tuple,
				  TupleDesc descriptor, const Search *search)
{
	if (catalog->catalog == TriggerRelationId && search->position < 0)
		return trigger_names_model(tuple, descriptor, search);
	for (int i = 0; i < lengthof(catalog->columns); i++)
	{
		if (catalog->columns[i] != 0 && search->position >= 0 &&
			column_names_model(tuple, catalog->columns[i], descriptor, search))
			return true;
	}
	return false;
}

static bool
object_names_model(const ExpressionCatalog *catalog, Oid object,
				   const Search *search)
{
	/* an index is an object of pg_class with its expressions in pg_index */
	Oid where = catalog->catalog == RelationRelationId ? IndexRelationId
													   : catalog->catalog;
	Relation table = table_open(where, AccessShareLock);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple tuple;
	bool names;

	ScanKeyInit(&key, catalog->oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(object));
	scan = systable_beginscan(table, catalog->index, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	names = HeapTupleIsValid(tuple) &&
			tuple_names_model(catalog, tuple, RelationGetDescr(table), search);
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return names;
}

static void
look_at_dependent(Form_pg_depend depend, Search *search)
{
	ObjectAddress address = {depend->classid, depend->objid, 0};

	for (int i = 0; i < lengthof(catalogs); i++)
	{
		if (catalogs[i].catalog == depend->classid &&
			object_names_model(&catalogs[i], depend->objid, search))
			search->found = list_append_unique(
				search->found,
				makeString(getObjectDescription(&address, false)));
	}
}

/* ---- functions ----------------------------------------------------------- */

/* The position of the function's model argument; −1 if it is a trigger
 * function, −2 if there is none. */
static int
model_position(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid *types;
	char **names = NULL;
	char *modes;
	int count;
	int position = -2;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	count = get_func_arg_info(tuple, &types, &names, &modes);
	for (int i = 0; i < count && names != NULL; i++)
	{
		if (strcmp(names[i], MODEL_ARGUMENT) == 0 &&
			(modes == NULL || modes[i] == PROARGMODE_IN))
			position = i;
	}
	if (((Form_pg_proc) GETSTRUCT(tuple))->prorettype == TRIGGEROID)
		position = -1;
	ReleaseSysCache(tuple);
	return position;
}

/* Calls visit for each row of pg_depend that refers to the object. */
static void
each_dependent(Oid class, Oid object, void (*visit)(Form_pg_depend, Search *),
			   Search *search)
{
	Relation table = table_open(DependRelationId, AccessShareLock);
	SysScanDesc scan;
	ScanKeyData keys[2];
	HeapTuple tuple;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(class));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(object));
	scan =
		systable_beginscan(table, DependReferenceIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		visit((Form_pg_depend) GETSTRUCT(tuple), search);
	systable_endscan(scan);
	table_close(table, AccessShareLock);
}

static void
look_at_member(Form_pg_depend depend, Search *search)
{
	if (depend->classid != ProcedureRelationId ||
		depend->deptype != DEPENDENCY_EXTENSION)
		return;
	search->function = depend->objid;
	search->position = model_position(depend->objid);
	if (search->position > -2)
		each_dependent(ProcedureRelationId, depend->objid, look_at_dependent,
					   search);
}

List *
angle_model_uses(const char *name)
{
	Search search = {.name = name};
	List *descriptions = NIL;
	ListCell *cell;

	each_dependent(ExtensionRelationId, get_extension_oid("angle", false),
				   look_at_member, &search);
	foreach(cell, search.found)
		descriptions = lappend(descriptions, strVal(lfirst(cell)));
	return descriptions;
}
