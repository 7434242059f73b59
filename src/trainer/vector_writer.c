#include "trainer/vector_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "trainer/float_text.h"

/* One size for any count, so that it can be written before the count is
 * known: a multiple of 64, as the format asks. */
#define NPY_HEADER_SIZE 128
#define NPY_MAGIC_SIZE 10 /* magic, version, length of the rest */

/* Dimensions of an angle_vector. */
#define MAX_DIMENSIONS 16000

bool
angle_vector_format_from_name(const char *name, AngleVectorFormat *format)
{
	static const char *const names[] = {[ANGLE_VECTORS_TEXT] = "text",
										[ANGLE_VECTORS_COPY] = "copy",
										[ANGLE_VECTORS_NPY] = "npy"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		if (strcmp(name, names[i]) == 0)
		{
			*format = (AngleVectorFormat) i;
			return true;
		}
	}
	return false;
}

static AngleStatus
check_stream(const AngleVectorWriter *writer, AngleError *err)
{
	if (!ferror(writer->stream))
		return ANGLE_OK;
	return angle_fail(err, ANGLE_IO_ERROR, "could not write the embeddings: %s",
					  strerror(errno));
}

/* ---- text --------------------------------------------------------------- */

static void
write_text(FILE *stream, const float *vector, int dimensions)
{
	char text[ANGLE_FLOAT_TEXT_SIZE];

	for (int i = 0; i < dimensions; i++)
	{
		size_t size = angle_float_text(vector[i], text);

		putc(i == 0 ? '[' : ',', stream);
		fwrite(text, 1, size, stream);
	}
	fputs("]\n", stream);
}

/* ---- COPY --------------------------------------------------------------- */

/* Signature with its zero byte, flags and the length of the header's extension,
 * both zero. */
static const char copy_header[11 + 4 + 4] = "PGCOPY\n\377\r\n";

static void
write_big_endian(FILE *stream, uint32_t number, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--)
		putc((int) (number >> (8 * i) & 0xff), stream);
}

/* One row of one column: angle_vector_send()'s bytes. */
static void
write_copy(FILE *stream, const float *vector, int dimensions)
{
	write_big_endian(stream, 1, 2);
	write_big_endian(stream, 4 + 4 * (uint32_t) dimensions, 4);
	write_big_endian(stream, (uint32_t) dimensions, 2);
	write_big_endian(stream, 0, 2);
	for (int i = 0; i < dimensions; i++)
	{
		uint32_t bits;

		memcpy(&bits, &vector[i], sizeof(bits));
		write_big_endian(stream, bits, 4);
	}
}

/* ---- NumPy -------------------------------------------------------------- */

/* numpy/lib/format.py, version 1.0 */
static void
write_npy_header(AngleVectorWriter *writer)
{
	char header[NPY_HEADER_SIZE + 1];
	int used;

	memcpy(header, "\223NUMPY\1\0", 8);
	header[8] = NPY_HEADER_SIZE - NPY_MAGIC_SIZE;
	header[9] = 0;
	used = snprintf(header + NPY_MAGIC_SIZE, NPY_HEADER_SIZE - NPY_MAGIC_SIZE,
					"{'descr': '<f4', 'fortran_order': False, "
					"'shape': (%llu, %d), }",
					(unsigned long long) writer->count, writer->dimensions);
	memset(header + NPY_MAGIC_SIZE + used, ' ',
		   (size_t) (NPY_HEADER_SIZE - NPY_MAGIC_SIZE - used));
	header[NPY_HEADER_SIZE - 1] = '\n';
	fwrite(header, 1, NPY_HEADER_SIZE, writer->stream);
}

static AngleStatus
start_npy(AngleVectorWriter *writer, AngleError *err)
{
	int flags = fcntl(fileno(writer->stream), F_GETFL);

	writer->start = ftello(writer->stream);
	if (writer->start < 0 || (flags & O_APPEND) != 0)
	{
		angle_fail(err, ANGLE_INVALID_ARGUMENT,
				   "the npy format cannot be written to a pipe or a terminal, "
				   "or appended to a file");
		angle_hint(err, "Name a file with --output FILE, or choose --format "
						"text or copy.");
		return ANGLE_INVALID_ARGUMENT;
	}
	write_npy_header(writer);
	return check_stream(writer, err);
}

static AngleStatus
finish_npy(AngleVectorWriter *writer, AngleError *err)
{
	if (fseeko(writer->stream, writer->start, SEEK_SET) != 0)
		return angle_fail(err, ANGLE_IO_ERROR,
						  "could not write the header of the array: %s",
						  strerror(errno));
	write_npy_header(writer);
	fseeko(writer->stream, 0, SEEK_END);
	return check_stream(writer, err);
}

/* ---- any format --------------------------------------------------------- */

AngleStatus
angle_vectors_start(AngleVectorWriter *writer, FILE *stream,
					AngleVectorFormat format, int dimensions, AngleError *err)
{
	*writer = (AngleVectorWriter){
		.stream = stream, .format = format, .dimensions = dimensions};
	switch (format)
	{
		case ANGLE_VECTORS_TEXT:
			return ANGLE_OK;
		case ANGLE_VECTORS_COPY:
			if (dimensions > MAX_DIMENSIONS)
				return angle_fail(err, ANGLE_INVALID_ARGUMENT,
								  "an angle_vector has at most %d dimensions, "
								  "not %d",
								  MAX_DIMENSIONS, dimensions);
			fwrite(copy_header, 1, sizeof(copy_header), stream);
			return check_stream(writer, err);
		case ANGLE_VECTORS_NPY:
			return start_npy(writer, err);
	}
	return ANGLE_OK;
}

AngleStatus
angle_vectors_write(AngleVectorWriter *writer, const float *vectors,
					size_t count, AngleError *err)
{
	size_t dimensions = (size_t) writer->dimensions;

	for (size_t i = 0; i < count; i++)
	{
		const float *vector = vectors + i * dimensions;

		switch (writer->format)
		{
			case ANGLE_VECTORS_TEXT:
				write_text(writer->stream, vector, writer->dimensions);
				break;
			case ANGLE_VECTORS_COPY:
				write_copy(writer->stream, vector, writer->dimensions);
				break;
			case ANGLE_VECTORS_NPY:
				fwrite(vector, sizeof(float), dimensions, writer->stream);
				break;
		}
	}
	writer->count += count;
	return check_stream(writer, err);
}

AngleStatus
angle_vectors_finish(AngleVectorWriter *writer, AngleError *err)
{
	if (writer->format == ANGLE_VECTORS_COPY)
		write_big_endian(writer->stream, 0xffff, 2);
	if (writer->format == ANGLE_VECTORS_NPY)
		ANGLE_TRY(finish_npy(writer, err));
	fflush(writer->stream);
	return check_stream(writer, err);
}
