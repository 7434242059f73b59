/* The bytes of a file, or of standard input; decompressed if they are xz or
 * zstd, which their first bytes say. */
#ifndef ANGLE_INPUT_FILE_H
#define ANGLE_INPUT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/cancel.h"
#include "core/base/status.h"

typedef struct AngleInputFile AngleInputFile;

/* Opens the file at path; "-" is standard input. The path must outlive it.
 * Errors: ANGLE_NOT_FOUND, ANGLE_IO_ERROR, ANGLE_NO_MEMORY. */
ANGLE_MUST_CHECK AngleStatus angle_input_open(const char *path,
											  const AngleCancel *cancel,
											  AngleInputFile **input,
											  AngleError *err);

/* What messages call it: the path, or "standard input". */
const char *angle_input_name(const AngleInputFile *input);

/* Reads up to size bytes, at least one before the end, as soon as there are any;
 * *got is 0 at the end.
 * Errors: ANGLE_IO_ERROR, ANGLE_CANCELLED, ANGLE_NO_MEMORY; ANGLE_CORRUPT (what is
 * compressed is damaged or ends early), ANGLE_TOO_LARGE (decompressing takes more
 * than 256 MiB of memory). */
ANGLE_MUST_CHECK AngleStatus angle_input_read(AngleInputFile *input,
											  uint8_t *buffer, size_t size,
											  size_t *got, AngleError *err);

/* Bytes of the file itself that have been read. */
uint64_t angle_input_done(const AngleInputFile *input);

/* NULL is allowed. */
void angle_input_close(AngleInputFile *input);

#endif
