/*
 * What the planner is told a distance costs: it grows with the dimensions, and a
 * vector that lies outside of its row has to be fetched first, which takes longer
 * than all else. Without that a sequential scan over such vectors would look
 * cheaper than an index.
 *
 * In units of cpu_operator_cost, which is about 5 ns where everything is in
 * memory: PostgreSQL 15, 384 dimensions, 0.2 µs for a distance within the row;
 * 768 dimensions, 4 µs with a fetch of two pieces. That is for rows in any order, as
 * a filter leaves them; all rows of a table in order take a third (vector_toast.h).
 */
#include "postgres.h"

#include "access/heaptoast.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "pg/type/vector.h"

#define CALL_COST 10.0
#define DIMENSION_COST 0.1
#define FETCH_COST 400.0
#define PIECE_COST 200.0

/* Where dimensions are not known. */
#define DIMENSIONS_GUESS 768

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_distance_support);

static List *
arguments(Node *call)
{
	if (call != NULL && IsA(call, OpExpr))
		return ((OpExpr *) call)->args;
	if (call != NULL && IsA(call, FuncExpr))
		return ((FuncExpr *) call)->args;
	return NIL;
}

/* Whether vectors of this size in a table's column lie outside of their rows.
 * ANALYZE records the width of what is in the row, which then is a pointer. */
static bool
lies_outside(Oid table, AttrNumber column, Size size)
{
	int32 width = get_attavgwidth(table, column);

	return width > 0 ? width < size / 2 : size > TOAST_TUPLE_THRESHOLD;
}

/* What it costs to fetch the vector of a column; nothing for what is none. */
static double
fetch_cost(PlannerInfo *root, Node *argument, int dims)
{
	const Size size = ANGLE_VECTOR_SIZE(dims);
	RangeTblEntry *entry;
	Var *var = (Var *) argument;

	if (root == NULL || !IsA(argument, Var) || var->varlevelsup != 0 ||
		var->varattno <= 0)
		return 0;
	entry = planner_rt_fetch(var->varno, root);
	if (entry->rtekind != RTE_RELATION ||
		!lies_outside(entry->relid, var->varattno, size))
		return 0;
	return FETCH_COST + PIECE_COST * (1 + size / TOAST_MAX_CHUNK_SIZE);
}

Datum
angle_distance_support(PG_FUNCTION_ARGS)
{
	Node *request = (Node *) PG_GETARG_POINTER(0);
	SupportRequestCost *cost;
	int dims = -1;
	double units;
	ListCell *cell;

	if (!IsA(request, SupportRequestCost))
		PG_RETURN_POINTER(NULL);
	cost = (SupportRequestCost *) request;
	foreach(cell, arguments(cost->node))
		dims = Max(dims, exprTypmod(lfirst(cell)));
	if (dims < 1)
		dims = DIMENSIONS_GUESS;
	units = CALL_COST + DIMENSION_COST * dims;
	foreach(cell, arguments(cost->node))
		units += fetch_cost(cost->root, lfirst(cell), dims);
	cost->startup = 0;
	cost->per_tuple = units * cpu_operator_cost;
	PG_RETURN_POINTER(cost);
}
