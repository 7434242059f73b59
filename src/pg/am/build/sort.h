/* The sort of a build: brings the rows of a partition together, on disk if they
 * are many. */
#ifndef ANGLE_SORT_H
#define ANGLE_SORT_H

#include "executor/tuptable.h"

#include "pg/am/store/row_set.h"

typedef struct AngleBuildSort AngleBuildSort;

/* In the current memory context; of rows that have bodies, or of such that have not. */
AngleBuildSort *angle_build_sort_make(const AngleLayout *layout, bool bodies);
void angle_build_sort_free(AngleBuildSort *sort);

/* A sort takes so many kB. One may follow another. */
void angle_build_sort_begin(AngleBuildSort *sort, int memory);

/* The tuple that row i of rows is in a sort: valid until the next one. */
TupleTableSlot *angle_build_sort_form(AngleBuildSort *sort, int partition,
									  const AngleRowSet *rows, int i);

/* Gives such a tuple to the sort. */
void angle_build_sort_put(AngleBuildSort *sort, TupleTableSlot *slot);

/* The same for one that was away. */
void angle_build_sort_put_tuple(AngleBuildSort *sort, MinimalTuple tuple);

void angle_build_sort_perform(AngleBuildSort *sort);

/* Where rows come from, partition after partition: appends the next one to rows, which has
 * room, and returns its partition; −1 at the end. */
typedef int (*AngleRowSource)(void *context, AngleRowSet *rows);

/* The source that a sort (AngleBuildSort) is which was performed. */
int angle_build_sort_get(void *sort, AngleRowSet *rows);

/* Appends the row that a tuple is, past any sort; returns its partition. */
int angle_build_sort_read(AngleBuildSort *sort, MinimalTuple tuple,
						  AngleRowSet *rows);

void angle_build_sort_end(AngleBuildSort *sort);

#endif
