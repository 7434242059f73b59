/*
 * The units of a text as a reader sees them: paragraphs, sentences, lines and
 * words.
 *
 * Sentences follow the Unicode Standard's Annex 29 (rules SB1 to SB11), but:
 * - the end of a line ends no sentence, since prose comes wrapped; what stands
 *   on lines of its own is told apart as lines, when it has to be;
 * - ! and ? end a sentence only before white space, as the full stop does: they
 *   stand in addresses and in programs; and not before a lower case letter if a
 *   quotation ends with them ("Why?" she said);
 * - the ellipsis … counts as a full stop;
 * - no sentence ends at a full stop behind a single letter (initials, "e.g."), an
 *   English title or abbreviation ("Dr."), or one that comes before numbers, if
 *   a number follows ("Fig. 2");
 * - digits and signs alone are no sentence: the "1." before a heading.
 */
#ifndef ANGLE_SEGMENT_H
#define ANGLE_SEGMENT_H

#include <stdbool.h>

#include "core/base/bytes.h"
#include "core/base/cancel.h"

/* From large to small. */
typedef enum AngleUnit
{
	ANGLE_UNIT_PARAGRAPH, /* up to an empty line, U+2029 or a form feed */
	ANGLE_UNIT_SENTENCE,
	ANGLE_UNIT_LINE,
	ANGLE_UNIT_WORD, /* up to white space or an ideograph, itself a word */
} AngleUnit;

/* Bytes [start, stop) of a text. */
typedef struct AngleRange
{
	size_t start;
	size_t stop;
} AngleRange;

/* Finds the units of a part of a text, one after the other. */
typedef struct AngleSegmenter
{
	AngleBytes text; /* valid UTF-8 */
	AngleUnit unit;
	const AngleCancel *cancel;
	size_t position; /* where the search goes on */
	size_t end;		 /* of the part */
	size_t poll;	 /* position of the next question whether to stop */
	bool cancelled;	 /* the answer; there are no more units then */
} AngleSegmenter;

void angle_segmenter_init(AngleSegmenter *segmenter, AngleBytes text,
						  AngleRange part, AngleUnit unit,
						  const AngleCancel *cancel);

/* The next unit, without white space around it; false if there is none. */
bool angle_segmenter_next(AngleSegmenter *segmenter, AngleRange *range);

#endif
