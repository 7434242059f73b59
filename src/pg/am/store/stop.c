/* The stop rule: see stop.h. */
#include "postgres.h"

#include <math.h>

#include "pg/am/store/stop.h"

/* m is the mean of so many. */
#define FIRST 8

#define WEIGHT 3.5
#define WEIGHT_MOST 3.0

/* Rows to see, and leaves to read, rise with such powers of the rows asked for. */
#define POWER_SEEN 0.6
#define POWER_READ 0.42

/* Where it is not known how many rows are wanted: ten as long as no more than so many are
 * asked for, then so many times those. Not once: rows are given out batch by batch, and the
 * last of a batch needs more than all of it do on average. */
#define ASKED 20.0
#define UNKNOWN_SHARE 3.3

/* Where it is known: so many are asked for, to be sure of the order. Who asks for more has
 * a filter that drops more than was thought. */
#define SURE_SHARE 1.5
#define SURE_MORE 30.0

const float angle_recall_targets[ANGLE_TARGETS] = {0.80f, 0.85f, 0.90f, 0.95f,
												   0.97f, 0.98f, 0.99f, 0.995f};

void
angle_stop_default(AngleMeta *meta)
{
	/* what 300,000 English sentences need; smaller indexes need less */
	static const float enough[ANGLE_TARGETS] = {3000,  4800,  8500,	  25000,
												45000, 89000, 185000, 350000};
	static const float read[ANGLE_TARGETS] = {1100, 1600,  2300,  5000,
											  7700, 12700, 21500, 34000};

	memcpy(meta->enough, enough, sizeof(enough));
	memcpy(meta->read, read, sizeof(read));
}

/* Between the targets a straight line; beyond them half of what is missed for so many
 * times the rows. */
static double
at_target(const float *rows, double target, double times)
{
	double from = 0, below = 0;

	for (int i = 0; i < ANGLE_TARGETS; i++)
	{
		double to = angle_recall_targets[i];

		if (target <= to)
			return below + (rows[i] - below) * (target - from) / (to - from);
		from = to;
		below = rows[i];
	}
	return target < 1 ? below * pow((1 - from) / (1 - target), log2(times))
					  : INFINITY;
}

double
angle_stop_enough(const AngleMeta *meta, double target)
{
	return at_target(meta->enough, target, 3);
}

double
angle_stop_read(const AngleMeta *meta, double target)
{
	return at_target(meta->read, target, 2);
}

/* How many times ten that is; not less than once. */
static double
tens(double rows)
{
	return Max(1, rows / ANGLE_STOP_NEIGHBOURS);
}

double
angle_stop_due(double asked, double wanted)
{
	if (wanted <= 0)
		wanted = asked <= ASKED ? 0 : asked * UNKNOWN_SHARE;
	else if (asked > wanted * SURE_SHARE + SURE_MORE)
		wanted = asked / SURE_SHARE;
	return pow(tens(wanted), POWER_SEEN);
}

double
angle_stop_due_read(double wanted, double share)
{
	return pow(tens(wanted) / share, POWER_READ);
}

void
angle_stop_begin(AngleStop *stop, AngleMetric metric)
{
	*stop = (AngleStop){.weighs = metric != ANGLE_METRIC_INNER_PRODUCT,
						.weight = 1};
}

void
angle_stop_note(AngleStop *stop, double distance, int rows, int passed)
{
	double mean, weight;

	stop->rows += rows;
	stop->passed += passed;
	stop->leaves++;
	if (!stop->weighs || !isfinite(distance))
		return;
	if (stop->leaves == 1)
		stop->nearest = distance;
	if (stop->leaves <= FIRST)
		stop->sum += distance;
	mean = stop->sum / Min(stop->leaves, FIRST);
	if (!(mean > 0))
		return;
	weight = WEIGHT * (distance - stop->nearest) / mean;
	stop->weight = Max(stop->weight, exp(Min(weight, WEIGHT_MOST)));
}

double
angle_stop_seen(const AngleStop *stop)
{
	double seen = stop->rows * stop->weight;

	if (stop->passed < stop->rows)
		seen *= pow(stop->passed / stop->rows, POWER_SEEN);
	return seen;
}
