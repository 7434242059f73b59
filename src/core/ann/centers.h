/*
 * Centroids packed for products, so that the nearest ones of many points come
 * out of one GEMM: the score ⟨x, c⟩ − ‖c‖²/2 is greatest where ‖x − c‖ is
 * least. Private to this folder.
 */
#ifndef ANGLE_CENTERS_H
#define ANGLE_CENTERS_H

#include <stddef.h>
#include <stdint.h>

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

/* The scores of rows points (rows, dims): (rows, padded count). */
void angle_centers_score(const AngleCenters *centers, const float *points,
						 size_t rows, float *scores);

/* The index of the greatest of n scores, the first of equal ones. */
size_t angle_centers_best(const float *scores, size_t n);

/* ‖x‖². */
double angle_centers_squared(const float *x, int dims);

#endif
