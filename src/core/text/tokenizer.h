/*
 * From text to token ids, equal to what Hugging Face's tokenizers give.
 *
 * A tokenizer is built once from the files of a model directory into an image
 * (docs/model-format.md, "Tokenizer"), which is stored in the packed model
 * file; opening the image builds nothing, so a mapped vocabulary is shared by
 * all processes.
 */
#ifndef ANGLE_TOKENIZER_H
#define ANGLE_TOKENIZER_H

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/cancel.h"
#include "core/base/status.h"

/* The files that define a tokenizer; size 0 where a directory lacks one.
 * tokenizer.json wins; else vocab.txt with tokenizer_config.json. */
typedef struct AngleTokenizerFiles
{
	AngleBytes tokenizer_json;
	AngleBytes vocab_txt;
	AngleBytes tokenizer_config_json;
	AngleBytes special_tokens_map_json;
	AngleBytes added_tokens_json;
} AngleTokenizerFiles;

typedef struct AngleTokenizer AngleTokenizer;

/* What is to be encoded: the text between the two halves of a prompt. */
typedef struct AngleTokenizerInput
{
	AngleBytes prefix; /* UTF-8, as the text and the suffix */
	AngleBytes text;
	AngleBytes suffix;
	size_t max_tokens; /* special tokens included; 0: no limit */
} AngleTokenizerInput;

/* The tokens of one input, with the special tokens around them. Offsets are
 * bytes of the text; tokens that do not come from the text have start = stop =
 * −1. */
typedef struct AngleTokens
{
	int32_t *ids;	 /* (count) */
	int64_t *starts; /* (count) */
	int64_t *stops;	 /* (count) */
	size_t count;
	size_t prompt_count; /* leading tokens that stem from special + prefix */
	bool truncated;		 /* the text did not fit */
} AngleTokens;

/* Builds the image in arena. Errors: ANGLE_CORRUPT, ANGLE_UNSUPPORTED (a
 * tokenizer of another kind), ANGLE_NOT_FOUND (no vocabulary). */
ANGLE_MUST_CHECK AngleStatus
angle_tokenizer_build(const AngleTokenizerFiles *files, AngleArena *arena,
					  AngleBytes *image, AngleError *err);

/* Opens an image, which must outlive the tokenizer; every offset in it is
 * checked. Errors: ANGLE_CORRUPT, ANGLE_UNSUPPORTED (another version). */
ANGLE_MUST_CHECK AngleStatus angle_tokenizer_open(AngleBytes image,
												  AngleArena *arena,
												  AngleTokenizer **tokenizer,
												  AngleError *err);

/* Encodes one input; the arrays of tokens lie in arena. Tokens of the text,
 * never of the prompt, are dropped from its end to fit max_tokens. A tokenizer
 * is read-only, so any number of threads may encode with it.
 * Errors: ANGLE_INVALID_TEXT (not UTF-8; names the byte), ANGLE_CANCELLED,
 * ANGLE_INVALID_ARGUMENT (the prompt alone does not fit). */
ANGLE_MUST_CHECK AngleStatus angle_tokenizer_encode(
	const AngleTokenizer *tokenizer, const AngleTokenizerInput *input,
	const AngleCancel *cancel, AngleArena *arena, AngleTokens *tokens,
	AngleError *err);

/* The vocabulary's text of a token, empty if id is out of range. */
AngleBytes angle_tokenizer_token(const AngleTokenizer *tokenizer, int32_t id);

/* One more than the largest id. */
size_t angle_tokenizer_vocab_size(const AngleTokenizer *tokenizer);

#endif
