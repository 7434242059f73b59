#include "trainer/dataset.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "trainer/dataset_parts.h"

#define MAX_BATCH_ROWS ((size_t) 1 << 20)

/* ---- texts that occur in the batch -------------------------------------- */

static AngleTextSlot *
find_slot(const AngleDataset *dataset, const AngleBytes *text, uint64_t hash)
{
	size_t mask = dataset->slot_count - 1;
	size_t i = hash & mask;

	while (dataset->slots[i].text != NULL &&
		   (dataset->slots[i].hash != hash ||
			!angle_bytes_equal(*dataset->slots[i].text, *text)))
		i = (i + 1) & mask;
	return &dataset->slots[i];
}

static uint64_t
hash_text(const AngleBytes *text)
{
	return XXH3_64bits(text->size > 0 ? text->data : NULL, text->size);
}

/* AngleRowFits: whether none of the row's texts is in the batch. */
static bool
is_new(void *context, const AngleStoredRow *row)
{
	const AngleDataset *dataset = context;

	if (dataset->options.duplicates == ANGLE_DUPLICATES_ALLOW ||
		dataset->slot_count == 0)
		return true;
	for (int i = 0; i < row->columns; i++)
	{
		if (find_slot(dataset, &row->texts[i], hash_text(&row->texts[i]))
				->text != NULL)
			return false;
	}
	return true;
}

static void
remember_texts(AngleDataset *dataset, const AngleStoredRow *row)
{
	for (int i = 0; i < row->columns; i++)
	{
		uint64_t hash = hash_text(&row->texts[i]);

		*find_slot(dataset, &row->texts[i], hash) =
			(AngleTextSlot){&row->texts[i], hash};
	}
}

/* ---- the batch ---------------------------------------------------------- */

/* Makes room for batches of rows with so many texts. */
static AngleStatus
reserve(AngleDataset *dataset, int columns, AngleError *err)
{
	size_t count = dataset->options.batch_rows * (size_t) columns;
	size_t slots = 16;

	if (count <= dataset->text_capacity)
		return ANGLE_OK;
	while (slots < 2 * count)
		slots *= 2;
	free(dataset->texts);
	free(dataset->slots);
	dataset->slot_count = 0;
	dataset->text_capacity = 0;
	dataset->texts = calloc(count, sizeof(*dataset->texts));
	dataset->slots = calloc(slots, sizeof(*dataset->slots));
	if (dataset->texts == NULL || dataset->slots == NULL)
		return angle_no_memory(err);
	dataset->text_capacity = count;
	dataset->slot_count = slots;
	return ANGLE_OK;
}

static AngleStatus
fail_columns(const AngleDataset *dataset, int source, int columns, int others,
			 AngleError *err)
{
	return angle_fail(err, ANGLE_INVALID_ARGUMENT,
					  "file \"%s\" has %d texts in a row and another file %d: "
					  "their rows cannot be in one batch",
					  dataset->options.sources[source].path, columns, others);
}

/* The row becomes the dataset's. */
static AngleStatus
add_row(AngleDataset *dataset, int source, AngleStoredRow *row,
		AngleDatasetBatch *batch, AngleError *err)
{
	AngleStatus status;

	if (batch->rows > 0 && (size_t) row->columns != batch->columns)
	{
		status = fail_columns(dataset, source, row->columns,
							  (int) batch->columns, err);
		free(row);
		return status;
	}
	status = reserve(dataset, row->columns, err);
	if (status == ANGLE_OK)
		status = angle_row_list_add(&dataset->batch, row, err);
	if (status != ANGLE_OK)
	{
		free(row);
		return status;
	}
	batch->columns = (size_t) row->columns;
	remember_texts(dataset, row);
	dataset->labels[batch->rows] = (float) row->label;
	for (int i = 0; i < row->columns; i++)
	{
		const AngleDatasetSource *from = &dataset->options.sources[source];
		bool is_query = batch->shape == ANGLE_ROW_LABELLED || i == 0;

		dataset->texts[batch->rows * batch->columns + (size_t) i] =
			(AngleDatasetText){row->texts[i], is_query ? from->query_prompt
													   : from->passage_prompt};
	}
	batch->rows++;
	return ANGLE_OK;
}

static void
start_batch(AngleDataset *dataset)
{
	for (size_t i = 0; i < dataset->batch.count; i++)
		free(dataset->batch.rows[i]);
	dataset->batch.count = 0;
	if (dataset->slot_count > 0)
		memset(dataset->slots, 0, dataset->slot_count * sizeof(AngleTextSlot));
	for (int i = 0; i < dataset->options.source_count; i++)
	{
		angle_stream_start_batch(&dataset->streams[i]);
		dataset->blocked[i] = false;
	}
}

/* Takes up to wanted rows of one file into the batch; blocks the file if it has
 * fewer for it. */
static AngleStatus
take_rows(AngleDataset *dataset, int source, size_t wanted,
		  AngleDatasetBatch *batch, AngleError *err)
{
	AngleRowStream *stream = &dataset->streams[source];

	while (wanted-- > 0)
	{
		AngleStoredRow *row;

		ANGLE_TRY(angle_stream_take(stream, is_new, dataset, &row, err));
		if (row == NULL)
		{
			dataset->blocked[source] = true;
			return ANGLE_OK;
		}
		ANGLE_TRY(add_row(dataset, source, row, batch, err));
	}
	return ANGLE_OK;
}

/* ---- the mixture -------------------------------------------------------- */

static double
weight_of(const AngleDataset *dataset, int source)
{
	double weight = dataset->options.sources[source].weight;

	if (dataset->blocked[source])
		return 0;
	/* standard input alone, whose rows are not known */
	if (dataset->options.source_count == 1)
		return 1;
	return weight > 0 ? weight : (double) dataset->streams[source].rows;
}

static int
choose_by_weight(AngleDataset *dataset)
{
	double total = 0;
	double left;
	int chosen = -1;

	for (int i = 0; i < dataset->options.source_count; i++)
		total += weight_of(dataset, i);
	left = (double) (angle_rng_next(&dataset->rng) >> 11) * 0x1p-53 * total;
	for (int i = 0; i < dataset->options.source_count; i++)
	{
		double weight = weight_of(dataset, i);

		if (weight == 0)
			continue;
		chosen = i;
		left -= weight;
		if (left < 0)
			break;
	}
	return chosen;
}

static int
choose_in_turn(AngleDataset *dataset)
{
	int count = dataset->options.source_count;

	for (int i = 0; i < count; i++)
	{
		int source = (dataset->turn + i) % count;

		if (dataset->blocked[source])
			continue;
		dataset->turn = (source + 1) % count;
		return source;
	}
	return -1;
}

/* The file whose turn it is, −1 if none has rows for this batch. */
static int
choose(AngleDataset *dataset)
{
	return dataset->options.mixture == ANGLE_MIX_ROUND_ROBIN
			   ? choose_in_turn(dataset)
			   : choose_by_weight(dataset);
}

static AngleStatus
fill_batch(AngleDataset *dataset, AngleDatasetBatch *batch, AngleError *err)
{
	size_t wanted = dataset->options.batch_rows;
	bool of_one = dataset->options.unit == ANGLE_MIX_BATCHES;

	while (batch->rows < wanted && (!of_one || batch->rows == 0))
	{
		int source = choose(dataset);

		if (source < 0)
			break;
		batch->shape = angle_rows_shape(dataset->streams[source].reader);
		batch->source =
			of_one || dataset->options.source_count == 1 ? source : -1;
		ANGLE_TRY(take_rows(dataset, source, of_one ? wanted : 1, batch, err));
	}
	return ANGLE_OK;
}

AngleStatus
angle_dataset_next(AngleDataset *dataset, AngleDatasetBatch *batch,
				   AngleError *err)
{
	*batch = (AngleDatasetBatch){.source = -1};
	start_batch(dataset);
	ANGLE_TRY(fill_batch(dataset, batch, err));
	batch->texts = dataset->texts;
	batch->labels = batch->shape == ANGLE_ROW_LABELLED ? dataset->labels : NULL;
	dataset->batches += batch->rows > 0;
	return ANGLE_OK;
}

/* ---- opening ------------------------------------------------------------ */

static AngleStatus
fail_options(AngleError *err, const char *message)
{
	return angle_fail(err, ANGLE_INVALID_ARGUMENT, "%s", message);
}

static AngleStatus
check_weights(const AngleDatasetOptions *options, AngleError *err)
{
	int given = 0;

	for (int i = 0; i < options->source_count; i++)
	{
		double weight = options->sources[i].weight;

		/* written so that NaN is refused, too */
		if (!(weight >= 0 && weight <= 1e12))
			return angle_fail(err, ANGLE_INVALID_ARGUMENT,
							  "file \"%s\": %g is no weight",
							  options->sources[i].path, weight);
		given += weight > 0;
	}
	if (given > 0 && given < options->source_count)
		return fail_options(err, "either all files need a weight or none");
	return ANGLE_OK;
}

static AngleStatus
check_options(const AngleDatasetOptions *options, AngleError *err)
{
	if (options->source_count < 1)
		return fail_options(err, "there is no file to read");
	if (options->batch_rows < 1 || options->batch_rows > MAX_BATCH_ROWS)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "a batch has 1 to %zu rows, not %zu", MAX_BATCH_ROWS,
						  options->batch_rows);
	for (int i = 0; i < options->source_count; i++)
	{
		int negatives = options->sources[i].negatives;

		if (negatives < 0 || negatives > ANGLE_DATASET_MAX_TEXTS - 2)
			return angle_fail(err, ANGLE_INVALID_ARGUMENT,
							  "a row has at most %d negatives",
							  ANGLE_DATASET_MAX_TEXTS - 2);
	}
	return check_weights(options, err);
}

static AngleStatus
check_stream(const AngleDataset *dataset, int source, AngleError *err)
{
	const AngleDatasetOptions *options = &dataset->options;
	const AngleRowStream *stream = &dataset->streams[source];
	const AngleRowStream *first = &dataset->streams[0];
	const char *path = options->sources[source].path;

	if (!stream->is_repeatable && options->passes != 1)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "\"%s\" is no regular file and can be read once only",
						  path);
	if (!stream->is_repeatable && options->source_count > 1 &&
		options->mixture == ANGLE_MIX_BY_WEIGHT &&
		options->sources[source].weight == 0)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "\"%s\" is no regular file and needs a weight", path);
	if (options->unit == ANGLE_MIX_BATCHES)
		return ANGLE_OK;
	if (angle_rows_shape(stream->reader) != angle_rows_shape(first->reader))
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "files \"%s\" and \"%s\" differ in what their rows "
						  "hold: they cannot be in one batch",
						  options->sources[0].path, path);
	if (stream->columns != first->columns && stream->columns > 0 &&
		first->columns > 0)
		return fail_columns(dataset, source, stream->columns, first->columns,
							err);
	return ANGLE_OK;
}

static AngleStatus
open_streams(AngleDataset *dataset, AngleError *err)
{
	const AngleDatasetOptions *options = &dataset->options;
	AngleRng seeds;

	angle_rng_seed(&seeds, options->seed);
	angle_rng_seed(&dataset->rng, angle_rng_next(&seeds));
	for (int i = 0; i < options->source_count; i++)
	{
		ANGLE_TRY(angle_stream_open(&dataset->streams[i], &options->sources[i],
									options, angle_rng_next(&seeds), err));
		ANGLE_TRY(check_stream(dataset, i, err));
	}
	return ANGLE_OK;
}

static AngleStatus
allocate(AngleDataset *dataset, AngleArena *arena, AngleError *err)
{
	size_t count = (size_t) dataset->options.source_count;
	AngleDatasetSource *sources =
		angle_arena_alloc(arena, count, sizeof(*sources));

	dataset->streams =
		angle_arena_zalloc(arena, count, sizeof(*dataset->streams));
	dataset->blocked = angle_arena_zalloc(arena, count, sizeof(bool));
	dataset->labels =
		angle_arena_zalloc(arena, dataset->options.batch_rows, sizeof(float));
	if (sources == NULL || dataset->streams == NULL ||
		dataset->blocked == NULL || dataset->labels == NULL)
	{
		dataset->options.source_count = 0;
		return angle_no_memory(err);
	}
	memcpy(sources, dataset->options.sources, count * sizeof(*sources));
	dataset->options.sources = sources;
	return ANGLE_OK;
}

AngleStatus
angle_dataset_open(const AngleDatasetOptions *options, AngleArena *arena,
				   AngleDataset **result, AngleError *err)
{
	AngleDataset *dataset = angle_arena_zalloc(arena, 1, sizeof(*dataset));
	AngleStatus status;

	if (dataset == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(check_options(options, err));
	dataset->options = *options;
	status = allocate(dataset, arena, err);
	if (status == ANGLE_OK)
		status = open_streams(dataset, err);
	if (status != ANGLE_OK)
	{
		angle_dataset_close(dataset);
		return status;
	}
	*result = dataset;
	return ANGLE_OK;
}

void
angle_dataset_close(AngleDataset *dataset)
{
	if (dataset == NULL)
		return;
	for (int i = 0; i < dataset->options.source_count; i++)
		angle_stream_close(&dataset->streams[i]);
	for (size_t i = 0; i < dataset->batch.count; i++)
		free(dataset->batch.rows[i]);
	free(dataset->batch.rows);
	free(dataset->texts);
	free(dataset->slots);
}

/* ---- what is known ------------------------------------------------------ */

uint64_t
angle_dataset_rows(const AngleDataset *dataset, int source)
{
	return dataset->streams[source].rows;
}

uint64_t
angle_dataset_total_rows(const AngleDataset *dataset)
{
	uint64_t total = 0;

	for (int i = 0; i < dataset->options.source_count; i++)
		total += dataset->streams[i].rows;
	return total;
}

uint64_t
angle_dataset_skipped(const AngleDataset *dataset, int source)
{
	return dataset->streams[source].skipped;
}

AngleRowShape
angle_dataset_shape(const AngleDataset *dataset, int source)
{
	return angle_rows_shape(dataset->streams[source].reader);
}

uint64_t
angle_dataset_batches(const AngleDataset *dataset)
{
	return dataset->batches;
}
