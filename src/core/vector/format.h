/* The text form of an element. */
#ifndef ANGLE_FORMAT_H
#define ANGLE_FORMAT_H

#include <stddef.h>

/* The most bytes that angle_element_format() writes. */
#define ANGLE_ELEMENT_TEXT 24

/* Writes the shortest decimal that reads back as x, the nearest to x of those, in
 * plain notation, and returns its length, with no NUL: for numbers as embeddings
 * have them. Returns 0 for others: below 2^-13 or from 1024 on, powers of two,
 * zero, and where two decimals are equally near; of all on a big-endian machine. */
size_t angle_element_format(float x, char out[ANGLE_ELEMENT_TEXT]);

#endif
