/*
 * What comes at the end of a build. Rows were clustered partition by partition, and lists
 * that got too many gave some away, so a row near a border may lie in a list that is not
 * its nearest. Here it goes there, if there is a free slot, and gets its second entry: in
 * another of the leaves near it, chosen by SOAR's loss (core/ann/kmeans.h), so that a
 * search finds the row which misses the first.
 */
#ifndef ANGLE_SETTLE_H
#define ANGLE_SETTLE_H

#include "pg/am/store/node.h"

/* Looks at the rows of all these leaves, which nobody else sees yet and which have first
 * entries only. Takes memory bytes: leaves that are too many for that are dealt with in
 * several parts, in the order in which they come. Without WAL. */
void angle_settle(Relation index, const AngleIndex *self,
				  const AngleChild *leaves, int count, Size memory);

#endif
