/* The kernels that core.mk builds for each instruction set, chosen once for the
 * processor. Private to this folder. */
#ifndef ANGLE_QUANT_KERNELS_H
#define ANGLE_QUANT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/cpu.h"
#include "core/quant/fastscan.h"

#define ANGLE_ROTATION_ROUNDS 4

/* The greatest entries of a table's planes: two of them fit into a byte, and the
 * second is even, so that a rest of 0 is in the middle. */
#define ANGLE_TABLE_TOP 127
#define ANGLE_TABLE_TOP_SECOND 126

/* What the factors of rabitq.h are made of, r = o − c. */
typedef struct AngleResidual
{
	double r_squared; /* ‖r‖² */
	double r_dot_c;	  /* ⟨r, c⟩ */
	double r_code;	  /* Σ |rᵢ|/2 = ⟨r, x̄⟩ */
	double c_code;	  /* Σ ±cᵢ/2 = ⟨c, x̄⟩ */
} AngleResidual;

/* Levels k of a coordinate x: ⌊x · inverse⌋ + ½, from ½ − half to half − ½. */
typedef struct AngleGrid
{
	float inverse; /* 1/step */
	float half;	   /* half the number of levels: 8, 32, 64, 128 or 32,768 */
	float scale;   /* of the reconstruction scale · k */
} AngleGrid;

typedef struct AngleGridSums
{
	double point_code; /* ⟨o, k⟩ */
	double code_code;  /* ‖k‖² */
	double rest_rest;  /* ‖o − scale · k‖² */
} AngleGridSums;

typedef struct AngleSizes
{
	double sum;	   /* of |qᵢ| */
	float largest; /* of the sums of four */
} AngleSizes;

/* Sums of floats: 32 are added in float at most before they go to a double, so
 * that they are off by 2^-18 of the sum of the terms' sizes at most. */
typedef struct AngleQuantKernels
{
	/* The rounds of rotation.h with the Hadamard transform of window = 2^k
	 * elements; signs is (ANGLE_ROTATION_ROUNDS, n), 0 or a float's sign bit. The
	 * same bits in every build. */
	void (*rotate)(float *x, size_t n, size_t window, const uint32_t *signs);

	/* Sums over n coordinates, and the code [rᵢ > 0] of ⌈n/16⌉ · 2 bytes unless it
	 * is NULL. */
	AngleResidual (*residual)(const float *point, const float *centroid,
							  size_t n, uint8_t *code);

	/* ‖u − v‖² and ⟨u, v⟩ of n coordinates. */
	double (*squared_distance)(const float *u, const float *v, size_t n);
	double (*product)(const float *u, const float *v, size_t n);

	/* The same where v has the upper halves of floats. */
	double (*squared_distance_stored)(const float *u, const AngleBfloat *v,
									  size_t n);
	double (*product_stored)(const float *u, const AngleBfloat *v, size_t n);

	/* Of n coordinates, by fours. */
	AngleSizes (*sizes)(const float *query, size_t n);

	/* The entries for a query's coded coordinates, of a table whose other fields
	 * are set and whose entries are zero. */
	void (*fill_table)(const AngleTable *table, const float *query,
					   size_t coded);

	/* sums[s] = Σ over nibbles of what entries has for slot s; rows is a multiple
	 * of 4 and at most 224, so that sixteen bits hold the sum. */
	void (*block_sums)(const uint8_t *codes, const uint8_t *entries, int rows,
					   uint16_t *sums);

	/* angle_block_fill(); rows is the bytes of a code. */
	void (*block_fill)(uint8_t *codes, const uint8_t *loose, int rows);

	/* angle_blocks_estimate(). */
	void (*estimate_blocks)(const AngleTable *table,
							const AngleBlockView *first, size_t blocks,
							AngleProbe probe, float *estimate, float *lower);

	/* angle_blocks_near(). */
	void (*near_blocks)(const float *lower, size_t blocks, float limit,
						uint16_t *near);

	/* angle_blocks_tidy(). */
	void (*tidy_blocks)(float *estimates, size_t blocks);

	/* Σ uᵢqᵢ over the integers of a code of 4, 6, 7, 8 and 16 bits. */
	double (*rerank4)(const uint8_t *code, const float *query, size_t n);
	double (*rerank6)(const uint8_t *code, const float *query, size_t n);
	double (*rerank7)(const uint8_t *code, const float *query, size_t n);
	double (*rerank8)(const uint8_t *code, const float *query, size_t n);
	double (*rerank16)(const uint8_t *code, const float *query, size_t n);

	AngleGridSums (*grid_sums)(const float *x, size_t n, const AngleGrid *grid);

	/* The code of 4, 6, 7, 8 or 16 bits; grid->half fits them. */
	void (*grid_write)(const float *x, size_t n, const AngleGrid *grid,
					   int bits, uint8_t *code);
} AngleQuantKernels;

/* What the table of an instruction set takes from transform.c and dots.c. */
#define ANGLE_DECLARE_QUANT(isa)                                               \
	extern const AngleQuantKernels angle_quant_kernels_##isa;                  \
	double angle_quant_product_##isa(const float *u, const float *v,           \
									 size_t n);                                \
	double angle_quant_squared_distance_##isa(const float *u, const float *v,  \
											  size_t n);                       \
	double angle_quant_product_stored_##isa(const float *u,                    \
											const AngleBfloat *v, size_t n);   \
	double angle_quant_squared_distance_stored_##isa(                          \
		const float *u, const AngleBfloat *v, size_t n);                       \
	double angle_quant_rerank4_##isa(const uint8_t *code, const float *query,  \
									 size_t n);                                \
	double angle_quant_rerank6_##isa(const uint8_t *code, const float *query,  \
									 size_t n);                                \
	double angle_quant_rerank7_##isa(const uint8_t *code, const float *query,  \
									 size_t n);                                \
	double angle_quant_rerank8_##isa(const uint8_t *code, const float *query,  \
									 size_t n);                                \
	double angle_quant_rerank16_##isa(const uint8_t *code, const float *query, \
									  size_t n);                               \
	void angle_quant_rotate_##isa(float *x, size_t n, size_t window,           \
								  const uint32_t *signs);                      \
	AngleGridSums angle_quant_grid_sums_##isa(const float *x, size_t n,        \
											  const AngleGrid *grid);          \
	void angle_quant_grid_write_##isa(const float *x, size_t n,                \
									  const AngleGrid *grid, int bits,         \
									  uint8_t *code);

ANGLE_DECLARE_QUANT(baseline)
#if defined(__x86_64__)
ANGLE_DECLARE_QUANT(avx2)
ANGLE_DECLARE_QUANT(avx512)
#endif

const AngleQuantKernels *angle_quant_kernels(void);

/* Those built for isa, or for the nearest instruction set below it; NULL where
 * this processor cannot execute them. */
const AngleQuantKernels *angle_quant_kernels_for(AngleIsa isa);

#endif
