/*
 * How many rows a plan wants of a scan.
 *
 * An access method is not told of a LIMIT. It matters to one whose search ends when the
 * nearest rows are likely to be seen: ten are seen much sooner than a hundred. So as
 * each plan starts, scans of our indexes right below a LIMIT are noted, and look there.
 */
#ifndef ANGLE_LIMIT_H
#define ANGLE_LIMIT_H

#include "access/genam.h"
#include "access/skey.h"
#include "storage/itemptr.h"

/* A scan below a LIMIT; lives as long as its plan is executed. */
typedef struct AngleLimit AngleLimit;

/* That of the scan with these ordering keys; NULL if none is known. */
AngleLimit *angle_limit_find(const ScanKeyData *orders);

/* How many rows the scan will have to give, about: where a filter that the scan does not
 * know drops rows, as many as the planner thinks. 0: that is not known. To be asked when
 * the first row is. */
double angle_limit_rows(const AngleLimit *limit);

/* Whether the row at tid can be passed over: the executor will drop it, because its snapshot
 * does not see it or by a filter that the index does not know, and would compute its distance
 * before. Not all that can be are, for by the keys of such rows, too, the executor knows
 * when those that it holds back are due. limit may be NULL. */
bool angle_limit_drops(AngleLimit *limit, IndexScanDesc scan, ItemPointer tid);

#endif
