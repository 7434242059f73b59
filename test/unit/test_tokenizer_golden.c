/* The goldens of test/golden/tokenizer.py: the same ids and offsets as Hugging
 * Face's tokenizers. */
#include <jansson.h>

#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "core/base/utf8.h"
#include "test.h"
#include "tokenizer_fixture.h"

/* Puts the vocabulary's lines into the model of a tokenizer.json. */
static void
set_vocab(json_t *definition, const char *file)
{
	json_t *vocab = json_object();
	size_t size = 0;
	char *text = test_read(file, &size);
	char *rest = text;
	int id = 0;

	for (char *line; text != NULL && (line = strsep(&rest, "\n")) != NULL;)
	{
		if (rest != NULL)
			json_object_set_new(vocab, line, json_integer(id++));
	}
	json_object_set_new(json_object_get(definition, "model"), "vocab", vocab);
	free(text);
}

static Fixture
named_fixture(const json_t *golden, const char *name)
{
	char file[256];
	char *text;
	Fixture fixture;
	json_t *entry =
		json_object_get(json_object_get(golden, "tokenizers"), name);
	json_t *definition = json_object_get(entry, "json");

	snprintf(file, sizeof(file), "golden/%s",
			 json_string_value(json_object_get(entry, "vocab")));
	set_vocab(definition, file);
	text = json_dumps(definition, 0);
	fixture = fixture_json(text);
	free(text);
	return fixture;
}

static json_t *
read_json(const char *name)
{
	size_t size = 0;
	char *text = test_read(name, &size);
	json_t *json =
		text == NULL ? NULL : json_loadb(text, size, JSON_ALLOW_NUL, NULL);

	free(text);
	return json;
}

static json_int_t
item(const json_t *list, size_t index)
{
	return json_integer_value(json_array_get(list, index));
}

static bool
equals(const AngleTokens *tokens, const json_t *ids, const json_t *spans)
{
	if (tokens->count != json_array_size(ids))
		return false;
	for (size_t i = 0; i < tokens->count; i++)
	{
		if (tokens->ids[i] != item(ids, i) ||
			tokens->starts[i] != item(spans, 2 * i) ||
			tokens->stops[i] != item(spans, 2 * i + 1))
			return false;
	}
	return true;
}

/* Checks the golden cases of one tokenizer. */
static void
check_cases(const char *name)
{
	json_t *golden = read_json("golden/tokenizer/cases.json");
	json_t *cases = json_object_get(golden, "cases");
	Fixture fixture;
	int count = 0;

	REQUIRE(golden != NULL);
	fixture = named_fixture(golden, name);
	if (fixture.tokenizer == NULL)
		test_fail(__FILE__, __LINE__, "%s", fixture.error.message);
	for (size_t i = 0; fixture.tokenizer && i < json_array_size(cases); i++)
	{
		const json_t *row = json_array_get(cases, i);
		const json_t *text = json_array_get(row, 1);
		AngleBytes bytes = {(const uint8_t *) json_string_value(text),
							json_string_length(text)};
		AngleTokens tokens;

		if (strcmp(json_string_value(json_array_get(row, 0)), name) != 0)
			continue;
		count++;
		tokens = fixture_encode(&fixture, bytes);
		if (!equals(&tokens, json_array_get(row, 2), json_array_get(row, 3)))
			test_fail(__FILE__, __LINE__, "case %zu: \"%s\" becomes %s", i,
					  json_string_value(text), fixture_show(&fixture, &tokens));
	}
	CHECK(count >= 90);
	fixture_release(&fixture);
	json_decref(golden);
}

TEST(tokenizer_golden_uncased)
{
	check_cases("uncased");
}

TEST(tokenizer_golden_cased)
{
	check_cases("cased");
}

TEST(tokenizer_golden_keeps_accents)
{
	check_cases("accents");
}

TEST(tokenizer_golden_strips_accents_only)
{
	check_cases("strip");
}

TEST(tokenizer_golden_neither_cleans_nor_splits_chinese)
{
	check_cases("plain");
}

TEST(tokenizer_golden_added_tokens)
{
	check_cases("added");
}

TEST(tokenizer_golden_chinese)
{
	check_cases("chinese");
}

static void
digest_text(XXH3_state_t *state, Fixture *fixture, AngleBytes text)
{
	AngleTokens tokens = fixture_encode(fixture, text);

	XXH3_64bits_update(state, tokens.ids, tokens.count * sizeof(int32_t));
	XXH3_64bits_update(state, tokens.starts, tokens.count * sizeof(int64_t));
	XXH3_64bits_update(state, tokens.stops, tokens.count * sizeof(int64_t));
}

static void
check_digest(XXH3_state_t *state, const char *name)
{
	json_t *golden = read_json("golden/tokenizer/digests.json");
	char actual[17];

	REQUIRE(golden != NULL);
	snprintf(actual, sizeof(actual), "%016llx",
			 (unsigned long long) XXH3_64bits_digest(state));
	CHECK_STR(actual, json_string_value(json_object_get(golden, name)));
	json_decref(golden);
}

TEST(tokenizer_golden_every_line_of_wordnet)
{
	const char *path = getenv("ANGLE_WORDNET");
	FILE *file = path == NULL ? NULL : fopen(path, "r");
	XXH3_state_t state;
	char *line = NULL;
	size_t capacity = 0;
	ssize_t size;
	size_t vocab_size = 0;
	char *vocab = test_read("golden/bert-base-uncased.vocab.txt", &vocab_size);
	Fixture fixture;

	if (file == NULL)
	{
		free(vocab);
		test_skip("ANGLE_WORDNET names no decompressed data/wordnet.tsv.xz");
		return;
	}
	fixture = fixture_vocab(vocab, NULL);
	XXH3_64bits_reset(&state);
	while (fixture.tokenizer && (size = getline(&line, &capacity, file)) > 0)
		digest_text(&state, &fixture,
					(AngleBytes){(const uint8_t *) line, (size_t) size - 1});
	check_digest(&state, "wordnet");
	free(line);
	free(vocab);
	fclose(file);
	fixture_release(&fixture);
}

static bool
is_surrogate(uint32_t c)
{
	return c >= 0xD800 && c < 0xE000;
}

/* One line for each code point as a word and one as its continuation. */
static char *
code_point_vocab(void)
{
	char *vocab = malloc(0x20000 * 2 * 8);
	uint8_t *p = (uint8_t *) stpcpy(vocab, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n"
										   "[MASK]\n");

	for (uint32_t c = 1; c < 0x20000; c++)
	{
		if (is_surrogate(c) || c == '\n' || c == '\r')
			continue;
		p += angle_utf8_encode(c, p);
		p = (uint8_t *) stpcpy((char *) p, "\n##");
		p += angle_utf8_encode(c, p);
		*p++ = '\n';
	}
	*p = '\0';
	return vocab;
}

/* "a%cb e\u0323%c\u0301 %c " of 64 code points in turn; returns the size. */
static size_t
code_point_text(uint32_t first, uint8_t *text)
{
	uint8_t *p = text;

	for (uint32_t c = first; c < first + 64; c++)
	{
		*p++ = 'a';
		p += angle_utf8_encode(c, p);
		p = (uint8_t *) stpcpy((char *) p, "b e\u0323");
		p += angle_utf8_encode(c, p);
		p = (uint8_t *) stpcpy((char *) p, "\u0301 ");
		p += angle_utf8_encode(c, p);
		*p++ = ' ';
	}
	return (size_t) (p - text);
}

static void
check_code_points(const char *name, const char *config)
{
	char *vocab = code_point_vocab();
	Fixture fixture = fixture_vocab(vocab, config);
	XXH3_state_t state;
	uint8_t text[64 * 32];

	XXH3_64bits_reset(&state);
	for (uint32_t c = 0; fixture.tokenizer && c < 0x110000; c += 64)
	{
		if (!is_surrogate(c))
			digest_text(&state, &fixture,
						(AngleBytes){text, code_point_text(c, text)});
	}
	check_digest(&state, name);
	fixture_release(&fixture);
	free(vocab);
}

TEST(tokenizer_golden_every_code_point_uncased)
{
	check_code_points("uncased", NULL);
}

TEST(tokenizer_golden_every_code_point_cased)
{
	check_code_points("cased", "{\"do_lower_case\": false}");
}

TEST(tokenizer_golden_every_code_point_with_accents)
{
	check_code_points("accents", "{\"strip_accents\": false}");
}

TEST(tokenizer_golden_every_code_point_stripped)
{
	check_code_points("strip", "{\"do_lower_case\": false, "
							   "\"strip_accents\": true}");
}
