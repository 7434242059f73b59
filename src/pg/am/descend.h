/* From the root to the leaf in which a point belongs. */
#ifndef ANGLE_DESCEND_H
#define ANGLE_DESCEND_H

#include "pg/am/node.h"

/* Deeper trees do not exist: a node has half of its entries at least. */
#define ANGLE_HEIGHT_MAX 32

/* A step: a node, and the slot that it has in the one above. */
typedef struct AngleStep
{
	AngleNodePointer node;
	int slot; /* -1 for the root */
} AngleStep;

typedef struct AngleWay
{
	int length; /* steps; the last one is a leaf */
	AngleStep steps[ANGLE_HEIGHT_MAX];
	float *centroid; /* (dims) of the leaf; zero where the root is a leaf */
	/* scratch */
	float *other;  /* (dims) */
	char *scratch; /* of the reader of centroids */
} AngleWay;

/* Palloc's its parts. */
AngleWay *angle_way_make(const AngleLayout *layout);

/* Goes the way of the nearest centroids. False where a node on it went in the
 * meantime: the way then starts again at the root. */
bool angle_way_find(Relation index, const AngleIndex *self,
					AngleNodePointer root, const float *point, AngleWay *way);

/* Raises ERRCODE_INDEX_CORRUPTED: the tree has a cycle through block. */
_Noreturn void angle_tree_has_cycle(Relation index, BlockNumber block);

#endif
