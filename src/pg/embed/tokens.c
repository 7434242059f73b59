/*
 * angle_tokens() and angle_token_count(): how a model reads a text. Neither
 * truncates, so that a text can be compared with what the model takes.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "core/encoder/model.h"
#include "pg/bridge.h"
#include "pg/embed/content.h"
#include "pg/embed/workspace.h"
#include "pg/model/registry.h"
#include "pg/settings.h"

/* The tokens of content, in arena (of the workspace). */
static AngleStatus
encode(const AngleModel *model, AngleBytes content, AngleArena *arena,
	   AngleTokens *tokens, AngleError *err)
{
	const AngleCancel cancel = {angle_interrupt_pending, NULL};
	const AngleTokenizerInput input = {.text = content};

	return angle_tokenizer_encode(angle_model_tokenizer(model), &input, &cancel,
								  arena, tokens, err);
}

static int32
count_tokens(const AngleModel *model, const text *content)
{
	AngleBytes utf8 = angle_content_utf8(content);
	AngleArena *arena = angle_workspace_acquire();
	AngleTokens tokens = {0};
	AngleError err;
	AngleStatus status = encode(model, utf8, arena, &tokens, &err);

	angle_workspace_release(arena);
	if (utf8.size > ANGLE_LONG_TEXT_BYTES)
		angle_workspace_trim();
	angle_check(status, &err);
	return tokens.count;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_token_count);

Datum
angle_token_count(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_INT32(
		count_tokens(angle_registry_model(angle_model), PG_GETARG_TEXT_PP(0)));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_token_count_model);

Datum
angle_token_count_model(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_INT32(
		count_tokens(angle_registry_argument(fcinfo, 1), PG_GETARG_TEXT_PP(0)));
}

/* ---- angle_tokens ------------------------------------------------------- */

/* Turns byte offsets, which rarely go back, into character positions. */
typedef struct Position
{
	AngleBytes content;
	size_t byte;
	int64 character; /* those before byte */
} Position;

/* The 1-based position of the character that starts at byte. */
static int64
character_at(Position *position, size_t byte)
{
	AngleBytes part;

	if (byte < position->byte)
		position->byte = position->character = 0;
	part = (AngleBytes){position->content.data + position->byte,
						byte - position->byte};
	position->character += angle_content_characters(part);
	position->byte = byte;
	return position->character + 1;
}

static void
put_token(ReturnSetInfo *rsinfo, const AngleModel *model,
		  const AngleTokens *tokens, size_t i, Position *position)
{
	AngleBytes token =
		angle_tokenizer_token(angle_model_tokenizer(model), tokens->ids[i]);
	Datum values[4] = {0};
	bool nulls[4] = {false};

	values[0] = Int32GetDatum(tokens->ids[i]);
	values[1] = PointerGetDatum(angle_content_text(token));
	nulls[2] = nulls[3] = tokens->starts[i] < 0;
	if (tokens->starts[i] >= 0)
	{
		values[2] = Int32GetDatum(character_at(position, tokens->starts[i]));
		values[3] = Int32GetDatum(character_at(position, tokens->stops[i]));
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_tokens);

Datum
angle_tokens(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const AngleModel *model;
	AngleArena *arena;
	AngleTokens tokens;
	AngleError err;
	Position position = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	model = PG_ARGISNULL(1) ? angle_registry_model(angle_model)
							: angle_registry_argument(fcinfo, 1);
	position.content = angle_content_utf8(PG_GETARG_TEXT_PP(0));

	/* an arena of its own: rows are made, and may raise, while it is in use */
	arena = angle_context_arena(CurrentMemoryContext);
	angle_check(encode(model, position.content, arena, &tokens, &err), &err);
	for (size_t i = 0; i < tokens.count; i++)
		put_token(rsinfo, model, &tokens, i, &position);
	angle_arena_destroy(arena);
	return (Datum) 0;
}
