/* How the tree grows: the first root, and nodes that become two. */
#ifndef ANGLE_SPLIT_H
#define ANGLE_SPLIT_H

#include "pg/am/store/draft.h"
#include "pg/am/store/index.h"

/* Gives an index that has never had a row the dimensions of a vector, and a
 * leaf as root. */
void angle_make_root(Relation index, Datum vector);

/* Splits the leaf in which point belongs, if it is full, and before it what is
 * full above: of the draft, or, where that is NULL, of the index's tree. */
void angle_make_room(Relation index, Relation heap, const AngleIndex *self,
					 AngleDraft *draft, const float *point);

#endif
