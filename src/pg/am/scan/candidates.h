/* The order of candidates. */
#ifndef ANGLE_CANDIDATES_H
#define ANGLE_CANDIDATES_H

#include "core/ann/heap.h"

/* Sorts by key, and by id where keys are equal. No key is NaN. */
void angle_candidates_sort(AngleCandidate *candidates, size_t count);

/* Fills places (count) with 0 to count − 1 in the order of the keys (count), and of places
 * where these are equal. No key is NaN. */
void angle_candidates_order(const float *keys, uint32 count, uint32 *places);

#endif
