/* What the access method says of itself, its options and operator classes. */
#include "postgres.h"

#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_type.h"
#include "commands/progress.h"
#include "commands/vacuum.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "pg/am/am.h"
#include "pg/am/build/phase.h"
#include "pg/am/store/index.h"
#include "pg/pg_compat.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_handler);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_metric_cosine);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_metric_l2);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_metric_inner_product);

static relopt_kind option_kind;

static void
check_rerank(int bits)
{
	if (!angle_rerank_has(bits))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("invalid value %d for option \"rerank\"", bits),
				errdetail("Valid values are 4, 6, 7, 8 and 16."));
}

void
angle_am_define_options(void)
{
	option_kind = add_reloption_kind();
	add_int_reloption(
		option_kind, "rerank",
		"Bits of a coordinate in re-rank codes: 4, 6, 7, 8 or 16.",
		ANGLE_RERANK_BITS, 4, 16, AccessExclusiveLock);
}

static bytea *
parse_options(Datum reloptions, bool validate)
{
	static const relopt_parse_elt places[] = {
		{"rerank", RELOPT_TYPE_INT, offsetof(AngleOptions, rerank)}};
	AngleOptions *options =
		build_reloptions(reloptions, validate, option_kind,
						 sizeof(AngleOptions), places, lengthof(places));

	if (validate && options != NULL)
		check_rerank(options->rerank);
	return (bytea *) options;
}

/* Whether the members of an operator class are those of a vector's or those of
 * a scalar's; says what is wrong, at level INFO as amvalidate() does. */
static bool
validate_member(Form_pg_amop member, const char *opclass)
{
	bool order = member->amoppurpose == AMOP_ORDER;
	bool vector = member->amopstrategy >= ANGLE_STRATEGY_COSINE;

	if (member->amopstrategy < 1 || member->amopstrategy > ANGLE_STRATEGIES ||
		order != vector)
	{
		ereport(
			INFO, errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			errmsg(
				"operator class \"%s\" of access method angle contains operator %s with invalid strategy number %d",
				opclass, format_operator(member->amopopr),
				member->amopstrategy));
		return false;
	}
	return check_amop_signature(member->amopopr, order ? FLOAT8OID : BOOLOID,
								member->amoplefttype, member->amoprighttype);
}

static bool
validate_support(Form_pg_amproc support, const char *opclass)
{
	if (support->amprocnum == ANGLE_SUPPORT_METRIC)
		return check_amproc_signature(support->amproc, INT4OID, true, 0, 0);
	if (support->amprocnum == ANGLE_SUPPORT_HASH)
		return check_amproc_signature(support->amproc, INT8OID, true, 2, 2,
									  support->amproclefttype, INT8OID);
	ereport(
		INFO, errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
		errmsg(
			"operator class \"%s\" of access method angle contains function %s with invalid support number %d",
			opclass, format_procedure(support->amproc), support->amprocnum));
	return false;
}

static bool
validate_family(Oid family, const char *name)
{
	CatCList *list =
		SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(family));
	bool valid = true;

	for (int i = 0; i < list->n_members; i++)
		valid &= validate_member(
			(Form_pg_amop) GETSTRUCT(&list->members[i]->tuple), name);
	ReleaseCatCacheList(list);
	list = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(family));
	for (int i = 0; i < list->n_members; i++)
		valid &= validate_support(
			(Form_pg_amproc) GETSTRUCT(&list->members[i]->tuple), name);
	ReleaseCatCacheList(list);
	return valid;
}

static bool
validate(Oid opclass)
{
	HeapTuple tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	Form_pg_opclass form;
	bool valid;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclass);
	form = (Form_pg_opclass) GETSTRUCT(tuple);
	valid = validate_family(form->opcfamily, NameStr(form->opcname));
	ReleaseSysCache(tuple);
	return valid;
}

static char *
phase_name(int64 phase)
{
	switch (phase)
	{
		case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
			return "initializing";
		case ANGLE_BUILD_SAMPLE:
			return "sampling rows";
		case ANGLE_BUILD_PARTITION:
			return "clustering the sample";
		case ANGLE_BUILD_SCAN:
			return "scanning the table";
		case ANGLE_BUILD_SORT:
			return "sorting by partition";
		case ANGLE_BUILD_WRITE:
			return "clustering and writing lists";
		case ANGLE_BUILD_CALIBRATE:
			return "measuring recall";
		default:
			return NULL;
	}
}

static void
set_abilities(IndexAmRoutine *am)
{
	am->amstrategies = ANGLE_STRATEGIES;
	am->amsupport = ANGLE_SUPPORTS;
	am->amoptsprocnum = 0;
	am->amcanorder = false;
	am->amcanorderbyop = true;
	am->amcanbackward = false;
	am->amcanunique = false;
	am->amcanmulticol = true;
	am->amoptionalkey = true;
	am->amsearcharray = true;
	am->amsearchnulls = false; /* NULL vectors are not in the index */
	am->amstorage = false;
	am->amclusterable = false;
	am->ampredlocks = false;
	am->amcanparallel = false;
	am->amcaninclude = false;
	am->amusemaintenanceworkmem = true;
	am->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
	am->amkeytype = InvalidOid;
	ANGLE_SET_LATER_ABILITIES(am);
}

/* There is no amgetbitmap: without an order the index has nothing to give that
 * a sequential scan would not give sooner. */
Datum
angle_handler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *am = makeNode(IndexAmRoutine);

	set_abilities(am);
	am->ambuild = angle_build;
	am->ambuildempty = angle_buildempty;
	am->aminsert = angle_insert;
	am->ambulkdelete = angle_bulkdelete;
	am->amvacuumcleanup = angle_vacuumcleanup;
	am->amcostestimate = angle_costestimate;
	am->amoptions = parse_options;
	am->ambuildphasename = phase_name;
	am->amvalidate = validate;
	am->ambeginscan = angle_beginscan;
	am->amrescan = angle_rescan;
	am->amgettuple = angle_gettuple;
	am->amendscan = angle_endscan;
	PG_RETURN_POINTER(am);
}

Datum
angle_metric_cosine(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(ANGLE_METRIC_COSINE);
}

Datum
angle_metric_l2(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(ANGLE_METRIC_L2);
}

Datum
angle_metric_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(ANGLE_METRIC_INNER_PRODUCT);
}
