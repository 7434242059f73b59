/*
 * BertPreTokenizer and WordPiece: cuts normalised characters at white space
 * and punctuation into words, and words greedily into the longest pieces that
 * the vocabulary has.
 */
#ifndef ANGLE_WORDPIECE_H
#define ANGLE_WORDPIECE_H

#include "core/base/arena.h"
#include "core/text/normalize.h"
#include "core/text/tokenizer.h"

/* Receives the tokens in order. */
typedef struct AngleTokenSink
{
	void (*push)(void *context, int32_t id, AngleSpan span);
	void *context;
} AngleTokenSink;

typedef struct AnglePiece
{
	int32_t id;
	uint32_t next; /* the character behind it */
} AnglePiece;

/* The word that is being read. */
typedef struct AngleWords
{
	const AngleTokenizer *tokenizer;
	AngleTokenSink sink;
	uint8_t *bytes;		/* (4 max_chars) */
	AngleSpan *spans;	/* (max_chars) */
	uint32_t *ends;		/* (max_chars) in bytes, behind each character */
	uint32_t *hashes;	/* (max_chars) from the start of a piece */
	AnglePiece *pieces; /* (max_chars) */
	uint32_t max_chars;
	uint32_t count;	  /* characters */
	bool too_long;	  /* and further ones that were not kept */
	int64_t long_end; /* stop of the last of those */
} AngleWords;

/* Fills the table by which angle_words_push_ascii goes. */
void angle_words_prepare(AngleTokenizer *tokenizer);

ANGLE_MUST_CHECK AngleStatus angle_words_init(AngleWords *words,
											  const AngleTokenizer *tokenizer,
											  AngleTokenSink sink,
											  AngleArena *arena,
											  AngleError *err);

/* Adds a normalised character. */
void angle_words_push(AngleWords *words, uint32_t c, AngleSpan span);

/* Normalises and adds the ASCII characters that text begins with, up to one
 * that may begin an added token; position is that of the first byte. Returns
 * how many it took. */
size_t
angle_words_push_ascii(AngleWords *words, AngleBytes text, int64_t position);

/* Ends the word: at the end of a text or before an added token. */
void angle_words_flush(AngleWords *words);

#endif
