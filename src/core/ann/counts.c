/* Compiled once for each instruction set: loops that compilers turn into vectors. ANGLE_ISA
 * is the suffix of the table that this file defines. */
#include <math.h>
#include <string.h>

#include "core/ann/order_kernels.h"

#define PASTE2(name, isa) name##_##isa
#define PASTE(name, isa) PASTE2(name, isa)

/* A float as an integer in the same order, and back. */
static inline int32_t
integer_of(float key)
{
	int32_t bits;

	memcpy(&bits, &key, sizeof(bits));
	return bits ^ (bits >> 31 & INT32_MAX);
}

static inline float
float_of(int32_t integer)
{
	const int32_t bits = integer ^ (integer >> 31 & INT32_MAX);
	float key;

	memcpy(&key, &bits, sizeof(key));
	return key;
}

static size_t
count_to(const float *keys, size_t count, float limit)
{
	uint32_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += keys[i] <= limit;
	return found;
}

static size_t
count_below(const float *keys, size_t count, float limit)
{
	uint32_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += keys[i] < limit;
	return found;
}

/* Halves the range of numbers in which the limit is. */
static float
limit_of_few(const float *keys, size_t count, size_t rank, size_t more)
{
	int32_t least = INT32_MAX, greatest = INT32_MIN;

	for (size_t i = 0; i < count; i++)
	{
		const int32_t key = integer_of(keys[i]);

		least = key < least ? key : least;
		greatest = key > greatest ? key : greatest;
	}
	while (least < greatest)
	{
		const int32_t middle = (int32_t) (((int64_t) least + greatest) >> 1);
		const size_t found = count_to(keys, count, float_of(middle));

		if (found >= rank && found - rank <= more)
			return float_of(middle);
		if (found > rank)
			greatest = middle;
		else
			least = middle + 1;
	}
	return float_of(greatest);
}

/* Keys that are looked at together. */
#define CHUNK 16

static size_t
between(const float *keys, size_t count, float above, float limit,
		uint32_t *places)
{
	size_t found = 0;

	for (size_t first = 0; first < count; first += CHUNK)
	{
		const size_t end = first + CHUNK < count ? first + CHUNK : count;
		uint32_t there = 0;

		for (size_t i = first; i < end; i++)
			there += (keys[i] > above) & (keys[i] <= limit);
		for (size_t i = first; there > 0; i++)
		{
			const uint32_t is = (keys[i] > above) & (keys[i] <= limit);

			places[found] = (uint32_t) i;
			found += is;
			there -= is;
		}
	}
	return found;
}

/* Of more keys than FEW those are looked at that a sample of so many says may matter. */
#define FEW 1024
#define SAMPLE 256

/* Copies the keys that are not above limit to few; returns how many there are, or more than
 * FEW. */
static size_t
copy_to(const float *keys, size_t count, float limit, float few[FEW])
{
	size_t found = 0;

	for (size_t first = 0; first < count; first += CHUNK)
	{
		const size_t end = first + CHUNK < count ? first + CHUNK : count;
		const size_t there = count_to(keys + first, end - first, limit);

		if (found + there > FEW)
			return FEW + 1;
		for (size_t i = first, next = found; next < found + there; i++)
		{
			few[next] = keys[i];
			next += keys[i] <= limit;
		}
		found += there;
	}
	return found;
}

static float
limit(const float *keys, size_t count, size_t rank, size_t more)
{
	const size_t step = count / SAMPLE;
	const size_t guess = step > 0 ? rank / step + rank / step / 2 + 4 : SAMPLE;
	float sample[SAMPLE];
	float few[FEW];
	size_t found;

	if (count <= FEW || guess >= SAMPLE)
		return limit_of_few(keys, count, rank, more);
	for (size_t i = 0; i < SAMPLE; i++)
		sample[i] = keys[i * step];
	found = copy_to(keys, count, limit_of_few(sample, SAMPLE, guess, guess / 8),
					few);
	return found >= rank && found <= FEW
			   ? limit_of_few(few, found, rank, more)
			   : limit_of_few(keys, count, rank, more);
}

static void
places(const float *keys, size_t count, uint32_t *places)
{
	const size_t padded = (count + CHUNK - 1) / CHUNK * CHUNK;
	float own[ANGLE_ORDER_PLACES];

	for (size_t i = 0; i < padded; i++)
		own[i] = i < count ? keys[i] : INFINITY;
	for (size_t i = 0; i < count; i++)
		places[i] = UINT32_MAX;
	for (size_t i = 0; i < count; i++)
	{
		size_t place = count_below(own, padded, own[i]);

		/* equal ones, which came before */
		while (places[place] != UINT32_MAX)
			place++;
		places[place] = (uint32_t) i;
	}
}

const AngleOrderKernels PASTE(angle_order_kernels, ANGLE_ISA) = {
	.limit = limit,
	.count = count_to,
	.between = between,
	.places = places,
};
