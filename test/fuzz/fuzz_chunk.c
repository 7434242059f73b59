/* Texts of any content and any limits: the chunks lie in order, none is too long,
 * and nothing but white space is left out. */
#include <stdlib.h>

#include "core/base/utf8.h"
#include "core/text/chunk.h"
#include "core/text/unicode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static const char vocab[] =
	"[UNK]\n[CLS]\n[SEP]\na\nb\n##a\n##b\n.\nab\n##ab\n中\n!\ne\n";

static AngleTokenizer *
build(AngleArena *arena)
{
	AngleTokenizerFiles files = {.vocab_txt = angle_bytes_of(vocab)};
	AngleTokenizer *tokenizer;
	AngleBytes image;

	require(angle_tokenizer_build(&files, arena, &image, NULL) == ANGLE_OK);
	require(angle_tokenizer_open(image, arena, &tokenizer, NULL) == ANGLE_OK);
	return tokenizer;
}

static void
require_blank(AngleBytes text, size_t start, size_t stop)
{
	for (; start < stop; start += angle_utf8_length(text.data[start]))
		require(angle_char_is_space(angle_utf8_decode(text.data + start)));
}

static void
check_chunks(AngleChunker *chunker, const AngleChunkRequest *request)
{
	AngleRange before = {0, 0};
	AngleChunk chunk;
	bool found;

	for (;;)
	{
		require(angle_chunker_next(chunker, &chunk, &found, NULL) == ANGLE_OK);
		if (!found)
			break;
		require(chunk.range.start < chunk.range.stop &&
				chunk.range.stop > before.stop);
		require(request->overlap > 0 || chunk.range.start >= before.stop);
		require(chunk.tokens <= request->max_tokens);
		require_blank(request->text, before.stop, chunk.range.start);
		before = chunk.range;
	}
	require_blank(request->text, before.stop, request->text.size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static AngleArena *arena;
	static AngleTokenizer *tokenizer;
	AngleChunkRequest request;
	AngleChunker *chunker;
	AngleArena *memory;
	AngleStatus status;

	if (size < 2)
		return 0;
	if (arena == NULL)
		tokenizer = build(arena = angle_arena_create(NULL));
	memory = angle_arena_create(NULL);
	request = (AngleChunkRequest){
		.text = {data + 2, size - 2},
		.max_tokens = 10 + data[0] % 64,
		.overlap = data[1] % (size_t) (8 + data[0] % 64),
		.scratch = angle_arena_create(NULL),
	};
	status = angle_chunker_create(tokenizer, &request, memory, &chunker, NULL);
	require(status == ANGLE_OK || status == ANGLE_INVALID_TEXT);
	if (status == ANGLE_OK)
		check_chunks(chunker, &request);
	angle_arena_destroy(request.scratch);
	angle_arena_destroy(memory);
	return 0;
}
