/* The sets on which a model is measured while it is trained. */
#ifndef ANGLE_TRAIN_SETS_H
#define ANGLE_TRAIN_SETS_H

#include "trainer/eval_pairs.h"
#include "trainer/eval_retrieval.h"
#include "trainer/trainee.h"

typedef struct AngleTrainSet
{
	const char *name;
	bool is_retrieval;
	AngleEvalPairs pairs;		 /* else */
	AngleRetrievalSet retrieval; /* if is_retrieval */
} AngleTrainSet;

/* Reads the sets of the settings, (evaluation_count) of them, into arena.
 * Errors: those of angle_eval_pairs_read(), angle_retrieval_find() and
 * angle_retrieval_read(). */
ANGLE_MUST_CHECK AngleStatus
angle_train_sets_read(const AngleTrainSettings *settings, AngleArena *arena,
					  AngleTrainSet **sets, AngleError *err);

/* Measures the model as it is now: Spearman × 100 of labelled pairs, 0 where it is
 * not defined; nDCG@10 × 100 of a retrieval set, under the prompts that the model
 * has for queries and passages. Errors: those of the evaluations. */
ANGLE_MUST_CHECK AngleStatus angle_train_set_measure(const AngleTrainSet *set,
													 AngleTrainee *trainee,
													 double *score,
													 AngleError *err);

#endif
