/*
 * The text form of a vector:
 *
 *     [1, 2.5, -3e-4]
 *
 * numbers as SQL writes them, with white space around every part.
 */
#ifndef ANGLE_PARSE_H
#define ANGLE_PARSE_H

#include "core/base/bytes.h"

#define ANGLE_VECTOR_MAX_DIMENSIONS 16000

typedef enum AngleVectorSyntax
{
	ANGLE_VECTOR_PARSED,
	ANGLE_VECTOR_NO_BRACKET,	/* the text does not begin with "[" */
	ANGLE_VECTOR_NO_NUMBER,		/* something else where a number must be */
	ANGLE_VECTOR_NO_SEPARATOR,	/* neither "," nor "]" behind a number */
	ANGLE_VECTOR_UNFINISHED,	/* the text ends before the "]" */
	ANGLE_VECTOR_TRAILING_JUNK, /* something behind the "]" */
	ANGLE_VECTOR_EMPTY,			/* no number at all */
	ANGLE_VECTOR_TOO_LONG,		/* more than ANGLE_VECTOR_MAX_DIMENSIONS */
	ANGLE_VECTOR_NOT_FINITE,	/* NaN or infinity */
	ANGLE_VECTOR_OUT_OF_RANGE	/* not zero, but too large or small for float */
} AngleVectorSyntax;

/*
 * Reads a whole text into elements, which has room for as many as the text
 * has, or ANGLE_VECTOR_MAX_DIMENSIONS, and counts them. Each is the float nearest to
 * the number written, ties to even, whatever the locale is. On failure
 * elements and dimensions are undefined and blame is the part of the text that
 * is wrong: the word where a number should be, or else what follows the place.
 */
AngleVectorSyntax angle_vector_parse(AngleBytes text, float *elements,
									 int *dimensions, AngleBytes *blame);

#endif
