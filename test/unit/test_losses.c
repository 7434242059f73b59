/* The losses against the released code (test/golden/losses.py), against central
 * differences, and the ranking loss against its double sum. */
#include "test.h"

#include <jansson.h>

#include "core/base/rng.h"
#include "core/train/losses.h"
#include "gradient.h"

#define MOST 1024

/* One golden case, and the loss with its gradients as they are here. */
typedef struct Case
{
	const char *name;
	size_t rows;
	size_t columns;
	size_t dimensions;
	size_t teacher_dimensions;
	double tau;
	double loss;
	double labels[64];
	double values[MOST];
	double expected[MOST];
	double gradients[MOST];
	double teacher[MOST];
	AngleArena *arena;
} Case;

static void
read_numbers(const json_t *json, const char *key, double *out)
{
	const json_t *array = json_object_get(json, key);

	for (size_t i = 0; i < json_array_size(array) && i < MOST; i++)
		out[i] = json_number_value(json_array_get(array, i));
}

static size_t
read_size(const json_t *json, const char *key)
{
	return (size_t) json_integer_value(json_object_get(json, key));
}

static void
read_case(const json_t *json, Case *c)
{
	*c = (Case){
		.name = json_string_value(json_object_get(json, "name")),
		.rows = read_size(json, "rows"),
		.columns = read_size(json, "columns"),
		.dimensions = read_size(json, "dimensions"),
		.teacher_dimensions = read_size(json, "teacher_dimensions"),
		.tau = json_number_value(json_object_get(json, "tau")),
		.loss = json_number_value(json_object_get(json, "loss")),
	};
	read_numbers(json, "labels", c->labels);
	read_numbers(json, "values", c->values);
	read_numbers(json, "gradients", c->expected);
	read_numbers(json, "teacher", c->teacher);
}

static AngleVectors
column(Case *c, size_t i)
{
	return (AngleVectors){.values = c->values + i * c->dimensions,
						  .gradients = c->gradients + i * c->dimensions,
						  .stride = c->columns * c->dimensions};
}

static AngleStatus
compute_contrast(Case *c, const AngleLossTerm *term)
{
	AngleVectors targets[8];

	for (size_t i = 1; i < c->columns; i++)
		targets[i - 1] = column(c, i);
	return angle_contrastive_loss(term,
								  &(AngleContrast){.n = c->rows,
												   .dimensions = c->dimensions,
												   .queries = column(c, 0),
												   .groups = c->columns - 1,
												   .targets = targets},
								  NULL);
}

/* All texts, one after another, as u of so many pairs. */
static AnglePairs
all_texts(Case *c)
{
	return (AnglePairs){.n = c->rows * c->columns,
						.dimensions = c->dimensions,
						.u = {c->values, c->gradients, c->dimensions}};
}

static AngleStatus
compute_term(Case *c, const AngleLossTerm *term)
{
	AnglePairs pairs = {.n = c->rows,
						.dimensions = c->dimensions,
						.u = column(c, 0),
						.v = column(c, 1)};
	AnglePairs all = all_texts(c);

	if (strncmp(c->name, "cosine", 6) == 0)
		return angle_cosine_loss(term, &pairs, c->labels, NULL);
	if (strncmp(c->name, "angle", 5) == 0)
		return angle_angle_loss(term, &pairs, c->labels, NULL);
	if (strncmp(c->name, "in-batch", 8) == 0)
		return angle_in_batch_loss(term, &pairs, c->labels, 1, NULL);
	if (strncmp(c->name, "contrastive", 11) == 0)
		return compute_contrast(c, term);
	if (strcmp(c->name, "similarity") == 0)
		return angle_similarity_loss(term, &all, c->teacher,
									 c->teacher_dimensions, NULL);
	angle_mse_loss(term, &all.u, c->teacher, all.n, c->dimensions);
	return ANGLE_OK;
}

static double
compute(void *context)
{
	Case *c = context;
	double loss = 0;
	AngleLossTerm term = {
		.weight = 1, .tau = c->tau, .scratch = c->arena, .loss = &loss};

	angle_arena_reset(c->arena);
	memset(c->gradients, 0, sizeof(c->gradients));
	CHECK_INT(compute_term(c, &term), ANGLE_OK);
	return loss;
}

/* The first 7 digits: some of the released losses add 1e12 to doubles. */
static void
check_case(Case *c)
{
	double loss = compute(c);
	double gradients[MOST];
	size_t n = c->rows * c->columns * c->dimensions;
	double greatest = 0;

	for (size_t i = 0; i < n; i++)
		greatest = fmax(greatest, fabs(c->expected[i]));
	if (!(fabs(loss - c->loss) <= 1e-7 * fmax(1, c->loss)))
		test_fail(__FILE__, __LINE__, "%s: %.12g, not %.12g", c->name, loss,
				  c->loss);
	for (size_t i = 0; i < n; i++)
	{
		if (!(fabs(c->gradients[i] - c->expected[i]) <= 2e-6 * greatest))
			test_fail(__FILE__, __LINE__, "%s: gradient %zu is %.9g, not %.9g",
					  c->name, i, c->gradients[i], c->expected[i]);
	}
	memcpy(gradients, c->gradients, sizeof(gradients));
	if (greatest > 0)
		CHECK_NEAR(gradient_error(compute, c, c->values, gradients, n), 0,
				   1e-6);
}

TEST(losses_and_gradients_equal_the_released_code)
{
	static Case c;
	size_t size;
	char *text = test_read("golden/losses.json", &size);
	json_t *cases = text != NULL ? json_loads(text, 0, NULL) : NULL;

	free(text);
	REQUIRE(json_array_size(cases) == 12);
	for (size_t i = 0; i < json_array_size(cases); i++)
	{
		read_case(json_array_get(cases, i), &c);
		c.arena = angle_arena_create(NULL);
		check_case(&c);
		angle_arena_destroy(c.arena);
	}
	json_decref(cases);
}

/* ---- ranking ------------------------------------------------------------ */

#define N 300

/* The double sum, and its gradient. */
static double
double_sum(const double *labels, const double *scores, double tau,
		   double *dscores)
{
	double sum = 1;

	memset(dscores, 0, N * sizeof(double));
	for (size_t i = 0; i < N; i++)
	{
		for (size_t j = 0; j < N; j++)
		{
			double e = exp(tau * (scores[i] - scores[j]));

			if (!(labels[i] < labels[j]))
				continue;
			sum += e;
			dscores[i] += tau * e;
			dscores[j] -= tau * e;
		}
	}
	for (size_t i = 0; i < N; i++)
		dscores[i] /= sum;
	return log(sum);
}

static void
check_ranking(uint64_t seed, uint64_t different_labels, double tau)
{
	AngleArena *arena = angle_arena_create(NULL);
	double labels[N];
	double scores[N];
	double expected[N];
	double actual[N] = {0};
	double loss = 0;
	AngleLossTerm term = {
		.weight = 1, .tau = tau, .scratch = arena, .loss = &loss};
	AngleRng rng;

	angle_rng_seed(&rng, seed);
	for (size_t i = 0; i < N; i++)
	{
		labels[i] = (double) angle_rng_below(&rng, different_labels);
		scores[i] = 2 * (double) angle_rng_float(&rng) - 1;
	}
	CHECK_INT(angle_ranking_loss(&term, labels, scores, N, actual, NULL),
			  ANGLE_OK);
	CHECK_NEAR(loss, double_sum(labels, scores, tau, expected), 1e-11);
	for (size_t i = 0; i < N; i++)
		CHECK_NEAR(actual[i], expected[i], 1e-12 * tau);
	angle_arena_destroy(arena);
}

TEST(ranking_loss_equals_its_double_sum)
{
	check_ranking(1, 1, 20);
	check_ranking(2, 2, 20);
	check_ranking(3, 6, 1);
	check_ranking(4, 1000000, 20);
}

/* e^±1000 is no double. */
TEST(ranking_loss_does_not_overflow)
{
	AngleArena *arena = angle_arena_create(NULL);
	double labels[2] = {0, 1};
	double scores[2] = {1, -1};
	double dscores[2] = {0};
	double loss = 0;
	AngleLossTerm term = {
		.weight = 1, .tau = 1000, .scratch = arena, .loss = &loss};

	CHECK_INT(angle_ranking_loss(&term, labels, scores, 2, dscores, NULL),
			  ANGLE_OK);
	CHECK_NEAR(loss, 2000, 1e-9);
	CHECK_NEAR(dscores[0], 1000, 1e-9);
	CHECK_NEAR(dscores[1], -1000, 1e-9);
	angle_arena_destroy(arena);
}
