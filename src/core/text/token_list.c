#include "core/text/token_list.h"

#include "core/text/image.h"

static size_t
id_count(AngleBytes ids)
{
	return ids.size / ANGLE_IMAGE_ID_SIZE;
}

static void *
copy_grown(AngleTokenList *list, const void *old, size_t capacity, size_t size)
{
	void *grown = angle_arena_alloc(list->arena, capacity, size);

	if (grown == NULL)
		list->no_memory = true;
	else if (list->tokens.count > 0)
		memcpy(grown, old, list->tokens.count * size);
	return grown;
}

static void
grow(AngleTokenList *list, size_t capacity)
{
	AngleTokens *tokens = &list->tokens;

	tokens->ids = copy_grown(list, tokens->ids, capacity, sizeof(*tokens->ids));
	tokens->starts =
		copy_grown(list, tokens->starts, capacity, sizeof(*tokens->starts));
	tokens->stops =
		copy_grown(list, tokens->stops, capacity, sizeof(*tokens->stops));
	list->capacity = capacity;
}

static void
append(AngleTokenList *list, int32_t id, int64_t start, int64_t stop)
{
	AngleTokens *tokens = &list->tokens;

	if (tokens->count == list->capacity)
		grow(list, list->capacity == 0 ? 64 : 2 * list->capacity);
	if (list->no_memory)
		return;
	tokens->ids[tokens->count] = id;
	tokens->starts[tokens->count] = start;
	tokens->stops[tokens->count++] = stop;
}

static void
append_ids(AngleTokenList *list, AngleBytes ids)
{
	for (size_t i = 0; i < ids.size; i += ANGLE_IMAGE_ID_SIZE)
		append(list, (int32_t) angle_load_u32(ids.data + i), -1, -1);
}

AngleStatus
angle_token_list_init(AngleTokenList *list, const AngleTokenizerInput *input,
					  const AngleTokenizer *tokenizer, AngleArena *arena,
					  AngleError *err)
{
	size_t specials = id_count(tokenizer->before) + id_count(tokenizer->after);

	*list = (AngleTokenList){
		.arena = arena,
		.limit = SIZE_MAX,
		.specials = id_count(tokenizer->before),
		.text_start = (int64_t) input->prefix.size,
		.text_stop = (int64_t) (input->prefix.size + input->text.size),
	};
	if (input->max_tokens > 0)
		list->limit =
			input->max_tokens > specials ? input->max_tokens - specials : 0;
	append_ids(list, tokenizer->before);
	return list->no_memory ? angle_no_memory(err) : ANGLE_OK;
}

void
angle_token_list_push(AngleTokenList *list, int32_t id, AngleSpan span)
{
	int64_t length = list->text_stop - list->text_start;
	int64_t start = span.start - list->text_start;
	int64_t stop = span.stop - list->text_start;

	if (list->no_memory)
		return;
	if (start < 0)
	{
		list->prefix_count++;
		append(list, id, -1, -1);
	}
	else if (start >= length)
		append(list, id, -1, -1);
	else if (list->prefix_count + list->text_count >= list->limit)
		list->tokens.truncated = true;
	else
	{
		list->text_count++;
		append(list, id, start, stop < length ? stop : length);
	}
}

/* Removes count tokens from the end of the text's. */
static void
drop_text(AngleTokenList *list, size_t count)
{
	AngleTokens *tokens = &list->tokens;
	size_t behind = list->specials + list->prefix_count + list->text_count;
	size_t moved = tokens->count - behind;

	memmove(tokens->ids + behind - count, tokens->ids + behind,
			moved * sizeof(*tokens->ids));
	memmove(tokens->starts + behind - count, tokens->starts + behind,
			moved * sizeof(*tokens->starts));
	memmove(tokens->stops + behind - count, tokens->stops + behind,
			moved * sizeof(*tokens->stops));
	tokens->count -= count;
	list->text_count -= count;
	tokens->truncated = true;
}

AngleStatus
angle_token_list_finish(AngleTokenList *list, const AngleTokenizerInput *input,
						const AngleTokenizer *tokenizer, AngleTokens *tokens,
						AngleError *err)
{
	size_t count = list->tokens.count + id_count(tokenizer->after);

	if (input->max_tokens > 0 && count > input->max_tokens)
	{
		size_t excess = count - input->max_tokens;

		if (excess > list->text_count)
			return angle_fail(err, ANGLE_INVALID_ARGUMENT,
							  "the prompt has %zu tokens, but %zu is the limit",
							  count - list->text_count, input->max_tokens);
		drop_text(list, excess);
	}
	append_ids(list, tokenizer->after);
	if (list->no_memory)
		return angle_no_memory(err);
	list->tokens.prompt_count = list->specials + list->prefix_count;
	*tokens = list->tokens;
	return ANGLE_OK;
}
