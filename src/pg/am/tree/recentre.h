/* Leaves around the rows that are nearest to them, after what is renewed below one inner node has
 * come nearer to rows below others. */
#ifndef ANGLE_RECENTRE_H
#define ANGLE_RECENTRE_H

#include "commands/vacuum.h"

#include "pg/am/store/index.h"

/* Sees to it that each row has an entry in its nearest leaf, which may be the second one, and then
 * replaces leaves by others with the same entries around the mean of the rows that they are nearest
 * to: a step of k-means. Takes memory bytes: leaves that are too many for that
 * are dealt with in several parts. Counts the nodes that went in stats. For VACUUM, which alone
 * takes rows away, after it has cleaned the index. */
void angle_recentre(Relation index, Relation heap, const AngleIndex *self,
					Size memory, IndexBulkDeleteResult *stats);

#endif
