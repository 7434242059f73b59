/* angle_chunks(): a long document in parts that fit a model. */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "core/encoder/embedder.h"
#include "core/text/chunk.h"
#include "pg/bridge.h"
#include "pg/embed/content.h"
#include "pg/model/registry.h"
#include "pg/settings.h"

/* The limit that is asked for, or else what the model takes of a passage. */
static size_t
read_max_tokens(FunctionCallInfo fcinfo, const AngleModel *model,
				AngleArena *scratch)
{
	int most = angle_model_config(model)->max_tokens;
	size_t room;
	AngleError err;

	if (PG_ARGISNULL(2))
	{
		angle_check(angle_prompt_room(model, scratch, &room, &err), &err);
		return room;
	}
	if (PG_GETARG_INT32(2) < 1)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("max_tokens must be positive"));
	if (PG_GETARG_INT32(2) > most)
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg(
				"max_tokens must be at most %d, which is what the model takes, not %d",
				most, PG_GETARG_INT32(2)));
	return PG_GETARG_INT32(2);
}

static size_t
read_overlap(FunctionCallInfo fcinfo)
{
	int overlap = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3);

	if (overlap < 0)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("overlap must not be negative"));
	return overlap;
}

/* Where rows come from and go to. */
typedef struct Output
{
	ReturnSetInfo *rsinfo;
	AngleBytes content;
	int32 seq;
	size_t byte;	 /* start of the last chunk */
	int64 character; /* those before it */
} Output;

static void
put_chunk(Output *output, const AngleChunk *chunk)
{
	const uint8_t *data = output->content.data;
	AngleRange range = chunk->range;
	AngleBytes bytes = {data + range.start, range.stop - range.start};
	Datum values[5];
	bool nulls[5] = {false};

	/* a chunk begins behind the start of the one before, overlap or not */
	output->character += angle_content_characters(
		(AngleBytes){data + output->byte, range.start - output->byte});
	output->byte = range.start;
	values[0] = Int32GetDatum(++output->seq);
	values[1] = Int32GetDatum(output->character + 1);
	values[2] =
		Int32GetDatum(output->character + 1 + angle_content_characters(bytes));
	values[3] = Int32GetDatum(chunk->tokens);
	values[4] = PointerGetDatum(angle_content_text(bytes));
	tuplestore_putvalues(output->rsinfo->setResult, output->rsinfo->setDesc,
						 values, nulls);
}

/* Rows are made in a memory context that each of them leaves empty. */
static void
put_chunks(AngleChunker *chunker, Output *output)
{
	MemoryContext row = AllocSetContextCreate(
		CurrentMemoryContext, "angle chunk", ALLOCSET_DEFAULT_SIZES);
	AngleChunk chunk;
	AngleError err;
	bool found;

	for (;;)
	{
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		angle_check(angle_chunker_next(chunker, &chunk, &found, &err), &err);
		if (!found)
			break;
		old = MemoryContextSwitchTo(row);
		put_chunk(output, &chunk);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row);
	}
	MemoryContextDelete(row);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_chunks);

Datum
angle_chunks(PG_FUNCTION_ARGS)
{
	const AngleCancel cancel = {angle_interrupt_pending, NULL};
	Output output = {.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo};
	AngleChunkRequest request = {.cancel = &cancel};
	const AngleModel *model;
	AngleChunker *chunker;
	AngleArena *arena;
	AngleError err;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	model = PG_ARGISNULL(1) ? angle_registry_model(angle_model)
							: angle_registry_argument(fcinfo, 1);
	/* arenas of its own: rows are made, and may raise, while they are in use */
	arena = angle_context_arena(CurrentMemoryContext);
	request.scratch = angle_context_arena(CurrentMemoryContext);
	request.max_tokens = read_max_tokens(fcinfo, model, request.scratch);
	request.overlap = read_overlap(fcinfo);
	request.text = output.content = angle_content_utf8(PG_GETARG_TEXT_PP(0));
	angle_check(angle_chunker_create(angle_model_tokenizer(model), &request,
									 arena, &chunker, &err),
				&err);
	put_chunks(chunker, &output);
	angle_arena_destroy(request.scratch);
	angle_arena_destroy(arena);
	return (Datum) 0;
}
