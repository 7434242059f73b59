/* Which pages the tree leads to. */
#ifndef ANGLE_REACH_H
#define ANGLE_REACH_H

#include "pg/am/store/index.h"

typedef struct AngleReach AngleReach;

/* Reads the inner nodes, which the caller keeps from changing by the lock on the
 * tree, and where it is asked for the leaves, too. Raises ERRCODE_INDEX_CORRUPTED if two pointers
 * lead to one node, or one to none. In the current memory context. */
AngleReach *
angle_reach_find(Relation index, const AngleLayout *layout, bool leaves);

/* Whether the page existed at that time, and nothing led to it: neither to it nor to the
 * head that it belongs to. Bodies are not part of the tree. */
bool angle_reach_misses(const AngleReach *reach, BlockNumber block);

#endif
