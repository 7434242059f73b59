/* Candidates in order. */
#ifndef ANGLE_CANDIDATES_H
#define ANGLE_CANDIDATES_H

#include "core/ann/heap.h"

/* Sorts by key, and by id where keys are equal. No key is NaN. */
void angle_candidates_sort(AngleCandidate *candidates, size_t count);

#endif
