/* Images of any content: opening one either fails or gives a tokenizer with
 * which every text can be encoded. */
#include <stdlib.h>

#include "core/text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static void
use(const AngleTokenizer *tokenizer, AngleArena *arena)
{
	AngleTokenizerInput input = {
		.prefix = angle_bytes_of("a: "),
		.text = angle_bytes_of("b [MASK] [SEP]abÁ  é 中 aaaa, x e\u0323\u0301"),
		.suffix = angle_bytes_of(" ab"),
	};
	size_t vocab_size = angle_tokenizer_vocab_size(tokenizer);
	AngleTokens tokens;

	for (size_t id = 0; id < vocab_size; id++)
		angle_tokenizer_token(tokenizer, (int32_t) id);
	require(angle_tokenizer_encode(tokenizer, &input, NULL, arena, &tokens,
								   NULL) == ANGLE_OK);
	for (size_t i = 0; i < tokens.count; i++)
	{
		require((size_t) tokens.ids[i] < vocab_size);
		require(tokens.stops[i] <= (int64_t) input.text.size);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleTokenizer *tokenizer;

	if (angle_tokenizer_open((AngleBytes){data, size}, arena, &tokenizer,
							 NULL) == ANGLE_OK)
		use(tokenizer, arena);
	angle_arena_destroy(arena);
	return 0;
}
