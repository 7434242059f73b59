/*
 * Leaves of a build trade rows. Rows are clustered partition by partition and lists that
 * got too many give some away, so that a row near a border may lie in a list that is not
 * its nearest. Here it goes there, if there is a free slot. Of 300,000 sentences in eight
 * partitions the 64 nearest lists then find 0.919 to 0.925 in place of 0.916. (A second time
 * would add as much as a third of that, and costs as much as the first.)
 */
#ifndef ANGLE_SETTLE_H
#define ANGLE_SETTLE_H

#include "pg/am/node.h"

/* Looks at the rows of all these leaves, which nobody else sees yet, once; leaves
 * everything as it is where that would take more than memory bytes. Without WAL. */
void angle_settle(Relation index, const AngleIndex *self,
				  const AngleChild *leaves, int count, Size memory);

#endif
