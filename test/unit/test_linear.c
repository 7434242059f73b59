/* Linear layers in int8, from the weights in F32 to the outputs. */
#include "test.h"

#include "core/base/rng.h"
#include "core/encoder/linear.h"
#include "core/tensor/panel.h"

#define ROWS 3
#define OUTPUTS 21
#define PADDED 32
#define INPUTS 300
#define STRIDE 304
#define PANEL_INPUTS 320

static float x[ROWS * STRIDE];
static float weight[OUTPUTS * INPUTS];
static float bias[PADDED];
static int8_t levels[PADDED * PANEL_INPUTS];
static float scale[PADDED];
static int32_t sum[PADDED];
static float outlier_weight[PADDED * ANGLE_OUTLIERS];
static float out[ROWS * PADDED];

/* Normal inputs and weights; input 5 is 100 times as great as the others. */
static void
make_layer(const int32_t *outliers)
{
	AngleRng rng;

	angle_rng_seed(&rng, 1);
	for (size_t i = 0; i < ROWS * STRIDE; i++)
		x[i] = angle_rng_normal(&rng) * (i % STRIDE == 5 ? 100.0f : 1.0f);
	for (size_t i = 0; i < OUTPUTS * INPUTS; i++)
		weight[i] = angle_rng_normal(&rng);
	for (size_t i = 0; i < OUTPUTS; i++)
		bias[i] = angle_rng_normal(&rng);
	angle_panel_quantize(weight, OUTPUTS, INPUTS, outliers,
						 &(AnglePanels){levels, scale, sum, outlier_weight});
}

/* One output of one row. */
static double
expected(size_t row, size_t output)
{
	double total = bias[output];

	for (size_t k = 0; k < INPUTS; k++)
		total +=
			(double) x[row * STRIDE + k] * (double) weight[output * INPUTS + k];
	return total;
}

/* In two parts each. */
static void
forward(const int32_t *outliers)
{
	static uint8_t q[ANGLE_PANEL_ROWS * PANEL_INPUTS];
	float x_scale[ROWS];
	int32_t x_zero[ROWS];
	float x_outlier[ROWS * ANGLE_OUTLIERS];
	AngleLinearScratch scratch = {q, x_scale, x_zero, x_outlier};
	AngleLinear linear = {.inputs = INPUTS,
						  .outputs = OUTPUTS,
						  .levels = levels,
						  .scale = scale,
						  .sum = sum,
						  .outliers = outliers,
						  .outlier_weight = outlier_weight,
						  .bias = bias};
	AngleLinearRows rows = {ROWS, x, STRIDE, &scratch, out};

	angle_linear_prepare(&linear, &rows, (AngleRange){0, 2});
	angle_linear_prepare(&linear, &rows, (AngleRange){2, ROWS});
	angle_linear_forward(&linear, &rows, (AngleRange){0, 1});
	angle_linear_forward(&linear, &rows, (AngleRange){1, 2});
}

static double
worst_difference(void)
{
	double worst = 0;

	for (size_t t = 0; t < ROWS; t++)
	{
		for (size_t n = 0; n < OUTPUTS; n++)
			worst = fmax(worst,
						 fabs((double) out[t * PADDED + n] - expected(t, n)));
	}
	return worst;
}

/* A great input that is an outlier spoils nothing: the steps of the others are
 * near 6/255, and 300 errors of a quarter of that add up to about 0.3. */
TEST(linear_int8_keeps_outliers_in_f32)
{
	const int32_t outliers[ANGLE_OUTLIERS] = {5, 17, 0, 299};

	make_layer(outliers);
	forward(outliers);
	CHECK(worst_difference() < 0.6);
}

/* And one that is none spoils the others. */
TEST(linear_int8_needs_outliers_in_f32)
{
	const int32_t outliers[ANGLE_OUTLIERS] = {6, 17, 0, 299};

	make_layer(outliers);
	forward(outliers);
	CHECK(worst_difference() > 2);
}
