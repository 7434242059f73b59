/* A model in training: one step after another from batches of texts. */
#ifndef ANGLE_TRAINEE_H
#define ANGLE_TRAINEE_H

#include "core/train/engine.h"
#include "core/train/optimizer.h"
#include "trainer/dataset.h"
#include "trainer/eval_encoder.h"
#include "trainer/train_settings.h"

typedef struct AngleTrainee AngleTrainee;

struct AngleTrainee
{
	const AngleTrainSettings *settings;
	AngleHubModel hub;
	AngleTrainable *model;
	AngleExecutor *executor;
	AngleEngine *engine;
	AngleOptimizer *optimizer;
	AngleObjective objective; /* with its views */
	int *layers; /* (layer_count) that are pooled, or NULL: the last */
	int layer_count;
	size_t max_tokens;
	double hidden_dropout;
	double attention_dropout;
	AngleArena *arena;	 /* of the run */
	AngleArena *scratch; /* of a batch */
	AngleArena *losses;	 /* of the losses of a batch */
	AngleModel *teacher; /* or NULL */
	AngleBytes teacher_image;
	struct AngleKnownPrompt *prompts; /* that have been resolved */
};

/* Reads the model and prepares it for total_steps. Close it also after an error.
 * Errors: those of the readers, ANGLE_INVALID_ARGUMENT (settings that the model
 * does not allow). */
ANGLE_MUST_CHECK AngleStatus
angle_trainee_open(AngleTrainee *trainee, const AngleTrainSettings *settings,
				   AngleArena *arena, AngleError *err);

/* Sets up the optimiser, once the number of steps is known. */
ANGLE_MUST_CHECK AngleStatus angle_trainee_start(AngleTrainee *trainee,
												 uint64_t total_steps,
												 AngleError *err);

/* Adds the gradients of one batch, the part-th of its step, to those so far, and
 * sets *loss. Errors: ANGLE_INVALID_TEXT, ANGLE_INVALID_ARGUMENT (a prompt),
 * ANGLE_NO_MEMORY. */
ANGLE_MUST_CHECK AngleStatus angle_trainee_learn(AngleTrainee *trainee,
												 const AngleDatasetBatch *batch,
												 int part, double *loss,
												 AngleError *err);

/* Makes the step; returns the norm of the gradient, which is not finite if the
 * step was left out. */
double angle_trainee_step(AngleTrainee *trainee);

/* The model as evaluations use it: without dropout. */
AngleEvalEncoder angle_trainee_encoder(AngleTrainee *trainee);

void angle_trainee_close(AngleTrainee *trainee);

#endif
