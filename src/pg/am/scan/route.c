/*
 * Leaves in the order of the distance of their centroids. With a directory, the
 * distances of all are estimated; of those that are nearest by that, as many as are
 * wanted and some more, the centroids are looked at. Without one, the nodes of the
 * tree are read from the root on, the nearest first.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "storage/bufmgr.h"

#include "pg/am/scan/candidates.h"
#include "pg/am/scan/queue.h"
#include "pg/am/scan/route.h"
#include "pg/am/tree/descend.h"

/* Leaves whose centroids are looked at: so many times those that are wanted, and so
 * many more, for estimates order them nearly. */
#define LOOK_SHARE 1.25
#define LOOK_MORE 16

/* Leaves that are asked for ahead of time. */
#define AHEAD 3

/* Estimates of which the reach of a choice is told, at least. */
#define SAMPLE 256

struct AngleRoute
{
	Relation index;
	AngleQuery *query;
	const AngleDirectory *directory;
	bool nearest;
	double expected;

	/* with a directory */
	float *estimates;  /* by number; infinite where no leaf has it */
	float *least;	   /* by number / ANGLE_BLOCK: of estimates above reached */
	float reached;	   /* leaves with estimates up to this were looked at */
	AngleLeaf *leaves; /* that were looked at last */
	AngleCandidate *chosen; /* (count): their distances, in order, and places */
	int count;
	int next;

	/* without one */
	AngleQueue nodes; /* by place in found */
	AngleLeaf *found; /* all nodes that parents led to */
	uint64 found_count;
	uint64 found_capacity;
	BlockNumber visits; /* nodes that were read */
};

/* ---- with a directory ----------------------------------------------------- */

/* The estimates for one group's leaves. */
static void
estimate_group(AngleRoute *route, const AngleGroup *group, float *estimates)
{
	AngleQuery *query = route->query;
	const int dims = query->self->layout.dims;
	AngleProbe probe;

	if (query->opposite != NULL)
	{
		/* the estimates are of one side only */
		for (int i = 0; i < group->count; i++)
			estimates[i] = (float) angle_query_node(
				query, group->centroids + (Size) i * dims, &probe);
	}
	else
	{
		(void) angle_query_node(query, group->centre, &probe);
		for (int i = 0; i < group->slots; i += ANGLE_BLOCK)
			angle_query_codes(
				query,
				&(AngleBlockView){group->codes +
									  i / ANGLE_BLOCK * angle_block_size(dims),
								  group->add + i, group->rescale + i, NULL},
				probe, estimates + i, NULL);
	}
}

static int
count_numbers(const AngleRoute *route)
{
	return route->directory->first[route->directory->groups];
}

static void
estimate_all(AngleRoute *route)
{
	const AngleDirectory *directory = route->directory;
	const Size count = count_numbers(route);

	route->estimates = palloc_extended(count * sizeof(float), MCXT_ALLOC_HUGE);
	route->least =
		palloc_extended(count / ANGLE_BLOCK * sizeof(float), MCXT_ALLOC_HUGE);
	for (int i = 0; i < directory->groups; i++)
	{
		const AngleGroup *group = directory->group[i];
		const int first = directory->first[i];

		if (route->nearest)
			estimate_group(route, group, route->estimates + first);
		else
			memset(route->estimates + first, 0, group->slots * sizeof(float));
		for (int j = 0; j < group->slots; j += ANGLE_BLOCK)
			route->least[(first + j) / ANGLE_BLOCK] = angle_block_tidy(
				route->estimates + first + j, group->count - j);
	}
}

/* Raises the least of blocks of which leaves were looked at. */
static void
pass_reached(AngleRoute *route)
{
	for (int i = 0; i < count_numbers(route) / ANGLE_BLOCK; i++)
	{
		const float *block = route->estimates + i * ANGLE_BLOCK;

		if (route->least[i] > route->reached)
			continue;
		route->least[i] = INFINITY;
		for (int j = 0; j < ANGLE_BLOCK; j++)
			if (block[j] > route->reached)
				route->least[i] = Min(route->least[i], block[j]);
	}
}

/* The least key of so many that all of them are not above. */
static float
greatest_of_least(AngleCandidate *candidates, size_t count, size_t rank)
{
	double greatest = -INFINITY;

	if (rank > count)
		return FLT_MAX;
	angle_candidates_select(candidates, count, rank);
	for (size_t i = 0; i < rank; i++)
		greatest = Max(greatest, candidates[i].key);
	return (float) Min(greatest, FLT_MAX);
}

/* A value that about so many of the estimates beyond reached are not above. Of few it is
 * told by the least of blocks, of which no more than that many are below it, so that there
 * are enough; of more by a sample. */
static float
reach_for(const AngleRoute *route, size_t wanted)
{
	const int count = count_numbers(route), blocks = count / ANGLE_BLOCK;
	const int step = Max(1, count / SAMPLE);
	AngleCandidate *seen = palloc_extended(
		Max(blocks, 2 * SAMPLE) * sizeof(AngleCandidate), MCXT_ALLOC_HUGE);
	size_t rank = wanted, found = 0;
	float reach;

	if (wanted <= blocks / 4)
		for (int i = 0; i < blocks; i++)
			seen[found++] = (AngleCandidate){route->least[i], i};
	else
	{
		rank = wanted / step + 2;
		for (int i = 0; i < count; i += step)
			if (route->estimates[i] > route->reached)
				seen[found++] = (AngleCandidate){route->estimates[i], i};
	}
	reach = greatest_of_least(seen, found, rank);
	pfree(seen);
	return reach;
}

/* Makes chosen of the leaves whose estimates are beyond what was reached and not above
 * limit, the estimates as keys and numbers as ids. */
static void
collect(AngleRoute *route, float limit)
{
	const int count = count_numbers(route);
	const float *estimates = route->estimates;
	const float reached = route->reached;
	Size most = 0;

	for (int i = 0; i < count / ANGLE_BLOCK; i++)
		most += route->least[i] <= limit ? ANGLE_BLOCK : 0;
	route->chosen =
		palloc_extended(Max(most, 1) * sizeof(AngleCandidate), MCXT_ALLOC_HUGE);
	route->count = 0;
	for (int first = 0; first < count; first += ANGLE_BLOCK)
	{
		if (!(route->least[first / ANGLE_BLOCK] <= limit))
			continue;
		for (int i = first; i < first + ANGLE_BLOCK; i++)
			if (estimates[i] > reached && estimates[i] <= limit)
				route->chosen[route->count++] =
					(AngleCandidate){estimates[i], i};
	}
}

/* Leaves the wanted nearest in chosen, and those that are as near as the last of them. */
static void
cut(AngleRoute *route, size_t wanted)
{
	AngleCandidate *chosen = route->chosen;
	const size_t count = route->count;
	double last = -INFINITY;

	if (wanted >= count)
		return;
	angle_candidates_select(chosen, count, wanted);
	for (size_t i = 0; i < wanted; i++)
		last = Max(last, chosen[i].key);
	route->count = wanted;
	for (size_t i = wanted; i < count; i++)
		if (chosen[i].key == last)
			chosen[route->count++] = chosen[i];
	route->reached = (float) last;
}

/* Asks the processor for what look_at() reads of the leaf with this number. */
static void
prefetch_leaf(const AngleRoute *route, int number)
{
	const AngleDirectory *directory = route->directory;
	const int dims = route->query->self->layout.dims;
	const int place = angle_directory_group(directory, number);
	const AngleGroup *group = directory->group[place];
	const int i = number - directory->first[place];
	const char *centroid = (const char *) (group->centroids + (Size) i * dims);

	__builtin_prefetch(&group->leaves[i]);
	for (Size at = 0; at < dims * sizeof(AngleBfloat); at += 64)
		__builtin_prefetch(centroid + at);
}

/* Makes what is known of the leaf with this number; returns its distance. */
static double
look_at(AngleRoute *route, int number, AngleLeaf *leaf)
{
	const AngleDirectory *directory = route->directory;
	const int dims = route->query->self->layout.dims;
	const int place = angle_directory_group(directory, number);
	const AngleGroup *group = directory->group[place];
	const int i = number - directory->first[place];

	leaf->node = group->leaves[i];
	leaf->distance = 0;
	if (!route->nearest)
		return 0;
	leaf->distance = angle_query_node(
		route->query, group->centroids + (Size) i * dims, &leaf->probe);
	return isnan(leaf->distance) ? -INFINITY : leaf->distance;
}

/* Looks at the chosen leaves, and puts them in order. */
static void
look_at_all(AngleRoute *route)
{
	AngleCandidate *chosen = route->chosen;
	const int count = route->count;

	route->leaves = palloc_extended(count * sizeof(AngleLeaf), MCXT_ALLOC_HUGE);
	for (int i = 0; i < count; i++)
	{
		if (i + AHEAD < count)
			prefetch_leaf(route, (int) chosen[i + AHEAD].id);
		chosen[i] = (AngleCandidate){
			look_at(route, (int) chosen[i].id, &route->leaves[i]), i};
	}
	angle_candidates_sort(chosen, count);
}

static void
forget_chosen(AngleRoute *route)
{
	if (route->chosen != NULL)
		pfree(route->chosen);
	if (route->leaves != NULL)
		pfree(route->leaves);
	route->chosen = NULL;
	route->leaves = NULL;
	route->count = route->next = 0;
}

/* Chooses the next leaves; false if there are none. */
static bool
choose(AngleRoute *route)
{
	const double leaves = route->directory->leaves;
	const size_t wanted =
		(size_t) Min(leaves, ceil(route->expected * LOOK_SHARE) + LOOK_MORE);

	float limit;

	forget_chosen(route);
	if (route->reached > -INFINITY)
		pass_reached(route);
	limit = reach_for(route, wanted);
	collect(route, limit);
	route->reached = limit;
	if (route->count == 0)
		return false;
	cut(route, wanted);
	look_at_all(route);
	route->expected = route->count;
	return true;
}

/* ---- without a directory -------------------------------------------------- */

static void
push_node(AngleRoute *route, double key, const AngleLeaf *node)
{
	if (route->found_count == route->found_capacity)
	{
		route->found_capacity *= 2;
		route->found = repalloc_huge(route->found,
									 route->found_capacity * sizeof(AngleLeaf));
	}
	route->found[route->found_count] = *node;
	angle_queue_add(&route->nodes, key, route->found_count++);
}

/* Queues the children of an inner node, whose head page is locked. */
static void
push_children(AngleRoute *route, Buffer head)
{
	const AngleLayout *layout = &route->query->self->layout;
	const Page page = BufferGetPage(head);
	AnglePageReader reader = {.index = route->index};

	for (int slot = 0; slot < layout->fanout; slot++)
	{
		AngleLeaf node = {0};

		if (!angle_slot_live(layout, page, slot))
			continue;
		node.node = angle_inner_pointers(layout, page)[slot];
		if (route->nearest)
			node.distance = angle_query_node(
				route->query,
				angle_centroid_get(&reader, layout, BufferGetBlockNumber(head),
								   slot),
				&node.probe);
		push_node(route, isnan(node.distance) ? -INFINITY : node.distance,
				  &node);
	}
	angle_reader_done(&reader);
	if (reader.scratch != NULL)
		pfree(reader.scratch);
}

/* Raises an error after more nodes than there are. */
static void
count_visit(AngleRoute *route, BlockNumber block)
{
	const BlockNumber often = 1024;

	if (++route->visits % often == 0 &&
		route->visits > RelationGetNumberOfBlocks(route->index) + often)
		angle_tree_has_cycle(route->index, block);
}

static bool
walk_next(AngleRoute *route, AngleLeaf *leaf)
{
	while (route->nodes.count > 0)
	{
		bool inner;
		Buffer head;

		*leaf = route->found[angle_queue_pop(&route->nodes).id];
		CHECK_FOR_INTERRUPTS();
		count_visit(route, leaf->node.block);
		head = angle_read_node(route->index, &route->query->self->layout,
							   leaf->node, BUFFER_LOCK_SHARE);
		if (!BufferIsValid(head))
			continue;
		inner = angle_node(BufferGetPage(head))->kind == ANGLE_NODE_INNER;
		if (inner)
			push_children(route, head);
		UnlockReleaseBuffer(head);
		if (!inner)
			return true;
	}
	return false;
}

/* ---- both ----------------------------------------------------------------- */

AngleRoute *
angle_route_make(Relation index, AngleQuery *query,
				 const AngleDirectory *directory, AngleNodePointer root,
				 bool nearest)
{
	const size_t start = 256;
	AngleRoute *route = palloc0(sizeof(AngleRoute));
	const AngleBfloat *origin;
	AngleLeaf first = {.node = root};

	route->index = index;
	route->query = query;
	route->directory = directory;
	route->nearest = nearest;
	route->reached = -INFINITY;
	if (directory != NULL)
	{
		estimate_all(route);
		return route;
	}
	origin = palloc0(query->self->layout.centroid_size);
	route->found_capacity = start;
	route->found = palloc(start * sizeof(AngleLeaf));
	angle_queue_make(&route->nodes, start);
	if (nearest)
		(void) angle_query_node(query, origin, &first.probe);
	push_node(route, -INFINITY, &first);
	return route;
}

void
angle_route_expect(AngleRoute *route, double leaves)
{
	route->expected = leaves;
}

bool
angle_route_next(AngleRoute *route, AngleLeaf *leaf)
{
	if (route->directory == NULL)
		return walk_next(route, leaf);
	if (route->next == route->count && !choose(route))
		return false;
	*leaf = route->leaves[route->chosen[route->next++].id];
	return true;
}

const AngleLeaf *
angle_route_peek(const AngleRoute *route)
{
	return route->next < route->count
			   ? &route->leaves[route->chosen[route->next].id]
			   : NULL;
}
