#include "trainer/line_reader.h"

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
open_next(AngleLineReader *reader, AngleError *err)
{
	const char *path = reader->files[reader->next_file++];

	reader->line = 0;
	ANGLE_TRY(angle_input_open(path, reader->cancel, &reader->input, err));
	reader->name = angle_input_name(reader->input);
	return ANGLE_OK;
}

static void
close_input(AngleLineReader *reader)
{
	if (reader->input != NULL)
		reader->closed += angle_input_done(reader->input);
	angle_input_close(reader->input);
	reader->input = NULL;
}

static AngleStatus
grow(AngleLineReader *reader, AngleError *err)
{
	size_t capacity = reader->capacity ? 2 * reader->capacity : 65536;
	uint8_t *buffer;

	if (reader->capacity >= ANGLE_MAX_LINE)
		return angle_fail(err, ANGLE_TOO_LARGE,
						  "file \"%s\", line %llu: the line is longer than %zu "
						  "bytes",
						  reader->name, (unsigned long long) reader->line,
						  ANGLE_MAX_LINE);
	buffer = realloc(reader->buffer, capacity);
	if (buffer == NULL)
		return angle_no_memory(err);
	reader->buffer = buffer;
	reader->capacity = capacity;
	return ANGLE_OK;
}

/* Reads on behind what the buffer holds, with more room if it is full; *got is 0
 * at the end of the file. */
static AngleStatus
fill(AngleLineReader *reader, size_t *got, AngleError *err)
{
	if (reader->start > 0)
	{
		reader->stop -= reader->start;
		memmove(reader->buffer, reader->buffer + reader->start, reader->stop);
		reader->start = 0;
	}
	if (reader->stop == reader->capacity)
		ANGLE_TRY(grow(reader, err));
	ANGLE_TRY(angle_input_read(reader->input, reader->buffer + reader->stop,
							   reader->capacity - reader->stop, got, err));
	reader->stop += *got;
	return ANGLE_OK;
}

/* Takes the bytes up to the newline or the end; *complete is whether there is a
 * newline. */
static AngleStatus
read_line(AngleLineReader *reader, AngleBytes *line, bool *complete,
		  AngleError *err)
{
	const uint8_t *newline = NULL;
	size_t searched = 0;
	size_t got = 1;

	reader->line++;
	if (angle_cancelled(reader->cancel))
		return angle_fail_cancelled(err);
	for (;;)
	{
		size_t left = reader->stop - reader->start;

		if (left > searched)
			newline = memchr(reader->buffer + reader->start + searched, '\n',
							 left - searched);
		if (newline != NULL || got == 0)
			break;
		searched = left;
		ANGLE_TRY(fill(reader, &got, err));
	}
	*complete = newline != NULL;
	line->data = reader->buffer + reader->start;
	line->size = *complete ? (size_t) (newline - line->data)
						   : reader->stop - reader->start;
	reader->start += line->size + *complete;
	return ANGLE_OK;
}

AngleStatus
angle_lines_next(AngleLineReader *reader, AngleBytes *line, bool *end,
				 AngleError *err)
{
	bool complete;

	for (;;)
	{
		*end = reader->input == NULL && reader->next_file == reader->file_count;
		if (*end)
			return ANGLE_OK;
		if (reader->input == NULL)
			ANGLE_TRY(open_next(reader, err));
		ANGLE_TRY(read_line(reader, line, &complete, err));
		if (!complete)
			close_input(reader);
		if (complete || line->size > 0)
			break;
	}
	if (line->size == 0)
		*line = angle_bytes_of("");
	return ANGLE_OK;
}

uint64_t
angle_lines_done(const AngleLineReader *reader)
{
	return reader->closed +
		   (reader->input != NULL ? angle_input_done(reader->input) : 0);
}

void
angle_lines_close(AngleLineReader *reader)
{
	close_input(reader);
	free(reader->buffer);
}
