/*
 * Points in 8 bits: rounded as they lie from an origin o that they have in common.
 * Private to this folder.
 */
#ifndef ANGLE_ROUNDED_H
#define ANGLE_ROUNDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From so many dimensions on points are rounded. Int8 panels would pad fewer to many. */
#define ANGLE_ROUNDED_DIMS 64

static inline bool
angle_is_rounded(int dims)
{
	return dims >= ANGLE_ROUNDED_DIMS;
}

/* Points by their places, and memory for them rounded; without it for few dimensions. */
typedef struct AngleRounded
{
	const float *points;   /* (…, dims) */
	const uint32_t *order; /* NULL, or (count): which point is at each place */
	int dims;
	const float *origin; /* o (dims) */
	uint8_t *q;			 /* (count, padded dims) */
	float *scale;		 /* (count) */
	int32_t *zero;		 /* (count) */
	float *base;		 /* (count): ⟨x, o⟩ − ‖o‖²/2 */
} AngleRounded;

size_t angle_rounded_bytes(size_t count, int dims);

/* Lays out memory of so many bytes, aligned to ANGLE_ALIGNMENT, for the points at count
 * places. None is rounded yet, and points, order and origin have to stay. */
AngleRounded
angle_rounded(const float *points, const uint32_t *order, size_t count,
			  int dims, const float *origin, void *memory);

/* Which point is at a place. */
static inline uint32_t
angle_rounded_point(const AngleRounded *points, size_t place)
{
	return points->order != NULL ? points->order[place] : (uint32_t) place;
}

/* Rounds the points at rows places from first on; scratch is (ANGLE_PANEL, dims). Does
 * nothing for few dimensions. */
void angle_round(const AngleRounded *points, size_t first, size_t rows,
				 float *scratch);

#endif
