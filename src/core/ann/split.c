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
	float *centroids; /* (2, dims) */
	uint8_t *side;	  /* (count) */
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

static void
average(Cut *cut)
{
	size_t sizes[2] = {0, 0};

	for (size_t i = 0; i < cut->count; i++)
		sizes[cut->side[i]]++;
	for (size_t d = 0; d < cut->dims; d++)
	{
		double sums[2] = {0, 0};

		for (size_t i = 0; i < cut->count; i++)
			sums[cut->side[i]] += cut->points[i * cut->dims + d];
		for (int s = 0; s < 2; s++)
		{
			if (sizes[s] > 0)
				cut->centroids[(size_t) s * cut->dims + d] =
					(float) (sums[s] / (double) sizes[s]);
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
 * where leans are equal, the others on side 0. copy is (count). */
static void
cut_at_quota(Cut *cut, const float *leans, float *copy, size_t quota)
{
	float limit;
	size_t taken = 0;

	memcpy(copy, leans, cut->count * sizeof(*copy));
	limit = select_rank(copy, cut->count, cut->count - quota);
	for (size_t i = 0; i < cut->count; i++)
	{
		cut->side[i] = leans[i] > limit;
		taken += cut->side[i];
	}
	for (size_t i = 0; i < cut->count && taken < quota; i++)
	{
		if (leans[i] == limit)
		{
			cut->side[i] = 1;
			taken++;
		}
	}
}

/* Sides by the nearer centroid, but none below a quarter. Returns whether a
 * side has changed. */
static bool
choose_sides(Cut *cut, float *scratch)
{
	float *leans = scratch;
	size_t quarter = (cut->count + 3) / 4;
	size_t ones = 0;
	bool changed = false;

	for (size_t i = 0; i < cut->count; i++)
	{
		leans[i] = (float) lean(cut, cut->points + i * cut->dims);
		ones += leans[i] > 0;
		changed |= cut->side[i] != (leans[i] > 0);
	}
	if (ones < quarter)
		cut_at_quota(cut, leans, scratch + cut->count, quarter);
	else if (cut->count - ones < quarter)
		cut_at_quota(cut, leans, scratch + cut->count, cut->count - quarter);
	else
	{
		for (size_t i = 0; i < cut->count; i++)
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
	for (size_t d = 0; d < (size_t) dims; d++)
	{
		double sum = 0;

		for (size_t i = 0; i < count; i++)
			sum += points[i * (size_t) dims + d];
		mean[d] = count > 0 ? (float) (sum / (double) count) : 0;
	}
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
