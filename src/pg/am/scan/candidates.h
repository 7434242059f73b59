/* Candidates in arrays: in order, and the first ones of them. */
#ifndef ANGLE_CANDIDATES_H
#define ANGLE_CANDIDATES_H

#include "core/ann/heap.h"

/* Sorts by key, and by id where keys are equal. No key is NaN. */
void angle_candidates_sort(AngleCandidate *candidates, size_t count);

/* Puts the wanted that come first in that order in front of the others, either in any
 * order. */
void angle_candidates_select(AngleCandidate *candidates, size_t count,
							 size_t wanted);

#endif
