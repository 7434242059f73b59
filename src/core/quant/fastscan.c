#include "core/quant/fastscan.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/quant/quant_kernels.h"

void
angle_block_set(uint8_t *codes, int dims, int slot, const uint8_t *code)
{
	int rows = angle_code_size(dims);

	for (int r = 0; r < rows; r++)
		codes[r * ANGLE_BLOCK + slot] = code[r];
}

void
angle_block_get(const uint8_t *codes, int dims, int slot, uint8_t *code)
{
	int rows = angle_code_size(dims);

	for (int r = 0; r < rows; r++)
		code[r] = codes[r * ANGLE_BLOCK + slot];
}

void
angle_block_fill(uint8_t *codes, int dims, const uint8_t *loose)
{
	angle_quant_kernels()->block_fill(codes, loose, angle_code_size(dims));
}

/* Sets what is said of the roundings, which are as good as uniform and
 * independent. */
static void
measure_error(AngleTable *table, float step, int nibbles)
{
	table->noise = step * sqrtf((float) nibbles / 12);
	/* and what float loses beside them */
	table->error = step * 0.501f * (float) nibbles - table->bias * 0x1p-21f;
}

/* Sets all but the entries, from ⟨x̄, q⟩ = ⟨x, q⟩ − S/2, where S = Σ q₊ + Σ q₋ for
 * positive and negative qᵢ, and values begin at Σ q₋: Σ q₋ − S/2 = −Σ |q|/2. */
static void
measure_query(AngleTable *table, const float *query, int coded)
{
	const int nibbles = (coded + 3) / 4;
	const AngleSizes sizes = table->kernels->sizes(query, (size_t) coded);

	table->step = sizes.largest / ANGLE_TABLE_TOP;
	table->step_second = table->step / ANGLE_TABLE_TOP_SECOND;
	table->bias = (float) (-sizes.sum / 2);
	if (table->step_second < FLT_MIN)
	{
		table->error = table->noise = -table->bias;
		table->bias = 0;
	}
	else if (table->planes == 1)
		measure_error(table, table->step, nibbles);
	else
	{
		measure_error(table, table->step_second, nibbles);
		table->bias -= (float) nibbles * table->step / 2;
	}
}

void
angle_table_build(AngleTable *table, const float *query, int dims, int planes,
				  uint8_t *entries)
{
	int coded = angle_coded_dims(dims);

	table->rows = angle_code_size(dims);
	table->planes = planes;
	table->entries = entries;
	table->kernels = angle_quant_kernels();
	memset(entries, 0, angle_table_size(dims, planes));
	measure_query(table, query, coded);
	/* too small for steps: sums of 0 */
	if (table->step_second < FLT_MIN)
		return;
	table->kernels->fill_table(table, query, (size_t) coded);
}

void
angle_blocks_estimate(const AngleTable *table, const AngleBlockView *first,
					  size_t blocks, AngleProbe probe, float *estimate,
					  float *lower)
{
	table->kernels->estimate_blocks(table, first, blocks, probe, estimate,
									lower);
}

void
angle_blocks_near(const float *scores, size_t blocks, float limit,
				  uint16_t *near)
{
	angle_quant_kernels()->near_blocks(scores, blocks, limit, near);
}

void
angle_blocks_tidy(float *estimates, size_t blocks)
{
	angle_quant_kernels()->tidy_blocks(estimates, blocks);
}

bool
angle_table_use(AngleTable *table, AngleIsa isa)
{
	const AngleQuantKernels *kernels = angle_quant_kernels_for(isa);

	if (kernels != NULL)
		table->kernels = kernels;
	return kernels != NULL;
}
