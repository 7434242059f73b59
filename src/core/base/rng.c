#include "core/base/rng.h"

#include <assert.h>
#include <math.h>

static uint64_t
rotate_left(uint64_t value, int bits)
{
	return (value << bits) | (value >> (64 - bits));
}

void
angle_rng_seed(AngleRng *rng, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
	{
		uint64_t z = seed += 0x9e3779b97f4a7c15u;

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
		rng->state[i] = z ^ (z >> 31);
	}
}

uint64_t
angle_rng_next(AngleRng *rng)
{
	uint64_t *s = rng->state;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

float
angle_rng_float(AngleRng *rng)
{
	return (float) (angle_rng_next(rng) >> 40) * 0x1p-24f;
}

uint64_t
angle_rng_below(AngleRng *rng, uint64_t bound)
{
	assert(bound > 0);
	/* the high half of a 128-bit product; its bias is below bound / 2^64 */
	return (uint64_t) (((unsigned __int128) angle_rng_next(rng) * bound) >> 64);
}

float
angle_rng_normal(AngleRng *rng)
{
	double u = 1.0 - (double) angle_rng_float(rng);
	double v = (double) angle_rng_float(rng);

	return (float) (sqrt(-2.0 * log(u)) *
					cos(2.0 * 3.14159265358979323846 * v));
}
