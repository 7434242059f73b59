/* Sets of labelled pairs of texts, and how well similarities agree with the
 * labels. */
#ifndef ANGLE_EVAL_PAIRS_H
#define ANGLE_EVAL_PAIRS_H

#include "trainer/dataset.h"
#include "trainer/eval_encoder.h"

typedef struct AngleEvalPairs
{
	const char *name; /* of the file, without its folder and endings */
	size_t count;
	const AngleBytes *first;  /* (count) */
	const AngleBytes *second; /* (count) */
	const double *labels;	  /* (count) */
} AngleEvalPairs;

/* Reads all rows of source, whose shape must be ANGLE_ROW_LABELLED, into arena;
 * its prompts, weight and label_divisor do not count.
 * Errors: those of angle_dataset_open(). */
ANGLE_MUST_CHECK AngleStatus angle_eval_pairs_read(
	const AngleDatasetSource *source, const AngleCancel *cancel,
	AngleArena *arena, AngleEvalPairs *pairs, AngleError *err);

/* How a set is compared. */
typedef struct AngleEvalPairsOptions
{
	AngleSimilarity similarity;
	const char *prompt;	   /* of both texts; NULL: the model's default */
	double positive_label; /* of classification: labels from it on are 1 */
} AngleEvalPairsOptions;

/* Agreement with labels that are numbers. All rows of the set are one sample,
 * whatever parts it has: the setting "all" of Gao et al. 2021 (SimCSE), appendix
 * B. NaN if all labels or all similarities are equal. */
typedef struct AngleStsScores
{
	double spearman; /* of ranks, ties with their mean rank, in [−1, 1] */
	double pearson;
} AngleStsScores;

ANGLE_MUST_CHECK AngleStatus angle_eval_sts(
	const AngleEvalPairs *pairs, const AngleEvalPairsOptions *options,
	AngleEvalEncoder *encoder, AngleStsScores *scores, AngleError *err);

/* Agreement with labels that are yes or no. */
typedef struct AngleClassificationScores
{
	double average_precision; /* Σ (Rₙ − Rₙ₋₁) Pₙ over distinct similarities */
	/* of the rule "yes where the similarity is at least the threshold", with the
	 * best threshold, half way between two similarities */
	double accuracy;
	double accuracy_threshold;
	double f1;
	double f1_threshold;
	double precision; /* at the threshold of f1 */
	double recall;
	size_t positives;
} AngleClassificationScores;

/* Errors: ANGLE_INVALID_ARGUMENT if the labels are all on one side. */
ANGLE_MUST_CHECK AngleStatus angle_eval_classification(
	const AngleEvalPairs *pairs, const AngleEvalPairsOptions *options,
	AngleEvalEncoder *encoder, AngleClassificationScores *scores,
	AngleError *err);

#endif
