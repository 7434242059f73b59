/* Cutting documents into chunks. */
#include "test.h"
#include "core/base/rng.h"
#include "core/base/utf8.h"
#include "core/text/chunk.h"
#include "core/text/unicode.h"
#include "tokenizer_fixture.h"

#define VOCAB                                                             \
	"[UNK]\n[CLS]\n[SEP]\na\nb\nc\nd\n##a\n##b\n.\n,\none\ntwo\n!\n中\n" \
	"文\n##c\n。\n##。\nabc\n##d\n"

/* An iteration over the chunks of a text, with its memory. */
typedef struct Cutting
{
	AngleArena *arena;
	AngleChunkRequest request;
	AngleChunker *chunker;
	AngleError error;
} Cutting;

static AngleStatus
begin(Cutting *cutting, const Fixture *fixture, AngleBytes text, size_t max,
	  size_t overlap)
{
	*cutting = (Cutting){
		.arena = angle_arena_create(NULL),
		.request = {.text = text, .max_tokens = max, .overlap = overlap},
	};
	cutting->request.scratch = angle_arena_create(NULL);
	return angle_chunker_create(fixture->tokenizer, &cutting->request,
								cutting->arena, &cutting->chunker,
								&cutting->error);
}

static bool
next(Cutting *cutting, AngleChunk *chunk)
{
	bool found = false;

	if (angle_chunker_next(cutting->chunker, chunk, &found, &cutting->error) !=
		ANGLE_OK)
	{
		test_fail(__FILE__, __LINE__, "%s", cutting->error.message);
		return false;
	}
	return found;
}

static void
end(Cutting *cutting)
{
	angle_arena_destroy(cutting->request.scratch);
	angle_arena_destroy(cutting->arena);
}

/* Checks the chunks of a text, shown in brackets. */
static void
check(const char *text, size_t max, size_t overlap, const char *expected)
{
	Fixture fixture = fixture_vocab(VOCAB, NULL);
	Cutting cutting;
	AngleChunk chunk;
	char out[2048] = "";
	size_t used = 0;

	if (begin(&cutting, &fixture, angle_bytes_of(text), max, overlap) !=
		ANGLE_OK)
		test_fail(__FILE__, __LINE__, "%s", cutting.error.message);
	else
		while (next(&cutting, &chunk))
			used +=
				(size_t) snprintf(out + used, sizeof(out) - used, "[%.*s]",
								  (int) (chunk.range.stop - chunk.range.start),
								  text + chunk.range.start);
	CHECK_STR(out, expected);
	end(&cutting);
	fixture_release(&fixture);
}

TEST(chunks_of_blank_text_are_none)
{
	check("", 10, 0, "");
	check(" \n\n\t ", 10, 0, "");
}

TEST(chunks_pack_whole_paragraphs)
{
	check("a b c\n\na b\n\na b c d", 10, 0, "[a b c\n\na b][a b c d]");
	check("  a b c d a b c d  ", 10, 0, "[a b c d a b c d]");
}

TEST(chunks_cut_long_paragraphs_at_sentences)
{
	check("One a b. Two a b! One.\n\na", 10, 0,
		  "[One a b. Two a b!][One.\n\na]");
}

TEST(chunks_cut_long_sentences_at_lines_then_words)
{
	check("a b c d a\nb c d a b\nc d", 10, 0, "[a b c d a][b c d a b\nc d]");
	check("a b c d a b c d a b c", 10, 0, "[a b c d a b c d][a b c]");
	check("中文中文中文中文中文", 10, 0, "[中文中文中文中文][中文]");
}

TEST(chunks_cut_long_words_at_tokens)
{
	check("ababababababab", 10, 0, "[abababab][ababab]");
}

TEST(chunks_repeat_sentences_or_words)
{
	check("One abc. Two abc. One d abc. Two abc.", 10, 4,
		  "[One abc. Two abc.][Two abc. One d abc.][One d abc. Two abc.]");
	check("a b c d a b c d a b c d", 10, 2, "[a b c d a b c d][c d a b c d]");
}

TEST(chunks_refuse_limits_that_leave_no_room)
{
	Fixture fixture = fixture_vocab(VOCAB, NULL);
	Cutting cutting;

	CHECK_INT(begin(&cutting, &fixture, angle_bytes_of("a"), 9, 0),
			  ANGLE_INVALID_ARGUMENT);
	CHECK_STR(cutting.error.message, "max_tokens must be at least 10, not 9");
	end(&cutting);
	CHECK_INT(begin(&cutting, &fixture, angle_bytes_of("a"), 12, 10),
			  ANGLE_INVALID_ARGUMENT);
	CHECK(strstr(cutting.error.message, "overlap must be less than") != NULL);
	end(&cutting);
	CHECK_INT(begin(&cutting, &fixture, angle_bytes_of("a\xff"), 12, 0),
			  ANGLE_INVALID_TEXT);
	end(&cutting);
	fixture_release(&fixture);
}

static bool
always(void *context)
{
	(void) context;
	return true;
}

TEST(chunks_can_be_cancelled)
{
	Fixture fixture = fixture_vocab(VOCAB, NULL);
	const AngleCancel cancel = {always, NULL};
	Cutting cutting;
	AngleChunk chunk;
	bool found;

	REQUIRE(begin(&cutting, &fixture, angle_bytes_of("a b c"), 12, 0) ==
			ANGLE_OK);
	cutting.request.cancel = &cancel;
	REQUIRE(angle_chunker_create(fixture.tokenizer, &cutting.request,
								 cutting.arena, &cutting.chunker,
								 &cutting.error) == ANGLE_CANCELLED ||
			angle_chunker_next(cutting.chunker, &chunk, &found,
							   &cutting.error) == ANGLE_CANCELLED);
	end(&cutting);
	fixture_release(&fixture);
}

/* ---- properties --------------------------------------------------------- */

static bool
has_ink(AngleBytes text, size_t start, size_t stop)
{
	while (start < stop)
	{
		if (!angle_char_is_space(angle_utf8_decode(text.data + start)))
			return true;
		start += angle_utf8_length(text.data[start]);
	}
	return false;
}

/* Checks one chunk and that nothing is left out between it and the one before;
 * returns what is wrong. */
static const char *
fault(Fixture *fixture, const Cutting *cutting, const AngleChunk *chunk,
	  const AngleRange *before)
{
	AngleBytes text = cutting->request.text;
	AngleRange range = chunk->range;
	AngleTokens tokens;

	if (range.start >= range.stop || range.stop > text.size)
		return "it has no extent";
	if (range.stop <= before->stop ||
		(before->stop > 0 && range.start <= before->start))
		return "it is not behind the one before";
	if (cutting->request.overlap == 0 && range.start < before->stop)
		return "it overlaps";
	if (range.start > before->stop && has_ink(text, before->stop, range.start))
		return "text is left out before it";
	if (angle_utf8_continues(text.data[range.start]) ||
		(range.stop < text.size && angle_utf8_continues(text.data[range.stop])))
		return "it cuts a character";
	tokens = fixture_encode(fixture, (AngleBytes){text.data + range.start,
												  range.stop - range.start});
	if (tokens.count != chunk->tokens)
		return "its tokens are not those of its text";
	if (chunk->tokens > cutting->request.max_tokens)
		return "it has too many tokens";
	return NULL;
}

static void
check_properties(Fixture *fixture, AngleBytes text, size_t max, size_t overlap)
{
	Cutting cutting;
	AngleChunk chunk;
	AngleRange before = {0, 0};
	const char *wrong = NULL;

	if (begin(&cutting, fixture, text, max, overlap) != ANGLE_OK)
		wrong = cutting.error.message;
	while (wrong == NULL && next(&cutting, &chunk))
	{
		wrong = fault(fixture, &cutting, &chunk, &before);
		before = chunk.range;
	}
	if (wrong == NULL && has_ink(text, before.stop, text.size))
		wrong = "the end is left out";
	if (wrong != NULL)
		test_fail(__FILE__, __LINE__, "%zu bytes, limit %zu, overlap %zu: %s",
				  text.size, max, overlap, wrong);
	end(&cutting);
}

/* Added tokens that see white space and what stands beside them. */
static const char strange[] =
	"{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"[UNK]\": 0, "
	"\"[CLS]\": 1, \"[SEP]\": 2, \"a\": 3, \"##a\": 4, \"b\": 5, \"ab\": 6, "
	"\"##bab\": 7, \".\": 8, \"e\": 9, \"##\\u0301\": 10, \"i\": 11}}, "
	"\"normalizer\": {\"type\": \"BertNormalizer\", \"strip_accents\": false}, "
	"\"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, \"added_tokens\": "
	"[{\"id\": 2, \"content\": \"[SEP]\", \"normalized\": false}, {\"id\": "
	"12, \"content\": \"b b\", \"normalized\": true, \"rstrip\": true}, "
	"{\"id\": 13, \"content\": \"[M]\", \"normalized\": false, \"lstrip\": "
	"true, \"single_word\": true}, {\"id\": 14, \"content\": \"xx\", "
	"\"normalized\": true, \"single_word\": true, \"lstrip\": true}], "
	"\"post_processor\": {\"type\": \"BertProcessing\", \"cls\": [\"[CLS]\", "
	"1], \"sep\": [\"[SEP]\", 2]}}";

static const char *const morsels[] = {
	"a",	   "b",		 "ab", "abab",		"b b",	  "[M]",
	"xx",	   " ",		 " ",  " ",			"\n",	  "\n\n",
	". ",	   ".",		 "! ", "。",		"中",	  "文字",
	"e\u0301", "한국",	 "กข", "\u00AD",	"\u0301", "Dr. ",
	"[SEP]",   "\u200D", "」", "embedding", "İ",
};

static size_t
write_random(AngleRng *rng, char *text, size_t capacity)
{
	size_t size = 0;
	size_t pieces = angle_rng_below(rng, 400);
	size_t kinds = 1 + angle_rng_below(rng, sizeof(morsels) / sizeof(*morsels));
	size_t shift = angle_rng_below(rng, sizeof(morsels) / sizeof(*morsels));

	for (size_t i = 0; i < pieces; i++)
	{
		const char *piece = morsels[(shift + angle_rng_below(rng, kinds)) %
									(sizeof(morsels) / sizeof(*morsels))];
		size_t length = strlen(piece);

		if (size + length > capacity)
			break;
		memcpy(text + size, piece, length);
		size += length;
	}
	return size;
}

static void
check_random_texts(Fixture *fixture, uint64_t seed)
{
	AngleRng rng;
	char text[8192];

	angle_rng_seed(&rng, seed);
	for (int i = 0; i < 400; i++)
	{
		size_t size = write_random(&rng, text, sizeof(text));
		size_t room = 8 + angle_rng_below(&rng, 30);

		check_properties(fixture, (AngleBytes){(const uint8_t *) text, size},
						 room + 2,
						 i % 2 == 0 ? 0 : angle_rng_below(&rng, room));
	}
}

TEST(chunks_of_random_texts_leave_nothing_out)
{
	Fixture plain = fixture_vocab(VOCAB, NULL);
	Fixture odd = fixture_json(strange);

	REQUIRE(odd.tokenizer != NULL);
	check_random_texts(&plain, 1);
	check_random_texts(&odd, 2);
	fixture_release(&plain);
	fixture_release(&odd);
}

/* Documents of this repository with the vocabulary of BERT, as its uncased and
 * its cased models read it. */
TEST(chunks_of_real_texts_leave_nothing_out)
{
	static const char *const configs[] = {NULL, "{\"do_lower_case\": false}"};
	static const char *const documents[] = {
		"../README.md", "../CONTRIBUTING.md", "../docs/model-format.md",
		"golden/bert-base-uncased.vocab.txt"};
	size_t size;
	char *vocab = test_read("golden/bert-base-uncased.vocab.txt", &size);

	REQUIRE(vocab != NULL);
	for (size_t i = 0; i < 8; i++)
	{
		Fixture fixture = fixture_vocab(vocab, configs[i / 4]);
		char *text = test_read(documents[i % 4], &size);
		AngleBytes bytes = {(const uint8_t *) text, size};

		REQUIRE(text != NULL);
		check_properties(&fixture, bytes, 256, 0);
		check_properties(&fixture, bytes, 128, 32);
		check_properties(&fixture, bytes, 12, 9);
		free(text);
		fixture_release(&fixture);
	}
	free(vocab);
}
