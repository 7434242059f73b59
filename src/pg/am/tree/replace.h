/*
 * How the tree changes: some children of one node are replaced by new nodes, out of
 * place, in one step for everybody who looks. What is replaced, and by how many, is
 * decided in split.c and merge.c.
 *
 * A replacement is filled in (replacer, parent, kind, old), then its entries are read, which
 * locks the heads of the old nodes, then the caller chooses where the entries go, and
 * then it is made or released. The lock on the tree is held from before the old nodes
 * are chosen to the end.
 *
 * Heads of nodes are locked before that of their parent, and that before the metapage.
 * Who else locks two heads at a time, to insert a row or to move an entry, only tries to get
 * the second.
 */
#ifndef ANGLE_REPLACE_H
#define ANGLE_REPLACE_H

#include "pg/am/store/draft.h"
#include "pg/am/store/entries.h"

/* Nodes that go together, and that come in their place, at most. */
#define ANGLE_REPLACE_OLD 32
#define ANGLE_REPLACE_NEW 16

/* In place of a node: the entry goes, as the second one of a row may. */
#define ANGLE_REPLACE_DROP 255

/* Pages that were taken for a node. */
typedef struct AngleSpare
{
	AngleNodePointer node;
	AngleNodeKind kind;
} AngleSpare;

/* Who changes the tree. Pages are taken before heads are locked, for that can wait
 * for other locks; what was not needed is kept for the next time. */
typedef struct AngleReplacer
{
	Relation index;
	Relation heap;
	const AngleIndex *self;
	AngleDraft *draft; /* the tree that changes; NULL: that of the index */
	bool recycle;	   /* whether free pages may be taken */
	int spares;
	AngleSpare spare[2 * ANGLE_REPLACE_NEW + 1];
} AngleReplacer;

/* Of the tree that changes. */
AngleNodePointer angle_replacer_root(const AngleReplacer *replacer);

/* Takes the lock on moves, if it is to be had, until the end. */
AngleReplacer
angle_replacer_begin(Relation index, Relation heap, const AngleIndex *self);
void angle_replacer_end(AngleReplacer *replacer);

/* A node, and the slot that it has in its parent. */
typedef struct AngleOldNode
{
	AngleNodePointer node;
	int slot;
} AngleOldNode;

typedef struct AngleReplacement
{
	AngleReplacer *replacer;
	AngleNodePointer parent; /* block is InvalidBlockNumber above the root */
	AngleNodeKind kind;		 /* of old and new nodes */
	int old_count;
	AngleOldNode old[ANGLE_REPLACE_OLD];
	/* filled by angle_replacement_read() */
	int capacity; /* entries of such a node */
	AngleEntries entries;
	int first[ANGLE_REPLACE_OLD + 1]; /* of the entries of each old node */
	/* chosen by the caller: how many nodes come, their centroids, and the node of each
	 * entry */
	int new_count;
	float *
		centroids; /* (new_count, dims), which are rounded as they are stored */
	uint8 *lists;  /* (entries.count) */
	/* the new nodes, once they are there */
	AngleChild children[ANGLE_REPLACE_NEW];
	/* private */
	Buffer heads[ANGLE_REPLACE_OLD];
} AngleReplacement;

/* Takes pages for new_most new nodes, locks the heads of the old ones and reads their
 * entries, in the current memory context. */
void angle_replacement_read(AngleReplacement *replacement, int new_most);

/* Lets go of the old nodes, which stay as they are. */
void angle_replacement_release(AngleReplacement *replacement);

/* Writes the new nodes, and makes the parent lose the old ones and get them. It has
 * new_count free slots besides those of the old nodes. Where there is no parent, the
 * old node being the root, the new nodes get one. */
void angle_replace(AngleReplacement *replacement);

/* The same for all that is below the root, which the one new node becomes. */
void angle_replace_root(AngleReplacement *replacement);

/* Makes an inner node that is the only child of the root the root. */
void angle_lower_root(AngleReplacer *replacer, AngleNodePointer root,
					  AngleNodePointer child);

#endif
