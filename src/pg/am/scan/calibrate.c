/* The stop rule is measured: store/stop.h says what it is. */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "pg/am/scan/calibrate.h"
#include "pg/am/scan/choice.h"
#include "pg/am/scan/neighbours.h"
#include "pg/am/store/entries.h"
#include "pg/am/store/node_segment.h"
#include "pg/am/store/pick.h"
#include "pg/am/store/stop.h"
#include "pg/settings.h"

/* Products of queries and rows, and rows for each query, at least: these decide how many
 * queries there are. */
#define PRODUCTS 1e8
#define ROWS_EACH 40

/* A query that misses one of its neighbours is likelier to miss more: the deviation of a recall is
 * so many times as large as if each neighbour were found by itself. */
#define TOGETHER 1.45

/* Memory for the order of leaves of several queries at a time, for each of which the inner nodes are
 * read: a share of what maintenance may take, and so much at least. */
#define ORDERS_SHARE 4
#define ORDERS_LEAST ((Size) 32 << 20)

/* How many rows are read for what is seen is noted where that passes these powers of two,
 * from the first on. */
#define STEPS ANGLE_READ_STEPS
#define STEPS_EACH 4
#define STEP_FIRST 4

/* A leaf of the tree. */
typedef struct LeafSeen
{
	BlockNumber block;
	int rows;
	uint32 group; /* its parent's place in groups */
} LeafSeen;

/* When a search comes to a leaf, or to a group. */
typedef struct LeafDue
{
	float key;	 /* the distance of its centroid */
	uint32 leaf; /* its place in leaves, or in groups */
} LeafDue;

/* An inner node above leaves. */
typedef struct Parent
{
	const double *keys; /* (batch) */
	double spread;
	bool noted;	  /* as a group … */
	uint32 group; /* … with this place */
} Parent;

typedef struct Calibration
{
	Relation index;
	const AngleIndex *self;
	AngleSample *samples; /* (count) */
	int count;
	AngleMeasured *measured;

	Size memory;		/* for order */
	BlockNumber blocks; /* of the index */
	bool counted;		/* all leaves were met once */
	uint16 *rows;		/* (blocks): of the leaves that were */
	LeafSeen *leaves;	/* (leaf_capacity) of the tree */
	LeafDue *order; /* (batch, leaf_capacity) for some queries from first on */
	float *seen;	/* (leaf_capacity) for one, by leaf */
	float *at;		/* (leaf_capacity) for one: seen with so many leaves */
	float *groups;	/* (group_capacity, most): keys */
	LeafDue *group_order; /* (leaf_capacity) for one */
	float *reaches;		  /* (leaf_capacity) for one: angle_choice_reach() */
	uint32 *places;		  /* (blocks): of leaves */
	uint32 leaf_count;
	uint32 leaf_capacity;
	uint32 group_count;
	uint32 group_capacity;
	int first;
	int batch;
	int most; /* of batch */
	AnglePageReader centroids;
} Calibration;

AngleReservoir *
angle_reservoir_make(const AngleLayout *layout)
{
	AngleReservoir *reservoir = palloc0(sizeof(AngleReservoir));

	reservoir->rows = angle_row_set_make(layout, (Size) 64 << 20,
										 ANGLE_CALIBRATION_QUERIES, false);
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
	const uint32 tree = angle_meta_read(index).tree;
	ItemPointerData tid;
	AngleRow row;

	angle_row_init(&row, layout);
	for (int tries = 0; tries < 100 * ANGLE_CALIBRATION_QUERIES &&
						reservoir->rows.count < reservoir->rows.capacity;
		 tries++)
	{
		if (!angle_pick_row(index, layout, tree, &reservoir->rng, &tid,
							row.body))
			continue;
		angle_row_get_point(&row, layout, point);
		angle_reservoir_offer(reservoir, layout, &tid, point);
	}
	reservoir->seen = rows;
	return reservoir;
}

/* Makes samples of this process's share of the reservoir. */
static void
make_samples(Calibration *calibration, const AngleReservoir *reservoir,
			 AngleShare share)
{
	const int dims = calibration->self->layout.dims;
	const int enough =
		(int) Min(PRODUCTS / reservoir->seen, reservoir->seen / ROWS_EACH);
	const int count =
		Min(reservoir->rows.count, Max(ANGLE_CALIBRATION_LEAST, enough));
	const int first = count * share.own / share.all;

	calibration->count = count * (share.own + 1) / share.all - first;
	calibration->samples =
		palloc_extended(Max(1, calibration->count) * sizeof(AngleSample),
						MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < calibration->count; i++)
	{
		AngleSample *sample = &calibration->samples[i];
		const int row = first + i;

		sample->point = reservoir->rows.points + (Size) row * dims;
		sample->tid = reservoir->rows.tids[row];
		sample->seed = row * UINT64CONST(0x9e3779b97f4a7c15);
	}
}

/* ---- the order of leaves -------------------------------------------------- */

/* The place of a leaf's parent in groups. */
static uint32
group_of(Calibration *calibration, Parent *parent)
{
	float *keys;

	if (parent->noted)
		return parent->group;
	if (calibration->group_count == calibration->group_capacity)
	{
		calibration->group_capacity *= 2;
		calibration->groups = repalloc_huge(
			calibration->groups, (Size) calibration->group_capacity *
									 calibration->most * sizeof(float));
	}
	parent->noted = true;
	parent->group = calibration->group_count++;
	keys = calibration->groups + (Size) parent->group * calibration->most;
	for (int i = 0; i < calibration->batch; i++)
		keys[i] = (float) (parent->keys[i] + parent->spread);
	return parent->group;
}

/* Notes how many rows a leaf has. */
static void
count_leaf(Calibration *calibration, BlockNumber block, int rows)
{
	if (block >= calibration->blocks)
		return;
	calibration->rows[block] = rows;
	calibration->leaf_count++;
}

/* Notes a leaf that was counted, whose keys (batch), to which the spread is added, these are for some
 * queries. The centroid of the first leaf of a row is near to it because it is the mean of
 * this row, too: it would be so far away without it. */
static void
note_leaf(Calibration *calibration, BlockNumber block, const double *keys,
		  double spread, Parent *parent)
{
	const uint32 leaf = calibration->leaf_count;
	const bool squares =
		calibration->self->metric != ANGLE_METRIC_INNER_PRODUCT;

	if (leaf == calibration->leaf_capacity || block >= calibration->blocks)
		return;
	calibration->leaf_count++;
	calibration->leaves[leaf] = (LeafSeen){block, calibration->rows[block],
										   group_of(calibration, parent)};
	calibration->places[block] = leaf;
	for (int i = 0; i < calibration->batch; i++)
	{
		const AngleSample *sample =
			&calibration->samples[calibration->first + i];
		double key = keys[i];

		if (sample->own == block && sample->own_rows > 0 && squares)
			key *= pow(1 + 1.0 / sample->own_rows, 2);
		calibration->order[(Size) i * calibration->leaf_capacity + leaf] =
			(LeafDue){(float) (key + spread), leaf};
	}
}

/* The children (fanout) of an inner node, whose head is locked, their kinds (fanout), and for a batch
 * their keys (fanout, batch) and spreads (fanout); returns how many there are. */
static int
read_children(Calibration *calibration, Buffer head, AngleNodePointer *children,
			  uint8 *kinds, double *keys, double *spreads)
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
		children[count] = angle_inner_pointers(layout, page)[slot];
		kinds[count++] = angle_inner_kinds(layout, page)[slot];
		if (calibration->batch == 0)
			continue;
		centroid = angle_centroid_get(&calibration->centroids, layout,
									  BufferGetBlockNumber(head), slot);
		spreads[count - 1] = angle_centroid_spread(self, centroid);
		for (int i = 0; i < calibration->batch; i++)
			*keys++ = angle_rabitq_probe_stored(
						  self->metric, layout->dims,
						  calibration->samples[calibration->first + i].point,
						  centroid)
						  .add;
	}
	angle_reader_done(&calibration->centroids);
	return count;
}

/* Notes the leaves below node, whose keys (batch) and spread these are, or counts them: then no
 * leaf has to be read again. Nodes that went in the meantime are passed over. */
static void
walk(Calibration *calibration, AngleNodePointer node, const double *keys,
	 double spread, Parent *parent)
{
	const AngleLayout *layout = &calibration->self->layout;
	AngleNodePointer *children;
	AngleNodeHeader header;
	Parent own = {.keys = keys, .spread = spread};
	double *below, *spreads;
	uint8 *kinds;
	Buffer head;
	int count;

	/* not with a page locked, when nothing interrupts */
	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	head = angle_read_node(calibration->index, layout, node, BUFFER_LOCK_SHARE);
	if (!BufferIsValid(head))
		return;
	header = *angle_node(BufferGetPage(head));
	if (header.kind == ANGLE_NODE_LEAF)
	{
		UnlockReleaseBuffer(head);
		if (!calibration->counted)
			count_leaf(calibration, node.block, header.count);
		else
			note_leaf(calibration, node.block, keys, spread, parent);
		return;
	}
	children = palloc(layout->fanout * sizeof(AngleNodePointer));
	kinds = palloc(layout->fanout);
	below = palloc_extended((Size) layout->fanout * calibration->batch *
								sizeof(double),
							MCXT_ALLOC_HUGE);
	spreads = palloc0(layout->fanout * sizeof(double));
	count = read_children(calibration, head, children, kinds, below, spreads);
	UnlockReleaseBuffer(head);
	for (int i = 0; i < count; i++)
	{
		keys = below + (Size) i * calibration->batch;
		if (calibration->counted && kinds[i] == ANGLE_NODE_LEAF)
			note_leaf(calibration, children[i].block, keys, spreads[i], &own);
		else
			walk(calibration, children[i], keys, spreads[i], &own);
	}
	pfree(children);
	pfree(kinds);
	pfree(below);
	pfree(spreads);
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

/* Finds out when a search by one query of the batch comes to the leaves of each group. */
static void
reach_groups(Calibration *calibration, int query)
{
	LeafDue *order = calibration->group_order;
	const uint32 count = calibration->group_count;

	for (uint32 i = 0; i < count; i++)
		order[i] = (LeafDue){
			calibration->groups[(Size) i * calibration->most + query], i};
	sort_due(order, count);
	for (uint32 i = 0; i < count; i++)
		calibration->reaches[order[i].leaf] = (float) angle_choice_reach(
			calibration->leaf_count, (double) i / count);
}

/* Goes the way of a search by one query of the batch, whose leaves these are: notes what it has
 * seen with each of them, and what it reads. Those of far groups come late. */
static void
go(Calibration *calibration, int query, LeafDue *order)
{
	const uint32 count = calibration->leaf_count;
	AngleStop stop;
	int step = 0;

	sort_due(order, count);
	reach_groups(calibration, query);
	angle_stop_begin(&stop, calibration->self->metric);
	for (uint32 i = 0; i < count; i++)
	{
		const int rows = calibration->leaves[order[i].leaf].rows;

		angle_stop_note(&stop, order[i].key, rows, rows);
		calibration->at[i] = (float) angle_stop_seen(&stop);
		for (; step < STEPS && angle_stop_seen(&stop) >= step_seen(step);
			 step++)
			calibration->measured->read[step] += stop.rows;
	}
	for (; step < STEPS; step++)
		calibration->measured->read[step] += stop.rows;
	for (uint32 i = 0; i < count; i++)
	{
		const uint32 leaf = order[i].leaf;
		const double late =
			calibration->reaches[calibration->leaves[leaf].group];

		calibration->seen[leaf] =
			calibration->at[(uint32) Min(Max(i, late), count - 1)];
	}
}

/* What was seen with the first leaf that has the neighbour; infinite if none has. */
static float
need_of(const Calibration *calibration, const AngleNeighbour *neighbour)
{
	float need = INFINITY;

	for (int i = 0; i < lengthof(neighbour->leaves); i++)
	{
		const BlockNumber block = neighbour->leaves[i];
		uint32 place;

		if (block >= calibration->blocks)
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
note_needs(Calibration *calibration, const AngleSample *sample)
{
	AngleMeasured *measured = calibration->measured;

	for (int scale = 0; scale < ANGLE_SCALES; scale++)
	{
		const AngleNearRows *nearest = &sample->nearest[scale];

		for (size_t i = 0; i < nearest->top.count; i++)
		{
			const float need =
				need_of(calibration, &nearest->seen[nearest->items[i].id]);

			if (isfinite(need))
				measured->needs[scale][measured->found[scale]++] = need;
		}
	}
}

static void *
alloc_huge(Size count, Size each)
{
	return palloc_extended(count * each, MCXT_ALLOC_HUGE);
}

static void *
alloc_zeros(Size count, Size each)
{
	return palloc_extended(count * each, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

static void
count_leaves(Calibration *calibration, AngleNodePointer root)
{
	Parent above = {.keys = NULL};

	calibration->blocks = RelationGetNumberOfBlocks(calibration->index);
	calibration->rows = alloc_zeros(calibration->blocks, sizeof(uint16));
	walk(calibration, root, NULL, 0, &above);
	calibration->counted = true;
}

/* Room for so many queries at a time. Splits may bring some leaves more. */
static void
make_room(Calibration *calibration)
{
	const Size leaves =
		calibration->leaf_count + calibration->leaf_count / 8 + 1;
	const Size most = calibration->memory / (leaves * sizeof(LeafDue));

	calibration->leaf_capacity = leaves;
	calibration->most = (int) Min(calibration->count, Max(1, most));
	calibration->leaves = alloc_huge(leaves, sizeof(LeafSeen));
	calibration->seen = alloc_huge(leaves, sizeof(float));
	calibration->at = alloc_huge(leaves, sizeof(float));
	calibration->group_order = alloc_huge(leaves, sizeof(LeafDue));
	calibration->reaches = alloc_huge(leaves, sizeof(float));
	calibration->places = alloc_zeros(calibration->blocks, sizeof(uint32));
	calibration->order =
		alloc_huge(calibration->most * leaves, sizeof(LeafDue));
	calibration->group_capacity = 64;
	calibration->groups = alloc_huge(
		calibration->group_capacity * calibration->most, sizeof(float));
}

/* Goes the ways of all queries, some of which are prepared at a time. */
static void
go_all(Calibration *calibration, AngleNodePointer root)
{
	Parent above = {.keys = NULL};
	double *keys;

	count_leaves(calibration, root);
	make_room(calibration);
	above.keys = keys = palloc(calibration->most * sizeof(double));
	for (int i = 0; i < calibration->most; i++)
		keys[i] = -INFINITY;
	for (int first = 0; first < calibration->count; first += calibration->most)
	{
		calibration->first = first;
		calibration->batch = Min(calibration->most, calibration->count - first);
		calibration->leaf_count = calibration->group_count = 0;
		above.noted = false;
		walk(calibration, root, keys, 0, &above);
		for (int i = 0; i < calibration->batch; i++)
		{
			CHECK_FOR_INTERRUPTS();
			go(calibration, i,
			   calibration->order + (Size) i * calibration->leaf_capacity);
			note_needs(calibration, &calibration->samples[first + i]);
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
mean_read(const AngleMeasured *measured, double seen)
{
	const double place = (log2(Max(1, seen)) - STEP_FIRST) * STEPS_EACH;
	const int below = (int) Max(0, Min(place, STEPS - 2));
	const double part = Max(0, Min(place - below, 1));

	return ((1 - part) * measured->read[below] +
			part * measured->read[below + 1]) /
		   measured->queries;
}

/* A target and the standard error of what is measured for it by so many neighbours: five builds
 * in six find the target, and not one in two. */
static double
with_error(double target, int neighbours)
{
	return target + TOGETHER * sqrt(target * (1 - target) / Max(1, neighbours));
}

/* The quantiles of what was needed, and what is read for them. More of the nearest need no
 * less than few do. */
void
angle_measured_set_stop(AngleMeasured *measured, AngleMeta *meta)
{
	if (measured->found[0] == 0)
		return;
	for (int scale = 0; scale < ANGLE_SCALES; scale++)
	{
		const int found = measured->found[scale];
		float *needs = measured->needs[scale];

		qsort(needs, found, sizeof(float), compare_needs);
		for (int i = 0; i < ANGLE_TARGETS; i++)
		{
			const int rank =
				(int) ceil(with_error(angle_recall_targets[i], found) * found);
			const float below = scale > 0 ? meta->enough[scale - 1][i] : 0;
			const float need =
				found > 0 ? needs[Max(0, Min(rank, found) - 1)] : 0;

			meta->enough[scale][i] = Max(need, below);
			meta->read[scale][i] =
				(float) mean_read(measured, meta->enough[scale][i]);
		}
	}
	meta->calibrated = 1;
}

void
angle_measured_add(AngleMeasured *sum, const AngleMeasured *more)
{
	sum->queries += more->queries;
	for (int scale = 0; scale < ANGLE_SCALES; scale++)
	{
		memcpy(sum->needs[scale] + sum->found[scale], more->needs[scale],
			   more->found[scale] * sizeof(float));
		sum->found[scale] += more->found[scale];
	}
	for (int step = 0; step < STEPS; step++)
		sum->read[step] += more->read[step];
}

void
angle_measure(Relation index, const AngleIndex *self, AngleNodePointer root,
			  const AngleReservoir *reservoir, AngleShare share,
			  AngleMeasured *measured)
{
	Calibration calibration = {
		.index = index,
		.self = self,
		.memory = Max(ORDERS_LEAST,
					  angle_maintenance_memory() / ORDERS_SHARE / share.all),
		.measured = measured};
	MemoryContext memory, old;

	memset(measured, 0, sizeof(*measured));
	if (reservoir->seen < ANGLE_CALIBRATION_ROWS)
		return;
	memory = AllocSetContextCreate(CurrentMemoryContext, "angle calibration",
								   ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(memory);
	calibration.centroids.index = index;
	make_samples(&calibration, reservoir, share);
	measured->queries = calibration.count;
	if (calibration.count > 0)
	{
		angle_neighbours_find(index, self, root, calibration.samples,
							  calibration.count);
		go_all(&calibration, root);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

void
angle_calibrate(Relation index, const AngleIndex *self, AngleMeta *meta,
				const AngleReservoir *reservoir)
{
	AngleMeasured *measured = palloc(sizeof(AngleMeasured));

	angle_measure(index, self, meta->root, reservoir, (AngleShare){0, 1},
				  measured);
	angle_measured_set_stop(measured, meta);
	pfree(measured);
}
