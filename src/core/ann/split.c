#include <math.h>
#include <string.h>

#include "core/ann/kmeans.h"
#include "core/base/rng.h"

#define ROUNDS 8

/* One cut of points in two. */
typedef struct Cut
{
	const float *points; /* (count, dims) */
	size_t count;
	size_t dims;
	float *centroids; /* (2, dims), or (dims) without sides */
	uint8_t *side;	  /* (count), or NULL: all are on one */
} Cut;

/* How much nearer x is to centroid 1 than to centroid 0. */
static double
lean(const Cut *cut, const float *x)
{
	double sum = 0;

	for (size_t d = 0; d < cut->dims; d++)
	{
		double middle =
			((double) cut->centroids[d] + cut->centroids[cut->dims + d]) / 2;

		sum += (x[d] - middle) *
			   ((double) cut->centroids[cut->dims + d] - cut->centroids[d]);
	}
	return sum;
}

/* Columns that are summed together, row by row. */
#define COLUMNS 64

/* Adds some columns of the points, in sums by side; without sides all are on side 0. */
static void
add_columns(const Cut *cut, size_t first, size_t columns,
			double sums[2][COLUMNS])
{
	memset(sums, 0, 2 * sizeof(*sums));
	for (size_t i = 0; i < cut->count; i++)
	{
		const float *x = cut->points + i * cut->dims + first;
		double *to = sums[cut->side != NULL ? cut->side[i] : 0];

		for (size_t d = 0; d < columns; d++)
			to[d] += x[d];
	}
}

/* Makes the centroids the means of the sides that have points. */
static void
average(Cut *cut)
{
	double sums[2][COLUMNS];
	size_t sizes[2] = {0, 0};

	for (size_t i = 0; i < cut->count; i++)
		sizes[cut->side != NULL ? cut->side[i] : 0]++;
	for (size_t first = 0; first < cut->dims; first += COLUMNS)
	{
		const size_t left = cut->dims - first;
		const size_t columns = left < COLUMNS ? left : COLUMNS;

		add_columns(cut, first, columns, sums);
		for (size_t s = 0; s < 2; s++)
		{
			float *centroid = cut->centroids + s * cut->dims + first;

			for (size_t d = 0; sizes[s] > 0 && d < columns; d++)
				centroid[d] = (float) (sums[s][d] / (double) sizes[s]);
		}
	}
}

/* The value at place rank of x in rising order; x is reordered (Hoare's
 * selection, the middle as pivot). */
static float
select_rank(float *x, size_t count, size_t rank)
{
	size_t first = 0;
	size_t last = count - 1;

	while (first < last)
	{
		float pivot = x[first + (last - first) / 2];
		size_t i = first;
		size_t j = last;

		for (;; i++, j--)
		{
			float swapped;

			while (x[i] < pivot)
				i++;
			while (x[j] > pivot)
				j--;
			if (i >= j)
				break;
			swapped = x[i];
			x[i] = x[j];
			x[j] = swapped;
		}
		if (rank <= j)
			last = j;
		else
			first = j + 1;
	}
	return x[first];
}

/* Puts the points with the quota greatest leans on side 1, first come first
 * where leans are equal, the others on side 0; returns whether a side has changed. copy is
 * (count). */
static bool
cut_at_quota(Cut *cut, const float *leans, float *copy, size_t quota)
{
	size_t equal = quota; /* of those at the limit so many are on side 1 */
	bool changed = false;
	float limit;

	memcpy(copy, leans, cut->count * sizeof(*copy));
	limit = select_rank(copy, cut->count, cut->count - quota);
	for (size_t i = 0; i < cut->count; i++)
		equal -= leans[i] > limit;
	for (size_t i = 0; i < cut->count; i++)
	{
		bool one = leans[i] > limit;

		if (leans[i] == limit && equal > 0)
		{
			one = true;
			equal--;
		}
		changed |= cut->side[i] != one;
		cut->side[i] = one;
	}
	return changed;
}

/* Sides by the nearer centroid, but none below a quarter. Returns whether a
 * side has changed. */
static bool
choose_sides(Cut *cut, float *scratch)
{
	float *leans = scratch;
	const size_t quarter = (cut->count + 3) / 4;
	size_t ones = 0;
	bool changed = false;

	for (size_t i = 0; i < cut->count; i++)
	{
		leans[i] = (float) lean(cut, cut->points + i * cut->dims);
		ones += leans[i] > 0;
	}
	if (ones < quarter || cut->count - ones < quarter)
		return cut_at_quota(cut, leans, scratch + cut->count,
							ones < quarter ? quarter : cut->count - quarter);
	for (size_t i = 0; i < cut->count; i++)
	{
		changed |= cut->side[i] != (leans[i] > 0);
		cut->side[i] = leans[i] > 0;
	}
	return changed;
}

/* Starts at a point by chance and at the point that is furthest from it. */
static void
choose_start(Cut *cut, AngleRng *rng)
{
	size_t bytes = cut->dims * sizeof(float);
	const float *start =
		cut->points + angle_rng_below(rng, cut->count) * cut->dims;
	const float *far = start;
	double greatest = 0;

	for (size_t i = 0; i < cut->count; i++)
	{
		const float *x = cut->points + i * cut->dims;
		double squared = 0;

		for (size_t d = 0; d < cut->dims; d++)
			squared += ((double) x[d] - start[d]) * ((double) x[d] - start[d]);
		if (squared > greatest)
		{
			greatest = squared;
			far = x;
		}
	}
	memcpy(cut->centroids, start, bytes);
	memcpy(cut->centroids + cut->dims, far, bytes);
}

void
angle_mean(const float *points, size_t count, int dims, float *mean)
{
	memset(mean, 0, (size_t) dims * sizeof(float));
	average(&(Cut){points, count, (size_t) dims, mean, NULL});
}

void
angle_split(const AngleSplit *split, float *centroids, uint8_t *side)
{
	Cut cut = {split->points, split->count, (size_t) split->dims, centroids,
			   side};
	AngleRng rng;

	memset(side, 0, split->count);
	memset(centroids, 0, 2 * cut.dims * sizeof(float));
	if (cut.count == 0)
		return;
	angle_rng_seed(&rng, split->seed);
	choose_start(&cut, &rng);
	for (int round = 0; round < ROUNDS; round++)
	{
		bool changed = cut.count > 1 && choose_sides(&cut, split->scratch);

		average(&cut);
		if (!changed && round > 0)
			break;
	}
}
