/*
 * Characters as Hugging Face's BERT normaliser and pre-tokeniser see them.
 *
 * Their Rust libraries freeze different versions of Unicode: categories 8,
 * decomposition 9, lower case 17. utf8proc, which follows the newest version it
 * knows, is asked only for what no version may change; the rest comes from the
 * tables of this module, so that ids do not depend on the utf8proc installed.
 */
#ifndef ANGLE_UNICODE_H
#define ANGLE_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum AngleCharClass
{
	ANGLE_CHAR_ORDINARY,
	ANGLE_CHAR_CONTROL,		/* dropped by clean_text */
	ANGLE_CHAR_MARK,		/* nonspacing mark, dropped by strip_accents */
	ANGLE_CHAR_ORDERED,		/* not a MARK, but canonical ordering moves it */
	ANGLE_CHAR_PUNCTUATION, /* a word of its own */
} AngleCharClass;

/* One run of code points of a class; those in no run are ORDINARY. */
typedef struct AngleCharRange
{
	uint32_t first;
	uint32_t last;
	uint32_t class;
} AngleCharRange;

/* Ascending and disjoint. */
extern const AngleCharRange angle_char_ranges[];
extern const size_t angle_char_range_count;

/* The longest canonical decomposition and the longest lower case. */
#define ANGLE_MAX_DECOMPOSED 4
#define ANGLE_MAX_LOWERED 2

AngleCharClass angle_char_class(uint32_t c);

/* The property White_Space. */
bool angle_char_is_space(uint32_t c);

/* The blocks of ideographs that BERT sets apart with spaces. */
bool angle_char_is_chinese(uint32_t c);

/* What a regular expression matches by \w. */
bool angle_char_is_word(uint32_t c);

/* Canonical combining class; 0 for starters. */
int angle_char_combining(uint32_t c);

/* Writes the full canonical decomposition, which is c itself for most, and
 * returns its length. */
int angle_char_decompose(uint32_t c, uint32_t decomposed[ANGLE_MAX_DECOMPOSED]);

/* Writes the full lower case without regard to context; returns its length. */
int angle_char_lower(uint32_t c, uint32_t lowered[ANGLE_MAX_LOWERED]);

#endif
