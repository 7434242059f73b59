/* Rows that come into a tree one by one. */
#ifndef ANGLE_INSERT_H
#define ANGLE_INSERT_H

#include "pg/am/store/draft.h"
#include "pg/am/store/node.h"

typedef struct AngleInserter AngleInserter;

/* For many rows of one index, in the current memory context: into a draft, which is complete, or,
 * where that is NULL, into the tree of the index. */
AngleInserter *
angle_inserter_make(Relation index, AngleIndex *self, AngleDraft *draft);

/* Inserts a row that has all but its place, codes and factors, and whose body stands for point
 * (dims). The caller holds the lock on rows. */
void angle_inserter_put(AngleInserter *inserter, Relation heap,
						const AngleRow *row, const float *point);

#endif
