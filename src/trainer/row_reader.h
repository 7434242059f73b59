/* The rows of one file of training data, in their order: which column plays which
 * part, which rows are taken, labels as numbers. */
#ifndef ANGLE_ROW_READER_H
#define ANGLE_ROW_READER_H

#include "trainer/dataset.h"

typedef struct AngleRowReader AngleRowReader;

/* A row; the texts are valid until the next call for the reader. */
typedef struct AngleRow
{
	uint64_t number; /* in the file, from 0, those left out not counted */
	double label;	 /* of ANGLE_ROW_LABELLED */
	int columns;	 /* the same for all rows of a file */
	AngleBytes texts[ANGLE_DATASET_MAX_TEXTS];
} AngleRow;

/* Opens the file of source, which must outlive the reader. Of lists, one
 * element or several are taken at random, as seed, the pass and the number of the
 * row decide.
 * Errors: those of angle_dataset_open(). */
ANGLE_MUST_CHECK AngleStatus angle_rows_open(const AngleDatasetSource *source,
											 uint64_t seed,
											 const AngleCancel *cancel,
											 AngleRowReader **reader,
											 AngleError *err);

/* Goes back to the start of the file. */
ANGLE_MUST_CHECK AngleStatus angle_rows_rewind(AngleRowReader *reader,
											   AngleError *err);

/* Reads the next row as it is in this pass; *end behind the last one. */
ANGLE_MUST_CHECK AngleStatus angle_rows_next(AngleRowReader *reader,
											 uint64_t pass, AngleRow *row,
											 bool *end, AngleError *err);

/* The last row once more, as it is in another pass. */
ANGLE_MUST_CHECK AngleStatus angle_rows_again(AngleRowReader *reader,
											  uint64_t pass, AngleRow *row,
											  AngleError *err);

AngleRowShape angle_rows_shape(const AngleRowReader *reader);

/* The rows left out so far since the start because of an empty text. */
uint64_t angle_rows_skipped(const AngleRowReader *reader);

/* For progress and messages about the last row. */
const AngleTable *angle_rows_table(const AngleRowReader *reader);

/* NULL is allowed. */
void angle_rows_close(AngleRowReader *reader);

#endif
