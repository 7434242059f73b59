/*
 * Distances that a plan computes and nobody reads.
 *
 * The rows of an index scan come in order, and yet PostgreSQL has the scan compute what
 * they are ordered by for each row that it gives: a column that the top of the plan
 * drops again. For an index on angle_embed(…) that would mean to embed the text of each
 * row once more, for milliseconds, where all else takes one. So in plans that are made
 * the column is NULL, where the query has not asked for it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/planner.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "pg/am/am.h"

static planner_hook_type next_planner;

static bool
is_ours(Oid index)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(index));
	char *am;

	if (!HeapTupleIsValid(tuple))
		return false;
	am = get_am_name(((Form_pg_class) GETSTRUCT(tuple))->relam);
	ReleaseSysCache(tuple);
	return am != NULL && strcmp(am, "angle") == 0;
}

/* The columns of a scan that give the order are NULL where they are dropped. */
static void
forget_order(IndexScan *scan)
{
	ListCell *cell;

	if (scan->indexorderbyorig == NIL || !is_ours(scan->indexid))
		return;
	foreach(cell, scan->scan.plan.targetlist)
	{
		TargetEntry *column = lfirst(cell);

		if (column->resjunk &&
			equal(column->expr, linitial(scan->indexorderbyorig)))
			column->expr = (Expr *) makeNullConst(FLOAT8OID, -1, InvalidOid);
	}
}

static void visit(Plan *plan, bool whole);

static void
visit_all(List *plans)
{
	ListCell *cell;

	foreach(cell, plans)
		visit(lfirst(cell), false);
}

/* whole is whether the plan's rows are those of a whole query, from which its columns
 * that are junk are dropped: nodes in between may read them. */
static void
visit(Plan *plan, bool whole)
{
	if (plan == NULL)
		return;
	check_stack_depth();
	switch (nodeTag(plan))
	{
		case T_IndexScan:
			if (whole)
				forget_order((IndexScan *) plan);
			break;
		case T_Limit:
			/* the last node of a query; WITH TIES compares the columns */
			visit(plan->lefttree,
				  ((Limit *) plan)->limitOption != LIMIT_OPTION_WITH_TIES);
			break;
		case T_SubqueryScan:
			visit(((SubqueryScan *) plan)->subplan, true);
			break;
		case T_Append:
			visit_all(((Append *) plan)->appendplans);
			break;
		case T_MergeAppend:
			visit_all(((MergeAppend *) plan)->mergeplans);
			break;
		default:
			visit(plan->lefttree, false);
			visit(plan->righttree, false);
	}
}

static PlannedStmt *
plan_query(Query *query, const char *text, int options, ParamListInfo params)
{
	PlannedStmt *planned = next_planner != NULL
							   ? next_planner(query, text, options, params)
							   : standard_planner(query, text, options, params);
	ListCell *cell;

	visit(planned->planTree, true);
	foreach(cell, planned->subplans)
		visit(lfirst(cell), true);
	return planned;
}

void
angle_am_watch_plans(void)
{
	next_planner = planner_hook;
	planner_hook = plan_query;
}
