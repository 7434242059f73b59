/*
 * The backward kernels, compiled for doubles, against central differences of
 * plain forward functions; test_backward_float.c holds those that train against
 * these.
 */
#include "test.h"

#include "backward_cases.h"
#include "core/base/rng.h"
#include "core/tensor/kernels.h"
#include "core/train/isa_backward.h"
#include "core/train/pooling_backward.h"
#include "gradient.h"

#define LIMIT 1e-6 /* relative */

static void
fill(double *x, size_t n, uint64_t seed)
{
	AngleRng rng;

	angle_rng_seed(&rng, seed);
	for (size_t i = 0; i < n; i++)
		x[i] = (double) angle_rng_normal(&rng);
}

/* ---- linear layers ------------------------------------------------------ */

#define T 5
#define K 19
#define N 14
#define KP 32
#define NP 16

typedef struct Linear
{
	double x[T * KP];
	double w[N * K];
	double b[N];
	double seed[T * NP]; /* gradient of the output */
} Linear;

static double
linear_forward(void *context)
{
	const Linear *l = context;
	double total = 0;

	for (size_t t = 0; t < T; t++)
	{
		for (size_t n = 0; n < N; n++)
		{
			double y = l->b[n];

			for (size_t k = 0; k < K; k++)
				y += l->w[n * K + k] * l->x[t * KP + k];
			total += y * l->seed[t * NP + n];
		}
	}
	return total;
}

TEST(backward_of_linear_weights_is_the_central_difference)
{
	static Linear l;
	static double scratch[ANGLE_OUTER_BLOCK *
						  (ANGLE_OUTER_COLUMNS + N + ANGLE_OUTER_ROWS)];
	double dw[N * K] = {0};
	double db[N] = {0};

	fill(l.x, T * KP, 1);
	fill(l.w, N * K, 2);
	fill(l.b, N, 3);
	fill(l.seed, T * NP, 4);
	angle_outer_double(&(AngleOuter){.rows = T,
									 .inputs = K,
									 .outputs = N,
									 .dy = l.seed,
									 .dy_stride = NP,
									 .x = l.x,
									 .x_stride = KP,
									 .dw = dw,
									 .db = db,
									 .scratch = scratch});
	CHECK_NEAR(gradient_error(linear_forward, &l, l.w, dw, N * K), 0, LIMIT);
	CHECK_NEAR(gradient_error(linear_forward, &l, l.b, db, N), 0, LIMIT);
}

/* ---- LayerNorm ---------------------------------------------------------- */

typedef struct Norm
{
	double x[T * KP];
	double weight[KP];
	double bias[KP];
	double seed[T * KP];
	double normalized[T * KP];
	double rstd[T];
} Norm;

static double
norm_forward(void *context)
{
	Norm *n = context;
	double total = 0;

	for (size_t t = 0; t < T; t++)
	{
		const double *x = n->x + t * KP;
		double mean = 0;
		double variance = 0;

		for (size_t c = 0; c < K; c++)
			mean += x[c] / K;
		for (size_t c = 0; c < K; c++)
			variance += (x[c] - mean) * (x[c] - mean) / K;
		n->rstd[t] = 1 / sqrt(variance + 1e-12);
		for (size_t c = 0; c < K; c++)
		{
			n->normalized[t * KP + c] = (x[c] - mean) * n->rstd[t];
			total += (n->normalized[t * KP + c] * n->weight[c] + n->bias[c]) *
					 n->seed[t * KP + c];
		}
	}
	return total;
}

TEST(backward_of_layernorm_is_the_central_difference)
{
	static Norm n;
	double dx[T * KP];
	double dweight[KP] = {0};
	double dbias[KP] = {0};
	double dense[T * KP];

	fill(n.x, T * KP, 5);
	fill(n.weight, K, 6);
	fill(n.bias, K, 7);
	fill(n.seed, T * KP, 8);
	for (size_t t = 0; t < T; t++)
	{
		for (size_t c = K; c < KP; c++)
			n.seed[t * KP + c] = 0;
	}
	norm_forward(&n);
	angle_layernorm_backward_double(
		&(AngleLayerNormBackward){.rows = T,
								  .width = K,
								  .stride = KP,
								  .dy = n.seed,
								  .normalized = n.normalized,
								  .rstd = n.rstd,
								  .weight = n.weight,
								  .dx = dx,
								  .dweight = dweight,
								  .dbias = dbias});
	memcpy(dense, dx, sizeof(dx));
	CHECK_NEAR(gradient_error(norm_forward, &n, n.x, dense, T * KP), 0, LIMIT);
	CHECK_NEAR(gradient_error(norm_forward, &n, n.weight, dweight, KP), 0,
			   LIMIT);
	CHECK_NEAR(gradient_error(norm_forward, &n, n.bias, dbias, KP), 0, LIMIT);
}

/* ---- activations -------------------------------------------------------- */

typedef double (*Activation)(double x);

static double
gelu(double x)
{
	return x * 0.5 * (1 + erf(x / sqrt(2.0)));
}

static double
gelu_tanh(double x)
{
	return x * 0.5 * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

static double
relu(double x)
{
	return x > 0 ? x : 0;
}

typedef struct Activated
{
	Activation function;
	double x[NP];
	double seed[NP];
} Activated;

static double
activate(void *context)
{
	const Activated *a = context;
	double total = 0;

	for (size_t i = 0; i < NP; i++)
		total += a->function(a->x[i]) * a->seed[i];
	return total;
}

static void
check_activation(Activation function, AngleActivationBackward backward)
{
	Activated a = {.function = function};
	double x[NP];
	double dx[NP];

	fill(a.x, NP, 9);
	fill(a.seed, NP, 10);
	memcpy(x, a.x, sizeof(x));
	memcpy(dx, a.seed, sizeof(dx));
	backward(x, dx, NP);
	for (size_t i = 0; i < NP; i++)
		CHECK_NEAR(x[i], function(a.x[i]), 1e-14);
	CHECK_NEAR(gradient_error(activate, &a, a.x, dx, NP), 0, LIMIT);
}

TEST(backward_of_activations_is_the_central_difference)
{
	check_activation(gelu, angle_gelu_backward_double);
	check_activation(gelu_tanh, angle_gelu_tanh_backward_double);
	check_activation(relu, angle_relu_backward_double);
	check_activation(tanh, angle_tanh_backward_double);
}

/* ---- attention ---------------------------------------------------------- */

#define L 6
#define H 2
#define D 5
#define QKV 32 /* stride of 3 H D = 30 */

typedef struct Attention
{
	double qkv[L * QKV];
	double seed[L * NP];
	AngleDropout dropout;
	uint64_t rows[L];
	bool drops;
} Attention;

/* The mask of weight j of query i: 0 or the scale. */
static double
mask(const Attention *a, size_t h, size_t i, size_t j)
{
	AngleDropoutRow row = angle_dropout_row(&a->dropout, a->rows[i], h);
	uint32_t hash = (uint32_t) j * 0x9e3779b1u + row.key;

	if (!a->drops)
		return 1;
	hash = (hash ^ (hash >> 16)) * 0x85ebca6bu;
	hash = (hash ^ (hash >> 13)) * 0xc2b2ae35u;
	hash = (hash ^ (hash >> 16)) >> 1;
	return hash < row.threshold ? 0 : (double) row.scale;
}

/* Σ seed · output of query i in head h. */
static double
attend_one(const Attention *a, size_t h, size_t i)
{
	double weights[L];
	double sum = 0;
	double total = 0;

	for (size_t j = 0; j < L; j++)
	{
		double score = 0;

		for (size_t k = 0; k < D; k++)
			score +=
				a->qkv[i * QKV + h * D + k] * a->qkv[j * QKV + (H + h) * D + k];
		weights[j] = exp(score / sqrt(D));
		sum += weights[j];
	}
	for (size_t j = 0; j < L; j++)
	{
		for (size_t k = 0; k < D; k++)
			total += weights[j] / sum * mask(a, h, i, j) *
					 a->qkv[j * QKV + (2 * H + h) * D + k] *
					 a->seed[i * NP + h * D + k];
	}
	return total;
}

static double
attend(void *context)
{
	double total = 0;

	for (size_t h = 0; h < H; h++)
	{
		for (size_t i = 0; i < L; i++)
			total += attend_one(context, h, i);
	}
	return total;
}

static void
check_attention(bool drops)
{
	static double scratch[2048];
	static Attention a;
	double dqkv[L * QKV] = {0};

	a.drops = drops;
	a.dropout = angle_dropout_site(3, 1, 0.3f);
	fill(a.qkv, L * QKV, 11);
	fill(a.seed, L * NP, 12);
	for (size_t i = 0; i < L; i++)
		a.rows[i] = i;
	angle_attention_backward_double(
		&(AngleAttentionBackward){.tokens = L,
								  .heads = H,
								  .head_size = D,
								  .qkv = a.qkv,
								  .qkv_stride = QKV,
								  .dout = a.seed,
								  .out_stride = NP,
								  .dqkv = dqkv,
								  .scratch = scratch,
								  .dropout = drops ? &a.dropout : NULL,
								  .dropout_rows = a.rows});
	CHECK_NEAR(gradient_error(attend, &a, a.qkv, dqkv, L * QKV), 0, LIMIT);
}

TEST(backward_of_attention_is_the_central_difference)
{
	check_attention(false);
}

TEST(backward_of_attention_under_dropout_is_the_central_difference)
{
	check_attention(true);
}

/* ---- pooling ------------------------------------------------------------ */

typedef struct Pooled
{
	AnglePooling pooling;
	double rows[T * NP];
	double seed[NP];
} Pooled;

/* Σ seed · pooled over tokens 1…T−1, the first being skipped. */
static double
pool_one(const Pooled *p, size_t c)
{
	double mean = 0;
	double max = p->rows[NP + c];

	for (size_t t = 1; t < T; t++)
	{
		mean += p->rows[t * NP + c] / (T - 1);
		max = fmax(max, p->rows[t * NP + c]);
	}
	switch (p->pooling)
	{
		case ANGLE_POOLING_CLS:
			return p->rows[c];
		case ANGLE_POOLING_LAST:
			return p->rows[(T - 1) * NP + c];
		case ANGLE_POOLING_MEAN:
			return mean;
		case ANGLE_POOLING_MAX:
			return max;
		case ANGLE_POOLING_CLS_AVG:
			return (p->rows[c] + mean) / 2;
	}
	return 0;
}

static double
pool(void *context)
{
	const Pooled *p = context;
	double total = 0;

	for (size_t c = 0; c < N; c++)
		total += pool_one(p, c) * p->seed[c];
	return total;
}

TEST(backward_of_every_pooling_is_the_central_difference)
{
	for (int pooling = ANGLE_POOLING_CLS; pooling <= ANGLE_POOLING_MAX;
		 pooling++)
	{
		Pooled p = {.pooling = (AnglePooling) pooling};
		double drows[T * NP] = {0};

		fill(p.rows, T * NP, 13);
		fill(p.seed, NP, 14);
		angle_pool_tokens_backward(&(AnglePoolBackward){.pooling = p.pooling,
														.width = N,
														.stride = NP,
														.count = T,
														.skip = 1,
														.rows = p.rows,
														.dout = p.seed,
														.drows = drows});
		CHECK_NEAR(gradient_error(pool, &p, p.rows, drows, T * NP), 0, LIMIT);
	}
}

typedef struct Normalized
{
	double x[N];
	double seed[N];
} Normalized;

static double
normalize(void *context)
{
	const Normalized *n = context;
	double squares = 0;
	double total = 0;

	for (size_t i = 0; i < N; i++)
	{
		squares += n->x[i] * n->x[i];
		total += n->x[i] * n->seed[i];
	}
	return total / sqrt(squares);
}

TEST(backward_of_normalisation_is_the_central_difference)
{
	Normalized n;
	double dx[N];

	fill(n.x, N, 15);
	fill(n.seed, N, 16);
	memcpy(dx, n.seed, sizeof(dx));
	angle_normalize_backward(N, n.x, dx);
	CHECK_NEAR(gradient_error(normalize, &n, n.x, dx, N), 0, LIMIT);
}

/* ---- for the kernels in float ------------------------------------------- */

void
backward_case_outer(const BackwardCase *c, double *dw, double *db)
{
	double *scratch = malloc(angle_outer_scratch(c->outputs) * sizeof(double));

	angle_outer_double(&(AngleOuter){.rows = c->rows,
									 .inputs = c->width,
									 .outputs = c->outputs,
									 .dy = c->dy,
									 .dy_stride = angle_padded(c->outputs),
									 .x = c->x,
									 .x_stride = angle_padded(c->width),
									 .dw = dw,
									 .db = db,
									 .scratch = scratch});
	free(scratch);
}

void
backward_case_layernorm(const BackwardCase *c, double *dx, double *dweight,
						double *dbias)
{
	angle_layernorm_backward_double(
		&(AngleLayerNormBackward){.rows = c->rows,
								  .width = c->width,
								  .stride = angle_padded(c->width),
								  .dy = c->dy,
								  .normalized = c->x,
								  .rstd = c->rstd,
								  .weight = c->weight,
								  .dx = dx,
								  .dweight = dweight,
								  .dbias = dbias});
}

void
backward_case_attention(const BackwardCase *c, const AngleDropout *dropout,
						const uint64_t *rows, double *dqkv)
{
	double *scratch = malloc(
		angle_attention_backward_scratch(c->rows, c->width) * sizeof(double));

	angle_attention_backward_double(&(AngleAttentionBackward){
		.tokens = c->rows,
		.heads = c->outputs,
		.head_size = c->width,
		.qkv = c->x,
		.qkv_stride = angle_padded(3 * c->outputs * c->width),
		.dout = c->dy,
		.out_stride = angle_padded(c->outputs * c->width),
		.dqkv = dqkv,
		.scratch = scratch,
		.dropout = dropout,
		.dropout_rows = rows});
	free(scratch);
}

void
backward_case_activation(int which, double *x, double *dy, size_t n)
{
	static const AngleActivationBackward functions[] = {
		angle_gelu_backward_double, angle_gelu_tanh_backward_double,
		angle_relu_backward_double, angle_tanh_backward_double};

	functions[which](x, dy, n);
}

void
backward_case_adam(double rate, const double *gradient, double *state, size_t n)
{
	angle_adam_double(&(AngleAdamStep){.n = n,
									   .value = state,
									   .gradient = gradient,
									   .first = state + n,
									   .second = state + 2 * n,
									   .gradient_scale = 0.5,
									   .rate = rate,
									   .decay = 0.1,
									   .beta1 = 0.9,
									   .beta2 = 0.999,
									   .epsilon = 1e-8,
									   .correction1 = 0.19,
									   .correction2 = 0.001999});
}
