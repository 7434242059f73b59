/*
 * Which elements dropout keeps (Srivastava et al. 2014, in its inverted form):
 * a hash of the row's name and the column decides, so that a mask can be made
 * again in the backward pass and depends neither on the number of threads nor
 * on how a batch is cut.
 */
#ifndef ANGLE_DROPOUT_H
#define ANGLE_DROPOUT_H

#include <stdint.h>

/* One site of dropout in one step. */
typedef struct AngleDropout
{
	uint64_t seed;		/* of the step and the site */
	uint32_t threshold; /* of 2^31: how many of the hashes are dropped */
	float scale;		/* of what is kept: 1 / (1 − rate) */
} AngleDropout;

/* The mask of one row: what angle_dropout_row() makes of its name. */
typedef struct AngleDropoutRow
{
	uint32_t key;
	uint32_t threshold;
	float scale;
} AngleDropoutRow;

/* A bijection of 64 bits that mixes them all (Steele et al. 2014). */
static inline uint64_t
angle_dropout_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Dropout with rate in [0, 1), for a site whose number differs from those of
 * all other sites under this seed. */
static inline AngleDropout
angle_dropout_site(uint64_t seed, uint64_t site, float rate)
{
	return (AngleDropout){
		.seed = angle_dropout_mix(
			seed ^ angle_dropout_mix(site + 0x9e3779b97f4a7c15u)),
		.threshold = (uint32_t) (rate * 2147483648.0f),
		.scale = 1.0f / (1.0f - rate),
	};
}

/* The mask of the row called row; part tells rows of the same name apart, as
 * the heads of attention are. */
static inline AngleDropoutRow
angle_dropout_row(const AngleDropout *dropout, uint64_t row, uint64_t part)
{
	uint64_t key =
		angle_dropout_mix(dropout->seed ^ angle_dropout_mix(row * 64 + part));

	return (AngleDropoutRow){(uint32_t) key, dropout->threshold,
							 dropout->scale};
}

#endif
