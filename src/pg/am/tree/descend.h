/* From the root to the leaves in which a point belongs. */
#ifndef ANGLE_DESCEND_H
#define ANGLE_DESCEND_H

#include "pg/am/store/node.h"

/* Deeper trees do not exist: a node has half of its entries at least. */
#define ANGLE_HEIGHT_MAX 32

/* So many nodes of a level are looked into, the nearest, for the nearest leaf is often
 * not below the nearest inner node. */
#define ANGLE_WAYS 8

/* A step: a node, and the slot that it has in the one above. */
typedef struct AngleStep
{
	AngleNodePointer node;
	int slot; /* -1 for the root */
} AngleStep;

/* The way to a leaf. */
typedef struct AngleWay
{
	int length; /* steps; the last one is the leaf */
	AngleStep steps[ANGLE_HEIGHT_MAX];
	AngleNodeKind kind; /* of the last one: private while it is no leaf */
	float far;			/* of its centroid from the point */
	float *centroid;	/* (dims) of the leaf; zero where the root is a leaf */
} AngleWay;

/* The ways to the nearest leaves, the nearest first. */
typedef struct AngleWays
{
	int count; /* 1 … ANGLE_WAYS */
	AngleWay *way[ANGLE_WAYS];
	/* scratch */
	AngleWay *next[ANGLE_WAYS];
	AnglePageReader reader;
} AngleWays;

/* The leaf at the end of a way. */
static inline AngleNodePointer
angle_way_end(const AngleWay *way)
{
	return way->steps[way->length - 1].node;
}

/* Palloc's its parts. */
AngleWays *angle_ways_make(const AngleLayout *layout);

/* Goes down from root, one node locked (shared) at a time. False where a node on the way
 * went in the meantime: the way then starts again at the root. */
bool
angle_ways_find(Relation index, const AngleIndex *self, AngleNodePointer root,
				const float *point, AngleWays *ways);

/* Raises ERRCODE_INDEX_CORRUPTED: the tree has a cycle through block. */
_Noreturn void angle_tree_has_cycle(Relation index, BlockNumber block);

#endif
