/* Finds the place of a text among many: a hash table over texts that lie
 * elsewhere. */
#ifndef ANGLE_TEXT_INDEX_H
#define ANGLE_TEXT_INDEX_H

#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/status.h"

typedef struct AngleTextIndex
{
	const AngleBytes *texts; /* (count) */
	uint32_t *slots;		 /* (slot_count) place + 1; 0: free */
	size_t slot_count;		 /* a power of two */
} AngleTextIndex;

/* Builds the index over texts (count), at most 2³² − 2; of equal ones the first
 * counts. End it with angle_text_index_free().
 * Errors: ANGLE_NO_MEMORY, ANGLE_TOO_LARGE. */
ANGLE_MUST_CHECK AngleStatus angle_text_index_build(AngleTextIndex *index,
													const AngleBytes *texts,
													size_t count,
													AngleError *err);

/* The place of the first text that equals text, −1 if there is none. */
int64_t angle_text_index_find(const AngleTextIndex *index, AngleBytes text);

void angle_text_index_free(AngleTextIndex *index);

#endif
