/*
 * The cost of a scan, from the pages and rows that it will touch.
 *
 * Before the first row a scan reads inner nodes and some leaves, the same few
 * however large the table is. From there on every row costs its share of a
 * leaf, a look at its body, and the visit of the table, which the planner adds.
 * With a filter on columns of the index, rows that it drops cost only their
 * share of a leaf.
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/float.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

#include "pg/am/am.h"
#include "pg/am/index.h"
#include "pg/pg_compat.h"

/* Leaves that a scan reads before its first row, of text embeddings at a
 * recall of 0.95. */
#define LEAVES_FIRST 20.0

/* Rows that are looked up in body pages before the first row. */
#define ROWS_FIRST 60.0

/* What it takes to look at the code of a row, in units of cpu_operator_cost. */
#define CODE_COST 0.05

/* And at a body, or at a centroid, for each 100 dimensions. */
#define BODY_COST 0.1

typedef struct Shape
{
	double rows; /* in the index */
	double leaves;
	double nodes;  /* inner */
	double bodies; /* cost of a body */
	int pages;	   /* of a segment */
	int fanout;
	double height;
} Shape;

static Shape
get_shape(IndexOptInfo *info)
{
	Relation index = index_open(info->indexoid, NoLock);
	AngleMeta meta = angle_meta_read(index);
	Shape shape = {.rows = Max(1, info->tuples), .pages = Max(2, meta.pages)};

	index_close(index, NoLock);
	shape.leaves = Max(1, info->pages / shape.pages);
	shape.fanout = Max(2, meta.fanout);
	shape.nodes = Max(1, shape.leaves / shape.fanout);
	shape.height = meta.height;
	shape.bodies = cpu_operator_cost * (1 + BODY_COST * meta.dims / 100.0);
	return shape;
}

/* Whether the path asks for what an index can do: one order, by one distance. */
static bool
path_is_ordered(const IndexPath *path)
{
	return list_length(path->indexorderbys) == 1;
}

void
angle_costestimate(PlannerInfo *root, IndexPath *path, double loop_count,
				   Cost *startup_cost, Cost *total_cost,
				   Selectivity *selectivity, double *correlation, double *pages)
{
	IndexOptInfo *info = path->indexinfo;
	GenericCosts costs;
	Shape shape;
	double random, first_leaves, first_rows, inner;

	memset(&costs, 0, sizeof(costs));
	if (!path_is_ordered(path))
	{
		*startup_cost = *total_cost = get_float8_infinity();
		*selectivity = *correlation = *pages = 0;
		ANGLE_DISABLE_PATH(path);
		return;
	}
	genericcostestimate(root, path, loop_count, &costs);
	shape = get_shape(info);
	get_tablespace_page_costs(info->reltablespace, &random, NULL);

	first_leaves = Min(LEAVES_FIRST, shape.leaves);
	first_rows = Min(ROWS_FIRST, shape.rows);
	inner = Min(shape.nodes, 1 + shape.height * 3);
	*startup_cost =
		random * (inner * shape.pages + first_leaves + first_rows / 4) +
		inner * shape.fanout * shape.bodies +
		first_leaves / shape.leaves * shape.rows * CODE_COST *
			cpu_operator_cost +
		first_rows * shape.bodies + costs.indexStartupCost;
	*total_cost = *startup_cost + random * (shape.leaves * shape.pages) * 0.5 +
				  shape.rows * CODE_COST * cpu_operator_cost +
				  shape.rows * costs.indexSelectivity *
					  (shape.bodies + cpu_index_tuple_cost);
	*selectivity = costs.indexSelectivity;
	*correlation = 0;
	*pages = shape.leaves * shape.pages;
}
