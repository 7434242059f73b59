/*
 * The SQL of angle_embed_table(): which rows of a table want an embedding, a
 * batch of them, and their embeddings back. Each transaction begins with
 * angle_rows_open(), because the table may have changed since the last one.
 *
 * All names are qualified and quoted, operators too, so search_path means
 * nothing to them. Callers are connected to SPI.
 */
#ifndef ANGLE_TABLE_ROWS_H
#define ANGLE_TABLE_ROWS_H

#include "executor/spi.h"
#include "storage/itemptr.h"

typedef struct AngleTableRows
{
	Oid table;
	Oid type; /* angle_vector */
	const char *embedding;
	char **texts; /* (text_count) names of columns */
	int text_count;
	const char *condition; /* SQL of further conditions, or NULL */

	/* set by angle_rows_open(), in the memory context that it was called in */
	const char *name;	  /* of the table, for people */
	const char *relation; /* of the table, for SQL */
	const char *selected; /* FROM … WHERE … of the rows that want one */
} AngleTableRows;

/* How many rows want an embedding, and between which. */
typedef struct AngleTableSurvey
{
	int64 pending;
	BlockNumber first;
	BlockNumber last;
} AngleTableSurvey;

/* A row: the partition, or the table itself, and the place there. */
typedef struct AngleRowPlace
{
	ItemPointerData place;
	Oid table;
} AngleRowPlace;

/* Checks that the table is one and has the columns, of which that of the
 * embeddings takes so many dimensions of the model called model. Raises
 * ERRCODE_UNDEFINED_TABLE, ERRCODE_WRONG_OBJECT_TYPE and the errors of
 * columns.h. */
void angle_rows_open(AngleTableRows *rows, const char *model, int dimensions);

AngleTableSurvey angle_rows_survey(const AngleTableRows *rows);

/* Locks and returns up to limit rows, in their order, which come after a row and
 * before a block, less those that another session has locked. SPI's result has
 * the columns place, table, and the texts, which are not detoasted. */
SPITupleTable *
angle_rows_fetch(const AngleTableRows *rows, const AngleRowPlace *after,
				 BlockNumber before, int limit);

AngleRowPlace angle_rows_place(const SPITupleTable *fetched, uint64 row);

/* The texts of a row as one, palloc'd or a view of the row; never NULL. */
text *angle_rows_content(const SPITupleTable *fetched, uint64 row);

/* Stores the vectors (count) in the rows at places (count); returns in how many,
 * because triggers and policies may keep some from it. */
uint64 angle_rows_store(const AngleTableRows *rows, const AngleRowPlace *places,
						Datum *vectors, int count);

#endif
