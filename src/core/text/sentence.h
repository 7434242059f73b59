/* Where a sentence ends: the rules that segment.h tells of. */
#ifndef ANGLE_SENTENCE_H
#define ANGLE_SENTENCE_H

#include "core/text/segment.h"

/* Whether c may end a sentence. */
bool angle_char_ends_sentence(uint32_t c);

/* Looks at the terminator at position in the sentence that begins at start, in
 * text up to end: *stop becomes the end of the run of terminators and of the
 * closing marks behind them. Whether the sentence ends there. */
bool angle_sentence_ends(AngleBytes text, AngleRange sentence, size_t position,
						 size_t *stop);

#endif
