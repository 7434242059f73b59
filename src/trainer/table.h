/*
 * Rows of a file of named columns: TSV with a header, or an object of JSON on
 * each line; plain or compressed by xz or zstd.
 */
#ifndef ANGLE_TABLE_H
#define ANGLE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/cancel.h"
#include "core/base/status.h"

typedef enum AngleTableSyntax
{
	ANGLE_TABLE_DETECT, /* JSONL if the first byte is "{" */
	ANGLE_TABLE_TSV,	/* no quoting: a field holds no tab and no newline */
	ANGLE_TABLE_JSONL,
} AngleTableSyntax;

/* A field: a text, or in JSONL a list of texts. Numbers of JSON are here as
 * text. */
typedef struct AngleField
{
	const AngleBytes *items; /* (count) */
	size_t count;			 /* 1 of a text that is no list */
	bool is_list;
} AngleField;

typedef struct AngleTable AngleTable;

/* Opens the file at path ("-": standard input) and reads its header; a file of
 * JSONL has as columns the keys of its first object. The path must outlive the
 * table, memory comes from arena and does not grow with the file.
 * Errors: ANGLE_NOT_FOUND, ANGLE_IO_ERROR, ANGLE_CORRUPT (no header, a name
 * twice, a damaged compressed file), ANGLE_INVALID_TEXT, ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus angle_table_open(
	const char *path, AngleTableSyntax syntax, const AngleCancel *cancel,
	AngleArena *arena, AngleTable **table, AngleError *err);

/* The place of a column called name in the header, −1 if there is none. */
int angle_table_find(const AngleTable *table, const char *name);

/* The columns of the header, for messages: "a, b, c", cut if they are many. */
const char *angle_table_names(const AngleTable *table);

/* Names the columns (of the header, count of them) whose fields the rows are to
 * have, in this order; others are looked at no more than the syntax requires. */
ANGLE_MUST_CHECK AngleStatus angle_table_select(AngleTable *table,
												const int *columns, int count,
												AngleError *err);

/* Reads the next row: fields (count of the selection), valid until the next
 * call; NULL behind the last row. Empty lines at the end are no rows.
 * Errors name file, line and column: ANGLE_CORRUPT (another number of fields
 * than the header has, no object, a key that is missing or has another type),
 * ANGLE_INVALID_TEXT, ANGLE_TOO_LARGE, ANGLE_IO_ERROR, ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus angle_table_next(AngleTable *table,
											  const AngleField **fields,
											  AngleError *err);

/* The line in the file of the last row, from 1. */
uint64_t angle_table_line(const AngleTable *table);

/* Fails with "file …, line …, column …: " before the message; column is a place
 * in the selection, −1: none. */
AngleStatus angle_table_fail(const AngleTable *table, int column,
							 AngleError *err, AngleStatus status,
							 const char *format, ...) ANGLE_PRINTF(5, 6);

/* Bytes of the file that have been read, and its size or 0: for progress. */
uint64_t angle_table_done(const AngleTable *table);
uint64_t angle_table_size(const AngleTable *table);

/* NULL is allowed. */
void angle_table_close(AngleTable *table);

#endif
