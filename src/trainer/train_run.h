/* A training run from its first step to its model. */
#ifndef ANGLE_TRAIN_RUN_H
#define ANGLE_TRAIN_RUN_H

#include "trainer/train_settings.h"

/* Trains, and writes settings->output. What an interrupted run needs to go on is
 * in settings->folder, which is gone when the model is there.
 * Errors: those of the readers; ANGLE_CANCELLED after a checkpoint has been
 * written; ANGLE_INVALID_ARGUMENT (the gradient is not finite; a run is in the
 * way, or there is none to go on). */
ANGLE_MUST_CHECK AngleStatus angle_train_run(const AngleTrainSettings *settings,
											 AngleArena *arena,
											 AngleError *err);

#endif
