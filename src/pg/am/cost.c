/*
 * The cost of a scan, from the pages and rows that it will touch.
 *
 * Before the first row a scan reads inner nodes and some leaves, as the stop rule
 * has it (store/stop.h): not more for a larger table. Rows behind the first few cost
 * more leaves, though less and less each, so cost is no straight line from the
 * first row to the last. The planner draws one all the same, to know what LIMIT
 * costs. Where it has told how many rows are wanted, the line is laid through the
 * first row and that one; where a filter of the table drops rows, those count.
 *
 * For the visits of the table the planner draws a line, too, to where it has read
 * every page. The first rows lie each on a page of its own: what that costs more
 * is added here.
 *
 * Inner nodes are taken to be in memory, as nbtree has it. Leaves are read at
 * random; bodies of the few rows that are looked up lie on fewer pages, for those
 * of rows near to one another lie together.
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
#include "pg/am/store/index.h"
#include "pg/am/store/stop.h"
#include "pg/pg_compat.h"
#include "pg/settings.h"

/* In units of cpu_operator_cost: a row's code, a row's body with its way
 * through the queue, and what both bodies and centroids take for each 100
 * dimensions. */
#define CODE_COST 2.0
#define BODY_COST 20.0
#define DIMENSIONS_COST 3.0

/* Rows that are looked up for the first one, and for each: what codes say are bounds. Counted on
 * text embeddings. */
#define LOOKED_UP_FIRST 25.0
#define LOOKED_UP_EACH 3.2

typedef struct Model
{
	PlannerInfo *root;
	IndexOptInfo *info;
	AngleMeta meta;
	AngleLayout layout;
	double rows;	/* that pass the conditions of the index */
	double leaves;	/* in the index */
	double nodes;	/* inner */
	double density; /* rows of a leaf that pass */
	double quals;	/* cost of the conditions of a row */
	double random;	/* cost of a page */
	double sequential;
} Model;

static void
model_init(Model *model, PlannerInfo *root, const IndexPath *path,
		   const GenericCosts *generic)
{
	IndexOptInfo *info = path->indexinfo;
	Relation index = index_open(info->indexoid, NoLock);

	model->root = root;
	model->info = info;
	model->meta = angle_meta_read(index);
	index_close(index, NoLock);
	angle_layout_init(&model->layout, Max(1, model->meta.dims),
					  model->meta.bits, model->meta.keys);
	model->rows = Max(1, generic->numIndexTuples);
	/* an index that was built anew by VACUUM has as many free pages */
	model->leaves = Max(1, Min(info->pages * angle_leaf_share(&model->layout),
							   angle_leaves_of(&model->layout, info->tuples)));
	model->nodes = Max(1, model->leaves / (0.7 * model->layout.fanout));
	model->density = model->rows / model->leaves;
	model->quals = cpu_operator_cost * list_length(path->indexclauses);
	get_tablespace_page_costs(info->reltablespace, &model->random,
							  &model->sequential);
}

/* Leaves that are read for so many rows. */
static double
leaves_read(const Model *model, double rows)
{
	double needed = rows / model->density;

	if (angle_probes > 0)
		needed = Max(needed, angle_probes);
	else if (angle_recall_target >= 1)
		needed = model->leaves;
	else
	{
		const double all = Max(1, model->info->tuples);
		const double read = angle_stop_read(&model->meta, angle_recall_target,
											rows / Min(1, model->rows / all));

		/* each row has two entries */
		needed = Max(needed, read / (2 * all) * model->leaves);
	}
	return Min(model->leaves, ceil(needed));
}

/* What the index costs for so many rows. */
static Cost
scan_cost(const Model *model, double rows)
{
	const double leaves = leaves_read(model, rows);
	const double inner = Min(model->nodes, 1 + 2 * sqrt(leaves));
	const double most = leaves * model->density;
	const double looked_up =
		angle_recall_target >= 1 && angle_probes == 0
			? most
			: Min(most, LOOKED_UP_FIRST + LOOKED_UP_EACH * rows);
	const double bodies = index_pages_fetched(
		looked_up,
		1 + ceil(most * model->layout.body_pages / model->layout.body_slots),
		model->info->pages, model->root);
	const double dims = DIMENSIONS_COST * model->meta.dims / 100;
	const double codes = CODE_COST * model->meta.capacity * leaves;

	return model->random * leaves + model->sequential * bodies +
		   cpu_operator_cost *
			   (codes + looked_up * (BODY_COST + dims) +
				inner * (model->leaves / model->nodes) * (1 + dims)) +
		   cpu_index_tuple_cost * rows +
		   model->quals * leaves * model->info->tuples / model->leaves;
}

/* What the visits of the table cost for so many rows beyond what the planner
 * thinks, which takes the same share of pages as of rows. */
static Cost
scattered_visits(const Model *model, double rows)
{
	const RelOptInfo *table = model->info->rel;
	double random, pages, all;

	get_tablespace_page_costs(table->reltablespace, &random, NULL);
	pages = index_pages_fetched(rows, table->pages, model->info->pages,
								model->root);
	all = index_pages_fetched(model->rows, table->pages, model->info->pages,
							  model->root);
	return random * Max(0, pages - all * rows / model->rows);
}

/* Rows of the index that the query is expected to ask for. A join is taken to
 * keep each. */
static double
rows_wanted(const Model *model, const IndexPath *path)
{
	const double passed = Min(1, Max(1, path->path.rows) / model->rows);
	const double limit = model->root->limit_tuples;
	const double fraction = model->root->tuple_fraction;
	double wanted = model->rows;

	if (limit > 0)
		wanted = limit / passed;
	else if (fraction >= 1)
		wanted = fraction / passed;
	else if (fraction > 0)
		wanted = fraction * model->rows;
	return Max(1, Min(model->rows, wanted));
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
	GenericCosts generic;
	Model model;
	double wanted;
	Cost cost;

	memset(&generic, 0, sizeof(generic));
	if (!path_is_ordered(path))
	{
		*startup_cost = *total_cost = get_float8_infinity();
		*selectivity = *correlation = *pages = 0;
		ANGLE_DISABLE_PATH(path);
		return;
	}
	genericcostestimate(root, path, loop_count, &generic);
	model_init(&model, root, path, &generic);
	wanted = rows_wanted(&model, path);
	*startup_cost = generic.indexStartupCost + scan_cost(&model, 1);
	cost = generic.indexStartupCost + scan_cost(&model, wanted) +
		   scattered_visits(&model, wanted);
	*total_cost = *startup_cost + (cost - *startup_cost) * model.rows / wanted;
	*selectivity = generic.indexSelectivity;
	*correlation = 0;
	*pages = model.info->pages;
}
