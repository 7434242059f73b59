/* Ten steps of training against PyTorch (test/golden/training.py), and what the
 * engine promises of its results. */
#include "test.h"

#include <jansson.h>

#include "core/train/engine.h"
#include "core/train/objective.h"
#include "core/train/optimizer.h"

#define STEPS 10
#define TEXTS 8 /* of a step */
#define MOST_TEXTS (STEPS * TEXTS)

/* A model in training. */
typedef struct Run
{
	AngleArena *arena;
	AngleArena *scratch;
	json_t *json;
	AngleHubModel hub;
	AngleTrainable *model;
	AngleExecutor *executor;
	AngleEngine *engine;
	AngleOptimizer *optimizer;
	AngleTrainText texts[MOST_TEXTS];
	double labels[MOST_TEXTS / 2];
} Run;

static void
read_texts(Run *run)
{
	const json_t *texts = json_object_get(run->json, "texts");

	for (size_t i = 0; i < MOST_TEXTS; i++)
	{
		const json_t *ids = json_array_get(texts, i);
		size_t count = json_array_size(ids);
		int32_t *copy = angle_arena_alloc(run->arena, count, sizeof(int32_t));

		for (size_t t = 0; t < count; t++)
			copy[t] = (int32_t) json_integer_value(json_array_get(ids, t));
		run->texts[i] =
			(AngleTrainText){.ids = copy, .count = count, .name = i % TEXTS};
		run->labels[i / 2] = json_number_value(
			json_array_get(json_object_get(run->json, "labels"), i / 2));
	}
}

/* Opens the model of golden name; false fails the test. */
static bool
run_open(Run *run, const char *name, int threads, float dropout)
{
	char path[4096];
	size_t size;
	char *text;
	AngleError err = {.message = ""};
	AngleOptimizerOptions options = {.rate = 2e-4,
									 .decay = 0.01,
									 .beta1 = 0.9,
									 .beta2 = 0.999,
									 .epsilon = 1e-8,
									 .clip = 1,
									 .warmup_steps = 2,
									 .total_steps = STEPS};
	AngleEngineOptions engine = {.hidden_dropout = dropout,
								 .attention_dropout = dropout};

	*run = (Run){.arena = angle_arena_create(NULL),
				 .scratch = angle_arena_create(NULL)};
	snprintf(path, sizeof(path), "golden/training/%s.json", name);
	text = test_read(path, &size);
	run->json = text != NULL ? json_loads(text, 0, NULL) : NULL;
	free(text);
	if (run->json == NULL)
		return false;
	read_texts(run);
	snprintf(path, sizeof(path), "%s/golden/encoder/%s", test_dir(),
			 json_string_value(json_object_get(run->json, "model")));
	if (angle_hub_open(path, &(AngleHubOptions){0}, run->arena, &run->hub,
					   &err) != ANGLE_OK ||
		angle_trainable_open(&run->hub, run->arena, &run->model, &err) !=
			ANGLE_OK ||
		angle_executor_start(threads, run->arena, &run->executor, &err) !=
			ANGLE_OK)
	{
		test_fail(__FILE__, __LINE__, "%s", err.message);
		return false;
	}
	engine.executor = run->executor;
	return angle_engine_create(run->model, &engine, run->arena, &run->engine,
							   &err) == ANGLE_OK &&
		   angle_optimizer_create(run->model, &options, run->arena,
								  &run->optimizer, &err) == ANGLE_OK;
}

static void
run_close(Run *run)
{
	angle_engine_destroy(run->engine);
	angle_executor_stop(run->executor);
	angle_hub_close(&run->hub);
	angle_arena_destroy(run->scratch);
	angle_arena_destroy(run->arena);
	json_decref(run->json);
}

/* The loss of a step, with its gradients in the engine. */
static double
run_backward(Run *run, int step)
{
	size_t D = (size_t) run->model->model.config.dimensions;
	float *x;
	double *values;
	double *gradients;
	double loss = 0;
	AngleObjective objective;

	angle_arena_reset(run->scratch);
	x = angle_arena_alloc(run->scratch, TEXTS * D, sizeof(float));
	values = angle_arena_alloc(run->scratch, TEXTS * D, sizeof(double));
	gradients = angle_arena_alloc(run->scratch, TEXTS * D, sizeof(double));
	CHECK(angle_objective_preset("angle-0.1", &objective));
	objective.view_count = 1;
	objective.views[0] = (AngleLossView){0, D, 1, false};
	CHECK_INT(angle_engine_forward(run->engine, run->texts + step * TEXTS,
								   TEXTS, (uint64_t) step, x, NULL),
			  ANGLE_OK);
	for (size_t i = 0; i < TEXTS * D; i++)
		values[i] = (double) x[i];
	CHECK_INT(
		angle_objective_compute(
			&objective,
			&(AngleObjectiveBatch){.shape = ANGLE_OBJECTIVE_LABELLED,
								   .rows = TEXTS / 2,
								   .columns = 2,
								   .layers = 1,
								   .dimensions = D,
								   .labels = run->labels + step * TEXTS / 2,
								   .values = values,
								   .gradients = gradients},
			run->scratch, &loss, NULL),
		ANGLE_OK);
	for (size_t i = 0; i < TEXTS * D; i++)
		x[i] = (float) gradients[i];
	CHECK_INT(angle_engine_backward(run->engine, x, NULL), ANGLE_OK);
	return loss;
}

static double
run_step(Run *run, int step, double *norm)
{
	double loss = run_backward(run, step);

	*norm = angle_optimizer_step(
		run->optimizer, angle_engine_gradients(run->engine), run->executor);
	angle_engine_clear(run->engine);
	return loss;
}

static const AngleParameter *
find_parameter(const Run *run, const char *name, int module)
{
	for (size_t i = 0; i < run->model->parameter_count; i++)
	{
		const AngleParameter *parameter = &run->model->parameters[i];

		if (parameter->module == module && strcmp(parameter->name, name) == 0)
			return parameter;
	}
	return NULL;
}

/* The greatest difference of a weight to PyTorch's. */
static void
check_weights(const Run *run, const char *name)
{
	char path[256];
	size_t size = 0;
	size_t at = 0;
	size_t i;
	json_t *weight;
	float *expected;

	snprintf(path, sizeof(path), "golden/training/%s.f32", name);
	expected = (float *) test_read(path, &size);
	REQUIRE(expected != NULL);
	json_array_foreach(json_object_get(run->json, "weights"), i, weight)
	{
		const char *key = json_string_value(json_object_get(weight, "name"));
		size_t n = (size_t) json_integer_value(json_object_get(weight, "size"));
		const AngleParameter *parameter = find_parameter(
			run, key,
			(int) json_integer_value(json_object_get(weight, "module")));
		double worst = 0;

		REQUIRE(parameter != NULL && (at + n) * sizeof(float) <= size);
		for (size_t k = 0; k < n; k++)
			worst = fmax(
				worst, fabs((double) run->model->values[parameter->offset + k] -
							(double) expected[at + k]));
		at += n;
		if (!(worst <= 1e-5))
			test_fail(__FILE__, __LINE__, "%s: %s is %.3g off", name, key,
					  worst);
	}
	CHECK_INT(at * sizeof(float), size);
	free(expected);
}

static void
check_run(const char *name, int threads)
{
	static Run run;

	if (run_open(&run, name, threads, 0))
	{
		for (int step = 0; step < STEPS; step++)
		{
			double norm;
			double loss = run_step(&run, step, &norm);

			/* sums in F32, whose order depends on the width of registers */
			CHECK_NEAR(loss,
					   json_number_value(json_array_get(
						   json_object_get(run.json, "losses"), step)),
					   2e-6 * (1 + fabs(loss)));
			CHECK_NEAR(norm / json_number_value(json_array_get(
								  json_object_get(run.json, "norms"), step)),
					   1, 1e-4);
		}
		check_weights(&run, name);
	}
	run_close(&run);
}

TEST(ten_steps_equal_pytorch)
{
	check_run("UAE-Large-V1", 1);
	check_run("dense", 1);
	check_run("gelu-new", 1);
	check_run("UAE-Large-V1", 2);
}

/* ---- the norm of the gradient ------------------------------------------- */

/* The norm that Adam's first moment has after one step along a gradient of this
 * norm, divided by 1 − β₁: that of the gradient which the step took. */
static double
norm_taken(double norm, double clip, bool normalize)
{
	static Run run;
	double squares = 0;

	if (run_open(&run, "UAE-Large-V1", 1, 0))
	{
		size_t n = run.model->count;
		float *gradients = angle_arena_alloc(run.arena, n, sizeof(float));

		for (size_t i = 0; i < n; i++)
			gradients[i] = (float) (norm / sqrt((double) n));
		run.optimizer->options.clip = clip;
		run.optimizer->options.normalize = normalize;
		CHECK_NEAR(
			angle_optimizer_step(run.optimizer, gradients, run.executor) / norm,
			1, 1e-4);
		for (size_t i = 0; i < n; i++)
			squares += (double) run.optimizer->first[i] *
					   (double) run.optimizer->first[i];
	}
	run_close(&run);
	return sqrt(squares) / 0.1;
}

TEST(clipping_shortens_long_gradients_only)
{
	CHECK_NEAR(norm_taken(8, 2, false), 2, 1e-3);
	CHECK_NEAR(norm_taken(0.5, 2, false), 0.5, 1e-3);
	CHECK_NEAR(norm_taken(8, 0, false), 8, 1e-2);
}

TEST(normalizing_gives_every_gradient_one_norm)
{
	CHECK_NEAR(norm_taken(8, 2, true), 2, 1e-3);
	CHECK_NEAR(norm_taken(0.5, 2, true), 2, 1e-3);
}

/* ---- the engine --------------------------------------------------------- */

TEST(training_twice_gives_the_same_bits)
{
	static Run runs[2];

	for (int i = 0; i < 2; i++)
	{
		double norm;

		if (!run_open(&runs[i], "UAE-Large-V1", 2, 0.1f))
			continue;
		for (int step = 0; step < 3; step++)
			run_step(&runs[i], step, &norm);
	}
	if (runs[0].model != NULL && runs[1].model != NULL)
		CHECK(memcmp(runs[0].model->values, runs[1].model->values,
					 runs[0].model->count * sizeof(float)) == 0);
	run_close(&runs[0]);
	run_close(&runs[1]);
}

/* f along a direction in the parameters, under dropout: the masks of both
 * evaluations are those of the gradient. In floats the difference has about four
 * digits. */
TEST(gradient_under_dropout_is_the_slope_of_the_loss)
{
	static Run run;
	float *kept;
	const float *gradients;
	double slope = 0;
	double squares = 0;
	double high;
	double low;
	double step;

	if (!run_open(&run, "UAE-Large-V1", 2, 0.1f))
		return;
	run_backward(&run, 1);
	gradients = angle_engine_gradients(run.engine);
	kept = malloc(2 * run.model->count * sizeof(float));
	memcpy(kept, run.model->values, run.model->count * sizeof(float));
	memcpy(kept + run.model->count, gradients,
		   run.model->count * sizeof(float));
	for (size_t i = 0; i < run.model->count; i++)
		squares += (double) gradients[i] * (double) gradients[i];
	step = 2e-3 / sqrt(squares);
	for (int side = -1; side <= 1; side += 2)
	{
		for (size_t i = 0; i < run.model->count; i++)
			run.model->values[i] =
				kept[i] +
				(float) (side * step * (double) kept[run.model->count + i]);
		angle_trainable_repack(run.model, NULL);
		*(side < 0 ? &low : &high) = run_backward(&run, 1);
	}
	slope = (high - low) / (2 * step);
	CHECK_NEAR(slope / squares, 1, 2e-3);
	free(kept);
	run_close(&run);
}
