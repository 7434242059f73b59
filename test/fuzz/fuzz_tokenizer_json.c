/* Tokenizer files of any content: building an image of them ends in an image
 * that opens and encodes, or in an error with a message. The first byte says
 * which file the rest is. */
#include <stdlib.h>

#include "core/text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

/* The rest is the file that the first byte chooses; the others are sound. */
static AngleTokenizerFiles
files_of(uint8_t choice, AngleBytes rest)
{
	AngleTokenizerFiles files = {
		.vocab_txt = angle_bytes_of("[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##a\nb"),
	};

	switch (choice % 5)
	{
		case 0:
			files.vocab_txt = rest;
			break;
		case 1:
			files.tokenizer_config_json = rest;
			break;
		case 2:
			files.special_tokens_map_json = rest;
			break;
		case 3:
			files.added_tokens_json = rest;
			break;
		default:
			files.tokenizer_json = rest;
	}
	return files;
}

static void
encode(AngleBytes image, AngleArena *arena)
{
	AngleTokenizerInput input = {
		.text = angle_bytes_of("a [MASK] [SEP]bÁ é 中 aaaa, x"),
	};
	AngleTokenizer *tokenizer;
	AngleTokens tokens;

	require(angle_tokenizer_open(image, arena, &tokenizer, NULL) == ANGLE_OK);
	require(angle_tokenizer_encode(tokenizer, &input, NULL, arena, &tokens,
								   NULL) == ANGLE_OK);
	for (size_t i = 0; i < tokens.count; i++)
		require((size_t) tokens.ids[i] < angle_tokenizer_vocab_size(tokenizer));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleTokenizerFiles files;
	AngleBytes image;
	AngleError err = {0};

	if (size > 0)
	{
		files = files_of(data[0], (AngleBytes){data + 1, size - 1});
		if (angle_tokenizer_build(&files, arena, &image, &err) == ANGLE_OK)
			encode(image, arena);
		else
			require(err.message[0] != '\0');
	}
	angle_arena_destroy(arena);
	return 0;
}
