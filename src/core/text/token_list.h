/*
 * The tokens of one input as they are found: told apart into those of the
 * prompt's prefix, of the text and of the prompt's suffix, and cut so that all
 * of the prompt and as much of the text as fits remain.
 */
#ifndef ANGLE_TOKEN_LIST_H
#define ANGLE_TOKEN_LIST_H

#include "core/text/wordpiece.h"

typedef struct AngleTokenList
{
	AngleArena *arena;
	AngleTokens tokens;
	size_t capacity;
	size_t limit;		 /* tokens of prefix and text together at most */
	size_t specials;	 /* before the first token */
	size_t prefix_count; /* tokens of the prefix */
	size_t text_count;	 /* tokens of the text that are kept */
	int64_t text_start;	 /* in prefix + text + suffix */
	int64_t text_stop;
	bool no_memory;
} AngleTokenList;

/* Starts a list with the special tokens before the text (u32 ids).
 * Errors: ANGLE_NO_MEMORY. */
ANGLE_MUST_CHECK AngleStatus angle_token_list_init(
	AngleTokenList *list, const AngleTokenizerInput *input,
	const AngleTokenizer *tokenizer, AngleArena *arena, AngleError *err);

/* Adds the next token; span counts from the start of the prefix. Once
 * no_memory is set nothing more is added. */
void angle_token_list_push(AngleTokenList *list, int32_t id, AngleSpan span);

/* Drops tokens of the text that do not fit and adds the special tokens after
 * it. Errors: ANGLE_NO_MEMORY, ANGLE_INVALID_ARGUMENT. */
ANGLE_MUST_CHECK AngleStatus angle_token_list_finish(
	AngleTokenList *list, const AngleTokenizerInput *input,
	const AngleTokenizer *tokenizer, AngleTokens *tokens, AngleError *err);

#endif
