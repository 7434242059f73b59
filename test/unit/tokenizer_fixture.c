#include "tokenizer_fixture.h"

#include "test.h"

Fixture
fixture_build(const AngleTokenizerFiles *files)
{
	Fixture fixture = {
		.arena = angle_arena_create(NULL),
		.scratch = angle_arena_create(NULL),
	};

	if (angle_tokenizer_build(files, fixture.arena, &fixture.image,
							  &fixture.error) != ANGLE_OK ||
		angle_tokenizer_open(fixture.image, fixture.arena, &fixture.tokenizer,
							 &fixture.error) != ANGLE_OK)
		fixture.tokenizer = NULL;
	return fixture;
}

static AngleBytes
optional(const char *text)
{
	return text == NULL ? (AngleBytes){NULL, 0} : angle_bytes_of(text);
}

Fixture
fixture_vocab(const char *vocab, const char *config)
{
	AngleTokenizerFiles files = {
		.vocab_txt = angle_bytes_of(vocab),
		.tokenizer_config_json = optional(config),
	};

	return fixture_build(&files);
}

Fixture
fixture_json(const char *json)
{
	AngleTokenizerFiles files = {.tokenizer_json = angle_bytes_of(json)};

	return fixture_build(&files);
}

void
fixture_release(Fixture *fixture)
{
	angle_arena_destroy(fixture->arena);
	angle_arena_destroy(fixture->scratch);
}

AngleTokens
fixture_encode(Fixture *fixture, AngleBytes text)
{
	AngleTokenizerInput input = {.text = text};
	AngleTokens tokens = {0};

	angle_arena_reset(fixture->scratch);
	if (angle_tokenizer_encode(fixture->tokenizer, &input, NULL,
							   fixture->scratch, &tokens,
							   &fixture->error) != ANGLE_OK)
		tokens.count = 0;
	return tokens;
}

const char *
fixture_show(const Fixture *fixture, const AngleTokens *tokens)
{
	static char text[4096];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < tokens->count && used < sizeof(text); i++)
	{
		AngleBytes token =
			angle_tokenizer_token(fixture->tokenizer, tokens->ids[i]);

		used += (size_t) snprintf(text + used, sizeof(text) - used, "%.*s ",
								  (int) token.size, (const char *) token.data);
	}
	return text;
}
