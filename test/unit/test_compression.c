/* The principal components that a short embedding learns. */
#include "test.h"

#include <math.h>

#include "core/base/rng.h"
#include "core/train/compression.h"
#include "gradient.h"

#define N 7
#define D 10

typedef struct Subject
{
	AngleArena *arena;
	double values[N * D];
	double gradients[N * D];
	double target[N * D];
	size_t k;
	double tau;
} Subject;

static AngleVectors
vectors_of(Subject *s)
{
	return (AngleVectors){s->values, s->gradients, D};
}

static void
make_subject(Subject *s, double size)
{
	AngleRng rng;

	memset(s, 0, sizeof(*s));
	angle_rng_seed(&rng, 5);
	for (size_t i = 0; i < N * D; i++)
		s->values[i] = size * (double) angle_rng_normal(&rng);
	for (size_t i = 0; i < N * D; i++)
		s->target[i] = (double) angle_rng_normal(&rng);
	s->arena = angle_arena_create(NULL);
}

static void
make_target(Subject *s, size_t k)
{
	const AngleCompression shape = {N, D, k};
	AngleVectors x = vectors_of(s);

	CHECK_INT(angle_compression_target(&x, &shape, s->arena, s->target, NULL),
			  ANGLE_OK);
}

/* The rows of softmax(Mᵀ M / √D), by the definition. */
static void
make_matrix(const Subject *s, double a[D][D])
{
	for (size_t r = 0; r < D; r++)
	{
		double sum = 0;

		for (size_t c = 0; c < D; c++)
		{
			a[r][c] = 0;
			for (size_t i = 0; i < N; i++)
				a[r][c] += s->values[i * D + r] * s->values[i * D + c];
			a[r][c] = exp(a[r][c] / sqrt(D));
			sum += a[r][c];
		}
		for (size_t c = 0; c < D; c++)
			a[r][c] /= sum;
	}
}

/* xᵢᵀ A Aᵀ xⱼ */
static double
product(const Subject *s, double a[D][D], size_t i, size_t j)
{
	double sum = 0;

	for (size_t l = 0; l < D; l++)
	{
		double left = 0;
		double right = 0;

		for (size_t c = 0; c < D; c++)
		{
			left += s->values[i * D + c] * a[c][l];
			right += s->values[j * D + c] * a[c][l];
		}
		sum += left * right;
	}
	return sum;
}

/* Of all components (M U S)(M U S)ᵀ is M A Aᵀ Mᵀ, whatever the signs. */
TEST(compression_of_all_components_keeps_every_product)
{
	static Subject s;
	double a[D][D];

	make_subject(&s, 0.7);
	make_target(&s, D);
	make_matrix(&s, a);
	for (size_t i = 0; i < N; i++)
		for (size_t j = 0; j < N; j++)
		{
			double sum = 0;

			for (size_t c = 0; c < D; c++)
				sum += s.target[i * D + c] * s.target[j * D + c];
			CHECK_NEAR(sum, product(&s, a, i, j), 1e-9);
		}
	angle_arena_destroy(s.arena);
}

/* Fewer components are the first of all. */
TEST(compression_has_the_greatest_components_first)
{
	static Subject s;
	double all[N * D];

	make_subject(&s, 1.5);
	make_target(&s, D);
	memcpy(all, s.target, sizeof(all));
	make_target(&s, 9);
	for (size_t i = 0; i < N; i++)
		for (size_t c = 0; c < 3; c++)
			CHECK_NEAR(s.target[i * 9 + c], all[i * D + c], 1e-3);
	angle_arena_destroy(s.arena);
}

/* Of small vectors the matrix is nearly 1/D everywhere: its one component is their
 * sum. */
TEST(compression_of_small_vectors_is_their_sum)
{
	static Subject s;

	make_subject(&s, 1e-4);
	make_target(&s, 1);
	for (size_t i = 0; i < N; i++)
	{
		double sum = 0;

		for (size_t c = 0; c < D; c++)
			sum += s.values[i * D + c];
		CHECK_NEAR(s.target[i], sum / sqrt(D), 1e-10);
	}
	angle_arena_destroy(s.arena);
}

/* More components than texts, and texts that are all the same. */
TEST(compression_of_a_poor_batch_is_finite)
{
	static Subject s;

	make_subject(&s, 1);
	for (size_t i = 0; i < N * D; i++)
		s.values[i] = 30;
	make_target(&s, D);
	for (size_t i = 0; i < N * D; i++)
		CHECK(isfinite(s.target[i]));
	angle_arena_destroy(s.arena);
}

static double
compute(void *context)
{
	Subject *s = context;
	AngleVectors x = vectors_of(s);
	double loss = 0;
	AngleLossTerm term = {0.7, s->tau, s->arena, &loss};

	memset(s->gradients, 0, sizeof(s->gradients));
	CHECK_INT(angle_alignment_loss(&term, &x, s->target, N, s->k, NULL),
			  ANGLE_OK);
	return loss;
}

TEST(alignment_has_its_gradient_and_is_0_at_its_target)
{
	static Subject s;
	double analytic[N * D];

	make_subject(&s, 1);
	s.k = 4;
	s.tau = 1.5;
	compute(&s);
	memcpy(analytic, s.gradients, sizeof(analytic));
	CHECK_NEAR(gradient_error(compute, &s, s.values, analytic, N * D), 0, 1e-6);
	CHECK_NEAR(analytic[D - 1], 0, 0);
	for (size_t i = 0; i < N; i++)
		memcpy(s.values + i * D, s.target + i * 4, 4 * sizeof(double));
	CHECK_NEAR(compute(&s), 0, 1e-12);
	angle_arena_destroy(s.arena);
}
