/* What the C call costs:
 *     embed-latency MODEL.angle [THREADS]
 * embeds a whole batch with one call of angle_embed_texts(). Commands:
 * driver.h. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/file.h"
#include "core/encoder/embedder.h"
#include "driver.h"

typedef struct CallState
{
	const AngleModel *model;
	AngleExecutor *executor;
	AngleArena *scratch;
	size_t dimensions;
	AngleBytes *texts; /* of the batch */
	float *vectors;	   /* (count, dimensions) */
	size_t capacity;   /* of both, in texts */
} CallState;

/* Ends the program when status is not OK. */
static void
require(AngleStatus status, const AngleError *err)
{
	if (status == ANGLE_OK)
		return;
	fprintf(stderr, "embed-latency: %s\n", err->message);
	exit(1);
}

static void
reserve(CallState *state, size_t count)
{
	AngleError err = {0};

	if (count <= state->capacity)
		return;
	state->texts = realloc(state->texts, count * sizeof(*state->texts));
	state->vectors = realloc(state->vectors, count * state->dimensions *
												 sizeof(*state->vectors));
	if (state->texts == NULL || state->vectors == NULL)
		require(angle_no_memory(&err), &err);
	state->capacity = count;
}

static void
embed(void *context, const DriverBatch *batch)
{
	CallState *state = context;
	AngleEmbedRequest request = {.count = batch->count,
								 .executor = state->executor};
	AngleError err = {0};

	if (batch->count == 0)
		return;
	reserve(state, batch->count);
	for (size_t i = 0; i < batch->count; i++)
		state->texts[i] = angle_bytes_of(batch->texts[i]);
	request.texts = state->texts;
	require(angle_embed_texts(state->model, &request, state->scratch,
							  state->vectors, &err),
			&err);
	angle_arena_reset(state->scratch);
}

static void
print(void *context, const DriverBatch *batch)
{
	CallState *state = context;

	embed(state, batch);
	for (size_t i = 0; i < batch->count; i++)
	{
		for (size_t j = 0; j < state->dimensions; j++)
			printf("%.9g ", state->vectors[i * state->dimensions + j]);
		putchar('\n');
	}
}

static void
open_model(CallState *state, const char *path, AngleArena *arena)
{
	AngleModel *model;
	AngleBytes image;
	AngleError err = {0};

	require(angle_file_map(path, &image, &err), &err);
	require(angle_model_open(image, ANGLE_PACKED_CHECK_CONTENT, NULL, arena,
							 &model, &err),
			&err);
	state->model = model;
	state->dimensions = (size_t) angle_model_config(model)->dimensions;
}

int
main(int argc, char **argv)
{
	AngleArena *arena = angle_arena_create(NULL);
	CallState state = {.scratch = angle_arena_create(NULL)};
	Driver driver = {.state = &state, .embed = embed, .print = print};
	AngleError err = {0};
	int threads = argc == 3 ? atoi(argv[2]) : 1;

	if (argc < 2 || argc > 3 || threads < 1 || arena == NULL ||
		state.scratch == NULL)
	{
		fprintf(stderr, "usage: embed-latency MODEL.angle [THREADS]\n");
		return 2;
	}
	open_model(&state, argv[1], arena);
	if (threads > 1)
		require(angle_executor_start(threads, arena, &state.executor, &err),
				&err);
	driver_run(&driver);
	angle_executor_stop(state.executor);
	free(state.texts);
	free(state.vectors);
	return 0;
}
