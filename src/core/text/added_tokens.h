/*
 * Added tokens ("[SEP]"): strings that are found whole in a text before it is
 * split into words, the leftmost first and of those the longest.
 *
 * Where two of them claim the same white space, one found in the raw text that
 * takes it before itself and one found in the normalised text that takes it or
 * ends with it, both get it; Hugging Face gives it to the former alone.
 */
#ifndef ANGLE_ADDED_TOKENS_H
#define ANGLE_ADDED_TOKENS_H

#include <stdbool.h>

#include "core/base/bytes.h"
#include "core/base/status.h"

typedef enum AngleAddedFlags
{
	ANGLE_ADDED_SINGLE_WORD = 1, /* not next to a word character */
	ANGLE_ADDED_LSTRIP = 2,		 /* takes the white space before it */
	ANGLE_ADDED_RSTRIP = 4,		 /* takes the white space after it */
} AngleAddedFlags;

#define ANGLE_ADDED_FLAGS_ALL 7u

/* Bounds what a text that almost matches can cost. */
#define ANGLE_MAX_ADDED_BYTES 1024u

#define ANGLE_ADDED_ENTRY_SIZE 16 /* u32 start, size, id, flags */

typedef struct AngleAddedSet
{
	AngleBytes entries; /* (count) entries in the order of their text */
	AngleBytes strings; /* where start points into */
	uint32_t count;
	uint32_t longest; /* bytes */
	bool first[256];  /* some entry starts with this byte */
} AngleAddedSet;

typedef struct AngleAddedMatch
{
	size_t size; /* bytes */
	int32_t id;
	uint32_t flags;
} AngleAddedMatch;

/* Text to look in: the byte at an index, −1 behind the end. */
typedef struct AngleByteSource
{
	int (*byte)(const void *context, size_t index);
	const void *context;
} AngleByteSource;

/* Checks the entries against strings and the vocabulary's size, and fills set.
 * Errors: ANGLE_CORRUPT. */
ANGLE_MUST_CHECK AngleStatus angle_added_open(AngleBytes entries,
											  AngleBytes strings,
											  uint32_t vocab_size,
											  AngleAddedSet *set,
											  AngleError *err);

/* Finds the longest entry that the text has at index. */
bool angle_added_match(const AngleAddedSet *set, AngleByteSource text,
					   size_t index, AngleAddedMatch *match);

#endif
