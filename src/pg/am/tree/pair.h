/* Second entries, where insertions have left rows without one or in a leaf that is
 * not the best. */
#ifndef ANGLE_PAIR_H
#define ANGLE_PAIR_H

#include "pg/am/store/index.h"

/* Gives a second entry to each row that has a first one alone, where a leaf near it has room,
 * and moves second entries to leaves with less loss. Takes memory bytes: leaves that are too
 * many for that are dealt with in several parts. For VACUUM, which alone takes rows away, after
 * it has cleaned the index. */
void angle_pair(Relation index, const AngleIndex *self, Size memory);

#endif
