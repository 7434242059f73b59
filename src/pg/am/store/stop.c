/* The stop rule: see stop.h. */
#include "postgres.h"

#include <math.h>

#include "pg/am/store/stop.h"

/* m is the mean of so many. */
#define FIRST 8

#define WEIGHT 4.5
#define WEIGHT_MOST 3.0

/* From one scale to the next there are so many times the nearest rows. */
#define SCALE 3.16228

const float angle_recall_targets[ANGLE_TARGETS] = {0.80f, 0.85f, 0.90f, 0.95f,
												   0.97f, 0.98f, 0.99f, 0.995f};

void
angle_stop_default(AngleMeta *meta)
{
	/* what 300,000 English sentences need; smaller indexes need less */
	static const float enough[ANGLE_SCALES][ANGLE_TARGETS] = {
		{1400, 2200, 4200, 12000, 23000, 36000, 75000, 220000},
		{2500, 4000, 8200, 22000, 46000, 92000, 190000, 420000},
		{6100, 9500, 18000, 48000, 93000, 180000, 400000, 670000},
		{17000, 26000, 48000, 120000, 210000, 350000, 770000, 1300000},
		{56000, 88000, 160000, 410000, 730000, 1000000, 1800000, 3300000},
	};
	static const float read[ANGLE_SCALES][ANGLE_TARGETS] = {
		{710, 980, 1500, 3200, 5200, 7100, 12000, 26000},
		{1100, 1500, 2500, 5100, 8400, 14000, 23000, 41000},
		{2000, 2700, 4300, 8600, 14000, 22000, 40000, 57000},
		{4100, 5600, 8700, 16000, 25000, 36000, 63000, 92000},
		{9600, 13000, 21000, 40000, 61000, 78000, 120000, 190000},
	};

	memcpy(meta->enough, enough, sizeof(enough));
	memcpy(meta->read, read, sizeof(read));
}

/* What bounds of codes may miss (scan/query.c), as a part of what the target may, and at
 * most. */
#define MISSED_PART 0.25
#define MISSED_MOST 0.006

/* The target for lists. */
static double
of_lists(double target)
{
	return target + Min(MISSED_PART * (1 - target), MISSED_MOST);
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

/* What so many nearest need by what each scale does: in logarithms a straight line
 * between two of them, and on beyond the last. */
static double
at_scale(const double *logarithms, double nearest)
{
	const double place =
		log(Max(1, nearest / ANGLE_STOP_NEIGHBOURS)) / log(SCALE);
	const int below = Min((int) place, ANGLE_SCALES - 2);

	return exp(logarithms[below] +
			   (place - below) * (logarithms[below + 1] - logarithms[below]));
}

AngleStopRule
angle_stop_rule(const AngleMeta *meta, double target)
{
	AngleStopRule rule;

	for (int i = 0; i < ANGLE_SCALES; i++)
		rule.seen[i] =
			log(Max(1, at_target(meta->enough[i], of_lists(target), 3)));
	return rule;
}

double
angle_stop_due(const AngleStopRule *rule, double nearest)
{
	return at_scale(rule->seen, nearest);
}

double
angle_stop_read(const AngleMeta *meta, double target, double nearest)
{
	double read[ANGLE_SCALES];

	for (int i = 0; i < ANGLE_SCALES; i++)
		read[i] = log(Max(1, at_target(meta->read[i], of_lists(target), 2)));
	return at_scale(read, nearest);
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
