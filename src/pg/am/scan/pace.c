/* How far a scan has to look: see pace.h. */
#include "postgres.h"

#include <math.h>

#include "pg/am/scan/pace.h"

/* So many rows may be settled for each that is wanted, and more, as long as the nearest of
 * that number are enough: the tenth one that passes a filter may be the 150th of all where it
 * is the hundredth normally. */
#define WANTED_SHARE 1.3
#define WANTED_MORE 3.0

/* Beyond that, the last ones of a batch need more than as many nearest do on average: as so
 * many times as many and so many more. */
#define SETTLED_SHARE 1.8
#define SETTLED_MORE 40.0

/* Of the nearest rows the target is found, and settled, but no less than this is counted. */
#define TARGET_LEAST 0.5

/* The estimate of a body is off by its margin at most, and by a root of the dimensions less
 * than that normally: never by so many times as much. */
#define DEVIATIONS 8.0

void
angle_pace_begin(AnglePace *pace, const AngleMeta *meta, double target,
				 double wanted)
{
	const size_t capacity = 64;

	*pace = (AnglePace){
		.rule = angle_stop_rule(meta, target),
		.target = Max(TARGET_LEAST, target),
		.sure = Max(0, 1 - DEVIATIONS / sqrt(Max(1, meta->dims))),
		.wanted = wanted,
		.given = -INFINITY,
		.keys = palloc(capacity * sizeof(double)),
		.capacity = capacity,
	};
}

/* How many of the nearest rows there may be up to those that are settled when the next
 * batch is given out: of all rows as many are settled as now. */
static double
nearest_settled(const AnglePace *pace, size_t rows)
{
	const double enough = Max(pace->wanted, ANGLE_STOP_NEIGHBOURS);
	const double settled =
		pace->asked > 0 ? pace->settled / pace->asked * (pace->asked + rows)
						: 0;

	if (pace->settled <= enough * WANTED_SHARE + WANTED_MORE)
		return enough;
	return (settled * SETTLED_SHARE + SETTLED_MORE) / pace->target;
}

void
angle_pace_batch(AnglePace *pace, size_t rows)
{
	pace->nearest = Max(pace->nearest, nearest_settled(pace, rows));
	pace->due = angle_stop_due(&pace->rule, pace->nearest);
	pace->asked += rows;
}

double
angle_pace_due(const AnglePace *pace, double share)
{
	return share < 1 ? angle_stop_due(&pace->rule, pace->nearest / share)
					 : pace->due;
}

void
angle_pace_given(AnglePace *pace, double key, double margin)
{
	if (pace->count == pace->capacity)
	{
		pace->capacity *= 2;
		pace->keys = repalloc_huge(pace->keys, pace->capacity * sizeof(double));
	}
	pace->keys[pace->count++] = key;
	pace->given = Max(pace->given, key);
	while (pace->settled < pace->count &&
		   pace->keys[pace->settled] + pace->sure * margin <= pace->given)
		pace->settled++;
}
