#include "trainer/line_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *const standard_input[] = {"-"};

static bool
is_standard_input(const char *name)
{
	return strcmp(name, "-") == 0;
}

void
angle_lines_open(AngleLineReader *reader, char *const *files, int file_count,
				 const AngleCancel *cancel)
{
	*reader = (AngleLineReader){
		.files = file_count > 0 ? files : standard_input,
		.file_count = file_count > 0 ? file_count : 1,
		.cancel = cancel,
	};
	for (int i = 0; i < reader->file_count; i++)
	{
		const char *name = reader->files[i];
		struct stat st;
		int rc = is_standard_input(name) ? fstat(STDIN_FILENO, &st)
										 : stat(name, &st);

		if (rc != 0 || !S_ISREG(st.st_mode))
		{
			reader->size = 0;
			return;
		}
		reader->size += (uint64_t) st.st_size;
	}
}

static AngleStatus
fail_read(const AngleLineReader *reader, AngleError *err)
{
	return angle_fail(err, errno == ENOENT ? ANGLE_NOT_FOUND : ANGLE_IO_ERROR,
					  "could not read file \"%s\": %s", reader->name,
					  strerror(errno));
}

static AngleStatus
open_next(AngleLineReader *reader, AngleError *err)
{
	reader->name = reader->files[reader->next_file++];
	reader->line = 0;
	if (is_standard_input(reader->name))
	{
		reader->name = "standard input";
		reader->stream = stdin;
	}
	else
		reader->stream = fopen(reader->name, "rbe");
	return reader->stream == NULL ? fail_read(reader, err) : ANGLE_OK;
}

static void
close_stream(AngleLineReader *reader)
{
	if (reader->stream != NULL && reader->stream != stdin)
		fclose(reader->stream);
	reader->stream = NULL;
}

static AngleStatus
grow(AngleLineReader *reader, AngleError *err)
{
	size_t capacity = reader->capacity ? 2 * reader->capacity : 4096;
	char *buffer;

	if (reader->capacity >= ANGLE_MAX_LINE)
		return angle_fail(err, ANGLE_TOO_LARGE,
						  "file \"%s\", line %llu: the line is longer than %zu "
						  "bytes",
						  reader->name, (unsigned long long) reader->line,
						  ANGLE_MAX_LINE);
	buffer = realloc(reader->buffer, capacity);
	if (buffer == NULL)
		return angle_fail(err, ANGLE_NO_MEMORY, "out of memory");
	reader->buffer = buffer;
	reader->capacity = capacity;
	return ANGLE_OK;
}

/* Reads up to the newline or the end; *last is the byte that ended it. */
static AngleStatus
read_line(AngleLineReader *reader, size_t *length, int *last, AngleError *err)
{
	int byte;

	reader->line++;
	*length = 0;
	while ((byte = getc_unlocked(reader->stream)) != EOF && byte != '\n')
	{
		if (*length == reader->capacity)
			ANGLE_TRY(grow(reader, err));
		reader->buffer[(*length)++] = (char) byte;
	}
	*last = byte;
	reader->done += *length + (byte == '\n');
	if (angle_cancelled(reader->cancel))
		return angle_fail_cancelled(err);
	if (byte == EOF && ferror(reader->stream))
		return fail_read(reader, err);
	return ANGLE_OK;
}

AngleStatus
angle_lines_next(AngleLineReader *reader, AngleBytes *line, bool *end,
				 AngleError *err)
{
	size_t length;
	int last;

	for (;;)
	{
		*end =
			reader->stream == NULL && reader->next_file == reader->file_count;
		if (*end)
			return ANGLE_OK;
		if (reader->stream == NULL)
			ANGLE_TRY(open_next(reader, err));
		ANGLE_TRY(read_line(reader, &length, &last, err));
		if (last == EOF)
			close_stream(reader);
		if (last == '\n' || length > 0)
			break;
	}
	*line = length > 0 ? (AngleBytes){(const uint8_t *) reader->buffer, length}
					   : angle_bytes_of("");
	return ANGLE_OK;
}

void
angle_lines_close(AngleLineReader *reader)
{
	close_stream(reader);
	free(reader->buffer);
}
