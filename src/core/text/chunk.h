/*
 * Cuts a document into chunks that fit a model: whole paragraphs as many as fit;
 * of a paragraph that fits no chunk its sentences, then lines, then words, then
 * tokens (segment.h says what those are).
 *
 * The tokens of each chunk are counted by tokenizing it alone, because a word that
 * is cut, and an added token of a strange tokenizer, may give others than in
 * their place. So the time is linear in the text, and memory is bounded by the
 * longest paragraph.
 */
#ifndef ANGLE_CHUNK_H
#define ANGLE_CHUNK_H

#include "core/text/segment.h"
#include "core/text/tokenizer.h"

/* The most tokens that one character can give: 4 of its decomposition with a
 * lower case of 2 each. A chunk must have room for so many. */
#define ANGLE_CHUNK_MIN_ROOM 8

typedef struct AngleChunkRequest
{
	AngleBytes text;   /* UTF-8; outlives the chunker */
	size_t max_tokens; /* of a chunk, special tokens included */
	size_t overlap;	   /* tokens of a chunk that the next one repeats at most */
	const AngleCancel *cancel; /* NULL: cannot be cancelled */
	AngleArena *scratch;	   /* emptied by each call */
} AngleChunkRequest;

typedef struct AngleChunk
{
	AngleRange range; /* no white space at its edges */
	size_t tokens;	  /* of the chunk alone, special tokens included */
} AngleChunk;

typedef struct AngleChunker AngleChunker;

/* Begins to cut; what request points to outlives the chunker, which lies in
 * arena.
 * Errors: ANGLE_INVALID_TEXT, ANGLE_INVALID_ARGUMENT (max_tokens leaves less
 * than ANGLE_CHUNK_MIN_ROOM beside the special tokens, or overlap leaves
 * nothing), ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus angle_chunker_create(
	const AngleTokenizer *tokenizer, const AngleChunkRequest *request,
	AngleArena *arena, AngleChunker **chunker, AngleError *err);

/* The next chunk; *found becomes false behind the last one. Chunks come in the
 * order of the text; each ends behind the one before; every character but white
 * space lies in one, and but for the overlap in no other.
 * Errors: ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus angle_chunker_next(AngleChunker *chunker,
												AngleChunk *chunk, bool *found,
												AngleError *err);

#endif
