/*
 * Centroids packed for products, so that the nearest ones of many points come
 * out of one GEMM: the score ⟨x, c⟩ − ‖c‖²/2 is greatest where ‖x − c‖ is
 * least. Private to this folder.
 */
#ifndef ANGLE_CENTERS_H
#define ANGLE_CENTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/tensor/kernels.h"

typedef struct AngleCenters
{
	size_t count; /* centroids */
	int dims;
	float *weight; /* panels (⌈count/16⌉, dims, 16) */
	float *bias; /* (padded count): −‖c‖²/2, minus infinity behind count */
} AngleCenters;

/* Floats of weight and bias together. */
static inline size_t
angle_centers_floats(size_t count, int dims)
{
	return angle_padded(count) * ((size_t) dims + 1);
}

/* Packs centroids (count, dims) into memory of angle_centers_floats(). */
AngleCenters angle_centers_pack(const float *centroids, size_t count, int dims,
								float *memory);

/* Some of many points. */
typedef struct AngleChosen
{
	const float *points;   /* (…, dims) */
	size_t stride;		   /* floats from one to the next */
	const uint32_t *order; /* NULL: the first ones; or (count): which */
	size_t count;
} AngleChosen;

/* The scores of points: (count, padded count of centers). */
void angle_centers_score(const AngleCenters *centers, const AngleChosen *points,
						 float *scores);

typedef float AngleFour __attribute__((vector_size(16)));

/* Whether one of a panel's scores of a point is above limit. */
static inline bool
angle_centers_any(const float *scores, float limit)
{
	const AngleFour limits = limit - (AngleFour){0};
	AngleFour x[ANGLE_PANEL / 4];
	uint64_t any[2];

	memcpy(x, scores, sizeof(x));
	x[0] = (AngleFour) ((x[0] > limits) | (x[1] > limits) | (x[2] > limits) |
						(x[3] > limits));
	memcpy(any, x, sizeof(any));
	return (any[0] | any[1]) != 0;
}

#endif
