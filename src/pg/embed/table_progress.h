/* What angle_embed_table() tells of its progress: in NOTICE messages, and to
 * other sessions in the view angle_stat_progress_embed. */
#ifndef ANGLE_TABLE_PROGRESS_H
#define ANGLE_TABLE_PROGRESS_H

#include "datatype/timestamp.h"
#include "pg/embed/table_rows.h"

/* Counts of rows. Several sessions may share a table: passed and total are about
 * the table, embedded is about this one. */
typedef struct AngleTableProgress
{
	TimestampTz start;
	TimestampTz told; /* when the last message was sent */
	int64 embedded;
	int64 passed; /* estimated by the place that has been reached */
	int64 total;  /* pending at the start, or more if there came more */
	AngleTableSurvey survey; /* of the present pass */
} AngleTableProgress;

void angle_table_progress_start(AngleTableProgress *progress,
								const AngleTableRows *rows);

/* A pass over the table begins. */
void angle_table_progress_pass(AngleTableProgress *progress,
							   const AngleTableRows *rows,
							   const AngleTableSurvey *survey);

/* So many rows are embedded and committed; next is the block to go on at. */
void angle_table_progress_batch(AngleTableProgress *progress,
								const AngleTableRows *rows, uint64 embedded,
								BlockNumber next);

/* left: rows that still want an embedding. */
void angle_table_progress_end(AngleTableProgress *progress,
							  const AngleTableRows *rows, int64 left);

#endif
