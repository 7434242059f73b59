/* Lines of several files, one after the other; those that are compressed by xz or
 * zstd are decompressed. */
#ifndef ANGLE_LINE_READER_H
#define ANGLE_LINE_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/cancel.h"
#include "core/base/status.h"
#include "trainer/input_file.h"

/* Longer lines are refused: what is read must fit into memory. */
#define ANGLE_MAX_LINE ((size_t) 64 << 20)

typedef struct AngleLineReader
{
	char *const *files; /* names; "-" is standard input */
	int file_count;
	int next_file;
	const AngleCancel *cancel;
	AngleInputFile *input; /* the current file, or NULL */
	const char *name;	   /* of the current file, for messages */
	uint64_t line;		   /* number in the current file, from 1 */
	uint64_t size;		   /* bytes of all files, 0 if not all are regular */
	uint64_t closed;	   /* bytes of the files that are done with */
	uint8_t *buffer; /* what has been read and not used, behind the last line */
	size_t capacity;
	size_t start; /* of what is not used */
	size_t stop;
} AngleLineReader;

/* Starts at the first of the files; with none, reads standard input. files must
 * outlive the reader. Close it with angle_lines_close(). */
void angle_lines_open(AngleLineReader *reader, char *const *files,
					  int file_count, const AngleCancel *cancel);

/* Reads the next line, without its newline, valid until the next call; at the
 * end of the last file sets *end. The last line needs no newline.
 * Errors: those of angle_input_open() and angle_input_read(); ANGLE_TOO_LARGE. */
ANGLE_MUST_CHECK AngleStatus angle_lines_next(AngleLineReader *reader,
											  AngleBytes *line, bool *end,
											  AngleError *err);

/* Bytes of the files that have been read. */
uint64_t angle_lines_done(const AngleLineReader *reader);

void angle_lines_close(AngleLineReader *reader);

#endif
