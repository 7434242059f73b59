/* The backward kernels of every instruction set against the same source in
 * double, which test_backward.c holds against central differences. */
#include "test.h"

#include "backward_cases.h"
#include "core/base/rng.h"
#include "core/tensor/kernels.h"
#include "core/train/backward_kernels.h"

#define MOST 40000

static const AngleIsa isas[] = {ANGLE_ISA_BASELINE, ANGLE_ISA_AVX2,
								ANGLE_ISA_AVX512};

/* The same numbers as floats and as doubles. */
typedef struct Numbers
{
	float f[MOST];
	double d[MOST];
} Numbers;

static void
fill(Numbers *numbers, size_t n, uint64_t seed)
{
	AngleRng rng;

	angle_rng_seed(&rng, seed);
	for (size_t i = 0; i < n; i++)
	{
		numbers->f[i] = angle_rng_normal(&rng);
		numbers->d[i] = (double) numbers->f[i];
	}
}

/* Sets the padding of rows to zero. */
static void
clear_padding(Numbers *numbers, size_t rows, size_t width)
{
	size_t stride = angle_padded(width);

	for (size_t t = 0; t < rows; t++)
	{
		for (size_t c = width; c < stride; c++)
		{
			numbers->f[t * stride + c] = 0;
			numbers->d[t * stride + c] = 0;
		}
	}
}

/* ‖f − d‖ / ‖d‖. */
static double
apart(const float *f, const double *d, size_t n)
{
	double difference = 0;
	double norm = 0;

	for (size_t i = 0; i < n; i++)
	{
		difference += ((double) f[i] - d[i]) * ((double) f[i] - d[i]);
		norm += d[i] * d[i];
	}
	return sqrt(difference) / fmax(sqrt(norm), 1e-30);
}

static Numbers x, dy, out, more, other;

static void
check_outer(const AngleBackwardKernels *kernels, size_t rows, size_t width,
			size_t outputs)
{
	static float scratch[ANGLE_OUTER_BLOCK * 200];
	BackwardCase c = {
		.rows = rows, .width = width, .outputs = outputs, .x = x.d, .dy = dy.d};

	fill(&x, rows * angle_padded(width), 1);
	fill(&dy, rows * angle_padded(outputs), 2);
	fill(&out, width * outputs, 3);
	fill(&more, outputs, 4);
	backward_case_outer(&c, out.d, more.d);
	kernels->outer(&(AngleOuter){.rows = rows,
								 .inputs = width,
								 .outputs = outputs,
								 .dy = dy.f,
								 .dy_stride = angle_padded(outputs),
								 .x = x.f,
								 .x_stride = angle_padded(width),
								 .dw = out.f,
								 .db = more.f,
								 .scratch = scratch});
	CHECK_NEAR(apart(out.f, out.d, width * outputs), 0, 1e-6);
	CHECK_NEAR(apart(more.f, more.d, outputs), 0, 1e-6);
}

TEST(outer_products_are_right_at_every_size)
{
	static const size_t sizes[][3] = {
		{1, 1, 1},	  {1, 16, 12},	 {3, 33, 13}, {192, 32, 12},
		{193, 31, 5}, {400, 65, 37}, {2, 100, 48}};

	for (size_t i = 0; i < sizeof(isas) / sizeof(isas[0]); i++)
	{
		const AngleBackwardKernels *kernels =
			angle_backward_kernels_for(isas[i]);

		for (size_t k = 0;
			 kernels != NULL && k < sizeof(sizes) / sizeof(sizes[0]); k++)
			check_outer(kernels, sizes[k][0], sizes[k][1], sizes[k][2]);
	}
}

static void
check_layernorm(const AngleBackwardKernels *kernels, size_t width)
{
	size_t stride = angle_padded(width);
	size_t rows = 3;
	static Numbers weight, rstd;
	BackwardCase c = {.rows = rows,
					  .width = width,
					  .x = x.d,
					  .dy = dy.d,
					  .rstd = rstd.d,
					  .weight = weight.d};

	fill(&x, rows * stride, 5);
	fill(&dy, rows * stride, 6);
	clear_padding(&x, rows, width);
	clear_padding(&dy, rows, width);
	fill(&weight, stride, 7);
	fill(&rstd, rows, 8);
	fill(&more, stride, 9);
	fill(&other, stride, 10);
	backward_case_layernorm(&c, out.d, more.d, other.d);
	kernels->layernorm(&(AngleLayerNormBackward){.rows = rows,
												 .width = width,
												 .stride = stride,
												 .dy = dy.f,
												 .normalized = x.f,
												 .rstd = rstd.f,
												 .weight = weight.f,
												 .dx = out.f,
												 .dweight = more.f,
												 .dbias = other.f});
	CHECK_NEAR(apart(out.f, out.d, rows * stride), 0, 1e-6);
	CHECK_NEAR(apart(more.f, more.d, stride), 0, 1e-6);
	CHECK_NEAR(apart(other.f, other.d, stride), 0, 1e-6);
}

TEST(layernorm_backward_agrees_for_every_instruction_set)
{
	for (size_t i = 0; i < sizeof(isas) / sizeof(isas[0]); i++)
	{
		const AngleBackwardKernels *kernels =
			angle_backward_kernels_for(isas[i]);

		for (size_t width = 15; kernels != NULL && width <= 33; width++)
			check_layernorm(kernels, width);
	}
}

static void
check_attention(const AngleBackwardKernels *kernels, size_t tokens,
				size_t head_size, const AngleDropout *dropout)
{
	static float scratch[20000];
	uint64_t names[40];
	size_t heads = 2;
	size_t stride = angle_padded(3 * heads * head_size);
	size_t out_stride = angle_padded(heads * head_size);
	BackwardCase c = {.rows = tokens,
					  .width = head_size,
					  .outputs = heads,
					  .x = x.d,
					  .dy = dy.d};

	fill(&x, tokens * stride, 11);
	fill(&dy, tokens * out_stride, 12);
	fill(&out, tokens * stride, 13);
	for (size_t t = 0; t < tokens; t++)
		names[t] = 7 + t;
	backward_case_attention(&c, dropout, names, out.d);
	kernels->attention(&(AngleAttentionBackward){.tokens = tokens,
												 .heads = heads,
												 .head_size = head_size,
												 .qkv = x.f,
												 .qkv_stride = stride,
												 .dout = dy.f,
												 .out_stride = out_stride,
												 .dqkv = out.f,
												 .scratch = scratch,
												 .dropout = dropout,
												 .dropout_rows = names});
	CHECK_NEAR(apart(out.f, out.d, tokens * stride), 0, 2e-6);
}

TEST(attention_backward_agrees_for_every_instruction_set)
{
	AngleDropout dropout = angle_dropout_site(1, 2, 0.2f);

	for (size_t i = 0; i < sizeof(isas) / sizeof(isas[0]); i++)
	{
		const AngleBackwardKernels *kernels =
			angle_backward_kernels_for(isas[i]);

		if (kernels == NULL)
			continue;
		check_attention(kernels, 1, 4, NULL);
		check_attention(kernels, 15, 16, NULL);
		check_attention(kernels, 16, 32, &dropout);
		check_attention(kernels, 33, 20, &dropout);
	}
}

TEST(activation_gradients_agree_for_every_instruction_set)
{
	for (size_t i = 0; i < sizeof(isas) / sizeof(isas[0]); i++)
	{
		const AngleBackwardKernels *kernels =
			angle_backward_kernels_for(isas[i]);
		const AngleActivationBackward functions[] = {
			kernels != NULL ? kernels->gelu : NULL,
			kernels != NULL ? kernels->gelu_tanh : NULL,
			kernels != NULL ? kernels->relu : NULL,
			kernels != NULL ? kernels->tanh : NULL};

		for (int which = 0; kernels != NULL && which < 4; which++)
		{
			fill(&x, 160, 14);
			fill(&dy, 160, 15);
			backward_case_activation(which, x.d, dy.d, 160);
			functions[which](x.f, dy.f, 160);
			CHECK_NEAR(apart(x.f, x.d, 160), 0, 1e-6);
			CHECK_NEAR(apart(dy.f, dy.d, 160), 0, 1e-6);
		}
	}
}

TEST(adam_agrees_for_every_instruction_set)
{
	for (size_t i = 0; i < sizeof(isas) / sizeof(isas[0]); i++)
	{
		const AngleBackwardKernels *kernels =
			angle_backward_kernels_for(isas[i]);

		if (kernels == NULL)
			continue;
		fill(&out, 3 * 48, 16);
		fill(&dy, 48, 17);
		for (size_t k = 96; k < 144; k++)
		{
			out.d[k] = out.d[k] * out.d[k];
			out.f[k] = (float) out.d[k];
		}
		backward_case_adam(0.01, dy.d, out.d, 48);
		kernels->adam(&(AngleAdamStep){.n = 48,
									   .value = out.f,
									   .gradient = dy.f,
									   .first = out.f + 48,
									   .second = out.f + 96,
									   .gradient_scale = 0.5f,
									   .rate = 0.01f,
									   .decay = 0.1f,
									   .beta1 = 0.9f,
									   .beta2 = 0.999f,
									   .epsilon = 1e-8f,
									   .correction1 = 0.19f,
									   .correction2 = 0.001999f});
		CHECK_NEAR(apart(out.f, out.d, 144), 0, 1e-6);
	}
}
