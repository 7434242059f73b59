/* The stop rule: see stop.h. */
#include "postgres.h"

#include <math.h>

#include "pg/am/stop.h"

const float angle_recall_targets[ANGLE_TARGETS] = {0.80f, 0.85f, 0.90f, 0.95f,
												   0.97f, 0.98f, 0.99f, 0.995f};

void
angle_stop_default(float *stop)
{
	/* what 60,000 English sentences need; smaller indexes need less */
	static const float guess[ANGLE_TARGETS] = {2000,  2500,	 4000,	8000,
											   11000, 14000, 20000, 28000};

	memcpy(stop, guess, sizeof(guess));
}

double
angle_stop_rows(const float *stop, double target)
{
	double from = 0, below = 0;

	for (int i = 0; i < ANGLE_TARGETS; i++)
	{
		double to = angle_recall_targets[i];

		if (target <= to)
			return below + (stop[i] - below) * (target - from) / (to - from);
		from = to;
		below = stop[i];
	}
	/* beyond what is measured: half of what is missed for twice the rows */
	return target < 1 ? below * (1 - from) / (1 - target) : INFINITY;
}

double
angle_stop_due(double rows, double asked)
{
	return rows * sqrt(Max(1, asked / ANGLE_STOP_ASKED));
}
