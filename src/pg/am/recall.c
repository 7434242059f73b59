/*
 * angle_index_recall(): what share of the nearest rows a search finds.
 *
 * An index gives rows by lower bounds of their distances; the executor computes the
 * distances and holds rows back until they are due. The same is done here. A row is found
 * right if it is not farther than the last of the nearest ones, so that equal rows are.
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

#include "core/ann/heap.h"
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
	TupleTableSlot *slot;
	StrategyNumber strategy; /* of the ordering operator */
	FmgrInfo distance;		 /* the operator */
	AngleTop exact;			 /* of all rows, the (wanted) nearest */
	AngleTop found;			 /* of those that the session's search gives */
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

/* The operator that strategy stands for. */
static void
find_distance(Recall *recall)
{
	const Oid type = recall->index->rd_opcintype[0];
	const Oid op = get_opfamily_member(recall->index->rd_opfamily[0], type,
									   type, recall->strategy);

	if (!OidIsValid(op))
		elog(ERROR, "index \"%s\" has no ordering operator",
			 RelationGetRelationName(recall->index));
	fmgr_info(get_opcode(op), &recall->distance);
}

/* What the index has of the row in the slot. */
static void
form_row(Recall *recall, Datum *values, bool *nulls)
{
	ResetPerTupleExprContext(recall->estate);
	GetPerTupleExprContext(recall->estate)->ecxt_scantuple = recall->slot;
	FormIndexDatum(recall->info, recall->slot, recall->estate, values, nulls);
}

/* The distance of the row in the slot; of an expression, which is not computed again,
 * that by which the scan orders. */
static double
row_distance(Recall *recall, IndexScanDesc scan, Datum query)
{
	Datum values[INDEX_MAX_KEYS];
	bool nulls[INDEX_MAX_KEYS];

	if (!scan->xs_recheckorderby)
		return DatumGetFloat8(scan->xs_orderbyvals[0]);
	form_row(recall, values, nulls);
	return DatumGetFloat8(FunctionCall2(&recall->distance, values[0], query));
}

/* The nearest rows that a scan gives. */
static void
take_nearest(Recall *recall, IndexScanDesc scan, Datum query, AngleTop *top)
{
	top->count = 0;
	while (index_getnext_slot(scan, ForwardScanDirection, recall->slot) &&
		   !scan->xs_orderbynulls[0])
	{
		if (DatumGetFloat8(scan->xs_orderbyvals[0]) >= angle_top_limit(top))
			break;
		(void) angle_top_offer(top, row_distance(recall, scan, query), 0);
	}
}

/* The nearest of all rows, or of those that the session's settings find. */
static void
search_rows(Recall *recall, Datum query, AngleTop *top)
{
	IndexScanDesc scan = angle_index_beginscan(recall->heap, recall->index,
											   GetActiveSnapshot(), 0, 1);
	const double target = angle_recall_target;
	const int probes = angle_probes;
	ScanKeyData order;

	memset(&order, 0, sizeof(order));
	order.sk_attno = 1;
	order.sk_strategy = recall->strategy;
	order.sk_argument = query;
	if (top == &recall->exact)
	{
		angle_recall_target = 1;
		angle_probes = 0;
	}
	PG_TRY();
	{
		index_rescan(scan, NULL, 0, &order, 1);
		take_nearest(recall, scan, query, top);
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

/* Compares both searches for the vector of the row at tid; nothing if the row
 * cannot be seen. */
static void
try_row(Recall *recall, ItemPointer tid)
{
	Datum values[INDEX_MAX_KEYS];
	bool nulls[INDEX_MAX_KEYS];

	if (!table_tuple_fetch_row_version(recall->heap, tid, GetActiveSnapshot(),
									   recall->slot))
		return;
	form_row(recall, values, nulls);
	if (nulls[0])
		return;
	values[0] = PointerGetDatum(PG_DETOAST_DATUM_COPY(values[0]));
	search_rows(recall, values[0], &recall->exact);
	search_rows(recall, values[0], &recall->found);
	recall->expected += recall->exact.count;
	for (size_t i = 0; i < recall->found.count; i++)
		if (recall->found.items[i].key <= recall->exact.items[0].key)
			recall->hits++;
	pfree(DatumGetPointer(values[0]));
}

/* Looks for rows until there are enough, or no hope of them. */
static void
try_rows(Recall *recall, int samples)
{
	AngleIndex *self = angle_index_open(recall->index);
	ItemPointerData tid;
	AngleRng rng;
	int64 tries = (int64) samples * 100;

	angle_rng_seed(&rng, 1);
	while (self->layout.dims > 0 && samples > 0 && tries-- > 0)
	{
		CHECK_FOR_INTERRUPTS();
		if (!angle_pick_row(recall->index, &self->layout, &rng, &tid, NULL))
			continue;
		try_row(recall, &tid);
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

static void
make_top(AngleTop *top, int wanted)
{
	angle_top_init(top, palloc(wanted * sizeof(AngleCandidate)), wanted);
}

Datum
angle_index_recall(PG_FUNCTION_ARGS)
{
	Recall recall = {0};

	check_arguments(PG_GETARG_INT32(1), PG_GETARG_INT32(2));
	recall.index = angle_inspect_open(PG_GETARG_OID(0));
	recall.heap =
		table_open(IndexGetRelation(PG_GETARG_OID(0), false), AccessShareLock);
	recall.estate = CreateExecutorState();
	recall.info = BuildIndexInfo(recall.index);
	recall.slot = table_slot_create(recall.heap, NULL);
	recall.strategy = first_strategy(recall.index);
	find_distance(&recall);
	make_top(&recall.exact, PG_GETARG_INT32(1));
	make_top(&recall.found, PG_GETARG_INT32(1));
	try_rows(&recall, PG_GETARG_INT32(2));
	ExecDropSingleTupleTableSlot(recall.slot);
	FreeExecutorState(recall.estate);
	table_close(recall.heap, AccessShareLock);
	relation_close(recall.index, AccessShareLock);
	if (recall.expected == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((double) recall.hits / recall.expected);
}
