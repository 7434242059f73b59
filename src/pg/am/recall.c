/*
 * angle_index_recall(): what share of the nearest rows a search finds.
 *
 * A row is found right if it is not farther than the last of the nearest ones, so that equal
 * rows are.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "core/base/rng.h"
#include "pg/am/inspect.h"
#include "pg/am/store/pick.h"
#include "pg/pg_compat.h"
#include "pg/settings.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_index_recall);

typedef struct Recall
{
	Relation index;
	Relation heap;
	EState *estate;
	IndexInfo *info;
	IndexFetchTableData *fetch; /* of heap */
	TupleTableSlot *slot;
	StrategyNumber strategy; /* of the ordering operator */
	Oid distance;			 /* its function */
	int wanted;				 /* nearest rows */
	double last; /* of all rows, the distance of the last of these */
	int64 expected;
	int64 hits;
} Recall;

/* The strategy of the index's first ordering operator. */
static StrategyNumber
first_strategy(Relation index)
{
	switch (angle_index_metric(index))
	{
		case ANGLE_METRIC_L2:
			return ANGLE_STRATEGY_L2;
		case ANGLE_METRIC_INNER_PRODUCT:
			return ANGLE_STRATEGY_IP;
		default:
			return ANGLE_STRATEGY_COSINE;
	}
}

/* The function of the operator that strategy stands for. */
static Oid
find_operator(const Recall *recall)
{
	const Oid type = recall->index->rd_opcintype[0];
	const Oid op = get_opfamily_member(recall->index->rd_opfamily[0], type,
									   type, recall->strategy);

	if (!OidIsValid(op))
		elog(ERROR, "index \"%s\" has no ordering operator",
			 RelationGetRelationName(recall->index));
	return get_opcode(op);
}

/* The nearest of all rows are counted as expected, and the last of them noted; of those that
 * the session's search finds as many as are not farther. */
static void
count_rows(Recall *recall, IndexScanDesc scan, bool exact)
{
	for (int i = 0;
		 i < recall->wanted &&
		 index_getnext_slot(scan, ForwardScanDirection, recall->slot) &&
		 !scan->xs_orderbynulls[0];
		 i++)
	{
		const double distance = DatumGetFloat8(scan->xs_orderbyvals[0]);

		if (exact)
		{
			recall->expected++;
			recall->last = distance;
		}
		else if (distance <= recall->last)
			recall->hits++;
	}
}

/* Searches all rows, or with the settings of the session. */
static void
search_rows(Recall *recall, Datum query, bool exact)
{
	IndexScanDesc scan = angle_index_beginscan(recall->heap, recall->index,
											   GetActiveSnapshot(), 0, 1);
	const double target = angle_recall_target;
	const int probes = angle_probes;
	ScanKeyData order;

	ScanKeyEntryInitialize(&order, SK_ORDER_BY, 1, recall->strategy,
						   recall->index->rd_opcintype[0], InvalidOid,
						   recall->distance, query);
	if (exact)
	{
		angle_recall_target = 1;
		angle_probes = 0;
	}
	PG_TRY();
	{
		index_rescan(scan, NULL, 0, &order, 1);
		count_rows(recall, scan, exact);
	}
	PG_FINALLY();
	{
		angle_recall_target = target;
		angle_probes = probes;
	}
	PG_END_TRY();
	ExecClearTuple(recall->slot);
	index_endscan(scan);
}

/* What the index has of the row in the slot. */
static void
form_row(Recall *recall, Datum *values, bool *nulls)
{
	ResetPerTupleExprContext(recall->estate);
	GetPerTupleExprContext(recall->estate)->ecxt_scantuple = recall->slot;
	FormIndexDatum(recall->info, recall->slot, recall->estate, values, nulls);
}

/* Compares both searches for the vector of a row that tid leads to; false if none can be
 * seen. */
static bool
try_row(Recall *recall, ItemPointer tid)
{
	Datum values[INDEX_MAX_KEYS];
	bool nulls[INDEX_MAX_KEYS];
	bool again = false;

	if (!table_index_fetch_tuple(recall->fetch, tid, GetActiveSnapshot(),
								 recall->slot, &again, NULL))
		return false;
	form_row(recall, values, nulls);
	table_index_fetch_reset(recall->fetch);
	if (nulls[0])
		return false;
	values[0] = PointerGetDatum(PG_DETOAST_DATUM_COPY(values[0]));
	search_rows(recall, values[0], true);
	search_rows(recall, values[0], false);
	pfree(DatumGetPointer(values[0]));
	return true;
}

/* Looks for rows until there are enough, or no hope of them. */
static void
try_rows(Recall *recall, int samples)
{
	AngleIndex *self = angle_index_open(recall->index);
	ItemPointerData tid;
	const uint32 tree = angle_meta_read(recall->index).tree;
	AngleRng rng;
	int64 tries = (int64) samples * 100;

	angle_rng_seed(&rng, 1);
	while (self->layout.dims > 0 && samples > 0 && tries-- > 0)
	{
		CHECK_FOR_INTERRUPTS();
		if (angle_pick_row(recall->index, &self->layout, tree, &rng, &tid,
						   NULL) &&
			try_row(recall, &tid))
			samples--;
	}
}

static void
check_arguments(int wanted, int samples)
{
	if (wanted < 1 || wanted > 1000)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("\"k\" must be between 1 and 1000, not %d", wanted));
	if (samples < 1 || samples > 100000)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("\"samples\" must be between 1 and 100000, not %d",
					   samples));
}

Datum
angle_index_recall(PG_FUNCTION_ARGS)
{
	Recall recall = {0};

	check_arguments(PG_GETARG_INT32(1), PG_GETARG_INT32(2));
	recall.index = angle_inspect_open(PG_GETARG_OID(0), &recall.heap);
	recall.estate = CreateExecutorState();
	recall.info = BuildIndexInfo(recall.index);
	recall.fetch = table_index_fetch_begin(recall.heap);
	recall.slot = table_slot_create(recall.heap, NULL);
	recall.strategy = first_strategy(recall.index);
	recall.distance = find_operator(&recall);
	recall.wanted = PG_GETARG_INT32(1);
	try_rows(&recall, PG_GETARG_INT32(2));
	ExecDropSingleTupleTableSlot(recall.slot);
	table_index_fetch_end(recall.fetch);
	FreeExecutorState(recall.estate);
	table_close(recall.heap, AccessShareLock);
	relation_close(recall.index, AccessShareLock);
	if (recall.expected == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((double) recall.hits / recall.expected);
}
