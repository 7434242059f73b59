/* Any bytes as a file of training data: plain, or compressed if they say so. The
 * first byte chooses the options. Every row is read twice, and what comes from a
 * saved state must be what comes without it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "trainer/dataset.h"

#define BATCHES 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
set_options(uint8_t choice, AngleDatasetSource *source,
			AngleDatasetOptions *options)
{
	source->syntax = choice & 1 ? ANGLE_TABLE_DETECT : ANGLE_TABLE_JSONL;
	source->empty = choice & 2 ? ANGLE_EMPTY_SKIP : ANGLE_EMPTY_KEEP;
	source->columns = choice & 4 ? "query=a,positive=b,negative=c" : NULL;
	source->where = choice & 8 ? "a!=b" : NULL;
	source->negatives = choice & 16 ? 2 : 1;
	options->order = choice & 32 ? ANGLE_ORDER_FILE : ANGLE_ORDER_SHUFFLED;
	options->buffer_rows = 3;
	options->batch_rows = 2;
	options->passes = 2;
}

/* Reads a batch and mixes everything in it into hash. */
static uint64_t
read_batch(AngleDataset *dataset, uint64_t hash)
{
	AngleDatasetBatch batch;
	AngleError err;

	if (angle_dataset_next(dataset, &batch, &err) != ANGLE_OK)
		abort();
	for (size_t i = 0; i < batch.rows * batch.columns; i++)
		hash = XXH3_64bits_withSeed(batch.texts[i].text.data,
									batch.texts[i].text.size, hash);
	for (size_t i = 0; batch.labels != NULL && i < batch.rows; i++)
		hash = XXH3_64bits_withSeed(&batch.labels[i], sizeof(float), hash);
	return hash + batch.rows;
}

static void
check_resumption(const AngleDatasetOptions *options, AngleDataset *dataset,
				 AngleArena *arena)
{
	AngleDataset *resumed;
	AngleBytes state;
	AngleError err;
	uint64_t expected = 0;
	uint64_t actual = 0;

	read_batch(dataset, 0);
	if (angle_dataset_save(dataset, arena, &state, &err) != ANGLE_OK ||
		angle_dataset_open(options, arena, &resumed, &err) != ANGLE_OK ||
		angle_dataset_restore(resumed, state, &err) != ANGLE_OK)
		abort();
	for (int i = 0; i < BATCHES; i++)
	{
		expected = read_batch(dataset, expected);
		actual = read_batch(resumed, actual);
	}
	if (expected != actual)
		abort();
	angle_dataset_close(resumed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AngleDatasetSource source = {0};
	AngleDatasetOptions options = {.sources = &source, .source_count = 1};
	AngleArena *arena = angle_arena_create(NULL);
	AngleDataset *dataset;
	AngleError err;
	char path[64];
	int fd = memfd_create("dataset", MFD_CLOEXEC);

	if (size == 0 || fd < 0 ||
		write(fd, data + 1, size - 1) != (ssize_t) size - 1)
		goto end;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	source.path = path;
	set_options(data[0], &source, &options);
	if (angle_dataset_open(&options, arena, &dataset, &err) == ANGLE_OK)
	{
		check_resumption(&options, dataset, arena);
		angle_dataset_close(dataset);
	}
end:
	close(fd);
	angle_arena_destroy(arena);
	return 0;
}
