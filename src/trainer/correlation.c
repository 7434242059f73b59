#include "trainer/correlation.h"

#include <math.h>
#include <stdlib.h>

static double
mean_of(const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	return sum / (double) n;
}

double
angle_pearson(const double *x, const double *y, size_t n)
{
	double x_mean = mean_of(x, n);
	double y_mean = mean_of(y, n);
	double xx = 0;
	double yy = 0;
	double xy = 0;
	double r;

	for (size_t i = 0; i < n; i++)
	{
		double dx = x[i] - x_mean;
		double dy = y[i] - y_mean;

		xx += dx * dx;
		yy += dy * dy;
		xy += dx * dy;
	}
	if (n < 2 || xx == 0 || yy == 0)
		return NAN;
	r = xy / sqrt(xx) / sqrt(yy);
	return r > 1 ? 1 : r < -1 ? -1 : r;
}

typedef struct Entry
{
	double value;
	size_t index;
} Entry;

static int
by_value(const void *a, const void *b)
{
	const Entry *x = a;
	const Entry *y = b;

	return x->value < y->value ? -1 : x->value > y->value;
}

AngleStatus
angle_ranks(const double *x, size_t n, AngleArena *scratch, double *ranks,
			AngleError *err)
{
	Entry *entries = angle_arena_alloc(scratch, n + 1, sizeof(*entries));
	size_t stop;

	if (entries == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < n; i++)
		entries[i] = (Entry){x[i], i};
	qsort(entries, n, sizeof(*entries), by_value);
	for (size_t start = 0; start < n; start = stop)
	{
		stop = start;
		while (stop < n && entries[stop].value == entries[start].value)
			stop++;
		for (size_t i = start; i < stop; i++)
			ranks[entries[i].index] = 0.5 * (double) (start + 1 + stop);
	}
	return ANGLE_OK;
}

AngleStatus
angle_spearman(const double *x, const double *y, size_t n, AngleArena *scratch,
			   double *rho, AngleError *err)
{
	double *x_ranks = angle_arena_alloc(scratch, n + 1, sizeof(double));
	double *y_ranks = angle_arena_alloc(scratch, n + 1, sizeof(double));

	if (x_ranks == NULL || y_ranks == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(angle_ranks(x, n, scratch, x_ranks, err));
	ANGLE_TRY(angle_ranks(y, n, scratch, y_ranks, err));
	*rho = angle_pearson(x_ranks, y_ranks, n);
	return ANGLE_OK;
}
