/*
 * Estimates for 16 codes at a time, by table look-ups inside registers (André,
 * Kermarrec & Le Scouarnec 2015, "Cache locality is not enough: high-performance
 * nearest neighbor search with product quantization fast scan").
 *
 * A block holds the codes of 16 points, rows = angle_code_size() bytes each,
 * transposed: byte r of the code in slot s lies at block[16 r + s]. Setting a
 * slot thus touches one byte of each row.
 *
 * A table has, for each nibble of a code (4 coordinates), what its 16 values
 * add to ⟨x, q⟩, less the smallest of them, in steps of a common size as an
 * integer of 0 … 127. One table serves all lists. The sums are exact integers,
 * the same on every processor; the steps are rounded, so that
 *
 *     |⟨x̄, q⟩ by the table − ⟨x̄, q⟩| ≤ table.error
 *
 * always, with a standard deviation of about table.noise. One plane is enough
 * where that is small beside the error of the code itself, which in terms of
 * ⟨x̄, q⟩ is about 0.3 ‖q − c‖: angle_table_is_coarse() tells. With two planes
 * both are 126 times smaller, at twice the time of a scan: for data whose lists
 * are very small beside their distance from the centre of the space.
 */
#ifndef ANGLE_FASTSCAN_H
#define ANGLE_FASTSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/cpu.h"
#include "core/base/prefetch.h"
#include "core/quant/bfloat.h"
#include "core/quant/rabitq.h"

#define ANGLE_BLOCK 16

/* Bytes of the codes in a block. */
static inline size_t
angle_block_size(int dims)
{
	return (size_t) angle_code_size(dims) * ANGLE_BLOCK;
}

/* Puts a code into a slot, 0 … 15, of the codes of a block; gets it back. */
void angle_block_set(uint8_t *codes, int dims, int slot, const uint8_t *code);
void angle_block_get(const uint8_t *codes, int dims, int slot, uint8_t *code);

/* Transposes codes that lie one after another, angle_block_size() bytes, as a block has
 * them. */
void angle_block_fill(uint8_t *codes, int dims, const uint8_t *loose);

/* A block where it lies, on a page for example, and others may follow; no pointer
 * needs alignment beyond that of its type. Empty slots may hold anything. */
typedef struct AngleBlockView
{
	const uint8_t *codes;	  /* (rows, 16) */
	const float *add;		  /* (16) */
	const float *rescale;	  /* (16) */
	const AngleBfloat *error; /* (16); unused where lower is NULL below */
	AngleAhead *ahead;		  /* to be asked for meanwhile, or NULL */
} AngleBlockView;

typedef struct AngleTable
{
	int rows;
	int planes; /* 1 or 2 */
	float step; /* ⟨x̄, q⟩ = bias + step · sum of the first plane */
	float step_second; /*        + step_second · sum of the second one */
	float bias;
	float error;	  /* see above */
	float noise;	  /* see above */
	uint8_t *entries; /* the caller's; private layout */
	const struct AngleQuantKernels *kernels;
} AngleTable;

/* Bytes that entries needs. */
static inline size_t
angle_table_size(int dims, int planes)
{
	return (size_t) angle_code_size(dims) * 32 * (size_t) planes;
}

/* Builds the table of query (dims) in entries, angle_table_size() bytes that
 * the caller owns, aligned to 64 where speed matters. */
void angle_table_build(AngleTable *table, const float *query, int dims,
					   int planes, uint8_t *entries);

/* Whether the list of probe needs a second plane: whether the noise of the
 * first adds more than a tenth to the error of its estimates. */
static inline bool
angle_table_is_coarse(const AngleTable *table, AngleProbe probe)
{
	return table->noise > 0.13f * probe.error;
}

/* estimate[s] = add + probe.add + rescale ⟨x̄, q⟩ for the slots (blocks, 16), and
 * lower[s] = estimate − error · probe.error unless lower is NULL. What lies in an
 * empty slot's factors comes out as such, NaN perhaps. A part of what is ahead is asked for
 * with each block. */
void angle_blocks_estimate(const AngleTable *table, const AngleBlockView *first,
						   size_t blocks, AngleProbe probe, float *estimate,
						   float *lower);

/* A bit of near (blocks) for each of the estimates or bounds (blocks, 16), set unless it
 * is above limit. */
void angle_blocks_near(const float *scores, size_t blocks, float limit,
					   uint16_t *near);

/* Makes estimates (blocks, 16) comparable and finite: NaN becomes the greatest. */
void angle_blocks_tidy(float *estimates, size_t blocks);

/* For tests and benchmarks: the same kernels for another instruction set; false
 * where this processor lacks it. */
bool angle_table_use(AngleTable *table, AngleIsa isa);

#endif
