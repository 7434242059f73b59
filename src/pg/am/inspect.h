/* Opening an index for the functions that look into it. */
#ifndef ANGLE_INSPECT_H
#define ANGLE_INSPECT_H

#include "utils/relcache.h"

/* Opens the index with AccessShareLock, and its table before it unless table is NULL. Raises an
 * error unless it is an index of ours that the caller may read, which is who may read its
 * table. */
Relation angle_inspect_open(Oid oid, Relation *table);

#endif
