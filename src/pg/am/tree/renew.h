/* How the tree of an index that has grown becomes like that of one that was built. */
#ifndef ANGLE_RENEW_H
#define ANGLE_RENEW_H

#include "commands/vacuum.h"

#include "pg/am/store/index.h"

/* Clusters the children of all inner nodes anew, neighbours together, and into so many that
 * there is room for two entries of each row; counts the nodes that went in stats. For VACUUM,
 * after it has cleaned the leaves. */
void angle_renew(Relation index, Relation heap, const AngleIndex *self,
				 IndexBulkDeleteResult *stats);

#endif
