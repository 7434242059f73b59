#include "core/quant/fastscan.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/quant/quant_kernels.h"

/* The greatest entry: two of them fit into a byte. */
#define TOP 127

/* The same for the second plane: even, so that a rest of 0 is in the middle. */
#define TOP_SECOND 126

/* Rows whose entries lie together, as the widest kernel reads them: the tables
 * of the low nibbles of four rows, then those of the high ones. */
#define GROUP 4

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

/* Where the 16 entries of a nibble are. */
static uint8_t *
nibble_entries(uint8_t *entries, int nibble)
{
	int row = nibble / 2;
	int place = (row / GROUP * 2 + nibble % 2) * GROUP + row % GROUP;

	return entries + place * 16;
}

/* The four coordinates of a nibble, zero behind the coded ones. */
static void
nibble_query(const float *query, int coded, int nibble, float *q)
{
	for (int i = 0; i < 4; i++)
		q[i] = nibble * 4 + i < coded ? query[nibble * 4 + i] : 0;
}

/* values[m] = what the bits of m add to ⟨x, q⟩, less the least of all m. */
static void
nibble_values(const float q[4], float values[16])
{
	float least = 0;

	for (int i = 0; i < 4; i++)
		least += q[i] < 0 ? q[i] : 0;
	values[0] = -least;
	for (int i = 0; i < 4; i++)
	{
		for (int m = 0; m < 1 << i; m++)
			values[(1 << i) + m] = values[m] + q[i];
	}
}

static void
round_values(const float values[16], float inverse, float top, uint8_t *out)
{
	for (int m = 0; m < 16; m++)
	{
		float scaled = values[m] * inverse + 0.5f;

		out[m] = (uint8_t) (scaled < 0 ? 0 : scaled > top ? top : scaled);
	}
}

/* What the first plane leaves of the values, from half a step below. */
static void
round_rests(const float values[16], const uint8_t *first, float step,
			uint8_t *second)
{
	float rests[16];

	for (int m = 0; m < 16; m++)
		rests[m] = values[m] - (float) first[m] * step + step / 2;
	round_values(rests, step > 0 ? TOP_SECOND / step : 0, TOP_SECOND, second);
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
	int nibbles = (coded + 3) / 4;
	float widest = 0;
	double total = 0;

	for (int i = 0; i < coded; i += 4)
	{
		float q[4];
		float range = 0;

		nibble_query(query, coded, i / 4, q);
		for (int j = 0; j < 4; j++)
			range += fabsf(q[j]);
		widest = range > widest ? range : widest;
		total += range;
	}
	table->step = widest / TOP;
	table->step_second = table->step / TOP_SECOND;
	table->bias = (float) (-total / 2);
	if (table->step < FLT_MIN)
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
	int nibbles = (coded + 3) / 4;
	float inverse;

	table->rows = angle_code_size(dims);
	table->planes = planes;
	table->entries = entries;
	table->kernels = angle_quant_kernels();
	memset(entries, 0, angle_table_size(dims, planes));
	measure_query(table, query, coded);
	if (table->step < FLT_MIN)
		return; /* too small for steps: sums of 0 */
	inverse = 1 / table->step;
	for (int nibble = 0; nibble < nibbles; nibble++)
	{
		uint8_t *first = nibble_entries(entries, nibble);
		float values[16];
		float q[4];

		nibble_query(query, coded, nibble, q);
		nibble_values(q, values);
		round_values(values, inverse, TOP, first);
		if (planes == 2)
			round_rests(values, first, table->step, first + table->rows * 32);
	}
}

void
angle_block_estimate(const AngleTable *table, const AngleBlockView *block,
					 AngleProbe probe, float *estimate, float *lower)
{
	table->kernels->block_estimate(table, block, probe, estimate, lower);
}

bool
angle_table_use(AngleTable *table, AngleIsa isa)
{
	const AngleQuantKernels *kernels = angle_quant_kernels_for(isa);

	if (kernels != NULL)
		table->kernels = kernels;
	return kernels != NULL;
}
