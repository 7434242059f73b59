/*
 * Which of many floats come first. All that is done to the whole of them is counting, which
 * registers do sixteen at a time, so that no branch depends on a key.
 */
#ifndef ANGLE_ORDER_H
#define ANGLE_ORDER_H

#include <stddef.h>
#include <stdint.h>

/* A number that at least rank, from 1 to count, of the keys (count) are not above, and at most
 * so many more, but for equal ones. No key is NaN. */
float
angle_order_limit(const float *keys, size_t count, size_t rank, size_t more);

/* How many of the keys (count) are not above limit. */
size_t angle_order_count(const float *keys, size_t count, float limit);

/* Fills places (count) with those, in order, of the keys (count) that are above one number
 * and not above the other; returns how many there are. */
size_t angle_order_between(const float *keys, size_t count, float above,
						   float limit, uint32_t *places);

/* Fills places (count) with 0 to count − 1 in the order of the keys (count), and of places
 * where these are equal. There are no more than ANGLE_ORDER_PLACES, none of them NaN: each is
 * compared with each. */
#define ANGLE_ORDER_PLACES 128
void angle_order_places(const float *keys, size_t count, uint32_t *places);

#endif
