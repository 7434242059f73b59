/* Directories: see directory.h. */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#include "core/quant/fastscan.h"
#include "pg/am/scan/directory.h"
#include "pg/am/tree/descend.h"
#include "pg/pg_compat.h"
#include "pg/settings.h"

/* The C library gives the end of its heap back to the kernel after each query, and takes
 * it again for the next one, as long as it has not seen a piece as large as this freed
 * (mallopt(3), M_MMAP_THRESHOLD). That is a tenth of the time of a short search. */
#define KEPT_BY_MALLOC (1024 * 1024)

/* Those of this backend, and the memory that all of them lie in. */
static AngleDirectory *directories;
static MemoryContext memory;
static uint64 uses;

/* Bytes that all of them may take. */
static Size
memory_limit(void)
{
	return (Size) angle_directory_memory * 1024;
}

/* ---- memory --------------------------------------------------------------- */

static void
drop_group(AngleGroup *group)
{
	if (--group->users == 0)
		pfree(group);
}

static void
drop_contents(AngleDirectory *directory)
{
	for (int i = 0; i < directory->groups; i++)
		drop_group(directory->group[i]);
	pfree(directory->group);
	if (directory->top != NULL)
		pfree(directory->top);
	if (directory->recent != NULL)
		pfree(directory->recent);
	if (directory->self != NULL)
	{
		pfree((void *) directory->self->space.rotation);
		pfree(directory->self);
	}
}

void
angle_directory_close(AngleDirectory *directory)
{
	if (--directory->users > 0)
		return;
	if (directory->refused == 0)
		drop_contents(directory);
	pfree(directory);
}

/* Takes a directory out of the list; scans may still have it. */
static void
forget(AngleDirectory *directory)
{
	AngleDirectory **place = &directories;

	while (*place != directory)
		place = &(*place)->next;
	*place = directory->next;
	angle_directory_close(directory);
}

/* An index was altered or dropped, or its name means another file. */
static void
invalidate(Datum arg, Oid relation)
{
	for (AngleDirectory *d = directories; d != NULL; d = d->next)
		if (relation == InvalidOid || d->relation == relation)
			d->stale = true;
}

static void
forget_stale(void)
{
	AngleDirectory *next;

	for (AngleDirectory *d = directories; d != NULL; d = next)
	{
		next = d->next;
		if (d->stale)
			forget(d);
	}
}

static bool
is_in_use(const AngleDirectory *directory)
{
	return directory->users > 1;
}

/* Bytes that one may take beside the others that scans use. */
static Size
room_beside_others(const AngleDirectory *own)
{
	Size room = memory_limit();

	for (AngleDirectory *d = directories; d != NULL; d = d->next)
		if (d != own && is_in_use(d))
			room -= Min(room, d->size);
	return room;
}

/* Forgets directories that were not used for long until there is room, or none that can go. */
static void
make_room(const AngleDirectory *kept)
{
	for (;;)
	{
		AngleDirectory *oldest = NULL;
		Size sum = 0;

		for (AngleDirectory *d = directories; d != NULL; d = d->next)
		{
			sum += d->size;
			if (d != kept && !is_in_use(d) && d->size > 0 &&
				(oldest == NULL || d->used < oldest->used))
				oldest = d;
		}
		if (sum <= memory_limit() || oldest == NULL)
			return;
		forget(oldest);
	}
}

static void
start_backend(void)
{
	if (memory != NULL)
		return;
	memory = AllocSetContextCreate(TopMemoryContext, "angle directories",
								   ALLOCSET_DEFAULT_SIZES);
	pfree(MemoryContextAlloc(memory, KEPT_BY_MALLOC));
	CacheRegisterRelcacheCallback(invalidate, (Datum) 0);
}

/* ---- groups --------------------------------------------------------------- */

/* The group of an inner node's leaves, whose head is locked. */
static AngleGroup *
read_group(AngleDirectory *directory, AnglePageReader *reader, Buffer head,
		   int count)
{
	const AngleLayout *layout = &directory->self->layout;
	const Page page = BufferGetPage(head);
	AngleGroup *group = angle_group_make(memory, layout, count);
	AngleBfloat *centroids = palloc(count * layout->centroid_size);
	int found = 0;

	group->block = BufferGetBlockNumber(head);
	group->generation = angle_page_generation(page);
	group->changes = angle_node(page)->changes;
	for (int slot = 0; slot < layout->fanout && found < count; slot++)
	{
		if (!angle_slot_live(layout, page, slot) ||
			angle_inner_kinds(layout, page)[slot] != ANGLE_NODE_LEAF)
			continue;
		group->leaves[found] = angle_inner_pointers(layout, page)[slot];
		memcpy(centroids + (Size) found++ * layout->dims,
			   angle_centroid_get(reader, layout, group->block, slot),
			   layout->centroid_size);
	}
	angle_reader_done(reader);
	angle_group_code(group, directory->self, centroids);
	pfree(centroids);
	return group;
}

/* ---- directories ---------------------------------------------------------- */

/* What a walk over the inner nodes needs. */
typedef struct Walk
{
	Relation index;
	AngleDirectory *directory;
	const AngleDirectory *before; /* the one of an older tree, or NULL */
	int next;					  /* the group of it that is likely to be met */
	Size room;
	AnglePageReader reader;
} Walk;

static void
add_group(AngleDirectory *directory, AngleGroup *group)
{
	if (directory->groups == directory->capacity)
	{
		directory->capacity *= 2;
		directory->group = repalloc_huge(
			directory->group, directory->capacity * sizeof(AngleGroup *));
	}
	group->users++;
	directory->group[directory->groups++] = group;
	directory->leaves += group->count;
	directory->slots += group->slots;
	directory->size += group->size;
}

/* The group of this node in the older directory, if it has not changed. Nodes are met nearly in the
 * same order. */
static AngleGroup *
find_group(Walk *walk, BlockNumber block, Page head)
{
	const AngleDirectory *before = walk->before;

	for (int i = 0; before != NULL && i < before->groups; i++)
	{
		const int place = (walk->next + i) % before->groups;
		AngleGroup *group = before->group[place];

		if (group->block != block)
			continue;
		walk->next = place + 1;
		return group->generation == angle_page_generation(head) &&
					   group->changes == angle_node(head)->changes
				   ? group
				   : NULL;
	}
	return NULL;
}

/* Adds the leaves of an inner node, and notes its other children; returns how
 * many those are. */
static int
take_node(Walk *walk, Buffer head, AngleNodePointer *inner)
{
	AngleDirectory *directory = walk->directory;
	const AngleLayout *layout = &directory->self->layout;
	const Page page = BufferGetPage(head);
	int leaves = 0, count = 0;
	AngleGroup *group;

	for (int slot = 0; slot < layout->fanout; slot++)
	{
		if (!angle_slot_live(layout, page, slot))
			continue;
		if (angle_inner_kinds(layout, page)[slot] == ANGLE_NODE_LEAF)
			leaves++;
		else
			inner[count++] = angle_inner_pointers(layout, page)[slot];
	}
	if (leaves == 0)
		return count;
	group = find_group(walk, BufferGetBlockNumber(head), page);
	if (group == NULL)
		group = read_group(directory, &walk->reader, head, leaves);
	add_group(directory, group);
	return count;
}

/* A root that is a leaf has no centroid: it is coded around the origin. */
static void
take_leaf_root(Walk *walk, AngleNodePointer root)
{
	const AngleLayout *layout = &walk->directory->self->layout;
	AngleGroup *group = angle_group_make(memory, layout, 1);
	AngleBfloat *origin = palloc0(layout->centroid_size);

	group->leaves[0] = root;
	angle_group_code(group, walk->directory->self, origin);
	pfree(origin);
	add_group(walk->directory, group);
}

/* False where the directory would become too large. */
static bool
visit(Walk *walk, AngleNodePointer pointer, int depth)
{
	const AngleLayout *layout = &walk->directory->self->layout;
	AngleNodePointer *inner;
	AngleNodeKind kind;
	Buffer head;
	int count = 0;
	bool fits = true;

	CHECK_FOR_INTERRUPTS();
	if (depth == ANGLE_HEIGHT_MAX)
		angle_tree_has_cycle(walk->index, pointer.block);
	if (walk->directory->size > walk->room)
		return false;
	head = angle_read_node(walk->index, layout, pointer, BUFFER_LOCK_SHARE);
	if (!BufferIsValid(head))
		return true;
	kind = angle_node(BufferGetPage(head))->kind;
	inner = palloc(layout->fanout * sizeof(AngleNodePointer));
	if (kind == ANGLE_NODE_INNER)
		count = take_node(walk, head, inner);
	UnlockReleaseBuffer(head);
	if (kind == ANGLE_NODE_LEAF && depth == 0)
		take_leaf_root(walk, pointer);
	for (int i = 0; fits && i < count; i++)
		fits = visit(walk, inner[i], depth + 1);
	pfree(inner);
	return fits;
}

/* Makes a group of the groups' centres. */
static void
make_top(AngleDirectory *directory)
{
	const AngleLayout *layout = &directory->self->layout;
	AngleBfloat *centres = palloc_extended(
		Max(1, directory->groups) * layout->centroid_size, MCXT_ALLOC_HUGE);

	for (int i = 0; i < directory->groups; i++)
		memcpy(centres + (Size) i * layout->dims, directory->group[i]->centre,
			   layout->centroid_size);
	directory->top = angle_group_make(memory, layout, directory->groups);
	angle_group_code(directory->top, directory->self, centres);
	directory->size += directory->top->size;
	pfree(centres);
}

/* Room for where the pages of the index are, with what was known. */
static void
make_recent(AngleDirectory *directory, Relation index,
			const AngleDirectory *before)
{
	const Size each = sizeof(Buffer);

	directory->blocks = RelationGetNumberOfBlocks(index);
	directory->recent = MemoryContextAllocExtended(
		memory, directory->blocks * each, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	directory->size += GetMemoryChunkSpace(directory->recent);
	if (before != NULL)
		memcpy(directory->recent, before->recent,
			   Min(before->blocks, directory->blocks) * each);
}

/* An empty directory at the head of the list, stale: if an error cuts short what
 * fills it, it is forgotten. */
static AngleDirectory *
make_directory(Relation index, const AngleMeta *meta)
{
	MemoryContext old = MemoryContextSwitchTo(memory);
	AngleDirectory *directory = palloc0(sizeof(AngleDirectory));

	directory->stale = true;
	directory->users = 1;
	directory->capacity = 64;
	directory->group = palloc(directory->capacity * sizeof(AngleGroup *));
	directory->self = angle_index_make(meta);
	directory->relation = RelationGetRelid(index);
	directory->file = ANGLE_RELATION_FILE(index);
	directory->changes = meta->changes;
	directory->next = directories;
	directories = directory;
	MemoryContextSwitchTo(old);
	return directory;
}

/* Keeps of a directory that it was too large. */
static void
refuse(AngleDirectory *directory, Size room)
{
	drop_contents(directory);
	directory->size = 0;
	directory->refused = Max(1, room);
	directory->stale = false;
}

/* Bytes of what is there once. */
static Size
fixed_size(const AngleDirectory *directory)
{
	return GetMemoryChunkSpace((void *) directory) +
		   GetMemoryChunkSpace(directory->group) +
		   GetMemoryChunkSpace(directory->self) +
		   GetMemoryChunkSpace((void *) directory->self->space.rotation);
}

/* Reads a directory, with the help of one of an older tree; NULL where it takes more than room. */
static AngleDirectory *
load(Relation index, const AngleMeta *meta, AngleDirectory *before, Size room)
{
	AngleDirectory *directory = make_directory(index, meta);
	Walk walk = {.index = index,
				 .directory = directory,
				 .before = before,
				 .room = room,
				 .reader = {.index = index}};
	bool fits;

	make_recent(directory, index, before);
	fits = visit(&walk, meta->root, 0);
	if (fits)
		make_top(directory);
	directory->size += fixed_size(directory);
	if (before != NULL)
		forget(before);
	if (!fits || directory->size > room)
	{
		refuse(directory, room);
		return NULL;
	}
	directory->stale = false;
	return directory;
}

static AngleDirectory *
find(Relation index)
{
	for (AngleDirectory *d = directories; d != NULL; d = d->next)
		if (d->relation == RelationGetRelid(index) &&
			d->file == ANGLE_RELATION_FILE(index))
			return d;
	return NULL;
}

/* Whether it is worth a try to read the directory: by the size of the index. */
static bool
may_fit(Relation index, const AngleMeta *meta, Size room)
{
	const BlockNumber blocks = RelationGetNumberOfBlocks(index);
	AngleLayout layout;
	double leaves;

	angle_layout_init(&layout, meta->dims, meta->bits, meta->keys);
	leaves = blocks * angle_leaf_share(&layout);

	return blocks * sizeof(Buffer) + leaves * (layout.dims + layout.code_size) <
		   room;
}

/* Whether a directory is to be read again: there is more room than it was refused for, or it is too
 * large now. */
static bool
is_outdated(const AngleDirectory *directory, Size room)
{
	return directory->refused > 0 ? directory->refused < room
								  : directory->size > memory_limit();
}

AngleDirectory *
angle_directory_open(Relation index, const AngleMeta *meta)
{
	AngleDirectory *directory;
	Size room;

	start_backend();
	forget_stale();
	directory = find(index);
	make_room(directory);
	room = room_beside_others(directory);
	if (directory != NULL && is_outdated(directory, room))
	{
		forget(directory);
		directory = NULL;
	}
	if (directory != NULL ? directory->refused > 0
						  : !may_fit(index, meta, room))
		return NULL;
	if (directory == NULL || directory->changes != meta->changes)
		directory = load(index, meta, directory, room);
	if (directory == NULL)
		return NULL;
	directory->used = ++uses;
	make_room(directory);
	directory->users++;
	return directory;
}
