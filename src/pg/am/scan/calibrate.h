/* Measures, at the end of a build, how far the stop rule has to look. */
#ifndef ANGLE_CALIBRATE_H
#define ANGLE_CALIBRATE_H

#include "core/base/rng.h"
#include "pg/am/store/row_set.h"
#include "pg/am/store/stop.h"

/* Rows that stand in for queries: at most, of a small index, and at least, of a large
 * one. A recall of 0.95 is known to 0.003 by a thousand, to 0.004 by 600. */
#define ANGLE_CALIBRATION_QUERIES 1000
#define ANGLE_CALIBRATION_LEAST 600

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

/* Which of all processes that measure together this is. */
typedef struct AngleShare
{
	int own; /* 0 … all − 1 */
	int all;
} AngleShare;

/* Steps of what was seen, at which it is noted what was read. */
#define ANGLE_READ_STEPS 160

/* What was measured with some queries; all zero where nothing was. */
typedef struct AngleMeasured
{
	int queries;
	int found[ANGLE_SCALES]; /* neighbours */
	float needs[ANGLE_SCALES]
			   [ANGLE_CALIBRATION_QUERIES * ANGLE_STOP_NEIGHBOURS];
	double read[ANGLE_READ_STEPS]; /* rows, of all queries */
} AngleMeasured;

/*
 * Measures the stop rule (store/stop.h) of a tree that is written, with a share of the
 * reservoir's rows: the ten nearest of each, of all and of parts of the rows, are found by comparing it
 * with all, then how much a search sees before it has read a leaf of each of them. Nothing
 * is found where there are too few rows to tell. Others may change the index meanwhile.
 */
void angle_measure(Relation index, const AngleIndex *self,
				   AngleNodePointer root, const AngleReservoir *reservoir,
				   AngleShare share, AngleMeasured *measured);

/* Adds what another process has measured. */
void angle_measured_add(AngleMeasured *sum, const AngleMeasured *more);

/* Fills in the stop rule, unless nothing was found. Sorts what was measured. */
void angle_measured_set_stop(AngleMeasured *measured, AngleMeta *meta);

/* All of it by one process. */
void angle_calibrate(Relation index, const AngleIndex *self, AngleMeta *meta,
					 const AngleReservoir *reservoir);

#endif
