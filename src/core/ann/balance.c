#include "core/ann/balance.h"

#include <math.h>
#include <string.h>

#define ROUNDS 60

/* The candidate with the least sum of distance and price, of those whose lists are
 * not full if room is asked for; −1 if there is none. */
static int
cheapest(const AngleBalance *b, size_t point, int room)
{
	const uint32_t *lists = b->lists + point * (size_t) b->nearest;
	const float *distances = b->distances + point * (size_t) b->nearest;
	float least = INFINITY;
	int best = -1;

	for (int i = 0; i < b->nearest && lists[i] != UINT32_MAX; i++)
	{
		float cost = distances[i] + b->prices[lists[i]];

		if (cost < least && (!room || b->sizes[lists[i]] < b->capacity))
		{
			least = cost;
			best = i;
		}
	}
	return best;
}

/* Chooses all lists by the prices. Returns how many points are too many. */
static size_t
choose_all(const AngleBalance *b, uint32_t *chosen)
{
	size_t over = 0;

	memset(b->sizes, 0, b->list_count * sizeof(*b->sizes));
	for (size_t i = 0; i < b->count; i++)
	{
		int best = cheapest(b, i, 0);

		chosen[i] =
			b->lists[i * (size_t) b->nearest + (size_t) (best < 0 ? 0 : best)];
		b->sizes[chosen[i]]++;
	}
	for (size_t l = 0; l < b->list_count; l++)
		over += b->sizes[l] > b->capacity ? b->sizes[l] - b->capacity : 0;
	return over;
}

/* A step of prices: what the second nearest list is further away, on average. */
static float
measure_step(const AngleBalance *b)
{
	double sum = 0;
	size_t count = 0;

	for (size_t i = 0; i < b->count && b->nearest > 1; i++)
	{
		const float *d = b->distances + i * (size_t) b->nearest;

		if (b->lists[i * (size_t) b->nearest + 1] == UINT32_MAX)
			continue;
		sum += d[1] - d[0];
		count++;
	}
	return count == 0 ? 0 : (float) (sum / (double) count);
}

/* No list is cheaper than free: one that is not full asks for nobody. */
static void
change_prices(const AngleBalance *b, float step)
{
	for (size_t l = 0; l < b->list_count; l++)
	{
		float much = (float) b->sizes[l] / (float) b->capacity - 1;

		b->prices[l] = fmaxf(0, b->prices[l] + step * fminf(much, 1));
	}
}

/* What is too many goes to where there is room, if there is any. */
static void
move_rest(const AngleBalance *b, uint32_t *chosen)
{
	for (size_t i = 0; i < b->count; i++)
	{
		int best;

		if (b->sizes[chosen[i]] <= b->capacity)
			continue;
		best = cheapest(b, i, 1);
		if (best < 0)
			continue;
		b->sizes[chosen[i]]--;
		chosen[i] = b->lists[i * (size_t) b->nearest + (size_t) best];
		b->sizes[chosen[i]]++;
	}
}

void
angle_balance(const AngleBalance *b, uint32_t *chosen)
{
	float step = measure_step(b);

	memset(b->prices, 0, b->list_count * sizeof(*b->prices));
	for (int round = 0; round < ROUNDS; round++)
	{
		if (choose_all(b, chosen) <= b->count / 1000)
			break;
		change_prices(b, step / (1 + (float) round / 10));
	}
	move_rest(b, chosen);
}
