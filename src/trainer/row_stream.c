#include "trainer/row_stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#define BUFFER_ROWS ((size_t) 262144)
#define BUFFER_BYTES ((size_t) 128 << 20)

/* ---- rows in memory ----------------------------------------------------- */

AngleStatus
angle_row_store(const AngleRow *row, uint64_t pass, AngleStoredRow **stored,
				AngleError *err)
{
	size_t head =
		sizeof(AngleStoredRow) + (size_t) row->columns * sizeof(AngleBytes);
	size_t size = head;
	AngleStoredRow *copy;
	uint8_t *text;

	for (int i = 0; i < row->columns; i++)
		size += row->texts[i].size;
	copy = malloc(size);
	if (copy == NULL)
		return angle_no_memory(err);
	*copy = (AngleStoredRow){.number = row->number,
							 .pass = pass,
							 .bytes = size,
							 .label = row->label,
							 .columns = row->columns};
	text = (uint8_t *) copy + head;
	for (int i = 0; i < row->columns; i++)
	{
		size_t length = row->texts[i].size;

		copy->texts[i] = (AngleBytes){text, length};
		if (length > 0)
			memcpy(text, row->texts[i].data, length);
		text += length;
	}
	*stored = copy;
	return ANGLE_OK;
}

AngleStatus
angle_row_list_add(AngleRowList *list, AngleStoredRow *row, AngleError *err)
{
	if (list->count == list->capacity)
	{
		size_t capacity = list->capacity > 0 ? 2 * list->capacity : 64;
		AngleStoredRow **rows =
			realloc(list->rows, capacity * sizeof(*list->rows));

		if (rows == NULL)
			return angle_no_memory(err);
		list->rows = rows;
		list->capacity = capacity;
	}
	list->rows[list->count++] = row;
	return ANGLE_OK;
}

static void
free_list(AngleRowList *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->rows[i]);
	free(list->rows);
	*list = (AngleRowList){0};
}

/* ---- opening ------------------------------------------------------------ */

static void
add_to_fingerprint(AngleRowStream *stream, const AngleRow *row)
{
	uint64_t hash = stream->fingerprint;

	for (int i = 0; i < row->columns; i++)
		hash = XXH3_64bits_withSeed(row->texts[i].size > 0 ? row->texts[i].data
														   : NULL,
									row->texts[i].size, hash);
	stream->fingerprint =
		XXH3_64bits_withSeed(&row->label, sizeof(row->label), hash);
}

static AngleStatus
fail_no_rows(const AngleRowStream *stream, AngleError *err)
{
	const AngleDatasetSource *source = stream->source;

	if (source->where != NULL)
		return angle_fail(err, ANGLE_CORRUPT,
						  "file \"%s\" has no row for which \"%s\" holds",
						  source->path, source->where);
	return angle_fail(err, ANGLE_CORRUPT, "file \"%s\" has no row",
					  source->path);
}

static AngleStatus
read_through(AngleRowStream *stream, AngleError *err)
{
	AngleRow row;
	bool end;

	for (;;)
	{
		ANGLE_TRY(angle_rows_next(stream->reader, 0, &row, &end, err));
		if (end)
			break;
		add_to_fingerprint(stream, &row);
		stream->columns = row.columns;
		stream->rows++;
	}
	stream->skipped = angle_rows_skipped(stream->reader);
	if (stream->rows == 0)
		return fail_no_rows(stream, err);
	return angle_rows_rewind(stream->reader, err);
}

static bool
is_regular(const char *path)
{
	struct stat st;

	return strcmp(path, "-") != 0 && stat(path, &st) == 0 &&
		   S_ISREG(st.st_mode);
}

AngleStatus
angle_stream_open(AngleRowStream *stream, const AngleDatasetSource *source,
				  const AngleDatasetOptions *options, uint64_t seed,
				  AngleError *err)
{
	stream->source = source;
	stream->options = options;
	angle_rng_seed(&stream->rng, seed);
	ANGLE_TRY(
		angle_rows_open(source, seed, options->cancel, &stream->reader, err));
	stream->is_repeatable = is_regular(source->path);
	return stream->is_repeatable ? read_through(stream, err) : ANGLE_OK;
}

void
angle_stream_close(AngleRowStream *stream)
{
	angle_rows_close(stream->reader);
	free_list(&stream->buffer);
	free_list(&stream->waiting);
}

/* ---- the buffer --------------------------------------------------------- */

static bool
is_full(const AngleRowStream *stream)
{
	const AngleDatasetOptions *options = stream->options;
	size_t rows = options->buffer_rows ? options->buffer_rows : BUFFER_ROWS;
	size_t bytes = options->buffer_bytes ? options->buffer_bytes : BUFFER_BYTES;

	if (options->order == ANGLE_ORDER_FILE)
		return stream->buffer.count > 0;
	return stream->buffer.count > 0 &&
		   (stream->buffer.count >= rows || stream->buffer_bytes >= bytes);
}

static AngleStatus
check_pass(const AngleRowStream *stream, AngleError *err)
{
	if (!stream->is_repeatable || stream->read == stream->rows)
		return ANGLE_OK;
	return angle_fail(err, ANGLE_CORRUPT,
					  "file \"%s\" has changed: it had %llu rows and has %llu",
					  stream->source->path, (unsigned long long) stream->rows,
					  (unsigned long long) stream->read);
}

static AngleStatus
read_row(AngleRowStream *stream, AngleError *err)
{
	AngleStoredRow *stored;
	AngleStatus status;
	AngleRow row;

	ANGLE_TRY(angle_rows_next(stream->reader, stream->pass, &row,
							  &stream->pass_ended, err));
	if (stream->pass_ended)
		return check_pass(stream, err);
	ANGLE_TRY(angle_row_store(&row, stream->pass, &stored, err));
	status = angle_row_list_add(&stream->buffer, stored, err);
	if (status != ANGLE_OK)
	{
		free(stored);
		return status;
	}
	stream->buffer_bytes += stored->bytes;
	stream->read++;
	return ANGLE_OK;
}

static AngleStatus
start_pass(AngleRowStream *stream, AngleError *err)
{
	uint64_t passes = stream->options->passes;

	if (passes > 0 && stream->pass + 1 >= passes)
	{
		stream->ended = true;
		return ANGLE_OK;
	}
	ANGLE_TRY(angle_rows_rewind(stream->reader, err));
	stream->pass++;
	stream->read = 0;
	stream->pass_ended = false;
	return ANGLE_OK;
}

static AngleStatus
fill(AngleRowStream *stream, AngleError *err)
{
	while (!stream->pass_ended && !is_full(stream))
		ANGLE_TRY(read_row(stream, err));
	if (stream->pass_ended && stream->buffer.count == 0)
		return start_pass(stream, err);
	return ANGLE_OK;
}

/* The next row of the file, NULL behind the last pass. */
static AngleStatus
draw(AngleRowStream *stream, AngleStoredRow **row, AngleError *err)
{
	AngleRowList *buffer = &stream->buffer;
	size_t chosen = 0;

	*row = NULL;
	do
		ANGLE_TRY(fill(stream, err));
	while (buffer->count == 0 && !stream->ended);
	if (buffer->count == 0)
		return ANGLE_OK;
	if (stream->options->order == ANGLE_ORDER_SHUFFLED)
		chosen = angle_rng_below(&stream->rng, buffer->count);
	*row = buffer->rows[chosen];
	buffer->rows[chosen] = buffer->rows[--buffer->count];
	stream->buffer_bytes -= (*row)->bytes;
	return ANGLE_OK;
}

/* ---- rows that fit ------------------------------------------------------ */

void
angle_stream_start_batch(AngleRowStream *stream)
{
	stream->tried = 0;
}

static AngleStoredRow *
take_waiting(AngleRowStream *stream, AngleRowFits fits, void *context)
{
	AngleRowList *waiting = &stream->waiting;

	for (; stream->tried < waiting->count; stream->tried++)
	{
		AngleStoredRow *row = waiting->rows[stream->tried];

		if (!fits(context, row))
			continue;
		waiting->count--;
		memmove(waiting->rows + stream->tried,
				waiting->rows + stream->tried + 1,
				(waiting->count - stream->tried) * sizeof(*waiting->rows));
		return row;
	}
	return NULL;
}

AngleStatus
angle_stream_take(AngleRowStream *stream, AngleRowFits fits, void *context,
				  AngleStoredRow **row, AngleError *err)
{
	size_t most = 4 * stream->options->batch_rows + 1000;
	AngleStatus status;

	*row = take_waiting(stream, fits, context);
	while (*row == NULL && stream->waiting.count < most)
	{
		ANGLE_TRY(draw(stream, row, err));
		if (*row == NULL || fits(context, *row))
			break;
		status = angle_row_list_add(&stream->waiting, *row, err);
		if (status != ANGLE_OK)
		{
			free(*row);
			return status;
		}
		stream->tried++;
		*row = NULL;
	}
	return ANGLE_OK;
}
