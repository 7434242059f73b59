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

#include "pg/am/candidates.h"
#include "pg/am/descend.h"
#include "pg/am/node_segment.h"
#include "pg/am/queue.h"
#include "pg/am/scan_route.h"

/* Leaves whose centroids are looked at: so many times those that are wanted, and so
 * many more, for estimates order them nearly. */
#define LOOK_SHARE 1.25
#define LOOK_MORE 16

/* Centroids that are asked for ahead of time. */
#define AHEAD 3

/* Estimates of which the reach of a choice is told, at least. */
#define SAMPLE 256

struct AngleRoute
{
	Relation index;
	AngleQuery *query;
	const AngleDirectory *directory;
	bool nearest;
	float *centroid; /* (dims) */
	double expected;

	/* with a directory */
	float *estimates;  /* by number; infinite where no leaf has it */
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
		{
			angle_bfloat_decode(group->centroids + (Size) i * dims,
								route->centroid, dims);
			estimates[i] =
				(float) angle_query_node(query, route->centroid, &probe);
		}
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
	for (int i = 0; i < group->slots; i++)
		if (i >= group->count)
			estimates[i] = INFINITY;
		else if (!(estimates[i] < FLT_MAX))
			estimates[i] = FLT_MAX;
		else
			estimates[i] = Max(estimates[i], -FLT_MAX);
}

static void
estimate_all(AngleRoute *route)
{
	const AngleDirectory *directory = route->directory;

	route->estimates = palloc_extended(
		directory->first[directory->groups] * sizeof(float), MCXT_ALLOC_HUGE);
	for (int i = 0; i < directory->groups; i++)
		if (route->nearest)
			estimate_group(route, directory->group[i],
						   route->estimates + directory->first[i]);
		else
			for (int j = 0; j < directory->group[i]->slots; j++)
				route->estimates[directory->first[i] + j] =
					j < directory->group[i]->count ? 0 : INFINITY;
}

/* A value that about so many of the leaves' estimates are not above, told from some of
 * them; infinite where all are wanted. */
static float
guess_reach(const AngleRoute *route, double wanted)
{
	const int count = route->directory->first[route->directory->groups];
	const int step = Max(1, count / SAMPLE);
	const double rank = ceil(wanted / step) + 1;
	AngleCandidate items[2 * SAMPLE];
	AngleTop least;
	float limit = FLT_MAX;

	if (rank >= 2 * SAMPLE)
		return FLT_MAX;
	angle_top_init(&least, items, (size_t) rank);
	for (int i = 0; i < count; i += step)
	{
		const float estimate = route->estimates[i];

		if (estimate <= route->reached || estimate > limit)
			continue;
		(void) angle_top_offer(&least, estimate, i);
		limit = (float) Min(angle_top_limit(&least), FLT_MAX);
	}
	return limit;
}

/* Fills numbers with the leaves whose estimates are beyond what was reached and not
 * above limit; returns how many those are. */
static int
choose_numbers(const AngleRoute *route, float limit, int *numbers)
{
	const int count = route->directory->first[route->directory->groups];
	const float *estimates = route->estimates;
	const float reached = route->reached;
	int found = 0;

	for (int i = 0; i < count; i++)
	{
		numbers[found] = i;
		found += (estimates[i] > reached) & (estimates[i] <= limit);
	}
	return found;
}

/* Asks the processor for the centroid of the leaf with this number. */
static void
prefetch_centroid(const AngleRoute *route, int number)
{
	const AngleDirectory *directory = route->directory;
	const int dims = route->query->self->layout.dims;
	const int place = angle_directory_group(directory, number);
	const char *centroid =
		(const char *) (directory->group[place]->centroids +
						(Size) (number - directory->first[place]) * dims);

	for (Size at = 0; at < dims * sizeof(AngleBfloat); at += 64)
		__builtin_prefetch(centroid + at);
}

/* Makes what is known of the leaf with this number; returns its distance. */
static double
look_at(AngleRoute *route, int number, AngleLeaf *leaf)
{
	const AngleDirectory *directory = route->directory;
	const AngleLayout *layout = &route->query->self->layout;
	const int place = angle_directory_group(directory, number);
	const AngleGroup *group = directory->group[place];
	const int i = number - directory->first[place];

	leaf->node = group->leaves[i];
	leaf->recent = group->recent + (Size) i * layout->pages;
	leaf->distance = 0;
	if (!route->nearest)
		return 0;
	angle_bfloat_decode(group->centroids + (Size) i * layout->dims,
						route->centroid, layout->dims);
	leaf->distance =
		angle_query_node(route->query, route->centroid, &leaf->probe);
	return isnan(leaf->distance) ? -INFINITY : leaf->distance;
}

/* Looks at the leaves with these numbers, and puts them in order. */
static void
look_at_all(AngleRoute *route, const int *numbers, int count)
{
	route->leaves = palloc_extended(count * sizeof(AngleLeaf), MCXT_ALLOC_HUGE);
	route->chosen =
		palloc_extended(count * sizeof(AngleCandidate), MCXT_ALLOC_HUGE);
	for (int i = 0; i < count; i++)
	{
		if (i + AHEAD < count)
			prefetch_centroid(route, numbers[i + AHEAD]);
		route->chosen[i] =
			(AngleCandidate){look_at(route, numbers[i], &route->leaves[i]), i};
	}
	angle_candidates_sort(route->chosen, count);
	route->count = route->expected = count;
	route->next = 0;
}

/* Chooses the next leaves; false if there are none. */
static bool
choose(AngleRoute *route)
{
	const AngleDirectory *directory = route->directory;
	const double wanted = route->expected * LOOK_SHARE + LOOK_MORE;
	int *numbers =
		palloc_extended((directory->first[directory->groups] + 1) * sizeof(int),
						MCXT_ALLOC_HUGE);
	float limit =
		wanted < directory->leaves ? guess_reach(route, wanted) : FLT_MAX;
	int count = choose_numbers(route, limit, numbers);

	if (count == 0 && limit < FLT_MAX)
		count = choose_numbers(route, limit = FLT_MAX, numbers);
	if (route->leaves != NULL)
	{
		pfree(route->leaves);
		pfree(route->chosen);
		route->leaves = NULL;
	}
	route->count = route->next = 0;
	route->reached = limit;
	if (count > 0)
		look_at_all(route, numbers, count);
	pfree(numbers);
	return count > 0;
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
	AngleBodyReader reader = {.index = route->index};

	for (int slot = 0; slot < layout->fanout; slot++)
	{
		AngleLeaf node = {0};

		if (!angle_slot_live(layout, page, slot))
			continue;
		node.node = angle_inner_pointers(layout, page)[slot];
		if (route->nearest)
		{
			angle_bfloat_decode(angle_body_get(&reader,
											   BufferGetBlockNumber(head),
											   layout->centroid_size, slot),
								route->centroid, layout->dims);
			node.distance =
				angle_query_node(route->query, route->centroid, &node.probe);
		}
		push_node(route, isnan(node.distance) ? -INFINITY : node.distance,
				  &node);
	}
	angle_body_done(&reader);
	if (reader.scratch != NULL)
		pfree(reader.scratch);
}

/* Raises an error after more nodes than there are. */
static void
count_visit(AngleRoute *route, BlockNumber block)
{
	const BlockNumber often = 1024;

	if (++route->visits % often == 0 &&
		route->visits >
			angle_segment_count(route->index, &route->query->self->layout) +
				often)
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
		head = angle_read_head(route->index, &route->query->self->layout,
							   leaf->node.block, BUFFER_LOCK_SHARE);
		inner = angle_node(BufferGetPage(head))->kind == ANGLE_NODE_INNER;
		if (inner && angle_node(BufferGetPage(head))->generation ==
						 leaf->node.generation)
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
	AngleLeaf first = {.node = root};

	route->index = index;
	route->query = query;
	route->directory = directory;
	route->nearest = nearest;
	route->centroid = palloc0(query->self->layout.dims * sizeof(float));
	route->reached = -INFINITY;
	if (directory != NULL)
	{
		estimate_all(route);
		return route;
	}
	route->found_capacity = start;
	route->found = palloc(start * sizeof(AngleLeaf));
	angle_queue_make(&route->nodes, start);
	if (nearest)
		(void) angle_query_node(query, route->centroid, &first.probe);
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
