/*
 * How many rows a plan wants of a scan.
 *
 * An access method is not told of a LIMIT. It matters to one whose search ends when the
 * nearest rows are likely to be seen: ten are seen much sooner than a hundred. So as
 * each plan starts, scans of our indexes right below a LIMIT are noted, and look there.
 */
#ifndef ANGLE_LIMIT_H
#define ANGLE_LIMIT_H

#include "access/skey.h"
#include "executor/tuptable.h"

/* A scan below a LIMIT; lives as long as its plan is executed. */
typedef struct AngleLimit AngleLimit;

/* That of the scan with these ordering keys; NULL if none is known. */
AngleLimit *angle_limit_find(const ScanKeyData *orders);

/* A run of the scan begins: what was learned in another one does not count, for a join may have
 * given the filter other values. limit may be NULL. */
void angle_limit_begin(AngleLimit *limit);

/* How many rows the scan will have to give, about: where a filter that the scan does not
 * know drops rows, as many as the planner thinks. 0: that is not known. To be asked when
 * the first row is. */
double angle_limit_rows(const AngleLimit *limit);

/* How many of the nearest rows are to be tested before what the planner thinks of a filter is
 * believed; angle_limit_rows() where that does not ask for many, or where the scan does not test
 * the filter. */
double angle_limit_look(const AngleLimit *limit);

/* Learns of the rows that a scan has tested, so many of which have passed and the others have not.
 * Where many more pass than the planner thinks, what was seen counts for the rest of the run. */
void angle_limit_learn(AngleLimit *limit, double passed, double dropped);

/* How many of the nearest rows have as many that pass the scan's filter as are wanted, about, when
 * it has given so many, has so many more that pass, and has dropped so many. 0: that is not known,
 * or all that are wanted were given. */
double angle_limit_nearest(const AngleLimit *limit, double given, double ready,
						   double dropped);

/* Whether the row in the slot passes the filter that the executor will test, if that may be
 * tested more than once for a row; else true. What does not is counted as filtered. limit
 * may be NULL. */
bool angle_limit_passes(AngleLimit *limit, TupleTableSlot *slot);

#endif
