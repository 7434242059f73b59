/*
 * Hard negatives: texts that a model finds near a query although they are not its
 * answer.
 */
#ifndef ANGLE_MINING_H
#define ANGLE_MINING_H

#include <stdio.h>

#include "trainer/dataset.h"
#include "trainer/model_encoder.h"

typedef enum AngleMiningChoice
{
	ANGLE_MINING_NEAREST, /* the nearest candidates, in their order */
	ANGLE_MINING_RANDOM,  /* at random among all candidates */
} AngleMiningChoice;

typedef enum AngleMiningFormat
{
	ANGLE_MINING_TSV,	/* query, positive, negative_1, negative_2 … */
	ANGLE_MINING_JSONL, /* query, positive, negatives: a list */
} AngleMiningFormat;

/*
 * Candidates of a row are the texts nearest to its query, without the query itself
 * and without any positive that the query has in any row, each text once. They
 * are ranked from 1; those stay whose rank and whose similarity s, against
 * that of the row's positive p, are within the bounds.
 */
typedef struct AngleMiningOptions
{
	AngleDatasetSource source; /* the queries and their positives */
	const char *corpus;		   /* file of texts; NULL: all positives */
	const char *corpus_column; /* of them; NULL: "text" */
	AngleSimilarity similarity;
	const char *query_prompt;
	const char *passage_prompt;
	int rank_min;
	int rank_max;
	double margin;			/* s ≤ p − margin; −∞: any */
	double relative_margin; /* s ≤ p − relative_margin |p|; −∞: any */
	double score_min;		/* s at least, −∞: any */
	double score_max;		/* s at most, ∞: any */
	int negatives;			/* of each row */
	AngleMiningChoice choice;
	uint64_t seed;
	AngleMiningFormat format;
} AngleMiningOptions;

typedef struct AngleMiningCounts
{
	uint64_t rows;	  /* read */
	uint64_t written; /* had enough candidates */
} AngleMiningCounts;

/* Reads the rows, searches, and writes each row that has enough candidates with
 * its negatives, in the order of the rows. What comes depends on the options, the
 * files and the model alone. The texts and embeddings of the rows are in memory;
 * of a corpus only what was found, whatever its size: it is read twice.
 * Errors: those of angle_dataset_open() and of the encoder; ANGLE_INVALID_ARGUMENT
 * for a text that TSV cannot hold, a corpus that cannot be read again. */
ANGLE_MUST_CHECK AngleStatus angle_mine(const AngleMiningOptions *options,
										AngleModelEncoder *encoder,
										FILE *stream, AngleMiningCounts *counts,
										AngleError *err);

#endif
