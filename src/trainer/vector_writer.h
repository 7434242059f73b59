/* Writes embeddings to a stream, one after the other. */
#ifndef ANGLE_VECTOR_WRITER_H
#define ANGLE_VECTOR_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "core/base/status.h"

typedef enum AngleVectorFormat
{
	ANGLE_VECTORS_TEXT, /* [1,2.5,-3] and a newline, angle_vector's text */
	ANGLE_VECTORS_COPY, /* PostgreSQL's binary COPY, one angle_vector a row */
	ANGLE_VECTORS_NPY,	/* a NumPy array of float32, (count, dimensions) */
} AngleVectorFormat;

typedef struct AngleVectorWriter
{
	FILE *stream;
	AngleVectorFormat format;
	int dimensions;
	uint64_t count;
	off_t start; /* of ANGLE_VECTORS_NPY, whose header is written last */
} AngleVectorWriter;

/* "text", "copy", "npy"; false if name is none of them. */
bool angle_vector_format_from_name(const char *name, AngleVectorFormat *format);

/* Starts writing vectors of this many dimensions to stream.
 * Errors: ANGLE_INVALID_ARGUMENT (npy on a stream that cannot seek, more than
 * 16,000 dimensions for copy), ANGLE_IO_ERROR. */
ANGLE_MUST_CHECK AngleStatus angle_vectors_start(AngleVectorWriter *writer,
												 FILE *stream,
												 AngleVectorFormat format,
												 int dimensions,
												 AngleError *err);

/* Writes vectors (count, dimensions). */
ANGLE_MUST_CHECK AngleStatus angle_vectors_write(AngleVectorWriter *writer,
												 const float *vectors,
												 size_t count, AngleError *err);

/* Writes what stands at the end and flushes the stream. */
ANGLE_MUST_CHECK AngleStatus angle_vectors_finish(AngleVectorWriter *writer,
												  AngleError *err);

#endif
