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
#include "pg/am/stop.h"

/* Neighbours that are asked for, as most searches do. */
#define NEIGHBOURS 10

/* Rows below which every search reads most of the index anyway. */
#define ROWS_MIN 1000

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
	float *centroid;		 /* (dims) */
	AngleBfloat *compressed; /* (dims) */
	char *body;				 /* (row_size) */
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

/* Offers a row, whose body is in calibration, to all queries. */
static void
offer_row(Calibration *calibration, BlockNumber block, ItemPointer tid)
{
	AngleRerankFactors factors;

	memcpy(&factors, calibration->body, sizeof(factors));
	for (int i = 0; i < calibration->count; i++)
	{
		Probing *probing = &calibration->probings[i];
		double score;

		if (ItemPointerEquals(tid, &probing->tid))
			continue;
		score = angle_rerank_score(
					&probing->rerank,
					(uint8 *) calibration->body + sizeof(factors), &factors)
					.estimate;
		if (!isnan(score))
			(void) angle_top_offer(&probing->top, score, block);
	}
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
		Buffer head = angle_read_head(calibration->index, layout, block,
									  BUFFER_LOCK_SHARE);
		Page page = BufferGetPage(head);

		CHECK_FOR_INTERRUPTS();
		if (angle_node(page)->kind == ANGLE_NODE_LEAF)
			for (int slot = 0; slot < layout->capacity; slot++)
			{
				if (!angle_slot_live(layout, page, slot))
					continue;
				angle_body_read(calibration->index, block, layout->row_size,
								slot, calibration->body);
				offer_row(calibration, block,
						  angle_leaf_tids(layout, page) + slot);
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
		if (probing->nearest[i].id == block)
			calibration->needs[calibration->found++] = (float) need;
}

/* Goes through the tree below node, which needs need. */
static void
walk(Calibration *calibration, const Probing *probing, BlockNumber block,
	 double need)
{
	const AngleLayout *layout = &calibration->self->layout;
	const double score = angle_top_limit(&probing->top);
	Buffer head =
		angle_read_head(calibration->index, layout, block, BUFFER_LOCK_SHARE);
	Page page = BufferGetPage(head);

	CHECK_FOR_INTERRUPTS();
	LockBuffer(head, BUFFER_LOCK_UNLOCK); /* nobody else sees this index */
	if (angle_node(page)->kind == ANGLE_NODE_LEAF)
		note_neighbours(calibration, probing, block, need);
	else
		for (int slot = 0; slot < layout->fanout; slot++)
		{
			double here;

			if (!angle_slot_live(layout, page, slot))
				continue;
			angle_body_read(calibration->index, block, layout->centroid_size,
							slot, calibration->compressed);
			angle_bfloat_decode(calibration->compressed, calibration->centroid,
								layout->dims);
			here = need_of(calibration, probing,
						   angle_inner_spreads(layout, page)[slot], score);
			walk(calibration, probing,
				 angle_inner_pointers(layout, page)[slot].block,
				 Max(need, here));
		}
	ReleaseBuffer(head);
}

static int
compare_needs(const void *a, const void *b)
{
	float x = *(const float *) a, y = *(const float *) b;

	return (x > y) - (x < y);
}

/* The quantiles of what was needed; 2 is enough for all. */
static void
set_stop(Calibration *calibration, AngleMeta *meta)
{
	qsort(calibration->needs, calibration->found, sizeof(float), compare_needs);
	for (int i = 0; i < ANGLE_TARGETS; i++)
	{
		int rank = (int) ceil(angle_recall_targets[i] * calibration->found);

		meta->stop[i] = Min(
			2, calibration->needs[Max(0, Min(rank, calibration->found) - 1)]);
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

	if (reservoir->seen < ROWS_MIN)
		return;
	memory = AllocSetContextCreate(CurrentMemoryContext, "angle calibration",
								   ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(memory);
	calibration.centroid = palloc(layout->dims * sizeof(float));
	calibration.compressed = palloc(layout->centroid_size);
	calibration.body = palloc(layout->row_size);
	init_probings(&calibration, reservoir);
	find_neighbours(&calibration);
	for (int i = 0; i < calibration.count; i++)
		walk(&calibration, &calibration.probings[i], meta->root.block, 0);
	if (calibration.found > 0)
		set_stop(&calibration, meta);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}
