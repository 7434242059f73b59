/*
 * The rows of one file for a dataset, pass after pass, each pass in random order.
 *
 * Rows pass through a buffer of bounded size, from which one is drawn at random
 * each time. It is emptied before the next pass begins, so that a pass has each
 * row once. Drawn rows that do not fit into a batch wait, and come first in the
 * next ones.
 */
#ifndef ANGLE_ROW_STREAM_H
#define ANGLE_ROW_STREAM_H

#include "core/base/rng.h"
#include "trainer/row_reader.h"

/* A row in memory, in one block. */
typedef struct AngleStoredRow
{
	uint64_t number;
	uint64_t pass;
	size_t bytes; /* of the block */
	double label;
	int columns;
	AngleBytes texts[]; /* (columns) */
} AngleStoredRow;

typedef struct AngleRowList
{
	AngleStoredRow **rows;
	size_t count;
	size_t capacity;
} AngleRowList;

typedef struct AngleRowStream
{
	const AngleDatasetSource *source;
	const AngleDatasetOptions *options;
	AngleRowReader *reader;
	bool is_repeatable;
	/* of one pass, if the file could be read through */
	uint64_t rows;
	uint64_t skipped;
	uint64_t fingerprint; /* of all texts and labels */
	int columns;
	/* where it stands */
	uint64_t pass;
	uint64_t read;	 /* rows of the pass that went into the buffer */
	bool pass_ended; /* there are no more */
	bool ended;		 /* of the last pass */
	AngleRng rng;
	AngleRowList buffer;
	size_t buffer_bytes;
	AngleRowList waiting;
	size_t tried; /* of those that wait, in this batch */
} AngleRowStream;

/* Opens the file and reads it through if it can be read again. */
ANGLE_MUST_CHECK AngleStatus angle_stream_open(
	AngleRowStream *stream, const AngleDatasetSource *source,
	const AngleDatasetOptions *options, uint64_t seed, AngleError *err);

/* Whether a row may join the batch. */
typedef bool (*AngleRowFits)(void *context, const AngleStoredRow *row);

/* For a new batch, the rows that wait are asked again. */
void angle_stream_start_batch(AngleRowStream *stream);

/* Takes out the next row that fits; the caller frees it. NULL if there is none for
 * this batch. */
ANGLE_MUST_CHECK AngleStatus angle_stream_take(AngleRowStream *stream,
											   AngleRowFits fits, void *context,
											   AngleStoredRow **row,
											   AngleError *err);

/* A copy of a row in one block, for free(). */
ANGLE_MUST_CHECK AngleStatus angle_row_store(const AngleRow *row, uint64_t pass,
											 AngleStoredRow **stored,
											 AngleError *err);

ANGLE_MUST_CHECK AngleStatus angle_row_list_add(AngleRowList *list,
												AngleStoredRow *row,
												AngleError *err);

void angle_stream_close(AngleRowStream *stream);

#endif
