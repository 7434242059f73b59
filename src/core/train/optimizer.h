/* AdamW over all parameters of a model, with a linear warm-up and decay of the
 * rate and a limit on the norm of the gradient. */
#ifndef ANGLE_OPTIMIZER_H
#define ANGLE_OPTIMIZER_H

#include <stdbool.h>

#include "core/base/executor.h"
#include "core/train/trainable.h"

typedef struct AngleOptimizerOptions
{
	double rate;  /* the greatest */
	double decay; /* of weights and tables; never of biases and norms */
	double beta1;
	double beta2;
	double epsilon;
	double clip;		   /* greatest norm of the gradient; 0: no limit */
	bool normalize;		   /* gradients below clip are scaled up to it */
	uint64_t warmup_steps; /* in which the rate grows from 0 */
	uint64_t total_steps;  /* at which it is 0 again; 0: it stays */
} AngleOptimizerOptions;

typedef struct AngleOptimizer
{
	AngleOptimizerOptions options;
	AngleTrainable *model;
	uint64_t step; /* steps made */
	float *first;  /* (model's count) moments */
	float *second; /* (model's count) */
	size_t piece_count;
	struct AnglePiece *pieces; /* of the parameters, for the threads */
} AngleOptimizer;

ANGLE_MUST_CHECK AngleStatus angle_optimizer_create(
	AngleTrainable *model, const AngleOptimizerOptions *options,
	AngleArena *arena, AngleOptimizer **optimizer, AngleError *err);

/* The rate of the step that follows step steps. */
double
angle_optimizer_rate(const AngleOptimizerOptions *options, uint64_t step);

/* Changes the model's values by one step along gradients (model's count), makes
 * its packed forms again and returns the norm of the gradients before the limit.
 * If the norm is not finite nothing is changed and the step does not count. */
double angle_optimizer_step(AngleOptimizer *optimizer, const float *gradients,
							AngleExecutor *executor);

#endif
