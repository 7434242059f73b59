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

/* Rows of the table have neighbours that are easier to find than those of other vectors:
 * sentences which were held out missed 1.2 times as many (0.942 at a target of 0.95), and
 * searches with conditions of the table somewhat more. */
#define MISSED_SHARE 0.75

/* A row that was among the nearest for a while, and the leaves that have its entries. */
typedef struct Neighbour
{
	AngleBodyPointer body;
	BlockNumber leaves[2]; /* InvalidBlockNumber: none */
} Neighbour;

/* Of a query: the neighbours, by their place in seen. */
typedef struct Probing
{
	const float *point; /* (dims) */
	ItemPointerData tid;
	AngleQuery *query;
	AngleTop top;
	AngleCandidate nearest[ANGLE_STOP_NEIGHBOURS];
	Neighbour *seen; /* (seen_capacity) */
	int seen_count;
	int seen_capacity;
} Probing;

/* A leaf: when a search comes to it. */
typedef struct LeafSeen
{
	double key; /* the distance of its centroid */
	BlockNumber block;
	int rows;
} LeafSeen;

typedef struct Calibration
{
	Relation index;
	const AngleIndex *self;
	Probing *probings; /* (count) */
	int count;
	float *needs; /* what is to be seen for each neighbour that was found */
	int found;
	double read[ANGLE_TARGETS]; /* rows that all queries read */
	LeafSeen *leaves;			/* (leaf_capacity) of the tree, for one query */
	uint32 seen;
	uint32 leaf_capacity;
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
init_probings(Calibration *calibration, const AngleReservoir *reservoir)
{
	const AngleIndex *self = calibration->self;
	const int dims = self->layout.dims;

	calibration->count = reservoir->rows.count;
	calibration->probings = palloc(calibration->count * sizeof(Probing));
	calibration->needs =
		palloc(calibration->count * ANGLE_STOP_NEIGHBOURS * sizeof(float));
	for (int i = 0; i < calibration->count; i++)
	{
		Probing *probing = &calibration->probings[i];

		float *point = reservoir->rows.points + (Size) i * dims;

		probing->point = point;
		probing->tid = reservoir->rows.tids[i];
		probing->query = angle_query_of_point(self, point);
		angle_top_init(&probing->top, probing->nearest, ANGLE_STOP_NEIGHBOURS);
		probing->seen_count = 0;
		probing->seen_capacity = 4 * ANGLE_STOP_NEIGHBOURS;
		probing->seen = palloc(probing->seen_capacity * sizeof(Neighbour));
	}
}

/* Whether the row is one of the nearest already, by its other entry; notes this leaf. */
static bool
meet_again(Probing *probing, AngleBodyPointer body, BlockNumber leaf)
{
	for (size_t i = 0; i < probing->top.count; i++)
	{
		Neighbour *neighbour = &probing->seen[probing->nearest[i].id];

		if (!angle_body_same(neighbour->body, body))
			continue;
		neighbour->leaves[1] = leaf;
		return true;
	}
	return false;
}

/* Makes a row that is nearer than others one of the nearest. */
static void
meet(Probing *probing, double score, AngleBodyPointer body, BlockNumber leaf)
{
	if (!angle_top_offer(&probing->top, score, probing->seen_count))
		return;
	probing->seen[probing->seen_count++] =
		(Neighbour){body, {leaf, InvalidBlockNumber}};
	if (probing->seen_count < probing->seen_capacity)
		return;
	probing->seen_capacity *= 2;
	probing->seen =
		repalloc(probing->seen, probing->seen_capacity * sizeof(Neighbour));
}

/* Offers a row to a query. */
static void
offer_row(Calibration *calibration, Probing *probing, Buffer head, int slot)
{
	const AngleLayout *layout = &calibration->self->layout;
	const BlockNumber block = BufferGetBlockNumber(head);
	AngleLeafEntry entry =
		angle_leaf_entries(layout, BufferGetPage(head))[slot];
	AngleRerankFactors factors;
	const char *body;
	double score;

	if (ItemPointerEquals(&entry.tid, &probing->tid) ||
		meet_again(probing, entry.body, block))
		return;
	body = angle_body_get(&calibration->bodies, layout, entry.body, &entry.tid);
	if (body == NULL)
		return;
	memcpy(&factors, body, sizeof(factors));
	score = angle_rerank_score(&probing->query->rerank,
							   (const uint8 *) body + sizeof(factors), &factors)
				.estimate;
	if (!isnan(score))
		meet(probing, score, entry.body, block);
}

/* Offers those rows of a leaf whose codes say that they may be near. */
static void
offer_near(Calibration *calibration, Probing *probing, Buffer head,
		   const float *centroid)
{
	const AngleLayout *layout = &calibration->self->layout;
	float keys[ANGLE_BLOCK];
	const AngleProbe probe =
		angle_rabitq_probe(calibration->self->metric, layout->dims,
						   probing->query->point, centroid);

	for (int first = 0; first < layout->capacity; first += ANGLE_BLOCK)
	{
		const float limit =
			(float) Min(angle_top_limit(&probing->top), FLT_MAX);
		unsigned near =
			angle_query_near(probing->query, BufferGetPage(head),
							 first / ANGLE_BLOCK, probe, limit, keys);

		for (; near != 0; near &= near - 1)
			offer_row(calibration, probing, head,
					  first + pg_rightmost_one_pos32(near));
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

/* When a node comes. */
static double
key_of(const Calibration *calibration, const Probing *probing,
	   const AngleBfloat *centroid)
{
	return angle_rabitq_probe_stored(calibration->self->metric,
									 calibration->self->layout.dims,
									 probing->point, centroid)
		.add;
}

/* The keys of the children of an inner node, whose head is locked; returns how
 * many there are. */
static int
read_children(Calibration *calibration, const Probing *probing, Buffer head,
			  AngleNodePointer *children, double *keys)
{
	const AngleLayout *layout = &calibration->self->layout;
	Page page = BufferGetPage(head);
	int count = 0;

	for (int slot = 0; slot < layout->fanout; slot++)
	{
		if (!angle_slot_live(layout, page, slot))
			continue;
		children[count] = angle_inner_pointers(layout, page)[slot];
		keys[count++] =
			key_of(calibration, probing,
				   angle_centroid_get(&calibration->centroids, layout,
									  BufferGetBlockNumber(head), slot));
	}
	angle_reader_done(&calibration->centroids);
	return count;
}

/* Notes the leaves below node, whose distance is key. Nodes that went in
 * the meantime are passed over. */
static void
walk(Calibration *calibration, const Probing *probing, AngleNodePointer node,
	 double key)
{
	const AngleLayout *layout = &calibration->self->layout;
	Buffer head =
		angle_read_node(calibration->index, layout, node, BUFFER_LOCK_SHARE);
	AngleNodePointer *children = NULL;
	AngleNodeHeader header;
	double *keys = NULL;
	int count = 0;

	if (!BufferIsValid(head))
		return;
	header = *angle_node(BufferGetPage(head));
	if (header.kind == ANGLE_NODE_INNER)
	{
		children = palloc(layout->fanout * sizeof(AngleNodePointer));
		keys = palloc(layout->fanout * sizeof(double));
		count = read_children(calibration, probing, head, children, keys);
	}
	UnlockReleaseBuffer(head);
	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	if (header.kind == ANGLE_NODE_LEAF &&
		calibration->seen < calibration->leaf_capacity)
		calibration->leaves[calibration->seen++] =
			(LeafSeen){key, node.block, header.count};
	for (int i = 0; i < count; i++)
		walk(calibration, probing, children[i], keys[i]);
	if (children != NULL)
	{
		pfree(children);
		pfree(keys);
	}
}

static int
compare_leaves(const void *a, const void *b)
{
	double x = ((const LeafSeen *) a)->key;
	double y = ((const LeafSeen *) b)->key;

	return (x > y) - (x < y);
}

/* Fills leaves in the order of a search by one query. */
static void
find_leaves(Calibration *calibration, const Probing *probing,
			AngleNodePointer root)
{
	calibration->seen = 0;
	walk(calibration, probing, root, -INFINITY);
	qsort(calibration->leaves, calibration->seen, sizeof(LeafSeen),
		  compare_leaves);
}

/* Whether a leaf has an entry of the neighbour in this place of the nearest that was not
 * found before; then it is from now on. */
static bool
finds(const Probing *probing, size_t place, BlockNumber leaf)
{
	Neighbour *neighbour = &probing->seen[probing->nearest[place].id];

	if (leaf != neighbour->leaves[0] && leaf != neighbour->leaves[1])
		return false;
	neighbour->leaves[0] = neighbour->leaves[1] = InvalidBlockNumber;
	return true;
}

/* Notes, for each neighbour of one query, what a search has seen when it has read the
 * first leaf that has it. */
static void
note_needs(Calibration *calibration, const Probing *probing,
		   AngleNodePointer root)
{
	AngleStop stop;

	angle_stop_begin(&stop, calibration->self->metric);
	find_leaves(calibration, probing, root);
	for (uint32 i = 0; i < calibration->seen; i++)
	{
		const LeafSeen *leaf = &calibration->leaves[i];

		angle_stop_note(&stop, leaf->key, leaf->rows, leaf->rows);
		for (size_t j = 0; j < probing->top.count; j++)
			if (finds(probing, j, leaf->block))
				calibration->needs[calibration->found++] =
					(float) angle_stop_seen(&stop);
	}
}

/* Adds up how many rows a search by one query reads for each target. */
static void
add_read(Calibration *calibration, const Probing *probing,
		 const AngleMeta *meta)
{
	int target = 0;
	AngleStop stop;

	angle_stop_begin(&stop, calibration->self->metric);
	find_leaves(calibration, probing, meta->root);
	for (uint32 i = 0; i < calibration->seen && target < ANGLE_TARGETS; i++)
	{
		const LeafSeen *leaf = &calibration->leaves[i];

		angle_stop_note(&stop, leaf->key, leaf->rows, leaf->rows);
		for (; target < ANGLE_TARGETS &&
			   angle_stop_seen(&stop) >= meta->enough[target];
			 target++)
			calibration->read[target] += stop.rows;
	}
	for (; target < ANGLE_TARGETS; target++)
		calibration->read[target] += stop.rows;
}

static int
compare_needs(const void *a, const void *b)
{
	float x = *(const float *) a, y = *(const float *) b;

	return (x > y) - (x < y);
}

/* The quantiles of what was needed, and what is read for them. */
static void
set_stop(Calibration *calibration, AngleMeta *meta)
{
	qsort(calibration->needs, calibration->found, sizeof(float), compare_needs);
	for (int i = 0; i < ANGLE_TARGETS; i++)
	{
		const double missed = MISSED_SHARE * (1 - angle_recall_targets[i]);
		int rank = (int) ceil((1 - missed) * calibration->found);

		meta->enough[i] =
			calibration->needs[Max(0, Min(rank, calibration->found) - 1)];
	}
	for (int i = 0; i < calibration->count; i++)
		add_read(calibration, &calibration->probings[i], meta);
	for (int i = 0; i < ANGLE_TARGETS; i++)
		meta->read[i] = (float) (calibration->read[i] / calibration->count);
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
	calibration.centroids.index = calibration.bodies.index = index;
	init_probings(&calibration, reservoir);
	find_neighbours(&calibration, meta->root,
					palloc0(layout->dims * sizeof(float)));
	calibration.leaf_capacity = RelationGetNumberOfBlocks(index);
	calibration.leaves = palloc_extended(
		calibration.leaf_capacity * sizeof(LeafSeen), MCXT_ALLOC_HUGE);
	for (int i = 0; i < calibration.count; i++)
		note_needs(&calibration, &calibration.probings[i], meta->root);
	if (calibration.found > 0)
		set_stop(&calibration, meta);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}
