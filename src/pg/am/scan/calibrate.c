/* The stop rule is measured: store/stop.h says what it is. */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "core/ann/heap.h"
#include "core/quant/rerank.h"
#include "pg/am/scan/calibrate.h"
#include "pg/am/scan/query.h"
#include "pg/am/store/body.h"
#include "pg/am/store/entries.h"
#include "pg/am/store/node_segment.h"
#include "pg/am/store/pick.h"
#include "pg/am/store/stop.h"

/* Codes that are looked at, about: so many for all queries together decide how many
 * queries there are. */
#define CODES 1e8

/* Memory for the order of leaves of several queries at a time. */
#define ORDERS_SIZE ((Size) 8 << 20)

/* How many rows are read for what is seen is noted where that passes these powers of two,
 * from the first on. */
#define STEPS 160
#define STEPS_EACH 4
#define STEP_FIRST 4

/* Rows of a query that were among the nearest and are remembered, before those are forgotten
 * that are no longer. */
#define SEEN (2 * ANGLE_STOP_NEIGHBOURS)

/* A row that was among the nearest for a while, and the leaves that have its entries. */
typedef struct Neighbour
{
	AngleBodyPointer body;
	BlockNumber leaves[2]; /* InvalidBlockNumber: none */
} Neighbour;

/* The nearest of all rows, or of a part of them. */
typedef struct Nearest
{
	AngleTop top; /* by their place in seen */
	AngleCandidate items[ANGLE_STOP_NEIGHBOURS];
	Neighbour seen[SEEN];
	int count;
} Nearest;

/* Of a query. */
typedef struct Probing
{
	const float *point; /* (dims) */
	ItemPointerData tid;
	AngleQuery *query;
	uint64 seed; /* by which rows are in parts */
	Nearest nearest[ANGLE_SCALES];
	BlockNumber own; /* the leaf that has the first entry of this row … */
	int own_rows;	 /* … and so many other first ones */
} Probing;

/* A leaf of the tree. */
typedef struct LeafSeen
{
	BlockNumber block;
	int rows;
} LeafSeen;

/* When a search comes to a leaf. */
typedef struct LeafDue
{
	float key;	 /* the distance of its centroid */
	uint32 leaf; /* its place in leaves */
} LeafDue;

typedef struct Calibration
{
	Relation index;
	const AngleIndex *self;
	Probing *probings; /* (count) */
	int count;
	float *needs[ANGLE_SCALES]; /* what is to be seen for each neighbour */
	int found[ANGLE_SCALES];
	double
		read[STEPS]; /* rows that all queries read until they have seen that */

	LeafSeen *leaves; /* (leaf_capacity) of the tree */
	LeafDue *order; /* (batch, leaf_capacity) for some queries from first on */
	float *seen;	/* (leaf_capacity) for one, by leaf */
	uint32 *places; /* (leaf_capacity) by block: of leaves */
	uint32 leaf_count;
	uint32 leaf_capacity;
	int first;
	int batch;
	AnglePageReader centroids;
	AnglePageReader bodies;
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
init_nearest(Nearest *nearest)
{
	angle_top_init(&nearest->top, nearest->items, ANGLE_STOP_NEIGHBOURS);
	nearest->count = 0;
}

static void
init_probings(Calibration *calibration, const AngleReservoir *reservoir)
{
	const AngleIndex *self = calibration->self;
	const int dims = self->layout.dims;
	const int enough = (int) (CODES / reservoir->seen);

	calibration->count =
		Min(reservoir->rows.count, Max(ANGLE_CALIBRATION_LEAST, enough));
	calibration->probings = palloc(calibration->count * sizeof(Probing));
	for (int i = 0; i < calibration->count; i++)
	{
		Probing *probing = &calibration->probings[i];
		float *point = reservoir->rows.points + (Size) i * dims;

		probing->point = point;
		probing->tid = reservoir->rows.tids[i];
		probing->query = angle_query_of_point(self, point);
		probing->seed = i * UINT64CONST(0x9e3779b97f4a7c15);
		probing->own = InvalidBlockNumber;
		for (int scale = 0; scale < ANGLE_SCALES; scale++)
			init_nearest(&probing->nearest[scale]);
	}
	for (int scale = 0; scale < ANGLE_SCALES; scale++)
		calibration->needs[scale] =
			palloc(calibration->count * ANGLE_STOP_NEIGHBOURS * sizeof(float));
}

/* ---- neighbours ----------------------------------------------------------- */

/* The smallest part of the rows that has this one: a hundredth is 4, a tenth 2, all 0.
 * Parts are others for each query. */
static int
part_of(const Probing *probing, const ItemPointerData *tid)
{
	static const uint32 most[ANGLE_SCALES - 1] = {3162, 1000, 316, 100};
	uint64 bits = (uint64) ItemPointerGetBlockNumberNoCheck(tid) << 16 |
				  ItemPointerGetOffsetNumberNoCheck(tid);
	uint32 number;
	int part = 0;

	bits = (bits ^ probing->seed) * UINT64CONST(0xbf58476d1ce4e5b9);
	bits = (bits ^ bits >> 29) * UINT64CONST(0x94d049bb133111eb);
	number = (bits >> 32) % 10000;
	while (part + 1 < ANGLE_SCALES && number < most[part])
		part++;
	return part;
}

/* Whether the row is one of the nearest already, by its other entry; notes this leaf. */
static bool
meet_again(Nearest *nearest, AngleBodyPointer body, BlockNumber leaf)
{
	for (size_t i = 0; i < nearest->top.count; i++)
	{
		Neighbour *neighbour = &nearest->seen[nearest->items[i].id];

		if (!angle_body_same(neighbour->body, body))
			continue;
		neighbour->leaves[1] = leaf;
		return true;
	}
	return false;
}

/* Forgets the rows that are no longer among the nearest. */
static void
forget_others(Nearest *nearest)
{
	Neighbour kept[ANGLE_STOP_NEIGHBOURS];

	for (size_t i = 0; i < nearest->top.count; i++)
	{
		kept[i] = nearest->seen[nearest->items[i].id];
		nearest->items[i].id = i;
	}
	nearest->count = (int) nearest->top.count;
	memcpy(nearest->seen, kept, nearest->count * sizeof(Neighbour));
}

/* Makes a row that is nearer than others one of the nearest. */
static void
meet(Nearest *nearest, double score, AngleBodyPointer body, BlockNumber leaf)
{
	if (meet_again(nearest, body, leaf) ||
		!angle_top_offer(&nearest->top, score, nearest->count))
		return;
	nearest->seen[nearest->count++] =
		(Neighbour){body, {leaf, InvalidBlockNumber}};
	if (nearest->count == SEEN)
		forget_others(nearest);
}

/* Offers a row to the nearest of the parts that have it, of which this is the smallest. */
static void
offer_row(Calibration *calibration, Probing *probing, Buffer head, int slot,
		  int part)
{
	const AngleLayout *layout = &calibration->self->layout;
	AngleLeafEntry entry =
		angle_leaf_entries(layout, BufferGetPage(head))[slot];
	AngleRerankFactors factors;
	const char *body =
		angle_body_get(&calibration->bodies, layout, entry.body, &entry.tid);
	double score;

	if (body == NULL)
		return;
	memcpy(&factors, body, sizeof(factors));
	score = angle_rerank_score(&probing->query->rerank,
							   (const uint8 *) body + sizeof(factors), &factors)
				.estimate;
	if (isnan(score))
		return;
	for (int i = 0; i <= part; i++)
		meet(&probing->nearest[i], score, entry.body,
			 BufferGetBlockNumber(head));
}

/* First entries of a leaf. */
static int
count_firsts(const AngleLayout *layout, Page page)
{
	const AngleLeafEntry *entries = angle_leaf_entries(layout, page);
	int count = 0;

	for (int slot = 0; slot < layout->capacity; slot++)
		count += angle_slot_live(layout, page, slot) &&
				 !angle_entry_second(&entries[slot]);
	return count;
}

/* Offers a row whose bound this is, unless it is the query itself, whose first leaf is
 * noted. */
static void
look_at(Calibration *calibration, Probing *probing, Buffer head, int slot,
		float bound)
{
	const AngleLayout *layout = &calibration->self->layout;
	AngleLeafEntry *entry =
		&angle_leaf_entries(layout, BufferGetPage(head))[slot];
	const int part = part_of(probing, &entry->tid);

	if (ItemPointerEquals(&entry->tid, &probing->tid))
	{
		if (angle_entry_second(entry))
			return;
		probing->own = BufferGetBlockNumber(head);
		probing->own_rows = count_firsts(layout, BufferGetPage(head)) - 1;
	}
	else if (!(bound > angle_top_limit(&probing->nearest[part].top)))
		offer_row(calibration, probing, head, slot, part);
}

/* Looks at those rows of a leaf whose codes say that they may be near. */
static void
offer_near(Calibration *calibration, Probing *probing, Buffer head,
		   const float *centroid)
{
	const AngleLayout *layout = &calibration->self->layout;
	const AngleTop *widest = &probing->nearest[ANGLE_SCALES - 1].top;
	float keys[ANGLE_BLOCK];
	const AngleProbe probe =
		angle_rabitq_probe(calibration->self->metric, layout->dims,
						   probing->query->point, centroid);

	for (int first = 0; first < layout->capacity; first += ANGLE_BLOCK)
	{
		const float limit = (float) Min(angle_top_limit(widest), FLT_MAX);
		unsigned near =
			angle_query_near(probing->query, BufferGetPage(head),
							 first / ANGLE_BLOCK, probe, limit, keys);

		for (; near != 0; near &= near - 1)
		{
			const int i = pg_rightmost_one_pos32(near);

			look_at(calibration, probing, head, first + i, keys[i]);
		}
	}
}

/* Shows the rows of a leaf, whose head is locked, to all queries. */
static void
offer_leaf(Calibration *calibration, Buffer head, const float *centroid)
{
	for (int i = 0; i < calibration->count; i++)
		offer_near(calibration, &calibration->probings[i], head, centroid);
	angle_reader_done(&calibration->bodies);
}

/* Shows the rows below a node, whose centroid (dims) this is, to all queries. Nodes
 * that went in the meantime are passed over. */
static void
find_neighbours(Calibration *calibration, AngleNodePointer pointer,
				const float *centroid)
{
	const AngleIndex *self = calibration->self;
	AngleEntries children = {.count = 0};
	Buffer head;

	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	head = angle_read_node(calibration->index, &self->layout, pointer,
						   BUFFER_LOCK_SHARE);
	if (!BufferIsValid(head))
		return;
	if (angle_node(BufferGetPage(head))->kind == ANGLE_NODE_LEAF)
		offer_leaf(calibration, head, centroid);
	else
	{
		angle_entries_init(&children, calibration->index, self,
						   self->layout.fanout);
		angle_entries_read(&children, head);
	}
	UnlockReleaseBuffer(head);
	for (int i = 0; i < children.count; i++)
		find_neighbours(calibration, children.children[i].pointer,
						children.points + (Size) i * self->layout.dims);
	if (children.points != NULL)
		angle_entries_free(&children);
}

/* ---- the order of leaves -------------------------------------------------- */

/* Notes a leaf, whose keys (batch) these are for some queries. The centroid of the first
 * leaf of a row is near to it because it is the mean of this row, too: it would be so far
 * away without it. */
static void
note_leaf(Calibration *calibration, BlockNumber block, int rows,
		  const double *keys)
{
	const uint32 leaf = calibration->leaf_count;
	const bool squares =
		calibration->self->metric != ANGLE_METRIC_INNER_PRODUCT;

	if (leaf == calibration->leaf_capacity ||
		block >= calibration->leaf_capacity)
		return;
	calibration->leaf_count++;
	calibration->leaves[leaf] = (LeafSeen){block, rows};
	calibration->places[block] = leaf;
	for (int i = 0; i < calibration->batch; i++)
	{
		const Probing *probing = &calibration->probings[calibration->first + i];
		double key = keys[i];

		if (probing->own == block && probing->own_rows > 0 && squares)
			key *= pow(1 + 1.0 / probing->own_rows, 2);
		calibration->order[(Size) i * calibration->leaf_capacity + leaf] =
			(LeafDue){(float) key, leaf};
	}
}

/* The keys (fanout, batch) of the children of an inner node, whose head is locked;
 * returns how many there are. */
static int
read_children(Calibration *calibration, Buffer head, AngleNodePointer *children,
			  double *keys)
{
	const AngleIndex *self = calibration->self;
	const AngleLayout *layout = &self->layout;
	Page page = BufferGetPage(head);
	int count = 0;

	for (int slot = 0; slot < layout->fanout; slot++)
	{
		const AngleBfloat *centroid;

		if (!angle_slot_live(layout, page, slot))
			continue;
		children[count++] = angle_inner_pointers(layout, page)[slot];
		centroid = angle_centroid_get(&calibration->centroids, layout,
									  BufferGetBlockNumber(head), slot);
		for (int i = 0; i < calibration->batch; i++)
			*keys++ = angle_rabitq_probe_stored(
						  self->metric, layout->dims,
						  calibration->probings[calibration->first + i].point,
						  centroid)
						  .add;
	}
	angle_reader_done(&calibration->centroids);
	return count;
}

/* Notes the leaves below node, whose keys (batch) these are. Nodes that went in the
 * meantime are passed over. */
static void
walk(Calibration *calibration, AngleNodePointer node, const double *keys)
{
	const AngleLayout *layout = &calibration->self->layout;
	Buffer head =
		angle_read_node(calibration->index, layout, node, BUFFER_LOCK_SHARE);
	AngleNodePointer *children;
	AngleNodeHeader header;
	double *below;
	int count;

	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	if (!BufferIsValid(head))
		return;
	header = *angle_node(BufferGetPage(head));
	if (header.kind == ANGLE_NODE_LEAF)
	{
		UnlockReleaseBuffer(head);
		note_leaf(calibration, node.block, header.count, keys);
		return;
	}
	children = palloc(layout->fanout * sizeof(AngleNodePointer));
	below = palloc_extended((Size) layout->fanout * calibration->batch *
								sizeof(double),
							MCXT_ALLOC_HUGE);
	count = read_children(calibration, head, children, below);
	UnlockReleaseBuffer(head);
	for (int i = 0; i < count; i++)
		walk(calibration, children[i], below + (Size) i * calibration->batch);
	pfree(children);
	pfree(below);
}

static inline int
compare_due(const LeafDue *a, const LeafDue *b)
{
	return (a->key > b->key) - (a->key < b->key);
}

#define ST_SORT sort_due
#define ST_ELEMENT_TYPE LeafDue
#define ST_COMPARE compare_due
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* ---- what is needed ------------------------------------------------------- */

static double
step_seen(int step)
{
	return exp2(STEP_FIRST + (double) step / STEPS_EACH);
}

/* Goes the way of a search by one query, whose leaves these are: notes what it has seen
 * with each of them, and what it reads. */
static void
go(Calibration *calibration, LeafDue *order)
{
	AngleStop stop;
	int step = 0;

	sort_due(order, calibration->leaf_count);
	angle_stop_begin(&stop, calibration->self->metric);
	for (uint32 i = 0; i < calibration->leaf_count; i++)
	{
		const int rows = calibration->leaves[order[i].leaf].rows;

		angle_stop_note(&stop, order[i].key, rows, rows);
		calibration->seen[order[i].leaf] = (float) angle_stop_seen(&stop);
		for (; step < STEPS && angle_stop_seen(&stop) >= step_seen(step);
			 step++)
			calibration->read[step] += stop.rows;
	}
	for (; step < STEPS; step++)
		calibration->read[step] += stop.rows;
}

/* What was seen with the first leaf that has the neighbour; infinite if none has. */
static float
need_of(const Calibration *calibration, const Neighbour *neighbour)
{
	float need = INFINITY;

	for (int i = 0; i < lengthof(neighbour->leaves); i++)
	{
		const BlockNumber block = neighbour->leaves[i];
		uint32 place;

		if (block >= calibration->leaf_capacity)
			continue;
		place = calibration->places[block];
		if (place < calibration->leaf_count &&
			calibration->leaves[place].block == block)
			need = Min(need, calibration->seen[place]);
	}
	return need;
}

/* Notes for each neighbour of one query what a search has seen when it has read the first
 * leaf that has it. */
static void
note_needs(Calibration *calibration, const Probing *probing)
{
	for (int scale = 0; scale < ANGLE_SCALES; scale++)
	{
		const Nearest *nearest = &probing->nearest[scale];

		for (size_t i = 0; i < nearest->top.count; i++)
		{
			const float need =
				need_of(calibration, &nearest->seen[nearest->items[i].id]);

			if (isfinite(need))
				calibration->needs[scale][calibration->found[scale]++] = need;
		}
	}
}

/* Goes the ways of all queries, some of which are prepared at a time. */
static void
go_all(Calibration *calibration, AngleNodePointer root)
{
	const Size leaves = RelationGetNumberOfBlocks(calibration->index);
	const int most = (int) Min(
		calibration->count, Max(1, ORDERS_SIZE / (leaves * sizeof(LeafDue))));
	double *keys = palloc(most * sizeof(double));

	calibration->leaf_capacity = leaves;
	calibration->leaves =
		palloc_extended(leaves * sizeof(LeafSeen), MCXT_ALLOC_HUGE);
	calibration->seen =
		palloc_extended(leaves * sizeof(float), MCXT_ALLOC_HUGE);
	calibration->places = palloc_extended(leaves * sizeof(uint32),
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	calibration->order =
		palloc_extended(most * leaves * sizeof(LeafDue), MCXT_ALLOC_HUGE);
	for (int i = 0; i < most; i++)
		keys[i] = -INFINITY;
	for (int first = 0; first < calibration->count; first += most)
	{
		calibration->first = first;
		calibration->batch = Min(most, calibration->count - first);
		calibration->leaf_count = 0;
		walk(calibration, root, keys);
		for (int i = 0; i < calibration->batch; i++)
		{
			CHECK_FOR_INTERRUPTS();
			go(calibration, calibration->order + i * leaves);
			note_needs(calibration, &calibration->probings[first + i]);
		}
	}
}

static int
compare_needs(const void *a, const void *b)
{
	float x = *(const float *) a, y = *(const float *) b;

	return (x > y) - (x < y);
}

/* Rows that a query reads on average until it has seen so many, between the steps a
 * straight line. */
static double
mean_read(const Calibration *calibration, double seen)
{
	const double place = (log2(Max(1, seen)) - STEP_FIRST) * STEPS_EACH;
	const int below = (int) Max(0, Min(place, STEPS - 2));
	const double part = Max(0, Min(place - below, 1));

	return ((1 - part) * calibration->read[below] +
			part * calibration->read[below + 1]) /
		   calibration->count;
}

/* The quantiles of what was needed, and what is read for them. More of the nearest need no
 * less than few do. */
static void
set_stop(Calibration *calibration, AngleMeta *meta)
{
	for (int scale = 0; scale < ANGLE_SCALES; scale++)
	{
		const int found = calibration->found[scale];
		float *needs = calibration->needs[scale];

		qsort(needs, found, sizeof(float), compare_needs);
		for (int i = 0; i < ANGLE_TARGETS; i++)
		{
			const int rank = (int) ceil(angle_recall_targets[i] * found);
			const float below = scale > 0 ? meta->enough[scale - 1][i] : 0;
			const float need =
				found > 0 ? needs[Max(0, Min(rank, found) - 1)] : 0;

			meta->enough[scale][i] = Max(need, below);
			meta->read[scale][i] =
				(float) mean_read(calibration, meta->enough[scale][i]);
		}
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

	if (reservoir->seen < ANGLE_CALIBRATION_ROWS || reservoir->rows.count == 0)
		return;
	memory = AllocSetContextCreate(CurrentMemoryContext, "angle calibration",
								   ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(memory);
	calibration.centroids.index = calibration.bodies.index = index;
	init_probings(&calibration, reservoir);
	find_neighbours(&calibration, meta->root,
					palloc0(layout->dims * sizeof(float)));
	go_all(&calibration, meta->root);
	if (calibration.found[0] > 0)
		set_stop(&calibration, meta);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}
