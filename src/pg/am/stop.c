/* The stop rule: see stop.h. */
#include "postgres.h"

#include "pg/am/stop.h"

const float angle_recall_targets[ANGLE_TARGETS] = {0.80f, 0.85f, 0.90f, 0.95f,
												   0.97f, 0.98f, 0.99f, 0.995f};

void
angle_stop_default(float *stop)
{
	/* measured on English sentences; what is less clustered needs less */
	static const float guess[ANGLE_TARGETS] = {0.95f, 0.98f, 1.02f, 1.08f,
											   1.12f, 1.15f, 1.18f, 1.2f};

	memcpy(stop, guess, sizeof(guess));
}

double
angle_stop_lambda(const float *stop, double target)
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
	/* beyond what is measured, towards twice the last one and more */
	return below + (2 + below) * (target - from) / (1 - from);
}
