/* Measures, at the end of a build, how far the stop rule has to look. */
#ifndef ANGLE_CALIBRATE_H
#define ANGLE_CALIBRATE_H

#include "core/base/rng.h"
#include "pg/am/store/row_set.h"

/* Rows that stand in for queries: at most, of a small index, and at least, of a large
 * one. A recall of 0.95 is known to 0.003 by a thousand, to 0.006 by 300. */
#define ANGLE_CALIBRATION_QUERIES 1000
#define ANGLE_CALIBRATION_LEAST 300

/* Rows below which every search reads most of the index anyway. */
#define ANGLE_CALIBRATION_ROWS 1000

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

/* Chooses rows of an index that is there; their points are what the re-rank codes
 * stand for. */
AngleReservoir *
angle_reservoir_pick(Relation index, const AngleIndex *self, double rows);

/*
 * Measures the stop rule (store/stop.h) of a tree that is written: the ten nearest of rows of the
 * reservoir, of all and of parts of the rows, are found by looking at the codes of all, then how
 * much a search sees before it has read a leaf of each of them. Leaves the defaults where there are too few rows to
 * tell. Others may change the index meanwhile.
 */
void angle_calibrate(Relation index, const AngleIndex *self, AngleMeta *meta,
					 const AngleReservoir *reservoir);

#endif
