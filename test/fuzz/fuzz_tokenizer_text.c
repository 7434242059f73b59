/* Texts of any content, cut at two bytes of the input into prefix, text and
 * suffix: what is not UTF-8 is refused, offsets lie in the text and rise, and a
 * limit leaves the beginning of what there is without one. */
#include <stdio.h>
#include <stdlib.h>

#include "core/text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static const char json[] =
	"{\"model\": {\"type\": \"WordPiece\", \"max_input_chars_per_word\": 20, "
	"\"vocab\": {\"[UNK]\": 0, \"[CLS]\": 1, \"[SEP]\": 2, \"a\": 3, \"##a\": "
	"4, \"b\": 5, \"ab\": 6, \"##bab\": 7, \".\": 8, \"e\": 9, \"##\\u0301\": "
	"10, \"i\": 11}}, \"normalizer\": {\"type\": \"BertNormalizer\", "
	"\"strip_accents\": %s}, \"pre_tokenizer\": {\"type\": "
	"\"BertPreTokenizer\"}, \"added_tokens\": [{\"id\": 2, \"content\": "
	"\"[SEP]\", \"normalized\": false}, {\"id\": 12, \"content\": \"b b\", "
	"\"normalized\": true, \"rstrip\": true}, {\"id\": 13, \"content\": "
	"\"[M]\", \"normalized\": false, \"lstrip\": true, \"single_word\": true}, "
	"{\"id\": 14, \"content\": \"xx\", \"normalized\": true, \"single_word\": "
	"true, \"lstrip\": true}], \"post_processor\": {\"type\": "
	"\"BertProcessing\", \"cls\": [\"[CLS]\", 1], \"sep\": [\"[SEP]\", 2]}}";

static AngleTokenizer *
build(bool strip, AngleArena *arena)
{
	char text[2048];
	AngleTokenizerFiles files = {0};
	AngleTokenizer *tokenizer;
	AngleBytes image;

	snprintf(text, sizeof(text), json, strip ? "true" : "false");
	files.tokenizer_json = angle_bytes_of(text);
	require(angle_tokenizer_build(&files, arena, &image, NULL) == ANGLE_OK);
	require(angle_tokenizer_open(image, arena, &tokenizer, NULL) == ANGLE_OK);
	return tokenizer;
}

static void
check_offsets(const AngleTokens *tokens, size_t size)
{
	for (size_t i = 0; i < tokens->count; i++)
	{
		int64_t start = tokens->starts[i];
		int64_t stop = tokens->stops[i];

		require(start == -1 ? stop == -1 : start >= 0 && start <= stop);
		require(stop <= (int64_t) size);
	}
}

/* Encodes once more with room for all but one token. */
static void
check_truncation(const AngleTokenizer *tokenizer, AngleTokenizerInput input,
				 const AngleTokens *whole, AngleArena *arena)
{
	AngleTokens tokens;
	AngleStatus status;

	if (whole->count < 3)
		return;
	input.max_tokens = whole->count - 1;
	status =
		angle_tokenizer_encode(tokenizer, &input, NULL, arena, &tokens, NULL);
	if (status == ANGLE_INVALID_ARGUMENT)
		return; /* there is no token of the text */
	require(status == ANGLE_OK && tokens.truncated);
	require(tokens.count == whole->count - 1);
	require(tokens.prompt_count == whole->prompt_count);
	check_offsets(&tokens, input.text.size);
	if (input.suffix.size == 0)
		require(memcmp(tokens.ids, whole->ids, 4 * (tokens.count - 1)) == 0);
}

static void
check_text(const AngleTokenizer *tokenizer, const uint8_t *data, size_t size)
{
	AngleArena *arena = angle_arena_create(NULL);
	size_t prefix = data[0] % (size + 1);
	size_t suffix = data[1] % (size - prefix + 1);
	AngleTokenizerInput input = {
		.prefix = {data, prefix},
		.text = {data + prefix, size - prefix - suffix},
		.suffix = {data + size - suffix, suffix},
	};
	AngleTokens tokens;
	AngleStatus status =
		angle_tokenizer_encode(tokenizer, &input, NULL, arena, &tokens, NULL);

	require(status == ANGLE_OK || status == ANGLE_INVALID_TEXT);
	if (status == ANGLE_OK)
	{
		check_offsets(&tokens, input.text.size);
		check_truncation(tokenizer, input, &tokens, arena);
	}
	angle_arena_destroy(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static AngleArena *arena;
	static AngleTokenizer *tokenizers[2];

	if (size < 2)
		return 0;
	if (arena == NULL)
		arena = angle_arena_create(NULL);
	for (int i = 0; i < 2; i++)
	{
		if (tokenizers[i] == NULL)
			tokenizers[i] = build(i == 1, arena);
		check_text(tokenizers[i], data, size);
	}
	return 0;
}
