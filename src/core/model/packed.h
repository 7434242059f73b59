/*
 * The packed model file: one configuration and named arrays, laid out so that
 * the kernels stream them straight from the mapping. The format is described
 * byte by byte in docs/model-format.md; this file is its only reader and
 * writer.
 */
#ifndef ANGLE_PACKED_H
#define ANGLE_PACKED_H

#include <stdio.h>

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/cancel.h"
#include "core/base/status.h"
#include "core/model/config.h"

/* The type of an array's elements. */
typedef enum AnglePackedType
{
	ANGLE_PACKED_BYTES = 1, /* opaque */
	ANGLE_PACKED_F32 = 2,
	ANGLE_PACKED_I32 = 3,
	ANGLE_PACKED_I8 = 4,		/* row-major */
	ANGLE_PACKED_I8_PANEL = 5,	/* panels of tensor/kernels.h, padded */
	ANGLE_PACKED_F32_PANEL = 6, /* the same in F32 */
} AnglePackedType;

/* One array. shape is logical: (rows, columns), (n, 1) for a vector. data is
 * aligned to ANGLE_ALIGNMENT in the file. */
typedef struct AnglePackedArray
{
	const char *name;
	AnglePackedType type;
	uint32_t rows;
	uint32_t columns;
	AngleBytes data;
} AnglePackedArray;

typedef struct AnglePackedFile
{
	AngleModelConfig config;
	size_t count;
	const AnglePackedArray *arrays; /* (count), sorted by name */
} AnglePackedFile;

/* How much of the file to read when it is opened. */
typedef enum AnglePackedCheck
{
	ANGLE_PACKED_CHECK_HEADER,	/* header, directory and configuration */
	ANGLE_PACKED_CHECK_CONTENT, /* and the checksum of every byte */
} AnglePackedCheck;

/* Opens an image (64-byte aligned, as a mapping is), which must outlive the
 * result; everything else lies in arena. Refuses unknown versions, types and
 * flags. Reading all of a file that is not in the page cache can take seconds;
 * cancel, which may be NULL, ends that.
 * Errors: ANGLE_CORRUPT, ANGLE_UNSUPPORTED, ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus angle_packed_open(
	AngleBytes image, AnglePackedCheck check, const AngleCancel *cancel,
	AngleArena *arena, AnglePackedFile *file, AngleError *err);

/* Finds the array called wanted->name and checks that it has wanted's type and
 * shape: ANGLE_CORRUPT names what is missing or wrong. */
ANGLE_MUST_CHECK AngleStatus angle_packed_find(const AnglePackedFile *file,
											   const AnglePackedArray *wanted,
											   AngleBytes *data,
											   AngleError *err);

/* Bytes of an array of this type and shape; false on overflow. */
bool angle_packed_bytes(AnglePackedType type, uint32_t rows, uint32_t columns,
						size_t *bytes);

/* Writes arrays one at a time, so that a packed file larger than memory can be
 * made. The file is complete, and its checksum right, after
 * angle_packed_finish(). */
typedef struct AnglePackedWriter AnglePackedWriter;

/* Starts writing to stream, which must be seekable and empty. plan says what
 * will be written: the directory precedes the data, so the arrays must be
 * announced, in any order; no name may be there twice. Their data is ignored,
 * and they must outlive the writer.
 * Errors: ANGLE_INVALID_ARGUMENT, ANGLE_IO_ERROR, and of the configuration. */
ANGLE_MUST_CHECK AngleStatus angle_packed_start(FILE *stream,
												const AnglePackedFile *plan,
												AngleArena *arena,
												AnglePackedWriter **writer,
												AngleError *err);

/* Writes the data of the next array, in the announced order. */
ANGLE_MUST_CHECK AngleStatus angle_packed_append(AnglePackedWriter *writer,
												 AngleBytes data,
												 AngleError *err);

/* Writes header and checksum and flushes the stream; does not close it. */
ANGLE_MUST_CHECK AngleStatus angle_packed_finish(AnglePackedWriter *writer,
												 AngleError *err);

#endif
