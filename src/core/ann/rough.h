/*
 * Centroids in 8 bits, so that the nearest of them to many points come out of one
 * int8 GEMM, which is two to four times as fast as one in F32 where processors have
 * instructions for it.
 *
 * A point x is rounded as it lies from an origin o, which all points have in common,
 * and a centroid c as it lies from a centre g of those that it is packed with. Of
 * the score that is greatest where ‖x − c‖ is least,
 *
 *     ⟨x, c⟩ − ‖c‖²/2 = ⟨x, g⟩ − ‖g‖²/2 + ⟨x − o, c − g⟩ + ⟨o − g, c − g⟩ − ‖c − g‖²/2,
 *
 * the product of x − o and c − g alone is of 8 bits. What a squared distance is off
 * by is about a thousandth of ‖x − o‖ ‖c − g‖. Centroids that are so near to each
 * other that it matters, and all of few dimensions, have their products in F32.
 * Private to this folder.
 */
#ifndef ANGLE_ROUGH_H
#define ANGLE_ROUGH_H

#include "core/ann/centers.h"
#include "core/ann/rounded.h"
#include "core/tensor/panel.h"

/* The most points whose scores are made at once. */
#define ANGLE_ROUGH_POINTS 128

/* Memory for one thread; one call knows nothing of what another has left there. */
typedef struct AngleRoughScratch
{
	float *residuals;	 /* (ANGLE_PANEL, dims) */
	AngleRounded points; /* ANGLE_ROUGH_POINTS of them */
	float *base;		 /* (ANGLE_ROUGH_POINTS, ANGLE_OUTLIERS) */
} AngleRoughScratch;

size_t angle_rough_scratch_bytes(int dims);

/* Lays out memory of so many bytes, aligned to ANGLE_ALIGNMENT. */
AngleRoughScratch angle_rough_scratch(int dims, void *memory);

typedef struct AngleRough
{
	size_t count;
	bool exact;			  /* products are of F32 */
	AngleCenters centers; /* for these */
	AnglePanels panels;	  /* for others: of c − g */
	float *bias; /* (padded count): ⟨o − g, c − g⟩ − ‖c − g‖²/2, minus infinity
				  * behind count */
} AngleRough;

/* Fills center (dims) with the mean of centroids, for g. */
void angle_rough_center(const float *centroids, size_t count, int dims,
						float *center);

size_t angle_rough_bytes(size_t count, int dims);

typedef struct AngleRoughRequest
{
	const float *centroids; /* (count, dims) */
	size_t count;
	int dims;
	const float *origin; /* o (dims) */
	const float *center; /* g (dims) */
} AngleRoughRequest;

/* Packs centroids into memory of angle_rough_bytes(), aligned to ANGLE_ALIGNMENT. What
 * request points to need not stay. */
AngleRough angle_rough_pack(const AngleRoughRequest *request,
							const AngleRoughScratch *scratch, void *memory);

/* Some of rounded points. */
typedef struct AngleRoughRows
{
	const AngleRounded *points;
	const uint32_t *places; /* (count) */
	const float
		*base; /* (count): ⟨x, g⟩ − ‖g‖²/2, the scores of g; NULL: g is o */
	size_t count; /* at most ANGLE_ROUGH_POINTS */
} AngleRoughRows;

/* The scores of these: (rows, padded count of centroids). */
void angle_rough_score(const AngleRough *rough, const AngleRoughRows *rows,
					   const AngleRoughScratch *scratch, float *scores);

#endif
