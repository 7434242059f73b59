/* What angle eval has measured, and how it is written down. */
#ifndef ANGLE_EVAL_REPORT_H
#define ANGLE_EVAL_REPORT_H

#include <stdio.h>

#include "trainer/eval_pairs.h"
#include "trainer/eval_retrieval.h"

typedef struct AngleStsResult
{
	const char *name;
	size_t pairs;
	AngleStsScores scores;
} AngleStsResult;

typedef struct AngleClassificationResult
{
	const char *name;
	size_t pairs;
	AngleClassificationScores scores;
} AngleClassificationResult;

typedef struct AngleRetrievalResult
{
	const char *name;
	size_t queries;
	size_t documents;
	AngleRetrievalScores scores;
} AngleRetrievalResult;

typedef struct AngleEvalReport
{
	const char *model; /* its path */
	const char *similarity;
	size_t dimensions;
	AngleStsResult *sts; /* (sts_count) */
	size_t sts_count;
	AngleClassificationResult *classification; /* (classification_count) */
	size_t classification_count;
	AngleRetrievalResult *retrieval; /* (retrieval_count) */
	size_t retrieval_count;
} AngleEvalReport;

/* Tables for people: correlations and scores times 100. */
void angle_eval_report_print(const AngleEvalReport *report, FILE *stream);

/* One object of JSON, as docs/evaluation.md describes it: scores as they are, null
 * for what is not defined. Errors: ANGLE_NO_MEMORY. */
ANGLE_MUST_CHECK AngleStatus angle_eval_report_json(
	const AngleEvalReport *report, FILE *stream, AngleError *err);

#endif
