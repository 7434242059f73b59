/*
 * Distances of rows as the operator computes them, from the table.
 *
 * Where an index gives bounds, the executor computes the distances and holds rows back
 * until they are due. It needs bounds that hold for certain, which are loose: of a code of six
 * bits for 384 dimensions nineteen times what the estimate is off by on average. So
 * the scan computes the distances itself, and needs few rows beyond those it gives.
 */
#ifndef ANGLE_ROW_DISTANCE_H
#define ANGLE_ROW_DISTANCE_H

#include "access/genam.h"
#include "executor/tuptable.h"

#include "pg/type/toast_reader.h"

typedef struct AngleRowDistance
{
	TupleTableSlot *slot;
	AngleToastReader *toast; /* of vectors that are stored out of line */
	MemoryContext memory;	 /* of what the operator leaves behind */
} AngleRowDistance;

/* In the current memory context. */
AngleRowDistance *angle_row_distance_make(Relation heap);

/* Ends the use of the table, and releases rows. */
void angle_row_distance_end(AngleRowDistance *rows);

/* Gets the row at tid into the slot; false if the scan's snapshot sees none there. */
bool
angle_row_fetch(AngleRowDistance *rows, IndexScanDesc scan, ItemPointer tid);

/* Fills distance with that of the row in the slot from the argument of scan's first ordering
 * key, infinite where it is not a number; false if the row has no vector. */
bool angle_row_distance(AngleRowDistance *rows, IndexScanDesc scan,
						double *distance);

/* Gives the row in the slot back. */
void angle_row_forget(AngleRowDistance *rows);

#endif
