/* Linear layers in int8, over several blocks of inputs. */
#include "test.h"

#include "core/base/rng.h"
#include "core/encoder/linear.h"
#include "core/tensor/panel.h"

#define ROWS 3
#define OUTPUTS 21
#define PADDED 32
#define INPUTS 300 /* two whole blocks and a rest */
#define BLOCKS 3

static float x[ROWS * INPUTS];
static float weight[OUTPUTS * INPUTS];
static float bias[PADDED];
static int8_t levels[PADDED * INPUTS];
static float scale[BLOCKS * PADDED];
static int32_t sum[BLOCKS * PADDED];
static float out[ROWS * PADDED];

/* Normal inputs and weights; input 5 is 100 times as great as the others. */
static void
make_layer(void)
{
	AngleRng rng;

	angle_rng_seed(&rng, 1);
	for (size_t i = 0; i < ROWS * INPUTS; i++)
		x[i] = angle_rng_normal(&rng) * (i % INPUTS == 5 ? 100.0f : 1.0f);
	for (size_t i = 0; i < OUTPUTS * INPUTS; i++)
		weight[i] = angle_rng_normal(&rng);
	for (size_t i = 0; i < OUTPUTS; i++)
		bias[i] = angle_rng_normal(&rng);
	angle_panel_quantize(weight, OUTPUTS, INPUTS, levels, scale, sum);
}

/* One output of one row. */
static double
expected(size_t row, size_t output)
{
	double total = bias[output];

	for (size_t k = 0; k < INPUTS; k++)
		total +=
			(double) x[row * INPUTS + k] * (double) weight[output * INPUTS + k];
	return total;
}

static void
forward(void)
{
	static uint8_t q[ROWS * ANGLE_QUANTIZATION_BLOCK];
	float x_scale[ROWS];
	int32_t x_zero[ROWS];
	AngleLinear linear = {.inputs = INPUTS,
						  .outputs = OUTPUTS,
						  .levels = levels,
						  .scale = scale,
						  .sum = sum,
						  .bias = bias};

	angle_linear_forward(&linear, ROWS, x, INPUTS,
						 &(AngleLinearScratch){q, x_scale, x_zero}, out);
}

TEST(linear_int8_sums_the_blocks_of_inputs)
{
	make_layer();
	CHECK_INT(angle_panel_blocks(INPUTS), BLOCKS);
	forward();
	for (size_t t = 0; t < ROWS; t++)
	{
		/* the first block's inputs have steps of about 1 */
		for (size_t n = 0; n < OUTPUTS; n++)
			CHECK_NEAR(out[t * PADDED + n], expected(t, n), 12);
	}
}

/* A great input spoils its own block only. */
TEST(linear_int8_keeps_great_inputs_to_their_block)
{
	make_layer();
	/* the block of input 5 has no say, so its rough steps must not show */
	for (size_t n = 0; n < OUTPUTS; n++)
		memset(weight + n * INPUTS, 0,
			   ANGLE_QUANTIZATION_BLOCK * sizeof(float));
	angle_panel_quantize(weight, OUTPUTS, INPUTS, levels, scale, sum);
	forward();
	for (size_t t = 0; t < ROWS; t++)
	{
		for (size_t n = 0; n < OUTPUTS; n++)
			CHECK_NEAR(out[t * PADDED + n], expected(t, n), 0.6);
	}
}
