/* Tokenizers for the tests, made of vocabularies and settings in memory. */
#ifndef ANGLE_TEST_TOKENIZER_FIXTURE_H
#define ANGLE_TEST_TOKENIZER_FIXTURE_H

#include "core/text/tokenizer.h"

typedef struct Fixture
{
	AngleArena *arena;
	AngleArena *scratch; /* of encode_text(), emptied by each */
	AngleBytes image;
	AngleTokenizer *tokenizer; /* NULL if it could not be built */
	AngleError error;
} Fixture;

/* Builds and opens; release it in any case. */
Fixture fixture_build(const AngleTokenizerFiles *files);

/* Of a vocab.txt, and the tokenizer_config.json in config (may be NULL). */
Fixture fixture_vocab(const char *vocab, const char *config);

/* Of a tokenizer.json. */
Fixture fixture_json(const char *json);

void fixture_release(Fixture *fixture);

/* Encodes without a limit; count is 0 if that failed. */
AngleTokens fixture_encode(Fixture *fixture, AngleBytes text);

/* The tokens' texts, or if unknown their ids, with a space after each. */
const char *fixture_show(const Fixture *fixture, const AngleTokens *tokens);

#endif
