/* Lines of several files, one after the other. */
#ifndef ANGLE_LINE_READER_H
#define ANGLE_LINE_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/bytes.h"
#include "core/base/cancel.h"
#include "core/base/status.h"

/* Longer lines are refused: what is read must fit into memory. */
#define ANGLE_MAX_LINE ((size_t) 64 << 20)

typedef struct AngleLineReader
{
	char *const *files; /* names; "-" is standard input */
	int file_count;
	int next_file;
	const AngleCancel *cancel;
	FILE *stream;	  /* of the current file, or NULL */
	const char *name; /* of the current file, for messages */
	uint64_t line;	  /* number in the current file, from 1 */
	uint64_t size;	  /* bytes of all files, 0 if not all are regular */
	uint64_t done;	  /* bytes read */
	char *buffer;	  /* the current line */
	size_t capacity;
} AngleLineReader;

/* Starts at the first of the files; with none, reads standard input. files must
 * outlive the reader. Close it with angle_lines_close(). */
void angle_lines_open(AngleLineReader *reader, char *const *files,
					  int file_count, const AngleCancel *cancel);

/* Reads the next line, without its newline, valid until the next call; at the
 * end of the last file sets *end. The last line needs no newline.
 * Errors: ANGLE_NOT_FOUND, ANGLE_IO_ERROR, ANGLE_TOO_LARGE, ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus angle_lines_next(AngleLineReader *reader,
											  AngleBytes *line, bool *end,
											  AngleError *err);

void angle_lines_close(AngleLineReader *reader);

#endif
