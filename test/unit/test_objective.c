/* The weighted sum of losses: its gradient, and what its parts add up to. */
#include "test.h"

#include "core/base/rng.h"
#include "core/train/objective.h"
#include "gradient.h"

#define ROWS 5
#define MOST_COLUMNS 4
#define LAYERS 2
#define D 8
#define T 6 /* of the teacher */
#define MOST (LAYERS * ROWS * MOST_COLUMNS * D)

typedef struct Subject
{
	AngleArena *arena;
	AngleObjective objective;
	AngleObjectiveBatch batch;
	double values[MOST];
	double gradients[MOST];
	double labels[ROWS];
	double teacher[ROWS * MOST_COLUMNS * T];
} Subject;

static double
compute(void *context)
{
	Subject *s = context;
	double loss;

	angle_arena_reset(s->arena);
	CHECK_INT(angle_objective_compute(&s->objective, &s->batch, s->arena, &loss,
									  NULL),
			  ANGLE_OK);
	return loss;
}

static void
make_subject(Subject *s, AngleObjectiveShape shape, size_t columns)
{
	AngleRng rng;

	angle_rng_seed(&rng, columns);
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < MOST; i++)
		s->values[i] = (double) angle_rng_normal(&rng);
	for (size_t i = 0; i < ROWS; i++)
		s->labels[i] = (double) (i % 3);
	for (size_t i = 0; i < ROWS * MOST_COLUMNS * T; i++)
		s->teacher[i] = (double) angle_rng_normal(&rng);
	s->arena = angle_arena_create(NULL);
	CHECK(angle_objective_preset("uae", &s->objective));
	s->objective.negatives = 0.5;
	s->objective.view_count = 1;
	s->objective.views[0] = (AngleLossView){LAYERS - 1, D, 1, false};
	s->batch = (AngleObjectiveBatch){
		.shape = shape,
		.rows = ROWS,
		.columns = columns,
		.layers = LAYERS,
		.dimensions = D,
		.labels = s->labels,
		.values = s->values,
		.gradients = s->gradients,
	};
}

static void
check_gradient(Subject *s)
{
	double analytic[MOST];

	compute(s);
	memcpy(analytic, s->gradients, sizeof(analytic));
	CHECK_NEAR(gradient_error(compute, s, s->values, analytic,
							  LAYERS * ROWS * s->batch.columns * D),
			   0, 1e-6);
}

TEST(objective_of_every_shape_has_its_gradient)
{
	static Subject s;

	for (size_t columns = 2; columns <= MOST_COLUMNS; columns++)
	{
		make_subject(&s, ANGLE_OBJECTIVE_POSITIVE, columns);
		check_gradient(&s);
		angle_arena_destroy(s.arena);
	}
	make_subject(&s, ANGLE_OBJECTIVE_LABELLED, 2);
	check_gradient(&s);
	angle_arena_destroy(s.arena);
}

TEST(objective_of_layers_lengths_and_teacher_has_its_gradient)
{
	static Subject s;

	make_subject(&s, ANGLE_OBJECTIVE_POSITIVE, 3);
	s.objective.view_count = 3;
	s.objective.views[1] = (AngleLossView){0, 4, 0.5, false};
	s.objective.views[2] = (AngleLossView){1, 2, 2, false};
	s.objective.similarity = 0.7;
	s.batch.teacher = s.teacher;
	s.batch.teacher_dimensions = T;
	check_gradient(&s);
	angle_arena_destroy(s.arena);
}

/* The loss with only some of the weights. */
static double
part(Subject *s, double cosine, double in_batch, double angle, double negatives)
{
	s->objective.cosine = cosine;
	s->objective.in_batch = in_batch;
	s->objective.angle = angle;
	s->objective.negatives = negatives;
	return compute(s);
}

TEST(objective_is_the_sum_of_its_parts)
{
	static Subject s;
	double sum;

	make_subject(&s, ANGLE_OBJECTIVE_POSITIVE, 3);
	sum = 2 * part(&s, 1, 0, 0, 0) + 3 * part(&s, 0, 1, 0, 0) +
		  5 * part(&s, 0, 0, 1, 0) + 7 * part(&s, 0, 0, 0, 1);
	CHECK_NEAR(part(&s, 2, 3, 5, 7), sum, 1e-10);
	CHECK(part(&s, 0, 0, 0, 1) > part(&s, 0, 1, 0, 0));
	angle_arena_destroy(s.arena);
}

/* What a view adds to the loss when it learns principal components. */
static double
compression(Subject *s, int view, double weight)
{
	double without;

	s->objective.compression = weight;
	s->objective.views[view].compress = false;
	without = compute(s);
	s->objective.views[view].compress = true;
	return compute(s) - without;
}

TEST(objective_compresses_the_views_that_ask_for_it)
{
	static Subject s;
	double once;

	make_subject(&s, ANGLE_OBJECTIVE_POSITIVE, 2);
	s.objective.view_count = 2;
	s.objective.views[1] = (AngleLossView){0, 4, 0.5, false};
	once = compression(&s, 1, 1);
	CHECK(once > 0);
	CHECK_NEAR(compression(&s, 1, 3), 3 * once, 1e-9);
	s.objective.views[1].weight = 1;
	CHECK_NEAR(compression(&s, 1, 1), 2 * once, 1e-9);
	CHECK_NEAR(compression(&s, 1, 0), 0, 0);
	angle_arena_destroy(s.arena);
}

TEST(objective_knows_the_published_weights)
{
	AngleObjective objective;

	REQUIRE(angle_objective_preset("angle-0.6", &objective));
	CHECK_NEAR(objective.cosine, 0, 0);
	CHECK_NEAR(objective.in_batch, 1, 0);
	CHECK_NEAR(objective.angle, 0.02, 0);
	CHECK_NEAR(objective.angle_tau, 20, 0);
	CHECK(!angle_objective_preset("angle", &objective));
}
