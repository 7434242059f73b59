/* A pass over the entries of all leaves, which finds the leaves nearest to each. */
#ifndef ANGLE_LEAF_PASS_H
#define ANGLE_LEAF_PASS_H

#include "pg/am/store/entries.h"
#include "pg/am/tree/near_leaves.h"
#include "pg/am/tree/wishes.h"

typedef struct AngleLeafPass AngleLeafPass;

/* A row whose entry was read, and the leaves nearest to it, as places in the order of the
 * part's leaves. */
typedef struct AngleNearRow
{
	const AngleRow *row;
	const float *point; /* (dims) */
	uint32 own;			/* the leaf of the entry that was read */
	/* (ANGLE_WISHES_OF): the nearest first; those that are no places mean nothing */
	const uint32 *nearest;
	const float *distances; /* (ANGLE_WISHES_OF), squared */
} AngleNearRow;

/* What the caller fills in, and from count on what the pass does. Where memory is not enough for
 * all leaves, it looks at them in parts: near are leaves of the same part. What it knows of
 * leaves grows old as others split them. */
struct AngleLeafPass
{
	Relation index;
	const AngleIndex *self;
	Size memory;  /* bytes for the leaves of a part … */
	Size besides; /* … if each takes so many of the caller's */
	const AngleBits
		*alone; /* first entries that are read (entries.h), or NULL */
	void (*row)(AngleLeafPass *pass, const AngleNearRow *row);
	void (*end)(AngleLeafPass *pass); /* of each part */

	int count; /* leaves of the part */
	int room;
	AngleChild *leaves;	   /* (room) */
	MemoryContext context; /* of the part; the current one in calls */
	AngleNearest nearest;
	AngleEntries entries; /* of several leaves */
	int *places; /* (entries.capacity): leaves of these, in order of nearest */
};

/* The leaf at a place. */
static inline AngleNodePointer
angle_pass_leaf(const AngleLeafPass *pass, uint32 place)
{
	return pass->leaves[pass->nearest.order[place]].pointer;
}

/* Looks at all leaves. No lock is held in calls. A node that is split meanwhile is passed over. */
void angle_leaf_pass(AngleLeafPass *pass);

#endif
