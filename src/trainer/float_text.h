/* Numbers as angle_vector writes them. */
#ifndef ANGLE_FLOAT_TEXT_H
#define ANGLE_FLOAT_TEXT_H

#include <stddef.h>

/* "-1.23456789e-38" and a NUL */
#define ANGLE_FLOAT_TEXT_SIZE 16

/* Writes the shortest decimal that reads back as value, which must be finite,
 * in the form of PostgreSQL's real: 0.25, 1e-05, 1.5e+06. PostgreSQL has other
 * last digits, which read back alike, for some powers of two and for whole
 * numbers above 2^24. Returns the length without the NUL. */
size_t angle_float_text(float value, char text[ANGLE_FLOAT_TEXT_SIZE]);

#endif
