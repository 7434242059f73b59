/* Every kernel of every instruction set that this processor has, against
 * straightforward loops in double precision, at odd sizes. */
#include "test.h"

#include "core/base/arena.h"
#include "core/base/rng.h"
#include "core/tensor/kernels.h"
#include "core/tensor/panel.h"

/* Runs body for each table that the processor supports. */
#define EACH_KERNELS(k)                                     \
	for (int isa_ = 0; isa_ < ANGLE_ISA_COUNT; isa_++)      \
		for (const AngleTensorKernels *k =                  \
				 angle_tensor_kernels_for((AngleIsa) isa_); \
			 k != NULL; k = NULL)

static float *
random_floats(AngleArena *arena, AngleRng *rng, size_t n, float spread)
{
	float *x = angle_arena_alloc(arena, n, sizeof(float));

	for (size_t i = 0; i < n; i++)
		x[i] = angle_rng_normal(rng) * spread;
	return x;
}

static const size_t sizes[][3] = {
	{1, 1, 1},	  {1, 4, 16},	{2, 3, 5},	  {5, 17, 33},	{6, 64, 64},
	{7, 30, 100}, {12, 48, 80}, {13, 20, 31}, {25, 96, 48}, {48, 7, 129},
};

#define SIZE_COUNT (sizeof(sizes) / sizeof(sizes[0]))

static double
product(const float *x, const float *w, size_t n)
{
	double sum = 0;

	for (size_t k = 0; k < n; k++)
		sum += (double) x[k] * (double) w[k];
	return sum;
}

static void
check_gemm(const AngleTensorKernels *kernels, const size_t size[3])
{
	size_t T = size[0];
	size_t K = size[1];
	size_t N = size[2];
	AngleArena *arena = angle_arena_create(NULL);
	AngleRng rng;
	float *x;
	float *w;
	float *bias;
	float *panels = angle_arena_alloc(arena, angle_padded(N) * K, 4);
	float *out = angle_arena_alloc(arena, T * angle_padded(N), 4);

	angle_rng_seed(&rng, T + 10 * K + 100 * N);
	x = random_floats(arena, &rng, T * angle_padded(K), 1);
	w = random_floats(arena, &rng, N * K, 1);
	bias = random_floats(arena, &rng, angle_padded(N), 1);
	angle_panel_pack(w, N, K, panels);
	kernels->gemm(&(AngleGemm){.rows = T,
							   .inputs = K,
							   .end_panel = angle_padded(N) / ANGLE_PANEL,
							   .x = x,
							   .x_stride = angle_padded(K),
							   .weight = panels,
							   .bias = bias,
							   .out = out,
							   .out_stride = angle_padded(N)});
	for (size_t t = 0; t < T; t++)
	{
		for (size_t n = 0; n < N; n++)
			CHECK_NEAR(out[t * angle_padded(N) + n],
					   product(x + t * angle_padded(K), w + n * K, K) +
						   (double) bias[n],
					   3e-7 * (double) K);
	}
	angle_arena_destroy(arena);
}

TEST(tensor_gemm_equals_the_double_loop)
{
	EACH_KERNELS(kernels)
	{
		for (size_t i = 0; i < SIZE_COUNT; i++)
			check_gemm(kernels, sizes[i]);
	}
}

TEST(tensor_gemm_takes_rows_in_another_order)
{
	static const uint32_t order[] = {4, 0, 4, 13, 2, 9, 1, 12, 3, 5, 11, 7, 6};
	enum
	{
		T = sizeof(order) / sizeof(order[0]),
		K = 21
	};
	AngleArena *arena = angle_arena_create(NULL);
	AngleRng rng;
	float bias[ANGLE_PANEL] = {0};
	float there[14 * ANGLE_PANEL];
	float chosen[T * ANGLE_PANEL];
	float *x;
	float *panels;

	angle_rng_seed(&rng, 8);
	x = random_floats(arena, &rng, 14 * K, 1);
	panels = random_floats(arena, &rng, ANGLE_PANEL * K, 1);
	EACH_KERNELS(kernels)
	{
		AngleGemm g = {.rows = 14,
					   .inputs = K,
					   .end_panel = 1,
					   .x = x,
					   .x_stride = K,
					   .weight = panels,
					   .bias = bias,
					   .out = there,
					   .out_stride = ANGLE_PANEL};

		kernels->gemm(&g);
		g.rows = T;
		g.order = order;
		g.out = chosen;
		kernels->gemm(&g);
		for (int t = 0; t < T; t++)
			CHECK(memcmp(chosen + t * ANGLE_PANEL,
						 there + order[t] * ANGLE_PANEL,
						 ANGLE_PANEL * sizeof(float)) == 0);
	}
	angle_arena_destroy(arena);
}

/* An int8 product of T rows, K inputs and N outputs on random numbers. */
typedef struct Quantized
{
	size_t N;
	AngleQgemm job;
	int8_t *rows;	 /* (N, K): the levels, row-major */
	float *outliers; /* (N, ANGLE_OUTLIERS), row-major */
} Quantized;

static void
make_inputs(AngleQgemm *job, AngleArena *arena, AngleRng *rng)
{
	size_t T = job->rows;
	uint8_t *q =
		angle_arena_alloc(arena, (T + ANGLE_PANEL_ROWS) * job->q_stride, 1);
	float *scale = angle_arena_alloc(arena, T, 4);
	int32_t *zero = angle_arena_alloc(arena, T, 4);

	for (size_t i = 0; i < T * job->q_stride; i++)
		q[i] = i % 3 == 0 ? (i % 2 ? 255 : 0)
						  : (uint8_t) angle_rng_below(rng, 256);
	for (size_t t = 0; t < T; t++)
	{
		scale[t] = 0.01f + 0.001f * (float) t;
		zero[t] = (int32_t) angle_rng_below(rng, 256);
	}
	job->q = q;
	job->x_scale = scale;
	job->x_zero = zero;
	job->x_outlier = random_floats(arena, rng, T * ANGLE_OUTLIERS, 30);
}

static Quantized
make_quantized(const size_t size[3], AngleArena *arena)
{
	size_t K = angle_panel_inputs(size[1]);
	size_t N = size[2];
	size_t padded = angle_padded(N);
	int32_t outliers[ANGLE_OUTLIERS];
	AnglePanels panels = {
		.levels = angle_arena_alloc(arena, padded * K, 1),
		.scale = angle_arena_alloc(arena, padded, 4),
		.sum = angle_arena_alloc(arena, padded, 4),
		.outlier = angle_arena_alloc(arena, padded * ANGLE_OUTLIERS, 4),
	};
	Quantized made = {.N = N,
					  .job = {.rows = size[0],
							  .inputs = K,
							  .end_panel = padded / ANGLE_PANEL,
							  .q_stride = K,
							  .weight = panels.levels,
							  .scale = panels.scale,
							  .sum = panels.sum,
							  .outlier_weight = panels.outlier,
							  .out_stride = padded}};
	AngleRng rng;
	float *w;

	angle_rng_seed(&rng, size[0] + 10 * K + 100 * N);
	w = random_floats(arena, &rng, N * K, 1);
	made.job.bias = random_floats(arena, &rng, padded, 1);
	for (int i = 0; i < ANGLE_OUTLIERS; i++)
		outliers[i] = (int32_t) angle_rng_below(&rng, K);
	make_inputs(&made.job, arena, &rng);
	angle_panel_quantize(w, N, K, outliers, &panels);
	made.rows = angle_arena_alloc(arena, N * K, 1);
	made.outliers = angle_arena_zalloc(arena, N * ANGLE_OUTLIERS, 4);
	for (size_t n = 0; n < N; n++)
	{
		for (int i = ANGLE_OUTLIERS - 1; i >= 0; i--)
		{
			float *weight = &w[n * K + (size_t) outliers[i]];
			bool again = false;

			for (int j = 0; j < i; j++)
				again |= outliers[j] == outliers[i];
			made.outliers[n * ANGLE_OUTLIERS + (size_t) i] =
				again ? 0 : *weight;
			*weight = again ? *weight : 0;
		}
		angle_row_quantize(w + n * K, K, made.rows + n * K);
	}
	return made;
}

/* One output by its definition, the sums in 64-bit integers. */
static double
expected_output(const Quantized *made, size_t t, size_t n)
{
	const AngleQgemm *job = &made->job;
	size_t K = job->inputs;
	int64_t exact = 0;
	double sum;

	for (size_t k = 0; k < K; k++)
		exact += (int64_t) (job->q[t * K + k] - job->x_zero[t]) *
				 made->rows[n * K + k];
	sum = (double) exact * (double) job->x_scale[t] * (double) job->scale[n] +
		  (double) job->bias[n];
	for (size_t i = 0; i < ANGLE_OUTLIERS; i++)
		sum += (double) job->x_outlier[t * ANGLE_OUTLIERS + i] *
			   (double) made->outliers[n * ANGLE_OUTLIERS + i];
	return sum;
}

static void
check_qgemm(const AngleTensorKernels *kernels, const size_t size[3])
{
	AngleArena *arena = angle_arena_create(NULL);
	Quantized made = make_quantized(size, arena);

	made.job.out =
		angle_arena_alloc(arena, size[0] * made.job.out_stride, sizeof(float));
	kernels->qgemm(&made.job);
	for (size_t t = 0; t < size[0]; t++)
	{
		for (size_t n = 0; n < made.N; n++)
		{
			double expected = expected_output(&made, t, n);

			CHECK_NEAR(made.job.out[t * made.job.out_stride + n], expected,
					   2e-6 * (60 + fabs(expected)));
		}
	}
	angle_arena_destroy(arena);
}

TEST(tensor_qgemm_equals_the_integer_loop)
{
	EACH_KERNELS(kernels)
	{
		for (size_t i = 0; i < SIZE_COUNT; i++)
			check_qgemm(kernels, sizes[i]);
	}
}

/* A row alone, and a panel alone, have the bits that they have among others,
 * and on every instruction set with fused multiply-adds the same. */
TEST(tensor_qgemm_gives_the_same_bits_in_any_part)
{
	const size_t size[3] = {37, 200, 75};
	AngleArena *arena = angle_arena_create(NULL);
	Quantized made = make_quantized(size, arena);
	AngleQgemm *job = &made.job;
	size_t stride = job->out_stride;
	float *all = angle_arena_alloc(arena, size[0] * stride, sizeof(float));
	float *part = angle_arena_alloc(arena, size[0] * stride, sizeof(float));
	bool seen = false;

	EACH_KERNELS(kernels)
	{
		AngleQgemm some = *job;

		job->out = part;
		kernels->qgemm(job);
		if (seen)
			CHECK(memcmp(all, part, size[0] * stride * sizeof(float)) == 0);
		memcpy(all, part, size[0] * stride * sizeof(float));
		seen = kernels->isa != ANGLE_ISA_BASELINE;
		some.out = part;
		some.rows = 1;
		for (some.first_panel = 0; some.first_panel * ANGLE_PANEL < stride;
			 some.first_panel++)
		{
			some.end_panel = some.first_panel + 1;
			kernels->qgemm(&some);
		}
		CHECK(memcmp(all, part, stride * sizeof(float)) == 0);
	}
	angle_arena_destroy(arena);
}

TEST(tensor_gemm_row_does_not_depend_on_its_neighbours)
{
	enum
	{
		T = 29,
		K = 100,
		N = 40,
		STRIDE = 112,
		OUT = 48
	};
	AngleArena *arena = angle_arena_create(NULL);
	AngleRng rng;
	float *x;
	float *w;
	float *panels = angle_arena_alloc(arena, OUT * K, 4);
	float bias[OUT] = {0};
	float all[T * OUT];
	float one[OUT];

	angle_rng_seed(&rng, 7);
	x = random_floats(arena, &rng, T * STRIDE, 1);
	w = random_floats(arena, &rng, N * K, 1);
	angle_panel_pack(w, N, K, panels);
	EACH_KERNELS(kernels)
	{
		AngleGemm g = {.rows = T,
					   .inputs = K,
					   .end_panel = OUT / ANGLE_PANEL,
					   .x = x,
					   .x_stride = STRIDE,
					   .weight = panels,
					   .bias = bias,
					   .out = all,
					   .out_stride = OUT};

		kernels->gemm(&g);
		for (int t = 0; t < T; t++)
		{
			g.rows = 1;
			g.x = x + t * STRIDE;
			g.out = one;
			kernels->gemm(&g);
			CHECK(memcmp(one, all + t * OUT, sizeof(one)) == 0);
		}
	}
	angle_arena_destroy(arena);
}

/* Attention of one head by its definition. */
static void
naive_attention(const AngleAttention *a, size_t h, double *out)
{
	size_t L = a->tokens;
	size_t d = a->head_size;
	const float *q = a->qkv + h * d;
	const float *k = q + a->heads * d;
	const float *v = k + a->heads * d;

	for (size_t i = 0; i < L; i++)
	{
		double weights = 0;

		memset(out + i * d, 0, d * sizeof(double));
		for (size_t j = 0; j < L; j++)
		{
			double s = product(q + i * a->qkv_stride, k + j * a->qkv_stride, d);
			double e = exp(s / sqrt((double) d));

			weights += e;
			for (size_t c = 0; c < d; c++)
				out[i * d + c] += e * (double) v[j * a->qkv_stride + c];
		}
		for (size_t c = 0; c < d; c++)
			out[i * d + c] /= weights;
	}
}

static void
check_attention(void (*attention)(const AngleAttention *), size_t L, size_t d,
				double tolerance)
{
	enum
	{
		HEADS = 3
	};
	AngleArena *arena = angle_arena_create(NULL);
	AngleRng rng;
	size_t stride = angle_padded(3 * HEADS * d);
	double *expected = angle_arena_alloc(arena, L * d, sizeof(double));
	AngleAttention a = {
		.tokens = L,
		.heads = HEADS,
		.end_head = 1,
		.head_size = d,
		.qkv_stride = stride,
		.out_stride = angle_padded(HEADS * d),
	};

	angle_rng_seed(&rng, L * 1000 + d);
	a.qkv = random_floats(arena, &rng, L * stride, 1);
	a.out = angle_arena_zalloc(arena, L * a.out_stride, 4);
	a.scratch = angle_arena_alloc(arena, angle_attention_scratch(L, d), 4);
	attention(&a);
	/* the others behind the first one, which stays as it is */
	a.first_head = 1;
	a.end_head = HEADS;
	attention(&a);
	for (size_t h = 0; h < HEADS; h++)
	{
		naive_attention(&a, h, expected);
		for (size_t i = 0; i < L; i++)
		{
			for (size_t c = 0; c < d; c++)
				CHECK_NEAR(a.out[i * a.out_stride + h * d + c],
						   expected[i * d + c], tolerance);
		}
	}
	angle_arena_destroy(arena);
}

static void
check_attention_sizes(void (*attention)(const AngleAttention *),
					  double tolerance)
{
	for (size_t L = 1; L <= 40; L += L < 6 ? 1 : 9)
	{
		check_attention(attention, L, 32, tolerance);
		check_attention(attention, L, 8, tolerance);
		check_attention(attention, L, 26, tolerance);
	}
	for (size_t L = 15; L <= 17; L++)
		check_attention(attention, L, 64, tolerance);
	check_attention(attention, 300, 64, tolerance);
	check_attention(attention, 33, 80, tolerance);
}

TEST(tensor_attention_equals_its_definition)
{
	EACH_KERNELS(kernels)
	{
		check_attention_sizes(kernels->attention, 2e-6);
	}
}

/* Rounding to bfloat16 takes up to 1/512 of each query, key and value: scores
 * and values of a few units are off by a hundredth. */
TEST(tensor_rough_attention_is_near_its_definition)
{
	EACH_KERNELS(kernels)
	{
		check_attention_sizes(kernels->rough_attention, 0.03);
	}
}

static void
check_layernorm(const AngleTensorKernels *kernels, size_t C)
{
	enum
	{
		T = 3
	};
	size_t stride = angle_padded(C);
	AngleArena *arena = angle_arena_create(NULL);
	AngleRng rng;
	float mean[T];
	float rstd[T];
	AngleLayerNorm n = {.rows = T,
						.width = C,
						.stride = stride,
						.epsilon = 1e-5f,
						.mean = mean,
						.rstd = rstd};
	float *copy = angle_arena_alloc(arena, T * stride, 4);

	angle_rng_seed(&rng, C);
	n.x = random_floats(arena, &rng, T * stride, 1);
	memcpy(copy, n.x, T * stride * 4);
	n.residual = angle_arena_zalloc(arena, T * stride, 4);
	for (size_t t = 0; t < T; t++)
	{
		for (size_t c = 0; c < C; c++)
			((float *) n.residual)[t * stride + c] = angle_rng_normal(&rng) + 3;
	}
	n.weight = random_floats(arena, &rng, stride, 1);
	n.bias = random_floats(arena, &rng, stride, 1);
	kernels->layernorm(&n);
	for (size_t t = 0; t < T; t++)
	{
		double m = 0;
		double v = 0;

		for (size_t c = 0; c < C; c++)
			m += (double) copy[t * stride + c] +
				 (double) n.residual[t * stride + c];
		m /= (double) C;
		for (size_t c = 0; c < C; c++)
			v += pow((double) copy[t * stride + c] +
						 (double) n.residual[t * stride + c] - m,
					 2);
		v = 1 / sqrt(v / (double) C + 1e-5);
		CHECK_NEAR(mean[t], m, 1e-5);
		CHECK_NEAR(rstd[t], v, 1e-5 * v);
		for (size_t c = 0; c < C; c++)
		{
			double x = (double) copy[t * stride + c] +
					   (double) n.residual[t * stride + c];

			CHECK_NEAR(n.x[t * stride + c],
					   (x - m) * v * (double) n.weight[c] + (double) n.bias[c],
					   2e-5);
		}
	}
	angle_arena_destroy(arena);
}

TEST(tensor_layernorm_equals_its_definition)
{
	EACH_KERNELS(kernels)
	{
		for (size_t C = 2; C < 70; C += 3)
			check_layernorm(kernels, C);
		check_layernorm(kernels, 384);
		check_layernorm(kernels, 1024);
	}
}

TEST(tensor_activations_follow_their_functions)
{
	enum
	{
		N = 4096
	};
	float x[N];
	float y[N];

	for (int i = 0; i < N; i++)
		x[i] = ((float) i - N / 2) * 0.006f;
	x[0] = -1e30f;
	x[N - 1] = 1e30f;
	EACH_KERNELS(kernels)
	{
		memcpy(y, x, sizeof(x));
		kernels->gelu(y, N);
		for (int i = 1; i < N - 1; i++)
			CHECK_NEAR(y[i],
					   0.5 * (double) x[i] * (1 + erf((double) x[i] / sqrt(2))),
					   4e-7 * (1 + fabs((double) x[i])));
		CHECK(y[0] == 0 && y[N - 1] == x[N - 1]);
		memcpy(y, x, sizeof(x));
		kernels->gelu_tanh(y, N);
		for (int i = 1; i < N - 1; i++)
		{
			double v = (double) x[i];

			CHECK_NEAR(
				y[i],
				0.5 * v *
					(1 + tanh(sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))),
				4e-7 * (1 + fabs(v)));
		}
		memcpy(y, x, sizeof(x));
		kernels->tanh(y, N);
		for (int i = 0; i < N; i++)
			CHECK_NEAR(y[i], tanh((double) x[i]), 4e-7);
		memcpy(y, x, sizeof(x));
		kernels->relu(y, N);
		for (int i = 0; i < N; i++)
			CHECK(y[i] == (x[i] > 0 ? x[i] : 0));
	}
}

static void
check_quantize(const AngleTensorKernels *kernels, size_t K, float shift,
			   bool any_outliers)
{
	enum
	{
		T = 4
	};
	AngleArena *arena = angle_arena_create(NULL);
	AngleRng rng;
	float scale[T];
	int32_t zero[T];
	float outlier[T * ANGLE_OUTLIERS];
	size_t stride = angle_padded(K);
	const int32_t outliers[ANGLE_OUTLIERS] = {(int32_t) K / 2, (int32_t) K - 1,
											  0, 0};
	AngleQuantize job = {.rows = T,
						 .width = K,
						 .x_stride = stride,
						 .outliers = any_outliers ? outliers : NULL,
						 .q_stride = stride,
						 .scale = scale,
						 .zero = zero,
						 .outlier = any_outliers ? outlier : NULL};
	float *x;
	float *copy;

	angle_rng_seed(&rng, K);
	x = random_floats(arena, &rng, T * stride, 2);
	for (size_t i = 0; i < T * stride; i++)
		x[i] += shift;
	memset(x + stride, 0, stride * sizeof(float));
	for (size_t t = 0; any_outliers && t < T; t++)
		x[t * stride] = 1000;
	job.x = x;
	job.q = angle_arena_alloc(arena, T * stride, 1);
	copy = angle_arena_alloc(arena, T * stride, sizeof(float));
	memcpy(copy, x, T * stride * sizeof(float));
	kernels->quantize(&job);
	CHECK(memcmp(copy, x, T * stride * sizeof(float)) == 0);
	for (size_t t = 0; t < T; t++)
	{
		CHECK(zero[t] >= 0 && zero[t] <= 255);
		CHECK(scale[t] < 1);
		for (size_t k = 0; k < stride; k++)
		{
			int level = job.q[t * stride + k] - zero[t];
			bool taken = any_outliers && (k == 0 || k == K / 2 || k == K - 1);
			bool kept = k < K && !taken;

			CHECK_NEAR((float) level * scale[t], kept ? x[t * stride + k] : 0,
					   0.501 * (double) scale[t]);
		}
		for (int i = 0; any_outliers && i < ANGLE_OUTLIERS; i++)
			CHECK(outlier[t * ANGLE_OUTLIERS + (size_t) i] ==
				  x[t * stride + (size_t) outliers[i]]);
	}
	angle_arena_destroy(arena);
}

TEST(tensor_quantize_is_within_half_a_step)
{
	EACH_KERNELS(kernels)
	{
		for (size_t K = 1; K < 70; K++)
		{
			check_quantize(kernels, K, 0, true);
			check_quantize(kernels, K, 9, true);
			check_quantize(kernels, K, -9, true);
			check_quantize(kernels, K, 0, false);
		}
	}
}

TEST(tensor_quantize_is_the_same_on_every_instruction_set)
{
	enum
	{
		K = 384
	};
	AngleArena *arena = angle_arena_create(NULL);
	AngleRng rng;
	uint8_t first[K];
	uint8_t q[K];
	bool seen = false;
	float scale;
	int32_t zero;
	float outlier[ANGLE_OUTLIERS];
	const int32_t outliers[ANGLE_OUTLIERS] = {3, 70, 200, 383};
	AngleQuantize job = {.rows = 1,
						 .width = K,
						 .x_stride = K,
						 .outliers = outliers,
						 .q_stride = K,
						 .q = q,
						 .scale = &scale,
						 .zero = &zero,
						 .outlier = outlier};

	angle_rng_seed(&rng, 3);
	job.x = random_floats(arena, &rng, K, 1);
	EACH_KERNELS(kernels)
	{
		kernels->quantize(&job);
		if (seen)
			CHECK(memcmp(first, q, K) == 0);
		memcpy(first, q, K);
		seen = true;
	}
	angle_arena_destroy(arena);
}

TEST(tensor_residuals_are_rows_less_the_origin)
{
	enum
	{
		T = 3,
		STRIDE = 80
	};
	const uint32_t order[T] = {4, 0, 4};
	AngleArena *arena = angle_arena_create(NULL);
	AngleRng rng;
	float *x, *origin;
	float out[T * STRIDE];

	angle_rng_seed(&rng, 3);
	x = random_floats(arena, &rng, 5 * STRIDE, 1);
	origin = random_floats(arena, &rng, STRIDE, 1);
	EACH_KERNELS(kernels)
	{
		for (size_t width = 1; width < 70; width++)
		{
			memset(out, 0, sizeof(out));
			kernels->residuals(&(AngleResiduals){.rows = T,
												 .width = width,
												 .x = x,
												 .x_stride = STRIDE,
												 .order = order,
												 .origin = origin,
												 .out = out,
												 .out_stride = STRIDE});
			for (size_t t = 0; t < T; t++)
				for (size_t c = 0; c < STRIDE; c++)
					CHECK(
						out[t * STRIDE + c] ==
						(c < width ? x[order[t] * STRIDE + c] - origin[c] : 0));
		}
	}
	angle_arena_destroy(arena);
}

TEST(tensor_panels_hold_the_rounded_weights)
{
	enum
	{
		N = 3,
		K = 7
	};
	const float w[N * K] = {1, -2, 4, 0, 0, 1, 9, 0,  0, 0, 0,
							0, 0,  0, 5, 5, 5, 5, -5, 5, -7};
	const int32_t outliers[ANGLE_OUTLIERS] = {6, 3, 6, 6};
	int8_t levels[16 * ANGLE_PANEL_INPUTS];
	float scale[16];
	int32_t sum[16];
	float outlier[16 * ANGLE_OUTLIERS];

	angle_panel_quantize(w, N, K, outliers,
						 &(AnglePanels){levels, scale, sum, outlier});
	CHECK_NEAR(scale[0], 4.0 / 127, 1e-8);
	CHECK(scale[1] == 0 && sum[1] == 0 && scale[5] == 0);
	CHECK_INT(levels[2], 127);			  /* row 0, input 2 */
	CHECK_INT(levels[1], -64);			  /* row 0, input 1: −63.5 to even */
	CHECK_INT(levels[64 + 1], 32);		  /* row 0, input 5: 31.75 */
	CHECK_INT(levels[64 + 2 * 4], -127);  /* row 2, input 4 */
	CHECK_INT(levels[64 + 2 * 4 + 2], 0); /* row 2, input 6: an outlier */
	CHECK_INT(levels[64 + 2 * 4 + 3], 0); /* row 2, behind the last input */
	CHECK_INT(sum[2], 3 * 127);
	CHECK(outlier[0] == 9 && outlier[2] == -7);			 /* input 6 */
	CHECK(outlier[16 + 0] == 0 && outlier[16 + 2] == 5); /* input 3 */
	CHECK(outlier[32] == 0 && outlier[48] == 0);		 /* there already */
}
