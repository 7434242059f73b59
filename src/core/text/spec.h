/*
 * What the files of a model directory say about its tokenizer, whatever their
 * form: the readers fill it, the writer makes the image of it.
 */
#ifndef ANGLE_SPEC_H
#define ANGLE_SPEC_H

#include "core/text/tokenizer.h"

struct json_t; /* jansson's value */

typedef struct AngleSpecToken
{
	AngleBytes text;
	uint32_t id;
} AngleSpecToken;

typedef struct AngleSpecAdded
{
	AngleBytes text;
	uint32_t id;
	uint32_t flags;	 /* AngleAddedFlags */
	bool normalized; /* looked for in normalised text */
} AngleSpecAdded;

/* Special ids on one side of the text. */
typedef struct AngleSpecIds
{
	uint32_t *ids;
	uint32_t count;
} AngleSpecIds;

typedef struct AngleTokenizerSpec
{
	AngleArena *arena; /* of all that the fields point to */
	uint32_t flags;	   /* AngleNormalizeFlags */
	uint32_t max_word_chars;
	AngleBytes continuation;
	AngleBytes unknown;
	AngleSpecToken *vocab; /* (vocab_count) what words are cut into */
	uint32_t vocab_count;
	AngleSpecAdded *added; /* (added_count) */
	uint32_t added_count;
	AngleSpecIds before;
	AngleSpecIds after;
} AngleTokenizerSpec;

/* Reads tokenizer.json. */
ANGLE_MUST_CHECK AngleStatus angle_spec_read_json(AngleBytes json,
												  AngleTokenizerSpec *spec,
												  AngleError *err);

/* Reads vocab.txt and the settings beside it. */
ANGLE_MUST_CHECK AngleStatus
angle_spec_read_vocab(const AngleTokenizerFiles *files,
					  AngleTokenizerSpec *spec, AngleError *err);

/* Writes the image into the spec's arena. */
ANGLE_MUST_CHECK AngleStatus angle_spec_write(const AngleTokenizerSpec *spec,
											  AngleBytes *image,
											  AngleError *err);

#endif
