/* Nodes in place of others: see replace.h and README ("Changing the tree"). */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/indexfsm.h"

#include "pg/am/store/lock.h"
#include "pg/am/store/node_segment.h"
#include "pg/am/tree/replace.h"

AngleReplacer
angle_replacer_begin(Relation index, Relation heap, const AngleIndex *self)
{
	return (AngleReplacer){.index = index,
						   .heap = heap,
						   .self = self,
						   .recycle = angle_lock_moves(index)};
}

void
angle_replacer_end(AngleReplacer *replacer)
{
	for (int i = 0; i < replacer->spares; i++)
		angle_segment_give_back(replacer->index, &replacer->self->layout,
								replacer->spare[i].kind,
								replacer->spare[i].node);
	replacer->spares = 0;
	angle_unlock_moves(replacer->index, replacer->recycle);
}

AngleNodePointer
angle_replacer_root(const AngleReplacer *replacer)
{
	return replacer->draft != NULL ? replacer->draft->root
								   : angle_meta_read(replacer->index).root;
}

/* Takes pages for so many nodes of a kind, besides those that are spare. */
static void
take_segments(AngleReplacer *replacer, AngleNodeKind kind, int count)
{
	for (int i = 0; i < replacer->spares; i++)
		count -= replacer->spare[i].kind == kind;
	while (count-- > 0)
	{
		Assert(replacer->spares < lengthof(replacer->spare));
		replacer->spare[replacer->spares++] = (AngleSpare){
			angle_segment_take(replacer->index, &replacer->self->layout, kind,
							   replacer->heap, replacer->recycle),
			kind};
	}
}

/* Pages that were taken for a node of this kind. */
static AngleNodePointer
use_spare(AngleReplacer *replacer, AngleNodeKind kind)
{
	int i = replacer->spares - 1;
	AngleNodePointer node;

	while (replacer->spare[i].kind != kind)
		i--;
	node = replacer->spare[i].node;
	replacer->spare[i] = replacer->spare[--replacer->spares];
	return node;
}

/* ---- changes of many pages ------------------------------------------------ */

/* Pages that change together: more than a record of generic WAL takes, but nobody
 * sees some of them changed and others not, for all are locked. After a crash
 * between two of the records, the nodes of the later ones are orphans, for nothing
 * leads to them any more: parent and metapage are in the first. */
typedef struct Change
{
	Relation index;
	int pages;
	GenericXLogState
		*states[1 + (ANGLE_REPLACE_OLD + 2) / MAX_GENERIC_XLOG_PAGES];
} Change;

/* What is to be changed of the page in this buffer, which stays locked. */
static Page
change_page(Change *change, Buffer buffer)
{
	const int record = change->pages / MAX_GENERIC_XLOG_PAGES;

	Assert(record < lengthof(change->states));
	if (change->pages++ % MAX_GENERIC_XLOG_PAGES == 0)
		change->states[record] = GenericXLogStart(change->index);
	return GenericXLogRegisterBuffer(change->states[record], buffer, 0);
}

static void
finish_change(Change *change)
{
	START_CRIT_SECTION();
	for (int page = 0; page < change->pages; page += MAX_GENERIC_XLOG_PAGES)
		GenericXLogFinish(change->states[page / MAX_GENERIC_XLOG_PAGES]);
	END_CRIT_SECTION();
}

static void
set_gone(const AngleReplacement *replacement, Change *change)
{
	for (int i = 0; i < replacement->old_count; i++)
		angle_head_set_gone(change_page(change, replacement->heads[i]));
}

/* ---- links ---------------------------------------------------------------- */

/* The parent has the new nodes in place of the old ones. */
static void
link_below_parent(const AngleReplacement *replacement)
{
	Relation index = replacement->replacer->index;
	const AngleLayout *layout = &replacement->replacer->self->layout;
	Buffer parent = angle_read_head(index, layout, replacement->parent.block,
									BUFFER_LOCK_EXCLUSIVE);
	Buffer meta = ReadBuffer(index, ANGLE_META_BLOCK);
	Change change = {.index = index};
	int slots[ANGLE_REPLACE_NEW];
	Page page;

	for (int i = 0; i < replacement->new_count; i++)
	{
		slots[i] =
			angle_slot_find_free(layout, BufferGetPage(parent),
								 i > 0 ? slots[i - 1] + 1 : 0, layout->fanout);
		Assert(slots[i] < layout->fanout);
		angle_centroid_write(index, layout, replacement->parent.block, slots[i],
							 &replacement->children[i]);
	}
	LockBuffer(meta, BUFFER_LOCK_EXCLUSIVE);
	page = change_page(&change, parent);
	for (int i = 0; i < replacement->old_count; i++)
		angle_slot_clear_live(layout, page, replacement->old[i].slot);
	for (int i = 0; i < replacement->new_count; i++)
		angle_head_put_child(layout, page, slots[i], &replacement->children[i]);
	angle_node(page)->changes++;
	angle_meta(change_page(&change, meta))->changes++;
	set_gone(replacement, &change);
	finish_change(&change);
	UnlockReleaseBuffer(meta);
	UnlockReleaseBuffer(parent);
}

/* A node above the new ones, which nothing leads to yet. */
static AngleNodePointer
write_root(const AngleReplacement *replacement, AngleImage *image)
{
	AngleReplacer *replacer = replacement->replacer;
	const AngleNodePointer root = use_spare(replacer, ANGLE_NODE_INNER);

	angle_image_reset(image, ANGLE_NODE_INNER, root);
	for (int i = 0; i < replacement->new_count; i++)
		angle_image_add_child(image, &replacement->children[i]);
	angle_segment_write(replacer->index, root.block, image);
	return root;
}

/* The draft has it as its root. */
static void
link_draft(const AngleReplacement *replacement, AngleNodePointer root)
{
	AngleDraft *draft = replacement->replacer->draft;
	Change change = {.index = replacement->replacer->index};

	draft->root = root;
	draft->height++;
	set_gone(replacement, &change);
	finish_change(&change);
}

/* The metapage leads to it. */
static void
link_below_new_root(const AngleReplacement *replacement, AngleNodePointer root)
{
	AngleReplacer *replacer = replacement->replacer;
	Buffer buffer = ReadBuffer(replacer->index, ANGLE_META_BLOCK);
	Change change = {.index = replacer->index};
	AngleMeta *meta;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	meta = angle_meta(change_page(&change, buffer));
	meta->root = root;
	meta->height++;
	meta->changes++;
	set_gone(replacement, &change);
	finish_change(&change);
	UnlockReleaseBuffer(buffer);
}

/* The metapage leads to child in place of the parent, which goes, too. */
static void
link_as_root(const AngleReplacement *replacement, const AngleChild *child)
{
	Relation index = replacement->replacer->index;
	Buffer parent =
		angle_read_head(index, &replacement->replacer->self->layout,
						replacement->parent.block, BUFFER_LOCK_EXCLUSIVE);
	Buffer buffer = ReadBuffer(index, ANGLE_META_BLOCK);
	Change change = {.index = index};
	AngleMeta *meta;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	meta = angle_meta(change_page(&change, buffer));
	meta->root = child->pointer;
	meta->height = child->kind == ANGLE_NODE_LEAF ? 0 : meta->height - 1;
	meta->changes++;
	angle_head_set_gone(change_page(&change, parent));
	set_gone(replacement, &change);
	finish_change(&change);
	UnlockReleaseBuffer(buffer);
	UnlockReleaseBuffer(parent);
}

/* ---- replacements --------------------------------------------------------- */

void
angle_replacement_read(AngleReplacement *replacement, int new_most)
{
	AngleReplacer *replacer = replacement->replacer;
	const AngleLayout *layout = &replacer->self->layout;
	const bool root = replacement->parent.block == InvalidBlockNumber;
	int *first = replacement->first;

	Assert(new_most <= ANGLE_REPLACE_NEW);
	take_segments(replacer, replacement->kind,
				  new_most + (root && replacement->kind == ANGLE_NODE_INNER));
	if (root && replacement->kind == ANGLE_NODE_LEAF)
		take_segments(replacer, ANGLE_NODE_INNER, 1);
	for (int i = 0; i < replacement->old_count; i++)
	{
		const AngleNodeHeader *node;

		replacement->heads[i] = angle_read_head(replacer->index, layout,
												replacement->old[i].node.block,
												BUFFER_LOCK_EXCLUSIVE);
		node = angle_node(BufferGetPage(replacement->heads[i]));
		Assert(node->kind == replacement->kind);
		first[i + 1] = first[i] + node->count;
	}
	replacement->capacity = replacement->kind == ANGLE_NODE_LEAF
								? layout->capacity
								: layout->fanout;
	angle_entries_init(&replacement->entries, replacer->index, replacer->self,
					   first[replacement->old_count]);
	for (int i = 0; i < replacement->old_count; i++)
		angle_entries_read(&replacement->entries, replacement->heads[i]);
}

void
angle_replacement_release(AngleReplacement *replacement)
{
	for (int i = 0; i < replacement->old_count; i++)
		UnlockReleaseBuffer(replacement->heads[i]);
	angle_entries_free(&replacement->entries);
}

/* Writes the new nodes to segments that were taken; fills children. */
static void
write_nodes(AngleReplacement *replacement, AngleImage *image)
{
	AngleReplacer *replacer = replacement->replacer;
	const AngleLayout *layout = &replacer->self->layout;

	for (int list = 0; list < replacement->new_count; list++)
	{
		AngleChild *child = &replacement->children[list];
		float *centroid = replacement->centroids + (Size) list * layout->dims;

		child->pointer = use_spare(replacer, replacement->kind);
		child->kind = replacement->kind;
		child->centroid = palloc(layout->centroid_size);
		angle_centroid_store(layout, centroid, child->centroid);
		angle_image_reset(image, child->kind, child->pointer);
		for (int i = 0; i < replacement->entries.count; i++)
			if (replacement->lists[i] == list)
				angle_entries_put(&replacement->entries, i, centroid, image);
		angle_segment_write(replacer->index, child->pointer.block, image);
	}
}

void
angle_replace(AngleReplacement *replacement)
{
	AngleImage *image = angle_image_make(&replacement->replacer->self->layout);

	write_nodes(replacement, image);
	if (replacement->parent.block != InvalidBlockNumber)
		link_below_parent(replacement);
	else if (replacement->replacer->draft != NULL)
		link_draft(replacement, write_root(replacement, image));
	else
		link_below_new_root(replacement, write_root(replacement, image));
	angle_replacement_release(replacement);
}

void
angle_replace_root(AngleReplacement *replacement)
{
	AngleImage *image = angle_image_make(&replacement->replacer->self->layout);

	Assert(replacement->new_count == 1);
	write_nodes(replacement, image);
	link_as_root(replacement, &replacement->children[0]);
	angle_replacement_release(replacement);
}

void
angle_lower_root(AngleReplacer *replacer, AngleNodePointer root,
				 AngleNodePointer child)
{
	const AngleReplacement replacement = {.replacer = replacer, .parent = root};

	link_as_root(&replacement,
				 &(AngleChild){.pointer = child, .kind = ANGLE_NODE_INNER});
}
