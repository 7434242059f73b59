/*
 * Leaves in the order of the distance of their centroids: by a directory (choice.h), or, without
 * one, from nodes of the tree that are read from the root on, the nearest first.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/bufmgr.h"

#include "pg/am/scan/queue.h"
#include "pg/am/scan/route.h"
#include "pg/am/tree/descend.h"

struct AngleRoute
{
	Relation index;
	AngleQuery *query;
	bool nearest;
	double expected;

	AngleChoice *choice; /* or NULL, and … */
	AngleQueue nodes;	 /* … by place in found */
	AngleLeaf *found;	 /* all nodes that parents led to */
	uint64 found_count;
	uint64 found_capacity;
	BlockNumber visits; /* nodes that were read */
};

/* ---- by the tree ---------------------------------------------------------- */

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

/* ---- by the tree or a directory ------------------------------------------- */

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
	route->nearest = nearest;
	if (directory != NULL)
	{
		route->choice = angle_choice_make(query, directory, nearest);
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
	return route->choice != NULL
			   ? angle_choice_next(route->choice, route->expected, leaf)
			   : walk_next(route, leaf);
}

const AngleLeaf *
angle_route_peek(const AngleRoute *route, uint32 ahead)
{
	return route->choice != NULL ? angle_choice_peek(route->choice, ahead)
								 : NULL;
}
