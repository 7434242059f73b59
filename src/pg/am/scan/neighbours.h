/*
 * The nearest rows of sampled ones, exactly as far as re-rank codes tell, for what
 * measures the stop rule: of all rows, and of parts of them that are chosen at random. The
 * points of all rows are compared with all samples, by products (core/ann/queries.h).
 */
#ifndef ANGLE_NEIGHBOURS_H
#define ANGLE_NEIGHBOURS_H

#include "core/ann/heap.h"
#include "pg/am/store/index.h"
#include "pg/am/store/stop.h"

/* A row that was among the nearest for a while, and the leaves that have its entries. */
typedef struct AngleNeighbour
{
	AngleBodyPointer body;
	BlockNumber leaves[2]; /* InvalidBlockNumber: none */
} AngleNeighbour;

/* Rows that were among the nearest and are remembered, before those are forgotten that are
 * no longer. */
#define ANGLE_NEAR_ROWS (2 * ANGLE_STOP_NEIGHBOURS)

/* The nearest of all rows, or of a part of them. */
typedef struct AngleNearRows
{
	AngleTop top; /* by their place in seen */
	AngleCandidate items[ANGLE_STOP_NEIGHBOURS];
	AngleNeighbour seen[ANGLE_NEAR_ROWS];
	int count; /* of seen */
} AngleNearRows;

/* A row that stands in for a query. */
typedef struct AngleSample
{
	const float *point; /* (dims) */
	ItemPointerData tid;
	uint64 seed; /* by which rows are in parts */
	AngleNearRows nearest[ANGLE_SCALES];
	BlockNumber own; /* the leaf that has the first entry of this row … */
	int own_rows;	 /* … and so many other first ones; 0: it was not found */
} AngleSample;

/* Finds the neighbours of samples (count), which the tree has below root. Nodes that go in
 * the meantime are passed over. */
void
angle_neighbours_find(Relation index, const AngleIndex *self,
					  AngleNodePointer root, AngleSample *samples, int count);

#endif
