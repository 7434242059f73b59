/* The sort of a build: brings the rows of a partition together, on disk if they
 * are many. */
#ifndef ANGLE_BUILD_SORT_H
#define ANGLE_BUILD_SORT_H

#include "pg/am/row_set.h"

typedef struct AngleBuildSort AngleBuildSort;

/* In the current memory context; memory in kB. */
AngleBuildSort *angle_build_sort_begin(const AngleLayout *layout, int memory);

/* Gives row i of rows to the sort. */
void angle_build_sort_put(AngleBuildSort *sort, int partition,
						  const AngleRowSet *rows, int i);

void angle_build_sort_perform(AngleBuildSort *sort);

/* Appends the next row to rows, which has room; returns its partition, −1 at the
 * end. */
int angle_build_sort_get(AngleBuildSort *sort, AngleRowSet *rows);

void angle_build_sort_end(AngleBuildSort *sort);

#endif
