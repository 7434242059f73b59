/*
 * How far a scan has to look before it gives out more rows.
 *
 * As many rows have to be seen as the stop rule (store/stop.h) has for the rows that are
 * wanted. Where more are asked for after all, more have to, and before it is too late: a row
 * that is found when farther ones have left the executor can no longer come in order.
 *
 * The executor holds rows back, until the key of a later one, a lower bound, is not below
 * their distance. So of the rows that were given out some are settled, and a third to
 * two thirds are not: it is the settled ones that count. And a row that is found late, whose
 * key is below one that was given out, may still come if its distance is not. That is
 * known as well as no estimate is off by many deviations.
 */
#ifndef ANGLE_PACE_H
#define ANGLE_PACE_H

#include "pg/am/store/stop.h"

typedef struct AnglePace
{
	AngleStopRule rule;
	double target;	/* of recall */
	double sure;	/* of the margin of a key: so much is hardly ever needed */
	double wanted;	/* rows that will have to be given, about; 0: not known */
	double asked;	/* rows of this and all batches before */
	double nearest; /* rows that this batch must not miss */
	double due;		/* to be seen before it, where all rows pass */
	double given;	/* the greatest key that was given out */
	double *keys;	/* (capacity) of the rows that were given out … */
	size_t count;
	size_t capacity;
	size_t settled; /* … of which so many are */
} AnglePace;

/* Begins, in the current memory context; wanted is 0 where that is not known. */
void angle_pace_begin(AnglePace *pace, const AngleMeta *meta, double target,
					  double wanted);

/* A batch of so many rows is to be collected. */
void angle_pace_batch(AnglePace *pace, size_t rows);

/* What is to be seen before that, where this share of the rows passes the conditions. */
double angle_pace_due(const AnglePace *pace, double share);

/* A row with this key is given out; keys are below distances by margin on average. */
void angle_pace_given(AnglePace *pace, double key, double margin);

/* Whether a row may come too late, whose key is below its estimate by margin. */
static inline bool
angle_pace_late(const AnglePace *pace, double key, double margin)
{
	return key + pace->sure * margin < pace->given;
}

#endif
