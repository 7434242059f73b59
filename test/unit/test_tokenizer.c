#include "test.h"
#include "core/base/utf8_check.h"
#include "core/text/image.h"
#include "core/text/spec.h"
#include "tokenizer_fixture.h"

#define VOCAB \
	"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n##a\n##b\n##c\nab\n:\n"

static AngleTokens
encode(Fixture *fixture, const AngleTokenizerInput *input, AngleStatus expected)
{
	AngleTokens tokens = {0};

	angle_arena_reset(fixture->scratch);
	CHECK_INT(angle_tokenizer_encode(fixture->tokenizer, input, NULL,
									 fixture->scratch, &tokens,
									 &fixture->error),
			  expected);
	return tokens;
}

static AngleTokenizerInput
input_of(const char *prefix, const char *text, const char *suffix,
		 size_t max_tokens)
{
	return (AngleTokenizerInput){angle_bytes_of(prefix), angle_bytes_of(text),
								 angle_bytes_of(suffix), max_tokens};
}

TEST(tokenizer_truncates_the_text_alone)
{
	Fixture fixture = fixture_vocab(VOCAB, NULL);
	AngleTokenizerInput input = input_of("b: ", "a b c a", " c :", 8);
	AngleTokens tokens = encode(&fixture, &input, ANGLE_OK);

	CHECK_STR(fixture_show(&fixture, &tokens), "[CLS] b : a b c : [SEP] ");
	CHECK(tokens.truncated);
	CHECK_INT(tokens.prompt_count, 3);
	CHECK_INT(tokens.starts[2], -1);
	CHECK_INT(tokens.starts[3], 0);
	CHECK_INT(tokens.stops[4], 3);
	CHECK_INT(tokens.starts[5], -1);

	input.max_tokens = 10;
	tokens = encode(&fixture, &input, ANGLE_OK);
	CHECK_INT(tokens.count, 10);
	CHECK(!tokens.truncated);
	input.max_tokens = 6;
	tokens = encode(&fixture, &input, ANGLE_OK);
	CHECK_STR(fixture_show(&fixture, &tokens), "[CLS] b : c : [SEP] ");
	input.max_tokens = 5;
	encode(&fixture, &input, ANGLE_INVALID_ARGUMENT);
	CHECK_STR(fixture.error.message,
			  "the prompt has 6 tokens, but 5 is the limit");
	fixture_release(&fixture);
}

TEST(tokenizer_joins_the_prompt_and_the_text)
{
	Fixture fixture = fixture_vocab(VOCAB, NULL);
	AngleTokenizerInput input = input_of("c a", "b a", "b", 0);
	AngleTokens tokens = encode(&fixture, &input, ANGLE_OK);

	CHECK_STR(fixture_show(&fixture, &tokens), "[CLS] c ab ab [SEP] ");
	CHECK_INT(tokens.prompt_count, 3);
	CHECK_INT(tokens.starts[2], -1);
	CHECK_INT(tokens.starts[3], 2);
	CHECK_INT(tokens.stops[3], 3);

	input = input_of("[MA", "SK]", "", 0);
	tokens = encode(&fixture, &input, ANGLE_OK);
	CHECK_STR(fixture_show(&fixture, &tokens), "[CLS] [MASK] [SEP] ");
	fixture_release(&fixture);
}

/* What a limit leaves must be the start of what there is without one. */
TEST(tokenizer_truncation_is_a_prefix_of_the_whole)
{
	Fixture fixture = fixture_vocab(VOCAB, NULL);
	AngleTokenizerInput input = input_of("", "ab cab é abcabc a:b", "", 0);
	AngleTokens tokens = encode(&fixture, &input, ANGLE_OK);
	int32_t whole[32];
	size_t count = tokens.count;

	REQUIRE(count < 32);
	memcpy(whole, tokens.ids, count * sizeof(*whole));
	for (input.max_tokens = 2; input.max_tokens < count; input.max_tokens++)
	{
		tokens = encode(&fixture, &input, ANGLE_OK);
		CHECK_INT(tokens.count, input.max_tokens);
		CHECK(tokens.truncated);
		CHECK(memcmp(whole, tokens.ids, (tokens.count - 1) * 4) == 0);
		CHECK_INT(tokens.ids[tokens.count - 1], 3);
	}
	fixture_release(&fixture);
}

TEST(tokenizer_names_the_byte_that_is_not_utf8)
{
	static const struct
	{
		const char *text;
		const char *message;
	} cases[] = {
		{"ab\xff", "byte 0xff at offset 2"},
		{"\xc0\xaf", "byte 0xc0 at offset 0"},
		{"abcdefghij\xe4\xbd", "byte 0xe4 at offset 10"},
		{"\xed\xa0\x80", "byte 0xed at offset 0"},
		{"\xf4\x90\x80\x80", "byte 0xf4 at offset 0"},
		{"\xe0\x9f\x80", "byte 0xe0 at offset 0"},
		{"\xf0\x8f\x80\x80", "byte 0xf0 at offset 0"},
		{"é\x80", "byte 0x80 at offset 2"},
		{"\xf8\x88\x80\x80\x80", "byte 0xf8 at offset 0"},
	};
	Fixture fixture = fixture_vocab(VOCAB, NULL);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		AngleTokenizerInput input = input_of("", cases[i].text, "", 2);

		encode(&fixture, &input, ANGLE_INVALID_TEXT);
		CHECK(strstr(fixture.error.message, cases[i].message) != NULL);
		CHECK(strstr(fixture.error.message, "in the text") != NULL);
		input = input_of(cases[i].text, "a", "", 0);
		encode(&fixture, &input, ANGLE_INVALID_TEXT);
		CHECK(strstr(fixture.error.message, "in the prompt") != NULL);
	}
	fixture_release(&fixture);
}

/* Wherever the cut between two polls falls, characters stay whole, and a byte
 * that is wrong is named by its place in the whole. */
TEST(tokenizer_checks_utf8_across_parts)
{
	size_t size = 5 << 20;
	uint8_t *text = malloc(size);
	AngleError err;

	REQUIRE(text != NULL);
	for (size_t shift = 0; shift < 4; shift++)
	{
		memset(text, 'a', size);
		for (size_t i = shift; i + 4 <= size; i += 4)
			memcpy(text + i, "\xf0\x9f\x98\x80", 4);
		CHECK_INT(
			angle_utf8_check((AngleBytes){text, size}, "text", NULL, &err),
			ANGLE_OK);
		text[(4 << 20) + shift] = 'a';
		CHECK_INT(
			angle_utf8_check((AngleBytes){text, size}, "text", NULL, &err),
			ANGLE_INVALID_TEXT);
		CHECK(strstr(err.message, shift == 0   ? "offset 4194305"
								  : shift == 1 ? "offset 4194306"
								  : shift == 2 ? "offset 4194307"
											   : "offset 4194308") != NULL);
	}
	free(text);
}

static bool
count_polls(void *context)
{
	int *left = context;

	return --*left < 0;
}

TEST(tokenizer_stops_when_asked)
{
	Fixture fixture = fixture_vocab(VOCAB, NULL);
	size_t size = 1 << 20;
	uint8_t *text = malloc(size);
	int polls = 20;
	AngleCancel cancel = {count_polls, &polls};
	AngleTokenizerInput input = {.text = {text, size}};
	AngleTokens tokens;

	memset(text, 'a', size);
	CHECK_INT(angle_tokenizer_encode(fixture.tokenizer, &input, &cancel,
									 fixture.scratch, &tokens, NULL),
			  ANGLE_CANCELLED);
	polls = 1000;
	CHECK_INT(angle_tokenizer_encode(fixture.tokenizer, &input, &cancel,
									 fixture.scratch, &tokens, NULL),
			  ANGLE_OK);
	CHECK_INT(tokens.count, 3);
	free(text);
	fixture_release(&fixture);
}

TEST(tokenizer_needs_memory_for_its_tokens_only)
{
	Fixture fixture = fixture_vocab(VOCAB, NULL);
	size_t size = 16 << 20;
	uint8_t *text = malloc(size);
	AngleTokenizerInput input = {.text = {text, size}, .max_tokens = 512};
	AngleTokens tokens;

	for (size_t i = 0; i < size; i++)
		text[i] = i % 2 == 0 ? 'a' : ' ';
	tokens = encode(&fixture, &input, ANGLE_OK);
	CHECK_INT(tokens.count, 512);
	CHECK(angle_arena_size(fixture.scratch) < 128 * 1024);
	free(text);
	fixture_release(&fixture);
}

TEST(tokenizer_gives_texts_of_its_tokens)
{
	Fixture fixture = fixture_vocab(VOCAB, NULL);

	CHECK_INT(angle_tokenizer_vocab_size(fixture.tokenizer), 13);
	CHECK(angle_bytes_equal(angle_tokenizer_token(fixture.tokenizer, 0),
							angle_bytes_of("[PAD]")));
	CHECK(angle_bytes_equal(angle_tokenizer_token(fixture.tokenizer, 10),
							angle_bytes_of("##c")));
	CHECK_INT(angle_tokenizer_token(fixture.tokenizer, 13).size, 0);
	CHECK_INT(angle_tokenizer_token(fixture.tokenizer, -1).size, 0);
	fixture_release(&fixture);
}

static void
check_show(const char *vocab, const char *config, const char *text,
		   const char *expected)
{
	Fixture fixture = fixture_vocab(vocab, config);
	AngleTokens tokens;

	if (fixture.tokenizer == NULL)
		test_fail(__FILE__, __LINE__, "%s", fixture.error.message);
	else
	{
		tokens = fixture_encode(&fixture, angle_bytes_of(text));
		CHECK_STR(fixture_show(&fixture, &tokens), expected);
	}
	fixture_release(&fixture);
}

TEST(tokenizer_vocab_txt_follows_its_settings)
{
	const char *vocab = "[UNK]\r\n<s>\r\n</s>\r\n[MASK]\r\na\r\nA\r\ná\r\n"
						"中\r\n##中\r\na\r\n";

	check_show(vocab,
			   "{\"cls_token\": \"<s>\", \"sep_token\": {\"content\": "
			   "\"</s>\"}, \"do_lower_case\": false}",
			   "A á</s> 中中", "<s> A á </s> 中 中 </s> ");
	check_show(vocab,
			   "{\"cls_token\": \"<s>\", \"sep_token\": \"</s>\", "
			   "\"strip_accents\": false, \"tokenize_chinese_chars\": false}",
			   "A Á 中中", "<s> a á 中 ##中 </s> ");
}

TEST(tokenizer_vocab_txt_repeated_line_counts_last)
{
	Fixture fixture = fixture_vocab("[UNK]\n[CLS]\n[SEP]\na\na", NULL);
	AngleTokens tokens = fixture_encode(&fixture, angle_bytes_of("a"));

	CHECK_INT(tokens.count, 3);
	CHECK_INT(tokens.ids[1], 4);
	fixture_release(&fixture);
}

TEST(tokenizer_added_tokens_json_extends_the_vocabulary)
{
	AngleTokenizerFiles files = {
		.vocab_txt = angle_bytes_of(VOCAB),
		.added_tokens_json = angle_bytes_of("{\"Aba ca\": 13}"),
		.special_tokens_map_json = angle_bytes_of(
			"{\"mask_token\": {\"content\": \"[MASK]\", \"lstrip\": true}, "
			"\"additional_special_tokens\": [\"ab\"]}"),
	};
	Fixture fixture = fixture_build(&files);
	AngleTokens tokens;

	REQUIRE(fixture.tokenizer != NULL);
	tokens = fixture_encode(&fixture, angle_bytes_of("c àBA CAab  [MASK]"));
	CHECK_STR(fixture_show(&fixture, &tokens),
			  "[CLS] c Aba ca ab [MASK] [SEP] ");
	CHECK_INT(tokens.starts[2], 2);
	CHECK_INT(tokens.stops[2], 9);
	CHECK_INT(tokens.starts[4], 11);
	CHECK_INT(tokens.stops[4], 19);
	CHECK_INT(angle_tokenizer_vocab_size(fixture.tokenizer), 14);
	fixture_release(&fixture);
}

static void
check_refused(Fixture fixture, AngleStatus status, const char *part)
{
	if (fixture.tokenizer != NULL)
		test_fail(__FILE__, __LINE__, "accepted, without \"%s\"", part);
	else
	{
		CHECK_INT(fixture.error.status, status);
		if (strstr(fixture.error.message, part) == NULL)
			test_fail(__FILE__, __LINE__, "\"%s\" lacks \"%s\"",
					  fixture.error.message, part);
	}
	fixture_release(&fixture);
}

TEST(tokenizer_vocab_txt_refuses_what_it_cannot_honour)
{
	check_refused(fixture_vocab("", NULL), ANGLE_NOT_FOUND, "vocab.txt");
	check_refused(fixture_vocab("[UNK]\n[CLS]\n", NULL), ANGLE_CORRUPT,
				  "\"[SEP]\" is not in vocab.txt");
	check_refused(fixture_vocab("[CLS]\n[SEP]\n", NULL), ANGLE_CORRUPT,
				  "unknown token \"[UNK]\"");
	check_refused(fixture_vocab("[UNK]\n\xff\n", NULL), ANGLE_INVALID_TEXT,
				  "byte 0xff at offset 6");
	check_refused(
		fixture_vocab(VOCAB, "{\"tokenizer_class\": \"LlamaTokenizer\"}"),
		ANGLE_UNSUPPORTED, "\"LlamaTokenizer\"");
	check_refused(fixture_vocab(VOCAB, "{\"tokenizer_class\""), ANGLE_CORRUPT,
				  "tokenizer_config.json");
	check_refused(
		fixture_vocab(VOCAB, "{\"added_tokens_decoder\": {\"3\": \"x\"}}"),
		ANGLE_CORRUPT, "share the id 3");
	check_refused(
		fixture_vocab(VOCAB, "{\"added_tokens_decoder\": {\"x3\": \"x\"}}"),
		ANGLE_CORRUPT, "\"x3\"");
}

#define JSON_MODEL                                                     \
	"\"model\": {\"type\": \"WordPiece\", \"unk_token\": \"[UNK]\", "  \
	"\"vocab\": {\"[UNK]\": 0, \"[CLS]\": 1, \"[SEP]\": 2, \"a\": 3, " \
	"\"##a\": 5}}"
#define JSON_NORMALIZER "\"normalizer\": {\"type\": \"BertNormalizer\"}"
#define JSON_SPLIT "\"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}"
#define JSON_START "{" JSON_MODEL ", " JSON_NORMALIZER ", " JSON_SPLIT

static void
check_json(const char *json, const char *text, const char *expected)
{
	Fixture fixture = fixture_json(json);
	AngleTokens tokens;

	if (fixture.tokenizer == NULL)
		test_fail(__FILE__, __LINE__, "%s", fixture.error.message);
	else
	{
		tokens = fixture_encode(&fixture, angle_bytes_of(text));
		CHECK_STR(fixture_show(&fixture, &tokens), expected);
	}
	fixture_release(&fixture);
}

TEST(tokenizer_vocab_txt_bounds_the_added_tokens)
{
	char config[8192] = "{\"additional_special_tokens\": [\"a\"";
	size_t used = strlen(config);
	Fixture fixture;

	for (int i = 0; i < 1000; i++, used += 4)
		memcpy(config + used, ",\"a\"", 5);
	memcpy(config + used, "]}", 3);
	fixture = fixture_vocab("[UNK]\n[CLS]\n[SEP]\na\n", config);
	CHECK(fixture.tokenizer == NULL);
	CHECK_INT(fixture.error.status, ANGLE_TOO_LARGE);
	CHECK(strstr(fixture.error.message, "more than 1000") != NULL);
	fixture_release(&fixture);
}

TEST(tokenizer_json_post_processors)
{
	check_json(JSON_START "}", "AA b", "a ##a [UNK] ");
	check_json(JSON_START ", \"post_processor\": null}", "a", "a ");
	check_json(JSON_START ", \"post_processor\": {\"type\": "
						  "\"BertProcessing\", \"sep\": [\"[SEP]\", 2], "
						  "\"cls\": [\"[CLS]\", 1]}}",
			   "a", "[CLS] a [SEP] ");
	check_json(
		JSON_START
		", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": "
		"[{\"SpecialToken\": {\"id\": \"x\", \"type_id\": 0}}, {\"Sequence\": "
		"{\"id\": \"A\", \"type_id\": 0}}], \"special_tokens\": {\"x\": "
		"{\"id\": \"x\", \"ids\": [1, 2], \"tokens\": [\"p\", \"q\"]}}}}",
		"a", "[CLS] [SEP] a ");
}

TEST(tokenizer_json_takes_sequences_of_one)
{
	check_json("{" JSON_MODEL
			   ", \"normalizer\": {\"type\": \"Sequence\", \"normalizers\": "
			   "[{\"type\": \"BertNormalizer\", \"lowercase\": true}]}, "
			   "\"pre_tokenizer\": {\"type\": \"Sequence\", "
			   "\"pretokenizers\": [{\"type\": \"BertPreTokenizer\"}]}}",
			   "Áa", "a ##a ");
}

TEST(tokenizer_json_names_what_is_not_supported)
{
	check_refused(fixture_json("{\"model\": {\"type\": \"BPE\"}}"),
				  ANGLE_UNSUPPORTED, "model \"BPE\"");
	check_refused(fixture_json("{\"model\": {\"vocab\": {}, \"merges\": []}}"),
				  ANGLE_UNSUPPORTED, "model");
	check_refused(fixture_json("{" JSON_MODEL ", \"normalizer\": {\"type\": "
							   "\"NFKC\"}, " JSON_SPLIT "}"),
				  ANGLE_UNSUPPORTED, "normalizer \"NFKC\"");
	check_refused(fixture_json("{" JSON_MODEL ", " JSON_SPLIT "}"),
				  ANGLE_UNSUPPORTED, "normalizer \"null\"");
	check_refused(fixture_json("{" JSON_MODEL ", " JSON_NORMALIZER
							   ", \"pre_tokenizer\": {\"type\": "
							   "\"ByteLevel\"}}"),
				  ANGLE_UNSUPPORTED, "pre-tokenizer \"ByteLevel\"");
	check_refused(fixture_json(JSON_START ", \"post_processor\": {\"type\": "
										  "\"RobertaProcessing\"}}"),
				  ANGLE_UNSUPPORTED, "post-processor \"RobertaProcessing\"");
}

TEST(tokenizer_json_names_what_is_corrupt)
{
	check_refused(fixture_json("{"), ANGLE_CORRUPT, "not valid JSON: line 1");
	check_refused(fixture_json("[]"), ANGLE_CORRUPT, "must hold an object");
	check_refused(fixture_json("{\"a\": 1, \"a\": 2}"), ANGLE_CORRUPT,
				  "duplicate");
	check_refused(fixture_json("{\"model\": {\"type\": \"WordPiece\"}}"),
				  ANGLE_NOT_FOUND, "no vocabulary");
	check_refused(fixture_json("{\"model\": {\"type\": \"WordPiece\", "
							   "\"vocab\": {\"a\": 4294967296}}}"),
				  ANGLE_TOO_LARGE, "4294967296");
	check_refused(fixture_json("{\"model\": {\"type\": \"WordPiece\", "
							   "\"vocab\": {\"a\": -1}}}"),
				  ANGLE_CORRUPT, "\"a\" has no valid id");
	check_refused(fixture_json(JSON_START ", \"added_tokens\": [{\"content\": "
										  "\"x\", \"id\": 3}]}"),
				  ANGLE_CORRUPT, "\"a\" and \"x\" share the id 3");
	check_refused(fixture_json(JSON_START ", \"added_tokens\": [{\"content\": "
										  "\"a\", \"id\": 7}]}"),
				  ANGLE_CORRUPT, "3 in the vocabulary");
	check_refused(fixture_json(JSON_START ", \"added_tokens\": [{\"content\": "
										  "\"\", \"id\": 7}]}"),
				  ANGLE_UNSUPPORTED, "empty");
	check_refused(fixture_json(JSON_START ", \"post_processor\": {\"type\": "
										  "\"TemplateProcessing\", "
										  "\"single\": []}}"),
				  ANGLE_CORRUPT, "no place for a text");
	check_refused(fixture_json(JSON_START ", \"post_processor\": {\"type\": "
										  "\"BertProcessing\", \"sep\": "
										  "[\"s\", 6], \"cls\": [\"c\", 1]}}"),
				  ANGLE_CORRUPT, "special token 6");
}

TEST(tokenizer_json_refuses_deep_nesting)
{
	size_t depth = 100000;
	char *json = malloc(depth + 1);

	memset(json, '[', depth);
	json[depth] = '\0';
	check_refused(fixture_json(json), ANGLE_CORRUPT, "not valid JSON");
	free(json);
}

/* Opens a copy of the image with one field replaced. */
static AngleStatus
open_changed(const Fixture *fixture, size_t at, uint32_t value, AngleError *err)
{
	uint8_t *copy = angle_arena_alloc(fixture->arena, fixture->image.size, 1);
	AngleTokenizer *tokenizer;

	memcpy(copy, fixture->image.data, fixture->image.size);
	for (int i = 0; i < 4; i++)
		copy[at + (size_t) i] = (uint8_t) (value >> 8 * i);
	return angle_tokenizer_open((AngleBytes){copy, fixture->image.size},
								fixture->arena, &tokenizer, err);
}

TEST(tokenizer_image_refuses_fields_out_of_range)
{
	Fixture fixture = fixture_vocab(VOCAB, NULL);
	static const uint32_t values[] = {0, 3, 0x10000, 0x80000000u, UINT32_MAX};
	uint32_t vocab_size =
		(uint32_t) angle_tokenizer_vocab_size(fixture.tokenizer);
	AngleError err;

	for (int at = ANGLE_IMAGE_AT_SLOT_COUNT; at <= ANGLE_IMAGE_AT_STRINGS_SIZE;
		 at += 4)
	{
		uint32_t now = angle_load_u32(fixture.image.data + at);

		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		{
			if (values[i] != now)
				CHECK_INT(open_changed(&fixture, (size_t) at, values[i], &err),
						  ANGLE_CORRUPT);
		}
	}
	CHECK_INT(
		open_changed(&fixture, ANGLE_IMAGE_AT_UNKNOWN_ID, vocab_size, &err),
		ANGLE_CORRUPT);
	CHECK_INT(open_changed(&fixture, ANGLE_IMAGE_AT_FLAGS, 16, &err),
			  ANGLE_CORRUPT);
	CHECK_INT(open_changed(&fixture, ANGLE_IMAGE_AT_MAX_WORD_CHARS, 0, &err),
			  ANGLE_CORRUPT);
	CHECK_INT(open_changed(&fixture, ANGLE_IMAGE_AT_VERSION, 2, &err),
			  ANGLE_UNSUPPORTED);
	CHECK(strstr(err.message, "version 2") != NULL);
	fixture_release(&fixture);
}

TEST(tokenizer_image_refuses_every_shorter_one)
{
	Fixture fixture = fixture_vocab(VOCAB, NULL);
	AngleTokenizer *tokenizer;

	for (size_t size = 0; size < fixture.image.size; size++)
	{
		uint8_t *copy = malloc(size + 1);

		memcpy(copy, fixture.image.data, size);
		CHECK_INT(angle_tokenizer_open((AngleBytes){copy, size}, fixture.arena,
									   &tokenizer, NULL),
				  ANGLE_CORRUPT);
		free(copy);
	}
	fixture_release(&fixture);
}

TEST(tokenizer_image_refuses_a_full_hash_table)
{
	Fixture fixture = fixture_vocab(VOCAB, NULL);
	size_t slots =
		angle_load_u32(fixture.image.data + ANGLE_IMAGE_AT_SLOT_COUNT);
	size_t at =
		ANGLE_IMAGE_HEADER_SIZE +
		ANGLE_IMAGE_END_SIZE * angle_tokenizer_vocab_size(fixture.tokenizer);
	uint8_t *copy = angle_arena_alloc(fixture.arena, fixture.image.size, 1);
	AngleTokenizer *tokenizer;
	AngleError err;

	memcpy(copy, fixture.image.data, fixture.image.size);
	memset(copy + at, 0, slots * ANGLE_IMAGE_SLOT_SIZE);
	CHECK_INT(angle_tokenizer_open((AngleBytes){copy, fixture.image.size},
								   fixture.arena, &tokenizer, &err),
			  ANGLE_CORRUPT);
	CHECK(strstr(err.message, "free slots") != NULL);
	CHECK_INT(open_changed(&fixture, at + 4, 13, &err), ANGLE_CORRUPT);
	fixture_release(&fixture);
}
