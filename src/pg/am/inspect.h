/* Opening an index for the functions that look into it. */
#ifndef ANGLE_INSPECT_H
#define ANGLE_INSPECT_H

#include "utils/relcache.h"

/* Opens the index with AccessShareLock. Raises an error unless it is one of ours
 * that the caller may read, which is who may read its table. */
Relation angle_inspect_open(Oid oid);

#endif
