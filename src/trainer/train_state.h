/* Checkpoints of `angle train`: all that a run needs to go on as if it had never
 * stopped, in a safetensors file. */
#ifndef ANGLE_TRAIN_STATE_H
#define ANGLE_TRAIN_STATE_H

#include "trainer/trainee.h"

/* What a run knows beside the model and the data. */
typedef struct AngleTrainState
{
	uint64_t step;	/* steps made */
	uint64_t texts; /* learned from so far */
	double seconds; /* that training took */
	double best;	/* greatest score, −INFINITY before the first */
	uint64_t best_step;
	int stale;		 /* evaluations since then */
	uint64_t judged; /* the last step that was evaluated */
	uint64_t logged; /* bytes of the log */
} AngleTrainState;

/* Names of the files in the folder of a run. */
#define ANGLE_CHECKPOINT_FILE "checkpoint.safetensors"
#define ANGLE_BEST_FILE "best.safetensors"
#define ANGLE_LOG_FILE "training_log.jsonl"
#define ANGLE_CHART_FILE "training_curves.svg"

/* Writes the checkpoint, which replaces the one before when it is complete. */
ANGLE_MUST_CHECK AngleStatus angle_train_save(const AngleTrainee *trainee,
											  const AngleDataset *dataset,
											  const AngleTrainState *state,
											  AngleError *err);

/* Brings trainee, dataset and state to where the checkpoint was written.
 * Errors: ANGLE_NOT_FOUND, ANGLE_CORRUPT, ANGLE_INVALID_ARGUMENT (it is of a run
 * with other settings). */
ANGLE_MUST_CHECK AngleStatus angle_train_restore(AngleTrainee *trainee,
												 AngleDataset *dataset,
												 AngleTrainState *state,
												 AngleError *err);

/* Writes and reads the weights alone, those of the best score. */
ANGLE_MUST_CHECK AngleStatus angle_train_save_best(const AngleTrainee *trainee,
												   AngleError *err);
ANGLE_MUST_CHECK AngleStatus angle_train_restore_best(AngleTrainee *trainee,
													  AngleError *err);

#endif
