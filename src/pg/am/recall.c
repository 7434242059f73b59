/* angle_index_recall(): what share of the nearest rows a search finds. */
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
	int wanted; /* nearest rows */
	EState *estate;
	IndexInfo *info;
	TupleTableSlot *slot;
	ItemPointerData *exact; /* (wanted) */
	ItemPointerData *found; /* (wanted) */
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

/* Fills tids by a search of all rows, or by one with the settings of the session;
 * returns how many rows it gave. */
static int
search_rows(Recall *recall, Datum query, ItemPointerData *tids)
{
	IndexScanDesc scan = angle_index_beginscan(recall->heap, recall->index,
											   GetActiveSnapshot(), 0, 1);
	const double target = angle_recall_target;
	const int probes = angle_probes;
	ScanKeyData order;
	int count = 0;

	memset(&order, 0, sizeof(order));
	order.sk_attno = 1;
	order.sk_strategy = first_strategy(recall->index);
	order.sk_argument = query;
	if (tids == recall->exact)
	{
		angle_recall_target = 1;
		angle_probes = 0;
	}
	PG_TRY();
	{
		index_rescan(scan, NULL, 0, &order, 1);
		while (count < recall->wanted &&
			   index_getnext_slot(scan, ForwardScanDirection, recall->slot))
			tids[count++] = recall->slot->tts_tid;
	}
	PG_FINALLY();
	{
		angle_recall_target = target;
		angle_probes = probes;
	}
	PG_END_TRY();
	ExecClearTuple(recall->slot);
	index_endscan(scan);
	return count;
}

/* Compares both searches for the vector of the row at tid; nothing if the row
 * cannot be seen. */
static void
try_row(Recall *recall, ItemPointer tid)
{
	Datum values[INDEX_MAX_KEYS];
	bool nulls[INDEX_MAX_KEYS];
	int exact, found;

	if (!table_tuple_fetch_row_version(recall->heap, tid, GetActiveSnapshot(),
									   recall->slot))
		return;
	ResetPerTupleExprContext(recall->estate);
	GetPerTupleExprContext(recall->estate)->ecxt_scantuple = recall->slot;
	FormIndexDatum(recall->info, recall->slot, recall->estate, values, nulls);
	if (nulls[0])
		return;
	values[0] = PointerGetDatum(PG_DETOAST_DATUM_COPY(values[0]));
	exact = search_rows(recall, values[0], recall->exact);
	found = search_rows(recall, values[0], recall->found);
	recall->expected += exact;
	for (int i = 0; i < exact; i++)
		for (int j = 0; j < found; j++)
			if (ItemPointerEquals(&recall->exact[i], &recall->found[j]))
			{
				recall->hits++;
				break;
			}
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

Datum
angle_index_recall(PG_FUNCTION_ARGS)
{
	Recall recall = {.wanted = PG_GETARG_INT32(1)};

	check_arguments(recall.wanted, PG_GETARG_INT32(2));
	recall.index = angle_inspect_open(PG_GETARG_OID(0));
	recall.heap =
		table_open(IndexGetRelation(PG_GETARG_OID(0), false), AccessShareLock);
	recall.estate = CreateExecutorState();
	recall.info = BuildIndexInfo(recall.index);
	recall.slot = table_slot_create(recall.heap, NULL);
	recall.exact = palloc(recall.wanted * sizeof(ItemPointerData));
	recall.found = palloc(recall.wanted * sizeof(ItemPointerData));
	try_rows(&recall, PG_GETARG_INT32(2));
	ExecDropSingleTupleTableSlot(recall.slot);
	FreeExecutorState(recall.estate);
	table_close(recall.heap, AccessShareLock);
	relation_close(recall.index, AccessShareLock);
	if (recall.expected == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((double) recall.hits / recall.expected);
}
