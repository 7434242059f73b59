/* The stop rule is measured: stop.h says what it is. */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "core/ann/heap.h"
#include "core/distance/distance.h"
#include "core/quant/rerank.h"
#include "pg/am/calibrate.h"
#include "pg/am/node_segment.h"
#include "pg/am/pick.h"
#include "pg/am/stop.h"

/* Neighbours that are asked for, as most searches do. */
#define NEIGHBOURS 10

/* Of a query: the neighbours, by the head page of their leaf. */
typedef struct Probing
{
	const float *point; /* (dims) */
	ItemPointerData tid;
	double norm;
	AngleRerankQuery rerank;
	AngleTop top;
	AngleCandidate nearest[NEIGHBOURS];
} Probing;

typedef struct Calibration
{
	Relation index;
	const AngleIndex *self;
	Probing *probings; /* (count) */
	int count;
	float *needs; /* λ of each neighbour that was found */
	int found;
	float *centroid; /* (dims) */
	AngleBodyReader reader;
} Calibration;

AngleReservoir *
angle_reservoir_make(const AngleLayout *layout)
{
	AngleReservoir *reservoir = palloc0(sizeof(AngleReservoir));

	reservoir->rows =
		angle_row_set_make(layout, (Size) 64 << 20, ANGLE_CALIBRATION_QUERIES);
	angle_rng_seed(&reservoir->rng, 1);
	return reservoir;
}

void
angle_reservoir_offer(AngleReservoir *reservoir, const AngleLayout *layout,
					  ItemPointer tid, const float *point)
{
	AngleRowSet *rows = &reservoir->rows;
	int place = rows->count;

	reservoir->seen++;
	if (place < rows->capacity)
		rows->count++;
	else
		place =
			(int) angle_rng_below(&reservoir->rng, (uint64) reservoir->seen);
	if (place >= rows->capacity)
		return;
	rows->tids[place] = *tid;
	memcpy(rows->points + (Size) place * layout->dims, point,
		   layout->dims * sizeof(float));
}

AngleReservoir *
angle_reservoir_pick(Relation index, const AngleIndex *self, double rows)
{
	const AngleLayout *layout = &self->layout;
	AngleReservoir *reservoir = angle_reservoir_make(layout);
	float *point = palloc(layout->dims * sizeof(float));
	ItemPointerData tid;
	AngleRow row;

	angle_row_init(&row, layout);
	for (int tries = 0; tries < 100 * ANGLE_CALIBRATION_QUERIES &&
						reservoir->rows.count < reservoir->rows.capacity;
		 tries++)
	{
		if (!angle_pick_row(index, layout, &reservoir->rng, &tid, row.body))
			continue;
		angle_row_get_point(&row, layout, point);
		angle_reservoir_offer(reservoir, layout, &tid, point);
	}
	reservoir->seen = rows;
	return reservoir;
}

static void
init_probings(Calibration *calibration, const AngleReservoir *reservoir)
{
	const AngleIndex *self = calibration->self;
	const int dims = self->layout.dims;

	calibration->count = reservoir->rows.count;
	calibration->probings = palloc(calibration->count * sizeof(Probing));
	calibration->needs =
		palloc(calibration->count * NEIGHBOURS * sizeof(float));
	for (int i = 0; i < calibration->count; i++)
	{
		Probing *probing = &calibration->probings[i];

		probing->point = reservoir->rows.points + (Size) i * dims;
		probing->tid = reservoir->rows.tids[i];
		probing->norm = angle_distance_norm(probing->point, dims);
		angle_rerank_query(&probing->rerank, &self->space, self->layout.bits,
						   probing->point);
		angle_top_init(&probing->top, probing->nearest, NEIGHBOURS);
	}
}

/* Offers a row to all queries. */
static void
offer_row(Calibration *calibration, BlockNumber block, ItemPointer tid,
		  const char *body)
{
	AngleRerankFactors factors;

	memcpy(&factors, body, sizeof(factors));
	for (int i = 0; i < calibration->count; i++)
	{
		Probing *probing = &calibration->probings[i];
		double score;

		if (ItemPointerEquals(tid, &probing->tid))
			continue;
		score =
			angle_rerank_score(&probing->rerank,
							   (const uint8 *) body + sizeof(factors), &factors)
				.estimate;
		if (!isnan(score))
			(void) angle_top_offer(&probing->top, score, block);
	}
}

/* Shows the rows of a leaf, whose head is locked, to all queries. */
static void
offer_leaf(Calibration *calibration, BlockNumber block, Page page)
{
	const AngleLayout *layout = &calibration->self->layout;

	for (int slot = 0; slot < layout->capacity; slot++)
		if (angle_slot_live(layout, page, slot))
			offer_row(calibration, block, angle_leaf_tids(layout, page) + slot,
					  angle_body_get(&calibration->reader, block,
									 layout->row_size, slot));
	angle_body_done(&calibration->reader);
}

/* Shows all rows to all queries. */
static void
find_neighbours(Calibration *calibration)
{
	const AngleLayout *layout = &calibration->self->layout;
	const BlockNumber count = angle_segment_count(calibration->index, layout);

	for (BlockNumber i = 0; i < count; i++)
	{
		BlockNumber block = angle_segment_head(layout, i);
		Buffer head = ReadBuffer(calibration->index, block);
		Page page = BufferGetPage(head);

		CHECK_FOR_INTERRUPTS();
		LockBuffer(head, BUFFER_LOCK_SHARE);
		if (!PageIsNew(page))
		{
			angle_head_check(calibration->index, layout, block, page);
			if (angle_node(page)->kind == ANGLE_NODE_LEAF &&
				!(angle_node(page)->flags & ANGLE_NODE_GONE))
				offer_leaf(calibration, block, page);
		}
		UnlockReleaseBuffer(head);
	}
}

/* The λ from which on a node comes before score. */
static double
need_of(const Calibration *calibration, const Probing *probing, double spread,
		double score)
{
	const AngleMetric metric = calibration->self->metric;
	AngleProbe probe =
		angle_rabitq_probe(metric, calibration->self->layout.dims,
						   probing->point, calibration->centroid);
	double at0 = angle_stop_key(metric, probe, spread, probing->norm, 0);
	double slope =
		at0 - angle_stop_key(metric, probe, spread, probing->norm, 1);

	if (at0 < score)
		return 0;
	return slope > 0 ? (at0 - score) / slope : INFINITY;
}

/* Notes what the neighbours in the leaf at block need. */
static void
note_neighbours(Calibration *calibration, const Probing *probing,
				BlockNumber block, double need)
{
	for (size_t i = 0; i < probing->top.count; i++)
		if (probing->nearest[i].id == block &&
			calibration->found < calibration->count * NEIGHBOURS)
			calibration->needs[calibration->found++] = (float) need;
}

/* What the children of an inner node need, whose head is locked; returns how
 * many there are. */
static int
read_children(Calibration *calibration, const Probing *probing, Buffer head,
			  AngleNodePointer *children, double *needs)
{
	const AngleLayout *layout = &calibration->self->layout;
	const double score = angle_top_limit(&probing->top);
	Page page = BufferGetPage(head);
	int count = 0;

	for (int slot = 0; slot < layout->fanout; slot++)
	{
		if (!angle_slot_live(layout, page, slot))
			continue;
		angle_bfloat_decode(angle_body_get(&calibration->reader,
										   BufferGetBlockNumber(head),
										   layout->centroid_size, slot),
							calibration->centroid, layout->dims);
		children[count] = angle_inner_pointers(layout, page)[slot];
		needs[count++] =
			need_of(calibration, probing,
					angle_inner_spreads(layout, page)[slot], score);
	}
	angle_body_done(&calibration->reader);
	return count;
}

/* Goes through the tree below node, which needs need. Nodes that went in the
 * meantime are passed over. */
static void
walk(Calibration *calibration, const Probing *probing, AngleNodePointer node,
	 double need)
{
	const AngleLayout *layout = &calibration->self->layout;
	Buffer head = angle_read_head(calibration->index, layout, node.block,
								  BUFFER_LOCK_SHARE);
	AngleNodeHeader header = *angle_node(BufferGetPage(head));
	AngleNodePointer *children = NULL;
	double *needs = NULL;
	int count = 0;

	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	if (header.generation == node.generation && header.kind == ANGLE_NODE_INNER)
	{
		children = palloc(layout->fanout * sizeof(AngleNodePointer));
		needs = palloc(layout->fanout * sizeof(double));
		count = read_children(calibration, probing, head, children, needs);
	}
	UnlockReleaseBuffer(head);
	if (header.kind == ANGLE_NODE_LEAF)
		note_neighbours(calibration, probing, node.block, need);
	for (int i = 0; i < count; i++)
		walk(calibration, probing, children[i], Max(need, needs[i]));
	if (children != NULL)
	{
		pfree(children);
		pfree(needs);
	}
}

static int
compare_needs(const void *a, const void *b)
{
	float x = *(const float *) a, y = *(const float *) b;

	return (x > y) - (x < y);
}

/* Enough for every node that has a spread. */
#define STOP_MOST 1e6f

/* The quantiles of what was needed. */
static void
set_stop(Calibration *calibration, AngleMeta *meta)
{
	qsort(calibration->needs, calibration->found, sizeof(float), compare_needs);
	for (int i = 0; i < ANGLE_TARGETS; i++)
	{
		int rank = (int) ceil(angle_recall_targets[i] * calibration->found);

		meta->stop[i] =
			Min(STOP_MOST,
				calibration->needs[Max(0, Min(rank, calibration->found) - 1)]);
	}
	meta->calibrated = 1;
}

void
angle_calibrate(Relation index, const AngleIndex *self, AngleMeta *meta,
				const AngleReservoir *reservoir)
{
	const AngleLayout *layout = &self->layout;
	Calibration calibration = {.index = index, .self = self};
	MemoryContext memory, old;

	if (reservoir->seen < ANGLE_CALIBRATION_ROWS)
		return;
	memory = AllocSetContextCreate(CurrentMemoryContext, "angle calibration",
								   ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(memory);
	calibration.centroid = palloc(layout->dims * sizeof(float));
	calibration.reader.index = index;
	init_probings(&calibration, reservoir);
	find_neighbours(&calibration);
	for (int i = 0; i < calibration.count; i++)
		walk(&calibration, &calibration.probings[i], meta->root, 0);
	if (calibration.found > 0)
		set_stop(&calibration, meta);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}
