/*
 * Nodes of a build. Rows are clustered into lists somewhat smaller than a leaf holds, and
 * lists that are too large give rows to others near them, so that leaves are nearly full;
 * what is too large all the same is cut in two until it fits. Children are grouped by their
 * centroids into inner nodes none of which is larger than it should be: it takes many pages,
 * and two means may have one child on one side and all others on the other.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "core/ann/balance.h"
#include "core/ann/heap.h"
#include "core/ann/regroup.h"
#include "pg/am/build/small_lists.h"
#include "pg/am/build/tree_writer.h"
#include "pg/am/scan/candidates.h"
#include "pg/am/store/lock.h"
#include "pg/am/store/node_segment.h"
#include "pg/am/tree/clusters.h"
#include "pg/bridge.h"

/* How full nodes are to be: leaves of first entries, on average, for as many second ones
 * come, with which they are nine tenths full; and inner nodes, which must have
 * room for children of leaves that are split. */
#define FILL_LEAF 0.45
#define FILL_INNER 0.85
#define MOST_INNER 0.95

/* Inner nodes whose children are chosen together, at most; children of more are parted first,
 * by so many of them. */
#define TOGETHER 128
#define PARTING 2048

/* Centroids that memory is taken for at a time: there are many, and sizes are rounded up. */
#define CENTROIDS_AT_A_TIME 64

/* First entries of a leaf at most. */
#define MOST_FIRST 0.7

/* Lists that a row may go to. */
#define NEAREST 6

/* What is being put into nodes: rows, or children where rows is NULL. */
typedef struct Input
{
	AngleTreeWriter *writer;
	const AngleRowSet *rows;
	const AngleChild *children;
	const float *
		points; /* (count, dims) of rows; of children these have the centroids */
	int limit;	/* rows of a leaf */
	int wanted; /* on average */
} Input;

/* There are no children yet. */
static void
begin_level(AngleTreeWriter *writer)
{
	MemoryContext own = GetMemoryChunkContext(writer);

	writer->count = writer->room = 0;
	writer->capacity = 64;
	writer->children =
		MemoryContextAlloc(own, writer->capacity * sizeof(AngleChild));
	writer->level =
		AllocSetContextCreate(own, "angle centroids", ALLOCSET_DEFAULT_SIZES);
}

AngleTreeWriter *
angle_tree_writer_make(Relation index, const AngleIndex *self,
					   const AngleDraft *draft)
{
	AngleTreeWriter *writer = palloc0(sizeof(AngleTreeWriter));

	writer->index = index;
	writer->self = self;
	writer->draft = draft;
	writer->image = angle_image_make(&self->layout);
	writer->bodies = angle_body_writer_make(index, &self->layout, draft);
	writer->scratch = AllocSetContextCreate(
		CurrentMemoryContext, "angle clustering", ALLOCSET_DEFAULT_SIZES);
	angle_row_init(&writer->row, &self->layout);
	begin_level(writer);
	return writer;
}

/* Appends to the children that are not below a node yet. */
static AngleChild *
new_child(AngleTreeWriter *writer)
{
	const Size size = writer->self->layout.centroid_size;
	AngleChild *child;

	if (writer->count == writer->capacity)
	{
		writer->capacity *= 2;
		writer->children = repalloc_huge(writer->children,
										 writer->capacity * sizeof(AngleChild));
	}
	if (writer->room == 0)
	{
		writer->room = CENTROIDS_AT_A_TIME;
		writer->centroids =
			MemoryContextAlloc(writer->level, writer->room * size);
	}
	child = &writer->children[writer->count++];
	child->centroid = (AngleBfloat *) writer->centroids;
	writer->centroids += size;
	writer->room--;
	return child;
}

void
angle_tree_adopt(AngleTreeWriter *writer, const AngleChild *child)
{
	AngleChild *own = new_child(writer);

	own->pointer = child->pointer;
	own->kind = child->kind;
	memcpy(own->centroid, child->centroid, writer->self->layout.centroid_size);
}

/* Adds entry i to the node in the writer's image. */
static void
add_entry(const Input *input, int i, const float *centroid)
{
	AngleTreeWriter *writer = input->writer;
	const AngleLayout *layout = &writer->self->layout;
	const AngleRowSet *rows = input->rows;
	AngleRow *row = &writer->row;
	const float *point;

	if (rows == NULL)
	{
		angle_image_add_child(writer->image, &input->children[i]);
		return;
	}
	point = rows->points + (Size) i * layout->dims;
	row->tid = rows->tids[i];
	row->nulls = rows->nulls[i];
	row->values = rows->values + (Size) i * layout->keys;
	if (rows->bodies != NULL)
		memcpy(row->body, rows->bodies + i * layout->row_size,
			   layout->row_size);
	else
		angle_row_set_point(row, layout, point);
	angle_row_set_code(row, writer->self, point, centroid);
	row->where = angle_body_writer_add(writer->bodies, row);
	angle_image_add_row(writer->image, row);
}

/* Takes the pages of a node. */
static AngleNodePointer
take_segment(const AngleTreeWriter *writer, AngleNodeKind kind)
{
	const AngleLayout *layout = &writer->self->layout;
	AngleNodePointer node;

	if (writer->draft == NULL)
		return angle_segment_take_unlogged(writer->index, layout, kind);
	angle_lock_tree(writer->index);
	node = angle_segment_take(writer->index, layout, kind, writer->draft->heap,
							  true);
	angle_unlock_tree(writer->index);
	return node;
}

/* Writes what is in the image to them. */
static void
write_segment(const AngleTreeWriter *writer, AngleNodePointer node)
{
	if (writer->draft != NULL)
		angle_segment_write(writer->index, node.block, writer->image);
	else
		angle_segment_write_unlogged(writer->index, node.block, writer->image);
}

/* Writes a node of count entries, which are those that members names. */
static void
write_node(const Input *input, const int *members, int count,
		   const float *centroid)
{
	AngleTreeWriter *writer = input->writer;
	const AngleIndex *self = writer->self;
	const int dims = self->layout.dims;
	float *stored = palloc(dims * sizeof(float));
	AngleChild *child = new_child(writer);

	angle_bfloat_encode(centroid, child->centroid, dims);
	angle_bfloat_decode(child->centroid, stored, dims);
	child->kind = input->rows != NULL ? ANGLE_NODE_LEAF : ANGLE_NODE_INNER;
	child->pointer = take_segment(writer, child->kind);
	angle_image_reset(writer->image, child->kind, child->pointer);
	for (int i = 0; i < count; i++)
		add_entry(input, members[i], stored);
	write_segment(writer, child->pointer);
	pfree(stored);
	if (input->rows != NULL && writer->progress != NULL)
		writer->progress(writer->progress_context, count);
}

/* Fills in the point (dims) of a row or child. */
static void
get_point(const Input *input, int member, float *point)
{
	const Size dims = input->writer->self->layout.dims;

	if (input->points != NULL)
		memcpy(point, input->points + member * dims, dims * sizeof(float));
	else
		angle_bfloat_decode(input->children[member].centroid, point, dims);
}

/* The points (count, dims) of members, palloc'd. */
static float *
gather(const Input *input, const int *members, int count)
{
	const Size dims = input->writer->self->layout.dims;
	float *points =
		palloc_extended(count * dims * sizeof(float), MCXT_ALLOC_HUGE);

	for (int i = 0; i < count; i++)
		get_point(input, members[i], points + i * dims);
	return points;
}

/* Writes one leaf, or several if the members are too many for one. */
static void
write_list(const Input *input, int *members, int count, const float *centroid)
{
	const int dims = input->writer->self->layout.dims;
	float *points, *centroids, *scratch;
	uint8 *sides;
	int left = 0;

	CHECK_FOR_INTERRUPTS();
	if (count <= input->limit)
	{
		write_node(input, members, count, centroid);
		return;
	}
	points = gather(input, members, count);
	centroids = palloc(2 * dims * sizeof(float));
	scratch =
		palloc_extended(2 * (Size) count * sizeof(float), MCXT_ALLOC_HUGE);
	sides = palloc(count);
	angle_split(&(AngleSplit){.points = points,
							  .count = count,
							  .dims = dims,
							  .seed = 1,
							  .scratch = scratch},
				centroids, sides);
	pfree(scratch);
	pfree(points);
	for (int i = 0; i < count; i++)
		if (sides[i] == 0)
		{
			int swap = members[left];

			/* sides follow their members */
			members[left] = members[i];
			members[i] = swap;
			sides[i] = sides[left];
			sides[left++] = 0;
		}
	pfree(sides);
	write_list(input, members, left, centroids);
	write_list(input, members + left, count - left, centroids + dims);
	pfree(centroids);
}

/* Moves centroids to the means of the points that have chosen them. */
static void
set_means(AngleClusters *clusters, const float *points, const uint32 *chosen,
		  const AngleBalance *balance)
{
	const Size dims = clusters->dims;

	for (size_t list = 0; list < clusters->lists; list++)
		if (balance->sizes[list] > 0)
			memset(clusters->centroids + list * dims, 0, dims * sizeof(float));
	for (size_t i = 0; i < balance->count; i++)
	{
		const float share = 1.0f / balance->sizes[chosen[i]];
		float *centroid = clusters->centroids + chosen[i] * dims;

		for (Size d = 0; d < dims; d++)
			centroid[d] += share * points[i * dims + d];
	}
}

/* Chooses the list of each point so that lists have at most limit points, where that
 * can be, and makes the centroids the means of their points. */
static uint32 *
assign(AngleClusters *clusters, const float *points, int count, int limit,
	   AngleArena *arena)
{
	const Size batches = (Size) count + ANGLE_ASSIGN_BATCH;
	uint32 *chosen = palloc_extended(count * sizeof(uint32), MCXT_ALLOC_HUGE);
	uint32 *lists =
		palloc_extended(batches * NEAREST * sizeof(uint32), MCXT_ALLOC_HUGE);
	float *distances =
		palloc_extended(batches * NEAREST * sizeof(float), MCXT_ALLOC_HUGE);
	AngleBalance balance = {count,
							NEAREST,
							lists,
							distances,
							clusters->lists,
							limit,
							palloc(clusters->lists * sizeof(float)),
							palloc(clusters->lists * sizeof(uint32))};
	AngleAssigner *assigner = angle_clusters_assigner(clusters, arena);

	for (int i = 0; i < count; i += ANGLE_ASSIGN_BATCH)
	{
		CHECK_FOR_INTERRUPTS();
		angle_assign(assigner, points + (Size) i * clusters->dims,
					 Min(ANGLE_ASSIGN_BATCH, count - i), NEAREST,
					 lists + (Size) i * NEAREST,
					 distances + (Size) i * NEAREST);
	}
	angle_balance(&balance, chosen);
	set_means(clusters, points, chosen, &balance);
	pfree(lists);
	pfree(distances);
	return chosen;
}

/* Sorts entries by their list and writes the lists. */
static void
write_lists(const Input *input, const AngleClusters *clusters,
			const uint32 *lists, int count)
{
	int *starts = palloc0((clusters->lists + 2) * sizeof(int));
	int *members =
		palloc_extended(Max(1, count) * sizeof(int), MCXT_ALLOC_HUGE);

	for (int i = 0; i < count; i++)
		starts[lists[i] + 2]++;
	for (size_t list = 0; list < clusters->lists; list++)
		starts[list + 2] += starts[list + 1];
	for (int i = 0; i < count; i++)
		members[starts[lists[i] + 1]++] = i;
	for (size_t list = 0; list < clusters->lists; list++)
		if (starts[list + 1] > starts[list])
			write_list(input, members + starts[list],
					   starts[list + 1] - starts[list],
					   clusters->centroids + list * clusters->dims);
}

/* Clusters the rows of input into leaves. */
static void
write_leaves(const Input *input, int count)
{
	AngleTreeWriter *writer = input->writer;
	const int dims = writer->self->layout.dims;
	MemoryContext old = MemoryContextSwitchTo(writer->scratch);
	AngleArena *arena = angle_context_arena(writer->scratch);
	int lists =
		count <= input->limit ? 1 : (count + input->wanted - 1) / input->wanted;
	AngleClusters clusters;
	uint32 *chosen;

	clusters = angle_clusters_make(input->points, count, dims, lists, arena);
	chosen = assign(&clusters, input->points, count, input->limit, arena);
	angle_small_lists_merge(
		&(AngleLists){&clusters, chosen, count, input->wanted, input->limit});
	write_lists(input, &clusters, chosen, count);
	angle_arena_destroy(arena);
	MemoryContextSwitchTo(old);
	MemoryContextReset(writer->scratch);
}

void
angle_tree_write_rows(AngleTreeWriter *writer, const AngleRowSet *rows)
{
	Input input = {.writer = writer,
				   .rows = rows,
				   .points = rows->points,
				   .limit = MOST_FIRST * writer->self->layout.capacity,
				   .wanted = FILL_LEAF * writer->self->layout.capacity};

	if (rows->count > 0)
		write_leaves(&input, rows->count);
}

/* The means (2, dims) of two halves of some members. */
static void
halves(const Input *input, const int *members, int count, float *means)
{
	const int some = Min(count, PARTING);
	int *sample = palloc(some * sizeof(int));
	float *scratch = palloc(2 * some * sizeof(float));
	uint8 *sides = palloc(some);
	float *points;

	for (int i = 0; i < some; i++)
		sample[i] = members[(int64) i * count / some];
	points = gather(input, sample, some);
	angle_split(&(AngleSplit){.points = points,
							  .count = some,
							  .dims = input->writer->self->layout.dims,
							  .seed = 1,
							  .scratch = scratch},
				means, sides);
	pfree(points);
	pfree(sample);
	pfree(scratch);
	pfree(sides);
}

/* Puts members in the order of how much nearer they are to the second of two halves than to
 * the first. */
static void
sort_members(const Input *input, int *members, int count)
{
	const int dims = input->writer->self->layout.dims;
	AngleCandidate *order =
		palloc_extended(count * sizeof(AngleCandidate), MCXT_ALLOC_HUGE);
	float *means = palloc(2 * dims * sizeof(float));
	float *point = palloc(dims * sizeof(float));

	halves(input, members, count, means);
	for (int i = 0; i < count; i++)
	{
		double sum = 0;

		get_point(input, members[i], point);
		for (int d = 0; d < dims; d++)
			sum += (means[dims + d] - means[d]) * point[d];
		order[i] = (AngleCandidate){sum, members[i]};
	}
	angle_candidates_sort(order, count);
	for (int i = 0; i < count; i++)
		members[i] = (int) order[i].id;
	pfree(means);
	pfree(point);
	pfree(order);
}

/* Writes an inner node of those members of which lists says so. */
static void
write_inner(const Input *input, const int *members, int count,
			const uint8 *lists, int list, const float *centroid)
{
	int *some = palloc(count * sizeof(int));
	int found = 0;

	for (int i = 0; i < count; i++)
		if (lists[i] == list)
			some[found++] = members[i];
	if (found > 0)
		write_node(input, some, found, centroid);
	pfree(some);
}

/* Guesses centroids (parts, dims) of points. Where there are fewer different points some are
 * equal. */
static float *
guess_centroids(const float *points, int count, int dims, int parts,
				AngleArena *arena)
{
	const AngleClusters clusters =
		angle_clusters_make(points, count, dims, parts, arena);
	float *centroids = palloc((Size) parts * dims * sizeof(float));

	for (Size i = 0; i < parts; i++)
		memcpy(centroids + i * dims,
			   clusters.centroids + i % clusters.lists * dims,
			   dims * sizeof(float));
	return centroids;
}

/* Writes so many inner nodes. */
static void
write_together(const Input *input, const int *members, int count, int parts)
{
	const AngleLayout *layout = &input->writer->self->layout;
	const int most = MOST_INNER * layout->fanout;
	AngleArena *arena = angle_context_arena(CurrentMemoryContext);
	float *points = gather(input, members, count), *centroids;
	uint8 *lists = palloc(count);
	const AngleRegroup regroup = {points, count, layout->dims, parts,
								  Max(most, (count + parts - 1) / parts)};
	AngleError err;

	centroids = guess_centroids(points, count, layout->dims, parts, arena);
	angle_check(angle_regroup(&regroup, arena, centroids, lists, &err), &err);
	for (int list = 0; list < parts; list++)
		write_inner(input, members, count, lists, list,
					centroids + (Size) list * layout->dims);
	angle_arena_destroy(arena);
	pfree(points);
	pfree(centroids);
	pfree(lists);
}

/* Writes so many inner nodes of members, which are reordered. */
static void
write_parts(const Input *input, int *members, int count, int parts)
{
	const int left = (int) ((int64) count * (parts / 2) / parts);

	CHECK_FOR_INTERRUPTS();
	if (parts <= TOGETHER)
	{
		write_together(input, members, count, parts);
		return;
	}
	sort_members(input, members, count);
	write_parts(input, members, left, parts / 2);
	write_parts(input, members + left, count - left, parts - parts / 2);
}

/* Puts the children below nodes, which become the children. */
static void
write_level(AngleTreeWriter *writer)
{
	const AngleLayout *layout = &writer->self->layout;
	const int count = writer->count;
	const int parts = count <= layout->fanout
						  ? 1
						  : (int) ceil(count / (FILL_INNER * layout->fanout));
	AngleChild *children = writer->children;
	MemoryContext below = writer->level;
	int *members = palloc_extended(count * sizeof(int), MCXT_ALLOC_HUGE);
	Input input = {.writer = writer, .children = children};

	for (int i = 0; i < count; i++)
		members[i] = i;
	begin_level(writer);
	write_parts(&input, members, count, parts);
	writer->height++;
	MemoryContextDelete(below);
	pfree(children);
	pfree(members);
}

void
angle_tree_forget(AngleTreeWriter *writer)
{
	MemoryContextDelete(writer->level);
	pfree(writer->children);
	begin_level(writer);
}

void
angle_tree_flush(AngleTreeWriter *writer)
{
	angle_body_writer_flush(writer->bodies);
}

AngleNodePointer
angle_tree_finish(AngleTreeWriter *writer)
{
	AngleNodePointer root;

	angle_tree_flush(writer);
	/* the centroid of a root is not stored anywhere: a leaf that were one would
	 * have to be encoded around the origin */
	while (writer->count > 1 || (writer->count == 1 && writer->height == 0))
		write_level(writer);
	if (writer->count == 1)
		return writer->children[0].pointer;
	root = take_segment(writer, ANGLE_NODE_LEAF);
	angle_image_reset(writer->image, ANGLE_NODE_LEAF, root);
	write_segment(writer, root);
	return root;
}
