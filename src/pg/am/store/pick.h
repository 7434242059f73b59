/* Rows of an index at random. */
#ifndef ANGLE_PICK_H
#define ANGLE_PICK_H

#include "core/base/rng.h"
#include "pg/am/store/node.h"

/* Looks into a random slot of a random page. If a row is there whose body is of a tree, reads its
 * TID and, unless it is NULL, its body (row_size). */
bool angle_pick_row(Relation index, const AngleLayout *layout, uint32 tree,
					AngleRng *rng, ItemPointer tid, char *body);

#endif
