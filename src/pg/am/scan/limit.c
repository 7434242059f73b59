/* Limits above scans: see limit.h. */
#include "postgres.h"

#include "access/amapi.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "pg/am/am.h"
#include "pg/am/scan/limit.h"

/* For the sake of a filter no more rows than so many are prepared for: estimates may be far off. */
#define ROWS_MOST 10000.0

/* Where a filter keeps so little, as the planner thinks, that more than twice as many rows are
 * needed, so many are tested first. */
#define LOOK 128.0

/* The planner is wrong where so many rows pass, and so many times as many as it thinks: by chance
 * that happens once in some hundred times. */
#define WRONG_LEAST 4.0
#define WRONG_SHARE 4.0

struct AngleLimit
{
	const ScanKeyData *orders; /* by which the scan is known */
	const LimitState *state;
	double planned;		  /* share of the rows that pass the scan's filter */
	double share;		  /* the same, as it is thought now */
	IndexScanState *scan; /* with a filter that may be tested here */
	ExprContext *context; /* for it; NULL: there is none */
	MemoryContextCallback ends; /* of the execution: forgets this */
	AngleLimit *next;
};

/* Of all plans of the backend that are being executed. */
static AngleLimit *limits;
static ExecutorStart_hook_type next_start;

static void
forget(void *arg)
{
	AngleLimit **at = &limits;

	while (*at != NULL && *at != arg)
		at = &(*at)->next;
	if (*at != NULL)
		*at = (*at)->next;
}

/* What share of the rows passes the conditions that the executor tests. */
static double
filter_share(const IndexScanState *scan)
{
	/* plan_rows includes the condition of a partial index, which only such rows are in */
	const bool partial =
		RelationGetIndexPredicate(scan->iss_RelationDesc) != NIL;
	const Relation all =
		partial ? scan->iss_RelationDesc : scan->ss.ss_currentRelation;
	const double rows = all->rd_rel->reltuples;

	/* with conditions of the index, plan_rows says of both */
	if (scan->ss.ps.qual == NULL || scan->iss_NumScanKeys > 0 || rows <= 0)
		return 1;
	return Min(1, Max(1, scan->ss.ps.plan->plan_rows) / rows);
}

/* Prepares the test of the scan's filter, if it may be made more than once for a row. */
static void
prepare_filter(AngleLimit *limit, IndexScanState *scan)
{
	Node *filter = (Node *) scan->ss.ps.plan->qual;

	if (scan->ss.ps.qual == NULL || contain_volatile_functions(filter) ||
		contain_subplans(filter))
		return;
	limit->scan = scan;
	limit->context = CreateExprContext(scan->ss.ps.state);
}

static void
note(IndexScanState *scan, const LimitState *state)
{
	MemoryContext memory = scan->ss.ps.state->es_query_cxt;
	AngleLimit *limit;

	if (scan->iss_NumOrderByKeys == 0 || scan->iss_RelationDesc == NULL ||
		scan->iss_RelationDesc->rd_indam->ambeginscan != angle_beginscan)
		return;
	limit = MemoryContextAlloc(memory, sizeof(AngleLimit));
	*limit = (AngleLimit){.orders = scan->iss_OrderByKeys,
						  .state = state,
						  .planned = filter_share(scan),
						  .ends = {forget, limit, NULL},
						  .next = limits};
	prepare_filter(limit, scan);
	MemoryContextRegisterResetCallback(memory, &limit->ends);
	limits = limit;
}

/* Notes the scans that give their rows to state as they come. */
static void
note_below(PlanState *plan, const LimitState *state)
{
	if (plan == NULL)
		return;
	switch (nodeTag(plan))
	{
		case T_IndexScanState:
			note((IndexScanState *) plan, state);
			break;
		case T_LockRowsState:
		case T_ResultState:
			if (plan->qual == NULL)
				note_below(outerPlanState(plan), state);
			break;
		case T_SubqueryScanState:
			if (plan->qual == NULL)
				note_below(((SubqueryScanState *) plan)->subplan, state);
			break;
		case T_MergeAppendState:
			for (int i = 0; i < ((MergeAppendState *) plan)->ms_nplans; i++)
				note_below(((MergeAppendState *) plan)->mergeplans[i], state);
			break;
		default:
			break;
	}
}

static bool
visit(PlanState *plan, void *context)
{
	if (IsA(plan, LimitState))
		note_below(outerPlanState(plan), (LimitState *) plan);
	return planstate_tree_walker(plan, visit, context);
}

static void
start_plan(QueryDesc *query, int flags)
{
	if (next_start != NULL)
		next_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
	if (query->planstate != NULL && !(flags & EXEC_FLAG_EXPLAIN_ONLY))
		(void) visit(query->planstate, NULL);
}

void
angle_am_watch_limits(void)
{
	next_start = ExecutorStart_hook;
	ExecutorStart_hook = start_plan;
}

AngleLimit *
angle_limit_find(const ScanKeyData *orders)
{
	for (AngleLimit *limit = limits; limit != NULL; limit = limit->next)
		if (limit->orders == orders)
			return limit;
	return NULL;
}

void
angle_limit_begin(AngleLimit *limit)
{
	if (limit != NULL)
		limit->share = limit->planned;
}

/* How many the LIMIT is about. */
static double
rows_wanted(const AngleLimit *limit)
{
	return limit->state->count + (double) limit->state->offset;
}

double
angle_limit_rows(const AngleLimit *limit)
{
	if (limit == NULL || limit->state->noCount)
		return 0;
	return Max(rows_wanted(limit),
			   Min(rows_wanted(limit) / limit->share, ROWS_MOST));
}

double
angle_limit_look(const AngleLimit *limit)
{
	const double rows = angle_limit_rows(limit);
	double look;

	if (rows == 0 || limit->context == NULL)
		return rows;
	look = Max(LOOK, rows_wanted(limit));
	return rows > 2 * look ? look : rows;
}

void
angle_limit_learn(AngleLimit *limit, double passed, double dropped)
{
	const double tested = passed + dropped;

	if (passed >= WRONG_LEAST && passed > WRONG_SHARE * limit->share * tested)
		limit->share = passed / tested;
}

double
angle_limit_nearest(const AngleLimit *limit, double given, double ready,
					double dropped)
{
	const double passed = given + ready;
	const double tested = passed + dropped;
	double wanted, share;

	if (limit == NULL || limit->state->noCount || given >= rows_wanted(limit))
		return 0;
	wanted = rows_wanted(limit);
	/* what is thought of it counts as much as so many rows that are wanted */
	share = (wanted + passed) / (wanted / limit->share + tested);
	return passed < wanted
			   ? tested + Min((wanted - passed) / share, Max(ROWS_MOST, tested))
			   : wanted / share;
}

bool
angle_limit_passes(AngleLimit *limit, TupleTableSlot *slot)
{
	bool passes;

	if (limit == NULL || limit->context == NULL)
		return true;
	limit->context->ecxt_scantuple = slot;
	passes = ExecQual(limit->scan->ss.ps.qual, limit->context);
	if (!passes)
		InstrCountFiltered1(limit->scan, 1);
	ResetExprContext(limit->context);
	return passes;
}
