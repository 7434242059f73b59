/* How near rows and nodes are to a query. */
#include "postgres.h"

#include <math.h>

#include "port/pg_bitutils.h"

#include "core/vector/elements.h"
#include "pg/am/scan/query.h"
#include "pg/type/vector.h"

/* So much of the bound of a code's estimate is taken off, where so many rows are read, and more
 * where they are ten times as many: the more are read, the more lie near the last that is
 * wanted. At the least, one row in eight is nearer than its bound says, which loses 0.2 % of the
 * ten nearest, for an eighth less time; at the most one in sixteen, which loses next to none. */
#define BOUND_LEAST 0.6
#define BOUND_READ 4000
#define BOUND_TENFOLD 0.25
#define BOUND_MOST 0.8

/* So many times what the estimate of a body is off by on average is taken off. Four times
 * would leave one row in ten thousand out; but rows that lie in few dimensions, on a circle
 * for example, are off in the same ones. */
#define BODY_DEVIATIONS 8.0

/* Memory that a table of look-ups likes. */
static void *
alloc_aligned(Size size)
{
	return (void *) TYPEALIGN(64, palloc(size + 64));
}

/* Takes the query's vector into the space; false if it has no place there. */
static bool
enter(Relation index, AngleQuery *query, Datum datum)
{
	const AngleIndex *self = query->self;
	const int dims = self->layout.dims;
	AngleVector *vector = DatumGetAngleVector(datum);
	float *turned;

	if (query->strategy != ANGLE_STRATEGY_ANGLE || vector->dim != dims)
		return angle_index_point(index, self, PointerGetDatum(vector),
								 query->point);
	turned = palloc(dims * sizeof(float));
	query->ratio = angle_space_turn(vector->x, dims, turned);
	if (!angle_space_enter(&self->space, turned, query->point))
		return false;
	query->opposite = palloc0(dims * sizeof(float));
	(void) angle_elements_subtract(query->opposite, query->opposite,
								   query->point, dims);
	return true;
}

/* What follows from the point. */
static void
prepare(AngleQuery *query)
{
	const AngleIndex *self = query->self;
	const AngleLayout *layout = &self->layout;

	angle_rerank_query(&query->rerank, &self->space, layout->bits,
					   query->point);
	query->nodes = query->rerank;
	query->nodes.bits = ANGLE_GROUP_BITS;
	angle_table_build(&query->coarse, query->point, layout->dims, 1,
					  alloc_aligned(angle_table_size(layout->dims, 1)));
	query->fine_memory = alloc_aligned(angle_table_size(layout->dims, 2));
}

static float
bound_share(double read)
{
	const double share = BOUND_LEAST + BOUND_TENFOLD * log10(read / BOUND_READ);

	return (float) Min(Max(share, BOUND_LEAST), BOUND_MOST);
}

AngleQuery *
angle_query_make(Relation index, const AngleIndex *self, ScanKey order,
				 bool exact, double read)
{
	AngleQuery *query = palloc0(sizeof(AngleQuery));

	query->self = self;
	query->ratio = 1;
	query->estimated = index->rd_index->indkey.values[0] == 0;
	query->exact = exact;
	query->bound_share = bound_share(read);
	query->null = order != NULL && (order->sk_flags & SK_ISNULL);
	if (self->layout.dims == 0 || order == NULL || query->null)
		return query;
	query->strategy = order->sk_strategy;
	query->point = palloc(self->layout.dims * sizeof(float));
	query->ordered = enter(index, query, order->sk_argument);
	if (query->ordered)
		prepare(query);
	return query;
}

AngleQuery *
angle_query_of_point(const AngleIndex *self, float *point)
{
	AngleQuery *query = palloc0(sizeof(AngleQuery));

	query->self = self;
	query->ratio = 1;
	query->bound_share = BOUND_MOST;
	query->ordered = true;
	query->point = point;
	prepare(query);
	return query;
}

double
angle_query_node(const AngleQuery *query, const AngleBfloat *centroid,
				 AngleProbe *probe)
{
	const AngleMetric metric = query->self->metric;
	const int dims = query->self->layout.dims;

	double score;

	*probe = angle_rabitq_probe_stored(metric, dims, query->point, centroid);
	score = probe->add;
	if (query->opposite != NULL)
		score = Min(score, angle_rabitq_probe_stored(metric, dims,
													 query->opposite, centroid)
							   .add);
	return score + angle_centroid_spread(query->self, centroid);
}

static const AngleTable *
choose_table(AngleQuery *query, AngleProbe probe)
{
	if (!angle_table_is_coarse(&query->coarse, probe))
		return &query->coarse;
	if (query->fine.entries == NULL)
		angle_table_build(&query->fine, query->point, query->self->layout.dims,
						  2, query->fine_memory);
	return &query->fine;
}

void
angle_query_codes(AngleQuery *query, const AngleBlockView *first, int blocks,
				  AngleProbe probe, float *estimate, float *lower)
{
	angle_blocks_estimate(choose_table(query, probe), first, blocks, probe,
						  estimate, lower);
}

/* Blocks from this one on whose codes are in order, of so many. */
static int
tight_run(Page head, int block, int blocks)
{
	const uint64 loose = angle_node(head)->loose >> block;

	return loose == 0 ? blocks - block
					  : Min(blocks - block, pg_rightmost_one_pos64(loose));
}

void
angle_query_leaf(AngleQuery *query, Page head, AngleProbe probe,
				 AngleAhead *ahead, float *estimates, float *lower)
{
	const AngleLayout *layout = &query->self->layout;
	const char *page = (const char *) head;
	const int blocks = angle_leaf_blocks(layout, head);
	uint8 packed[ANGLE_BLOCK * ANGLE_CODED_MAX / 8];
	int run;

	probe.error *= query->bound_share;
	angle_ahead_divide(ahead, blocks);
	for (int block = 0; block < blocks; block += run)
	{
		const int first = block * ANGLE_BLOCK;
		AngleBlockView view = {
			(const uint8 *) page + layout->codes +
				block * angle_block_size(layout->dims),
			(const float *) (page + layout->add) + first,
			(const float *) (page + layout->rescale) + first,
			(const AngleBfloat *) (page + layout->error) + first, ahead};

		run = tight_run(head, block, blocks);
		if (run == 0)
		{
			angle_block_fill(packed, layout->dims, view.codes);
			view.codes = packed;
			run = 1;
		}
		angle_query_codes(query, &view, run, probe, estimates + first,
						  lower + first);
	}
}

AngleRowKey
angle_query_row(const AngleQuery *query, const char *body)
{
	AngleRerankFactors factors;
	AngleRerankScore score;
	double margin;

	memcpy(&factors, body, sizeof(factors));
	score = angle_rerank_score(
		&query->rerank, (const uint8 *) body + sizeof(factors), &factors);
	if (isnan(score.lower) || isinf(score.lower))
		return (AngleRowKey){-INFINITY, 0};
	if (query->estimated)
		margin = 0;
	else
		margin = query->exact ? score.estimate - score.lower
							  : BODY_DEVIATIONS * score.off;
	if (query->opposite != NULL && 4 - score.estimate < score.estimate)
		score.estimate = 4 - score.estimate;
	return (AngleRowKey){score.estimate - margin, margin};
}

double
angle_query_distance(const AngleQuery *query, double key)
{
	/* what comes after all rows does so in every order */
	if (isinf(key) && key > 0)
		return key;
	switch (query->strategy)
	{
		case ANGLE_STRATEGY_ANGULAR:
			return angle_space_angular(key);
		case ANGLE_STRATEGY_ANGLE:
			return angle_space_turned(key, query->ratio);
		default:
			return angle_space_distance(query->self->metric, key);
	}
}
