/* Measures, at the end of a build, how far the stop rule has to look. */
#ifndef ANGLE_CALIBRATE_H
#define ANGLE_CALIBRATE_H

#include "core/base/rng.h"
#include "pg/am/row_set.h"

/* Rows that stand in for queries at most. */
#define ANGLE_CALIBRATION_QUERIES 100

/* A random choice of rows as they come by. */
typedef struct AngleReservoir
{
	AngleRowSet rows; /* capacity is ANGLE_CALIBRATION_QUERIES */
	AngleRng rng;
	double seen;
} AngleReservoir;

AngleReservoir *angle_reservoir_make(const AngleLayout *layout);

/* Shows it a row. */
void angle_reservoir_offer(AngleReservoir *reservoir, const AngleLayout *layout,
						   ItemPointer tid, const float *point);

/*
 * Fills meta->stop from a tree that is written: the ten nearest of each row of
 * the reservoir are found by looking at all rows, then for which λ each of them
 * would have come in time. Leaves the defaults where there are too few rows to
 * tell.
 */
void angle_calibrate(Relation index, const AngleIndex *self, AngleMeta *meta,
					 const AngleReservoir *reservoir);

#endif
