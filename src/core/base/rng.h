/*
 * A small seeded generator: xoshiro256** (Blackman & Vigna 2018), seeded by
 * splitmix64. The same seed gives the same sequence on every machine.
 */
#ifndef ANGLE_RNG_H
#define ANGLE_RNG_H

#include <stdint.h>

typedef struct AngleRng
{
	uint64_t state[4];
} AngleRng;

void angle_rng_seed(AngleRng *rng, uint64_t seed);

/* Uniform over all 64-bit values. */
uint64_t angle_rng_next(AngleRng *rng);

/* Uniform in [0, 1), with 24 random bits. */
float angle_rng_float(AngleRng *rng);

/* Uniform in [0, bound); bound must not be 0. */
uint64_t angle_rng_below(AngleRng *rng, uint64_t bound);

/* Standard normal (Box and Muller's method, one of the pair). */
float angle_rng_normal(AngleRng *rng);

#endif
