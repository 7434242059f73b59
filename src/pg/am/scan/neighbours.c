/* All rows are shown to all samples. */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "core/ann/queries.h"
#include "core/quant/rerank.h"
#include "pg/am/scan/neighbours.h"
#include "pg/am/store/body.h"
#include "pg/am/store/entries.h"
#include "pg/am/store/node_segment.h"
#include "pg/bridge.h"

/* The rows that have their first entries in a leaf. */
typedef struct LeafRows
{
	BlockNumber leaf;
	int count;
	float *points;	/* (capacity of a leaf, dims) */
	float *squares; /* (capacity) ‖x‖² */
	uint64 *names;	/* their TIDs as numbers */
	AngleBodyPointer *bodies;
} LeafRows;

/* Neighbours by their bodies, for the second entries: those of one body lie together. */
typedef struct ByBody
{
	uint64 body;
	AngleNeighbour *neighbour;
} ByBody;

typedef struct FirstOfBody
{
	uint64 body;
	uint32 place; /* among those by body */
	char status;
} FirstOfBody;

#define SH_PREFIX bodies
#define SH_ELEMENT_TYPE FirstOfBody
#define SH_KEY_TYPE uint64
#define SH_KEY body
#define SH_HASH_KEY(table, key) angle_body_hash(key)
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

/* What a row must be to become a neighbour of a sample. */
typedef struct Gate
{
	uint64 own; /* not this, which is the sample */
	uint64 seed;
	float limits[ANGLE_SCALES]; /* of distances, in each part */
} Gate;

typedef struct Finding
{
	Relation index;
	const AngleIndex *self;
	AngleSample *samples; /* (count) */
	int count;
	AngleSample **by_tid; /* (count) */
	Gate *gates;		  /* (count) */
	AngleQueries *queries;
	LeafRows rows;
	ByBody *by_body; /* (found) */
	uint32 found;
	bodies_hash *firsts;
	AnglePageReader bodies;
} Finding;

/* ---- first entries -------------------------------------------------------- */

/* A TID as a number. */
static uint64
name_of(const ItemPointerData *tid)
{
	return (uint64) ItemPointerGetBlockNumberNoCheck(tid) << 16 |
		   ItemPointerGetOffsetNumberNoCheck(tid);
}

/* The smallest part of the rows that has this one: a hundredth is 4, a tenth 2, all 0.
 * Parts are others for each query. */
static inline int
part_of(uint64 seed, uint64 name)
{
	/* of 2^32 */
	static const uint32 most[ANGLE_SCALES - 1] = {1358204665, 429496730,
												  135820466, 42949673};
	uint64 bits = (name ^ seed) * UINT64CONST(0xbf58476d1ce4e5b9);
	uint32 number;
	int part = 0;

	bits = (bits ^ bits >> 29) * UINT64CONST(0x94d049bb133111eb);
	number = bits >> 32;
	while (part + 1 < ANGLE_SCALES && number < most[part])
		part++;
	return part;
}

/* Whether the row is one of the nearest already: others may have moved it meanwhile. */
static bool
has_met(const AngleNearRows *nearest, AngleBodyPointer body)
{
	for (size_t i = 0; i < nearest->top.count; i++)
		if (angle_body_same(nearest->seen[nearest->items[i].id].body, body))
			return true;
	return false;
}

/* Forgets the rows that are no longer among the nearest. */
static void
forget_others(AngleNearRows *nearest)
{
	AngleNeighbour kept[ANGLE_STOP_NEIGHBOURS];

	for (size_t i = 0; i < nearest->top.count; i++)
	{
		kept[i] = nearest->seen[nearest->items[i].id];
		nearest->items[i].id = i;
	}
	nearest->count = (int) nearest->top.count;
	memcpy(nearest->seen, kept, nearest->count * sizeof(AngleNeighbour));
}

/* Makes a row that is nearer than others one of the nearest. */
static void
meet(AngleNearRows *nearest, double score, AngleBodyPointer body,
	 BlockNumber leaf)
{
	if (score > angle_top_limit(&nearest->top) || has_met(nearest, body) ||
		!angle_top_offer(&nearest->top, score, nearest->count))
		return;
	nearest->seen[nearest->count++] =
		(AngleNeighbour){body, {leaf, InvalidBlockNumber}};
	if (nearest->count == ANGLE_NEAR_ROWS)
		forget_others(nearest);
}

/* A query meets a row of the leaf that was read: it goes to the nearest of the parts that
 * have it. Those of the smallest part are the farthest, so most rows that come go nowhere, and
 * are turned away by what lies together in the gate. */
static void
meet_row(void *context, size_t query, size_t row, double score)
{
	Finding *finding = context;
	const LeafRows *rows = &finding->rows;
	AngleSample *sample = &finding->samples[query];
	Gate *gate = &finding->gates[query];
	const int part = part_of(gate->seed, rows->names[row]);

	if (score > gate->limits[part] || rows->names[row] == gate->own)
		return;
	for (int i = 0; i <= part; i++)
	{
		meet(&sample->nearest[i], score, rows->bodies[row], rows->leaf);
		gate->limits[i] = (float) angle_top_limit(&sample->nearest[i].top);
	}
	angle_queries_limit(finding->queries, query,
						gate->limits[ANGLE_SCALES - 1]);
}

/* Reads the rows that have their first entries in a leaf, whose head is locked. */
static void
read_rows(Finding *finding, Buffer head)
{
	const AngleLayout *layout = &finding->self->layout;
	const AngleLeafEntry *entries =
		angle_leaf_entries(layout, BufferGetPage(head));
	LeafRows *rows = &finding->rows;

	rows->leaf = BufferGetBlockNumber(head);
	rows->count = 0;
	for (int slot = 0; slot < layout->capacity; slot++)
	{
		AngleLeafEntry entry = entries[slot];
		AngleRerankFactors factors;
		const char *body;

		if (!angle_slot_live(layout, BufferGetPage(head), slot) ||
			angle_entry_second(&entry))
			continue;
		body = angle_body_get(&finding->bodies, layout, entry.body, &entry.tid);
		if (body == NULL)
			continue;
		memcpy(&factors, body, sizeof(factors));
		angle_rerank_decode(layout->dims, layout->bits,
							(const uint8 *) body + sizeof(factors), &factors,
							rows->points + (Size) rows->count * layout->dims);
		rows->squares[rows->count] = factors.norm * factors.norm;
		rows->bodies[rows->count] = entry.body;
		rows->names[rows->count++] = name_of(&entry.tid);
	}
	angle_reader_done(&finding->bodies);
}

static int
compare_samples(const void *a, const void *b)
{
	const uint64 x = name_of(&(*(AngleSample *const *) a)->tid);
	const uint64 y = name_of(&(*(AngleSample *const *) b)->tid);

	return (x > y) - (x < y);
}

static int
compare_name(const void *a, const void *b)
{
	const uint64 x = *(const uint64 *) a;
	const uint64 y = name_of(&(*(AngleSample *const *) b)->tid);

	return (x > y) - (x < y);
}

/* Notes of the samples that are among the rows of the leaf which was read that it has their
 * first entries. */
static void
note_own(Finding *finding)
{
	const LeafRows *rows = &finding->rows;

	for (int i = 0; i < rows->count; i++)
	{
		AngleSample **found =
			bsearch(&rows->names[i], finding->by_tid, finding->count,
					sizeof(AngleSample *), compare_name);

		if (found == NULL)
			continue;
		(*found)->own = rows->leaf;
		(*found)->own_rows = rows->count - 1;
	}
}

/* Shows the rows of a leaf to all samples. */
static void
show_leaf(Finding *finding, Buffer head)
{
	const LeafRows *rows = &finding->rows;

	read_rows(finding, head);
	UnlockReleaseBuffer(head);
	note_own(finding);
	angle_queries_show(
		finding->queries,
		&(AngleShown){rows->points, rows->squares, (size_t) rows->count},
		meet_row, finding);
}

/* ---- second entries ------------------------------------------------------- */

static int
compare_bodies(const void *a, const void *b)
{
	const ByBody *x = a, *y = b;

	return (x->body > y->body) - (x->body < y->body);
}

/* Sorts all neighbours by their bodies. */
static void
sort_neighbours(Finding *finding)
{
	const Size most =
		(Size) finding->count * ANGLE_SCALES * ANGLE_STOP_NEIGHBOURS;

	finding->by_body = palloc_extended(most * sizeof(ByBody), MCXT_ALLOC_HUGE);
	for (int i = 0; i < finding->count; i++)
		for (int scale = 0; scale < ANGLE_SCALES; scale++)
		{
			AngleNearRows *nearest = &finding->samples[i].nearest[scale];

			for (size_t j = 0; j < nearest->top.count; j++)
			{
				AngleNeighbour *neighbour =
					&nearest->seen[nearest->items[j].id];

				finding->by_body[finding->found++] =
					(ByBody){angle_body_key(neighbour->body), neighbour};
			}
		}
	qsort(finding->by_body, finding->found, sizeof(ByBody), compare_bodies);
	finding->firsts = bodies_create(CurrentMemoryContext, finding->found, NULL);
	for (uint32 i = 0; i < finding->found; i++)
	{
		bool there;
		FirstOfBody *first =
			bodies_insert(finding->firsts, finding->by_body[i].body, &there);

		if (!there)
			first->place = i;
	}
}

/* Notes of the neighbours that have their second entries in a leaf that it has them. */
static void
note_seconds(Finding *finding, Buffer head)
{
	const AngleLayout *layout = &finding->self->layout;
	const Page page = BufferGetPage(head);
	const AngleLeafEntry *entries = angle_leaf_entries(layout, page);

	for (int slot = 0; slot < layout->capacity; slot++)
	{
		const uint64 body = angle_body_key(entries[slot].body);
		const FirstOfBody *first;

		if (!angle_slot_live(layout, page, slot) ||
			!angle_entry_second(&entries[slot]))
			continue;
		first = bodies_lookup(finding->firsts, body);
		for (uint32 i = first != NULL ? first->place : finding->found;
			 i < finding->found && finding->by_body[i].body == body; i++)
			finding->by_body[i].neighbour->leaves[1] =
				BufferGetBlockNumber(head);
	}
	UnlockReleaseBuffer(head);
}

/* ---- all leaves ----------------------------------------------------------- */

/* The pointers of an inner node (fanout); returns how many there are. */
static int
read_pointers(const AngleLayout *layout, Page page, AngleNodePointer *pointers)
{
	int count = 0;

	for (int slot = 0; slot < layout->fanout; slot++)
		if (angle_slot_live(layout, page, slot))
			pointers[count++] = angle_inner_pointers(layout, page)[slot];
	return count;
}

/* Calls leaf with the head of each leaf below a node, which it unlocks. */
static void
visit_leaves(Finding *finding, AngleNodePointer pointer,
			 void (*leaf)(Finding *, Buffer))
{
	const AngleLayout *layout = &finding->self->layout;
	AngleNodePointer *children;
	Buffer head;
	int count;

	/* not with a page locked, when nothing interrupts */
	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	head = angle_read_node(finding->index, layout, pointer, BUFFER_LOCK_SHARE);
	if (!BufferIsValid(head))
		return;
	if (angle_node(BufferGetPage(head))->kind == ANGLE_NODE_LEAF)
	{
		leaf(finding, head);
		return;
	}
	children = palloc(layout->fanout * sizeof(AngleNodePointer));
	count = read_pointers(layout, BufferGetPage(head), children);
	UnlockReleaseBuffer(head);
	for (int i = 0; i < count; i++)
		visit_leaves(finding, children[i], leaf);
	pfree(children);
}

static void
make_queries(Finding *finding)
{
	const AngleIndex *self = finding->self;
	const Size dims = self->layout.dims;
	AngleArena *arena = angle_context_arena(CurrentMemoryContext);
	float *points =
		palloc_extended(finding->count * dims * sizeof(float), MCXT_ALLOC_HUGE);
	const AngleQueriesRequest request = {
		.queries = points,
		.count = finding->count,
		.dims = dims,
		.by = self->metric == ANGLE_METRIC_INNER_PRODUCT
				  ? ANGLE_NEAR_BY_PRODUCT
				  : ANGLE_NEAR_BY_DISTANCE};
	AngleError err;

	for (int i = 0; i < finding->count; i++)
		memcpy(points + i * dims, finding->samples[i].point,
			   dims * sizeof(float));
	angle_check(angle_queries_create(&request, arena, &finding->queries, &err),
				&err);
	pfree(points);
}

static void
make_rows(LeafRows *rows, const AngleLayout *layout)
{
	const Size capacity = layout->capacity;

	rows->points = palloc_extended(capacity * layout->dims * sizeof(float),
								   MCXT_ALLOC_HUGE);
	rows->squares = palloc(capacity * sizeof(float));
	rows->names = palloc(capacity * sizeof(uint64));
	rows->bodies = palloc(capacity * sizeof(AngleBodyPointer));
}

/* Makes ready what samples are met with. */
static void
make_gates(Finding *finding)
{
	finding->by_tid = palloc(finding->count * sizeof(AngleSample *));
	finding->gates = palloc(finding->count * sizeof(Gate));
	for (int i = 0; i < finding->count; i++)
	{
		AngleSample *sample = &finding->samples[i];
		Gate *gate = &finding->gates[i];

		*gate = (Gate){.own = name_of(&sample->tid), .seed = sample->seed};
		for (int scale = 0; scale < ANGLE_SCALES; scale++)
		{
			angle_top_init(&sample->nearest[scale].top,
						   sample->nearest[scale].items, ANGLE_STOP_NEIGHBOURS);
			gate->limits[scale] = INFINITY;
		}
		finding->by_tid[i] = sample;
	}
	qsort(finding->by_tid, finding->count, sizeof(AngleSample *),
		  compare_samples);
}

void
angle_neighbours_find(Relation index, const AngleIndex *self,
					  AngleNodePointer root, AngleSample *samples, int count)
{
	Finding finding = {.index = index,
					   .self = self,
					   .samples = samples,
					   .count = count,
					   .bodies.index = index};

	make_gates(&finding);
	make_queries(&finding);
	make_rows(&finding.rows, &self->layout);
	visit_leaves(&finding, root, show_leaf);
	sort_neighbours(&finding);
	visit_leaves(&finding, root, note_seconds);
}
