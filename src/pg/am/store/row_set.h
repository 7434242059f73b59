/* Rows that are in memory on their way into a tree. */
#ifndef ANGLE_ROW_SET_H
#define ANGLE_ROW_SET_H

#include "pg/am/store/node.h"

typedef struct AngleRowSet
{
	int count;
	int capacity;
	ItemPointerData *tids; /* (capacity) */
	uint32 *nulls;		   /* (capacity) */
	uint64 *values;		   /* (capacity, keys) */
	float *points;		   /* (capacity, dims) */
	char *
		bodies; /* (capacity, row_size), or NULL where they are yet to be made of points */
} AngleRowSet;

/* Palloc's room for as many rows as fit into size bytes, but 16 at least and
 * most at most. */
AngleRowSet
angle_row_set_make(const AngleLayout *layout, Size size, int most, bool bodies);
void angle_row_set_free(AngleRowSet *set);

#endif
