/* The ways of the nearest centroids. */
#include "postgres.h"

#include "storage/bufmgr.h"

#include "pg/am/tree/descend.h"

static AngleWay *
make_way(const AngleLayout *layout)
{
	AngleWay *way = palloc0(sizeof(AngleWay));

	way->centroid = palloc0(layout->dims * sizeof(float));
	return way;
}

AngleWays *
angle_ways_make(const AngleLayout *layout)
{
	const int spread = angle_centroid_spot(layout, 0).pages;
	AngleWays *ways = palloc0(sizeof(AngleWays));

	/* here, for ways live longer than what is made while they are found */
	if (spread > 1)
		(void) angle_reader_scratch(&ways->reader, spread);
	for (int i = 0; i < ANGLE_WAYS; i++)
	{
		ways->way[i] = make_way(layout);
		ways->next[i] = make_way(layout);
	}
	return ways;
}

void
angle_tree_has_cycle(Relation index, BlockNumber block)
{
	angle_damaged(index, block, "the tree has a cycle through it");
}

/* A search for leaves, at one level. */
typedef struct Search
{
	Relation index;
	const AngleIndex *self;
	const float *point;
	AngleWays *ways;
	int next; /* ways to the next level */
} Search;

/* Makes a place among the next ways, which are in order, for one that ends so far away;
 * NULL if as many are nearer. */
static AngleWay *
add_next(Search *search, float far)
{
	AngleWay **next = search->ways->next;
	AngleWay *way;
	int place;

	if (search->next == ANGLE_WAYS)
	{
		if (far >= next[ANGLE_WAYS - 1]->far)
			return NULL;
		search->next--;
	}
	place = search->next++;
	way = next[place];
	for (; place > 0 && far < next[place - 1]->far; place--)
		next[place] = next[place - 1];
	next[place] = way;
	way->far = far;
	return way;
}

/* A leaf stays where it is while others go on. */
static void
keep(Search *search, const AngleWay *way)
{
	AngleWay *next = add_next(search, way->far);

	if (next == NULL)
		return;
	next->length = way->length;
	next->kind = way->kind;
	memcpy(next->steps, way->steps, way->length * sizeof(AngleStep));
	memcpy(next->centroid, way->centroid,
		   search->self->layout.dims * sizeof(float));
}

/* Goes on from way to the child in a slot, with this centroid. */
static void
go_on(Search *search, const AngleWay *way, Page page, int slot,
	  const AngleBfloat *centroid)
{
	const AngleLayout *layout = &search->self->layout;
	AngleWay *next = add_next(
		search, angle_rabitq_probe_stored(search->self->metric, layout->dims,
										  search->point, centroid)
					.error);

	if (next == NULL)
		return;
	memcpy(next->steps, way->steps, way->length * sizeof(AngleStep));
	next->length = way->length + 1;
	next->steps[way->length] =
		(AngleStep){angle_inner_pointers(layout, page)[slot], slot};
	next->kind = angle_inner_kinds(layout, page)[slot];
	angle_bfloat_decode(centroid, next->centroid, layout->dims);
}

/* Goes on to the children of the node whose head is locked. */
static void
visit_children(Search *search, const AngleWay *way, Buffer head)
{
	const AngleLayout *layout = &search->self->layout;
	AngleWays *ways = search->ways;
	Page page = BufferGetPage(head);

	for (int slot = 0; slot < layout->fanout; slot++)
	{
		if (!angle_slot_live(layout, page, slot))
			continue;
		go_on(search, way, page, slot,
			  angle_centroid_get(&ways->reader, layout,
								 BufferGetBlockNumber(head), slot));
	}
	angle_reader_done(&ways->reader);
}

/* Goes on from the end of a way, which may be a leaf if it is the root; false if the
 * node went. */
static bool
visit(Search *search, AngleWay *way)
{
	const AngleNodePointer pointer = way->steps[way->length - 1].node;
	Buffer head = angle_read_node(search->index, &search->self->layout, pointer,
								  BUFFER_LOCK_SHARE);
	const AngleNodeHeader *node;
	bool there;

	if (!BufferIsValid(head))
		return false;
	node = angle_node(BufferGetPage(head));
	there = !(node->flags & ANGLE_NODE_GONE);
	if (way->length == ANGLE_HEIGHT_MAX)
		angle_tree_has_cycle(search->index, pointer.block);
	way->kind = node->kind;
	if (way->kind == ANGLE_NODE_LEAF)
		keep(search, way);
	else if (there)
		visit_children(search, way, head);
	UnlockReleaseBuffer(head);
	return there;
}

/* Goes a level further on all ways; false if a node on them went. */
static bool
next_level(Search *search)
{
	AngleWays *ways = search->ways;

	search->next = 0;
	for (int i = 0; i < ways->count; i++)
	{
		if (ways->way[i]->kind == ANGLE_NODE_LEAF)
			keep(search, ways->way[i]);
		else if (!visit(search, ways->way[i]))
			return false;
	}
	for (int i = 0; i < search->next; i++)
	{
		AngleWay *swap = ways->way[i];

		ways->way[i] = ways->next[i];
		ways->next[i] = swap;
	}
	ways->count = search->next;
	return ways->count > 0;
}

static bool
all_are_leaves(const AngleWays *ways)
{
	for (int i = 0; i < ways->count; i++)
		if (ways->way[i]->kind != ANGLE_NODE_LEAF)
			return false;
	return true;
}

bool
angle_ways_find(Relation index, const AngleIndex *self, AngleNodePointer root,
				const float *point, AngleWays *ways)
{
	Search search = {
		.index = index, .self = self, .point = point, .ways = ways};
	AngleWay *way = ways->way[0];

	ways->reader.index = index;
	ways->count = 1;
	way->length = 1;
	way->steps[0] = (AngleStep){root, -1};
	way->kind = ANGLE_NODE_INNER; /* until it is read */
	way->far = 0;
	memset(way->centroid, 0, self->layout.dims * sizeof(float));
	do
		if (!next_level(&search))
			return false;
	while (!all_are_leaves(ways));
	return true;
}
