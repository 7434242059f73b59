/* Rows that a build has in memory. */
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
} AngleRowSet;

/* Palloc's room for as many rows as fit into size bytes, but 16 at least and
 * most at most. */
AngleRowSet angle_row_set_make(const AngleLayout *layout, Size size, int most);
void angle_row_set_free(AngleRowSet *set);

#endif
