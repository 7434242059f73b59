/*
 * Training data: rows of one or several files as batches, for as long as the
 * caller asks.
 *
 * Nothing but a bounded number of rows of each file is in memory. What comes is
 * decided by the options and the seed alone, whatever the machine; and a dataset
 * that is restored from a saved state goes on to the bit as the saved one does.
 */
#ifndef ANGLE_DATASET_H
#define ANGLE_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/cancel.h"
#include "core/base/status.h"
#include "trainer/table.h"

/* The most texts of a row: a query, its positive and 62 negatives. */
#define ANGLE_DATASET_MAX_TEXTS 64

/* What a row holds. */
typedef enum AngleRowShape
{
	ANGLE_ROW_DETECT,	/* what the columns of the file allow: the richest */
	ANGLE_ROW_LABELLED, /* A: text1, text2 and their label */
	ANGLE_ROW_POSITIVE, /* B: query, positive */
	ANGLE_ROW_NEGATIVE, /* C: query, positive and one or more negatives */
} AngleRowShape;

/* What becomes of a row with a text that is empty or white space. */
typedef enum AngleEmptyText
{
	ANGLE_EMPTY_REFUSE, /* an error */
	ANGLE_EMPTY_SKIP,	/* the row is left out */
	ANGLE_EMPTY_KEEP,	/* it is a text like any other */
} AngleEmptyText;

/* One file. Zeros are defaults; strings outlive the dataset. */
typedef struct AngleDatasetSource
{
	const char *path;		 /* "-": standard input */
	AngleTableSyntax syntax; /* of the file */
	AngleRowShape shape;	 /* of its rows */
	AngleEmptyText empty;
	/* Which column plays which part, "text1=premise,text2=hypothesis"; the parts
	 * are text1, text2, label, query, positive and negative (which may occur
	 * several times). A part that is not named is played by the column called like
	 * it, or sentence1, premise (text1), sentence2, hypothesis (text2), score,
	 * similarity (label), anchor, question (query), answer (positive), negatives,
	 * negative1, negative_1 and so on (negative). */
	const char *columns;
	/* Labels that are words, "entailment=1,neutral=0.5"; NULL: numbers. A word
	 * that is not in the list is an error. */
	const char *labels;
	double label_divisor; /* labels are divided by it; 0: 1 */
	/* Which rows are taken, "split=train,source!=sick": all conditions hold, by
	 * the bytes of the columns. NULL: all. */
	const char *where;
	/* How many elements of a list in the negative column make a row's negatives;
	 * 0: 1 */
	int negatives;
	/* The prompts, each a template with "{text}" or a name that the model knows;
	 * NULL: no prompt. */
	const char *query_prompt;	/* of query, text1 and text2 */
	const char *passage_prompt; /* of positive and negatives */
	double weight;				/* in the mixture; 0: the number of its rows */
} AngleDatasetSource;

typedef enum AngleMixture
{
	ANGLE_MIX_BY_WEIGHT,   /* at random, in proportion to the weights */
	ANGLE_MIX_ROUND_ROBIN, /* one after the other */
} AngleMixture;

typedef enum AngleMixtureUnit
{
	ANGLE_MIX_BATCHES, /* a batch is of one file; files may differ in shape */
	ANGLE_MIX_ROWS,	   /* the rows of a batch are of any file, of one shape */
} AngleMixtureUnit;

typedef enum AngleRowOrder
{
	ANGLE_ORDER_SHUFFLED, /* through the buffer */
	ANGLE_ORDER_FILE,	  /* as in the file */
} AngleRowOrder;

typedef enum AngleBatchDuplicates
{
	/* No text stands in two rows of a batch. The row that would bring one waits
	 * for the next batch. */
	ANGLE_DUPLICATES_AVOID,
	ANGLE_DUPLICATES_ALLOW,
} AngleBatchDuplicates;

/* Zeros are defaults. */
typedef struct AngleDatasetOptions
{
	const AngleDatasetSource *sources; /* (source_count) */
	int source_count;				   /* at least 1 */
	AngleMixture mixture;
	AngleMixtureUnit unit;
	AngleRowOrder order;
	AngleBatchDuplicates duplicates;
	size_t batch_rows; /* at least 1 */
	uint64_t passes;   /* how often each file is read; 0: without an end */
	uint64_t seed;
	/* Bounds of the rows of each file that wait in memory to be shuffled: 0 for
	 * 262,144 rows, and 128 MiB. A file that fits is shuffled perfectly. */
	size_t buffer_rows;
	size_t buffer_bytes;
	const AngleCancel *cancel; /* NULL: cannot be cancelled */
} AngleDatasetOptions;

typedef struct AngleDatasetText
{
	AngleBytes text;	/* UTF-8 */
	const char *prompt; /* that of its column, or NULL */
} AngleDatasetText;

/* Valid until the next call for the dataset. */
typedef struct AngleDatasetBatch
{
	AngleRowShape shape; /* never ANGLE_ROW_DETECT */
	int source;			 /* index of its file; −1: rows of several */
	size_t rows;		 /* 0 behind the last batch */
	size_t columns;		 /* texts of each row: 2, or 2 and the negatives */
	/* (rows, columns): text1, text2; query, positive, negative… */
	const AngleDatasetText *texts;
	const float *labels; /* (rows) of ANGLE_ROW_LABELLED, or NULL */
} AngleDatasetBatch;

typedef struct AngleDataset AngleDataset;

/* Opens the files and, but for standard input, reads each of them through once:
 * a row that is malformed anywhere is an error here and not hours later, and the
 * rows are counted. Standard input can be read once only: passes must be 1, and
 * its weight be given in a mixture.
 *
 * Errors name file, line and column: ANGLE_NOT_FOUND, ANGLE_IO_ERROR,
 * ANGLE_CORRUPT (also a damaged compressed file), ANGLE_INVALID_TEXT,
 * ANGLE_INVALID_ARGUMENT (options), ANGLE_TOO_LARGE, ANGLE_CANCELLED. A dataset
 * without any row is ANGLE_CORRUPT. */
ANGLE_MUST_CHECK AngleStatus
angle_dataset_open(const AngleDatasetOptions *options, AngleArena *arena,
				   AngleDataset **dataset, AngleError *err);

/* The rows of a file in one pass, those left out not counted; 0 if it is standard
 * input. */
uint64_t angle_dataset_rows(const AngleDataset *dataset, int source);

/* Those of all files: by them a caller turns epochs into steps. */
uint64_t angle_dataset_total_rows(const AngleDataset *dataset);

/* The rows of a file that were left out in one pass because of an empty text. */
uint64_t angle_dataset_skipped(const AngleDataset *dataset, int source);

/* What the rows of a file hold. */
AngleRowShape angle_dataset_shape(const AngleDataset *dataset, int source);

/* Gives the next batch. It has fewer rows than were asked for only when its files
 * end, or when so many rows that have a text in common with it wait for the next
 * ones that there may be no more of them: 4 batches and 1,000 rows of each file.
 * Errors: those of angle_dataset_open(); ANGLE_CORRUPT if a file has changed. */
ANGLE_MUST_CHECK AngleStatus angle_dataset_next(AngleDataset *dataset,
												AngleDatasetBatch *batch,
												AngleError *err);

/* How many batches have been given. */
uint64_t angle_dataset_batches(const AngleDataset *dataset);

/* Describes in arena where the dataset stands, between two batches: no texts, but
 * the numbers of the rows that wait. */
ANGLE_MUST_CHECK AngleStatus angle_dataset_save(const AngleDataset *dataset,
												AngleArena *arena,
												AngleBytes *state,
												AngleError *err);

/* Brings a dataset that has just been opened, with the same options and the same
 * files, wherever they lie now, to where state says. Reads up to one pass of
 * each file.
 * Errors: ANGLE_CORRUPT (not a state), ANGLE_INVALID_ARGUMENT (a state of other
 * options or of other rows). */
ANGLE_MUST_CHECK AngleStatus angle_dataset_restore(AngleDataset *dataset,
												   AngleBytes state,
												   AngleError *err);

/* Closes the files; NULL is allowed. */
void angle_dataset_close(AngleDataset *dataset);

#endif
