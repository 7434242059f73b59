/*
 * Where a dataset stands, as bytes: 64-bit numbers, little-endian.
 *
 *     magic, identity, batches, turn, generator (4)
 *     for each file: pass, read, pass_ended, ended, generator (4),
 *         count and numbers of the buffered rows,
 *         count and (pass, number) of the waiting rows
 *     checksum of all before it
 *
 * The texts of the rows are found again in the files.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "trainer/dataset_parts.h"

#define MAGIC UINT64_C(0x3173746473676e61) /* "angsdts1" */

/* ---- writing ------------------------------------------------------------ */

typedef struct Writer
{
	uint8_t *out; /* NULL: only counts */
	size_t size;
} Writer;

static void
put(Writer *writer, uint64_t number)
{
	for (int i = 0; i < 8 && writer->out != NULL; i++)
		writer->out[writer->size + (size_t) i] = (uint8_t) (number >> 8 * i);
	writer->size += 8;
}

static void
put_rng(Writer *writer, const AngleRng *rng)
{
	for (int i = 0; i < 4; i++)
		put(writer, rng->state[i]);
}

static uint64_t
hash_number(uint64_t hash, uint64_t number)
{
	return XXH3_64bits_withSeed(&number, sizeof(number), hash);
}

static uint64_t
hash_double(uint64_t hash, double number)
{
	return XXH3_64bits_withSeed(&number, sizeof(number), hash);
}

/* Of everything that decides which batches come. */
static uint64_t
identify(const AngleDataset *dataset)
{
	const AngleDatasetOptions *options = &dataset->options;
	uint64_t hash = hash_number(0, (uint64_t) options->source_count);

	hash = hash_number(hash, options->mixture);
	hash = hash_number(hash, options->unit);
	hash = hash_number(hash, options->order);
	hash = hash_number(hash, options->duplicates);
	hash = hash_number(hash, options->batch_rows);
	hash = hash_number(hash, options->passes);
	hash = hash_number(hash, options->seed);
	hash = hash_number(hash, options->buffer_rows);
	hash = hash_number(hash, options->buffer_bytes);
	for (int i = 0; i < options->source_count; i++)
	{
		hash = hash_double(hash, options->sources[i].weight);
		hash = hash_number(hash, angle_rows_shape(dataset->streams[i].reader));
		hash = hash_number(hash, dataset->streams[i].fingerprint);
	}
	return hash;
}

static void
put_stream(Writer *writer, const AngleRowStream *stream)
{
	put(writer, stream->pass);
	put(writer, stream->read);
	put(writer, stream->pass_ended);
	put(writer, stream->ended);
	put_rng(writer, &stream->rng);
	put(writer, stream->buffer.count);
	for (size_t i = 0; i < stream->buffer.count; i++)
		put(writer, stream->buffer.rows[i]->number);
	put(writer, stream->waiting.count);
	for (size_t i = 0; i < stream->waiting.count; i++)
	{
		put(writer, stream->waiting.rows[i]->pass);
		put(writer, stream->waiting.rows[i]->number);
	}
}

static void
put_dataset(Writer *writer, const AngleDataset *dataset)
{
	put(writer, MAGIC);
	put(writer, identify(dataset));
	put(writer, dataset->batches);
	put(writer, (uint64_t) dataset->turn);
	put_rng(writer, &dataset->rng);
	for (int i = 0; i < dataset->options.source_count; i++)
		put_stream(writer, &dataset->streams[i]);
}

AngleStatus
angle_dataset_save(const AngleDataset *dataset, AngleArena *arena,
				   AngleBytes *state, AngleError *err)
{
	Writer count = {NULL, 0};
	Writer writer = {NULL, 0};

	put_dataset(&count, dataset);
	writer.out = angle_arena_alloc(arena, count.size + 8, 1);
	if (writer.out == NULL)
		return angle_no_memory(err);
	put_dataset(&writer, dataset);
	put(&writer, XXH3_64bits(writer.out, writer.size));
	*state = (AngleBytes){writer.out, writer.size};
	return ANGLE_OK;
}

/* ---- reading ------------------------------------------------------------ */

typedef struct Reader
{
	AngleBytes in;
	size_t at;
	bool failed; /* asked for more than there is */
} Reader;

static uint64_t
get(Reader *reader)
{
	AngleBytes part;

	if (reader->failed || !angle_slice(reader->in, reader->at, 8, &part))
	{
		reader->failed = true;
		return 0;
	}
	reader->at += 8;
	return angle_load_u64(part.data);
}

/* A count of things of size bytes each, which follow. */
static size_t
get_count(Reader *reader, size_t size)
{
	uint64_t count = get(reader);

	if (count > (reader->in.size - reader->at) / size)
		reader->failed = true;
	return reader->failed ? 0 : (size_t) count;
}

static void
get_rng(Reader *reader, AngleRng *rng)
{
	for (int i = 0; i < 4; i++)
		rng->state[i] = get(reader);
}

static AngleStatus
fail_state(AngleError *err)
{
	return angle_fail(err, ANGLE_CORRUPT,
					  "the saved state of the training data is damaged");
}

/* ---- finding rows again ------------------------------------------------- */

/* A row to find, and where it goes. */
typedef struct Wanted
{
	uint64_t pass;
	uint64_t number;
	AngleStoredRow **place;
} Wanted;

static int
by_pass_and_number(const void *a, const void *b)
{
	const Wanted *x = a;
	const Wanted *y = b;

	if (x->pass != y->pass)
		return x->pass < y->pass ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static AngleStatus
store_wanted(AngleRowStream *stream, const AngleRow *row, Wanted *wanted,
			 size_t count, size_t *found, AngleError *err)
{
	while (*found < count && wanted[*found].number == row->number)
	{
		Wanted *one = &wanted[*found];

		ANGLE_TRY(angle_row_store(row, stream->pass, one->place, err));
		++*found;
	}
	return ANGLE_OK;
}

/* Reads the first rows of a pass, among them those that are wanted. */
static AngleStatus
walk(AngleRowStream *stream, uint64_t rows, Wanted *wanted, size_t count,
	 AngleError *err)
{
	size_t found = 0;
	AngleRow row;
	bool end;

	/* what cannot be read again has just been opened */
	if (stream->is_repeatable)
		ANGLE_TRY(angle_rows_rewind(stream->reader, err));
	for (uint64_t i = 0; i < rows; i++)
	{
		ANGLE_TRY(
			angle_rows_next(stream->reader, stream->pass, &row, &end, err));
		if (end)
			return fail_state(err);
		ANGLE_TRY(store_wanted(stream, &row, wanted, count, &found, err));
	}
	return found == count ? ANGLE_OK : fail_state(err);
}

/* Finds the rows pass by pass, the current one last: the reader then stands where
 * the pass goes on. */
static AngleStatus
find_rows(AngleRowStream *stream, Wanted *wanted, size_t count, AngleError *err)
{
	uint64_t current = stream->pass;
	size_t start = 0;

	if (count > 0)
		qsort(wanted, count, sizeof(*wanted), by_pass_and_number);
	while (start < count && wanted[start].pass < current)
	{
		size_t stop = start;

		while (stop < count && wanted[stop].pass == wanted[start].pass)
			stop++;
		stream->pass = wanted[start].pass;
		ANGLE_TRY(walk(stream, wanted[stop - 1].number + 1, wanted + start,
					   stop - start, err));
		start = stop;
	}
	stream->pass = current;
	return walk(stream, stream->read, wanted + start, count - start, err);
}

/* ---- restoring ---------------------------------------------------------- */

/* Reads a list of rows: their places are new, and empty until they are found. */
static AngleStatus
get_rows(Reader *reader, AngleRowList *list, Wanted **wanted, size_t *count,
		 const uint64_t *pass, AngleError *err)
{
	size_t rows = get_count(reader, pass != NULL ? 8 : 16);
	size_t first = *count;
	Wanted *more;

	for (size_t i = 0; i < rows; i++)
		ANGLE_TRY(angle_row_list_add(list, NULL, err));
	more = realloc(*wanted, (first + rows + 1) * sizeof(Wanted));
	if (more == NULL)
		return angle_no_memory(err);
	*wanted = more;
	*count += rows;
	for (size_t i = 0; i < rows; i++)
	{
		Wanted *one = &more[first + i];

		one->pass = pass != NULL ? *pass : get(reader);
		one->number = get(reader);
		one->place = &list->rows[i];
	}
	return reader->failed ? fail_state(err) : ANGLE_OK;
}

static AngleStatus
get_place(Reader *reader, AngleRowStream *stream, AngleError *err)
{
	uint64_t passes = stream->options->passes;

	stream->pass = get(reader);
	stream->read = get(reader);
	stream->pass_ended = get(reader) != 0;
	stream->ended = get(reader) != 0;
	get_rng(reader, &stream->rng);
	if (reader->failed || (passes > 0 && stream->pass >= passes) ||
		(stream->is_repeatable && stream->read > stream->rows))
		return fail_state(err);
	return ANGLE_OK;
}

static AngleStatus
get_stream(Reader *reader, AngleRowStream *stream, AngleError *err)
{
	Wanted *wanted = NULL;
	size_t count = 0;
	AngleStatus status = get_place(reader, stream, err);

	if (status == ANGLE_OK)
		status = get_rows(reader, &stream->buffer, &wanted, &count,
						  &stream->pass, err);
	if (status == ANGLE_OK)
		status = get_rows(reader, &stream->waiting, &wanted, &count, NULL, err);
	if (status == ANGLE_OK)
		status = find_rows(stream, wanted, count, err);
	free(wanted);
	ANGLE_TRY(status);
	for (size_t i = 0; i < stream->buffer.count; i++)
		stream->buffer_bytes += stream->buffer.rows[i]->bytes;
	return ANGLE_OK;
}

/* Whether the state is one, and of this dataset. */
static AngleStatus
check_state(const AngleDataset *dataset, AngleBytes state, Reader *reader,
			AngleError *err)
{
	if (state.size < 24 || state.size % 8 != 0 ||
		angle_load_u64(state.data + state.size - 8) !=
			XXH3_64bits(state.data, state.size - 8))
		return fail_state(err);
	*reader = (Reader){.in = {state.data, state.size - 8}};
	if (get(reader) != MAGIC)
		return fail_state(err);
	if (get(reader) == identify(dataset))
		return ANGLE_OK;
	angle_fail(err, ANGLE_INVALID_ARGUMENT,
			   "the saved state is of other training data");
	angle_hint(err, "The rows of the files, their order, weights, the size of "
					"batches and the seed must be the same as before.");
	return ANGLE_INVALID_ARGUMENT;
}

AngleStatus
angle_dataset_restore(AngleDataset *dataset, AngleBytes state, AngleError *err)
{
	Reader reader;

	ANGLE_TRY(check_state(dataset, state, &reader, err));
	dataset->batches = get(&reader);
	dataset->turn =
		(int) (get(&reader) % (uint64_t) dataset->options.source_count);
	get_rng(&reader, &dataset->rng);
	for (int i = 0; i < dataset->options.source_count; i++)
		ANGLE_TRY(get_stream(&reader, &dataset->streams[i], err));
	return reader.at == reader.in.size ? ANGLE_OK : fail_state(err);
}
