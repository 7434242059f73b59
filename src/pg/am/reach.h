/* Which segments the tree leads to. */
#ifndef ANGLE_REACH_H
#define ANGLE_REACH_H

#include "pg/am/index.h"

typedef struct AngleReach AngleReach;

/* Reads the inner nodes, which the caller keeps from changing by the lock on the
 * tree. Raises ERRCODE_INDEX_CORRUPTED if two pointers lead to one node, or one
 * to nowhere. In the current memory context. */
AngleReach *angle_reach_find(Relation index, const AngleLayout *layout);

/* Whether the segment whose head is block existed at that time, and nothing led
 * to it. */
bool angle_reach_misses(const AngleReach *reach, BlockNumber block);

#endif
