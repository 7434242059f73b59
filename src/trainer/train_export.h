/* The model that training made, as a hub directory. */
#ifndef ANGLE_TRAIN_EXPORT_H
#define ANGLE_TRAIN_EXPORT_H

#include "trainer/trainee.h"

/* Writes the model into directory, which is empty: the files of the model that
 * training started from with its own weights, and what sentence-transformers needs
 * to give the same embeddings where those lack it. It has no README.md.
 * Errors: those of angle_export_run(). */
ANGLE_MUST_CHECK AngleStatus angle_train_export(const AngleTrainee *trainee,
												const char *directory,
												AngleError *err);

#endif
