/* The description of a trained model: README.md of its directory. */
#ifndef ANGLE_TRAIN_CARD_H
#define ANGLE_TRAIN_CARD_H

#include "trainer/train_state.h"

typedef struct AngleCard
{
	const AngleTrainee *trainee;
	const AngleDataset *dataset;
	const AngleTrainState *state;
	uint64_t total_steps;
	int score_count;
	const char *const *names; /* (score_count) of the evaluations */
	const double *before; /* (score_count) Spearman × 100 before training */
	const double *after;  /* (score_count) of the weights that were kept */
} AngleCard;

/* Writes it at path. Errors: ANGLE_IO_ERROR. */
ANGLE_MUST_CHECK AngleStatus angle_card_write(const AngleCard *card,
											  const char *path,
											  AngleError *err);

#endif
