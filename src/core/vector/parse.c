#include "core/vector/parse.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * The significant digits that are kept. 112 are the most that the middle
 * between two floats has, so that behind more than these only matters whether
 * anything but zeros follows.
 */
#define MAX_DIGITS 120

/* A decimal number: 0.digits is never meant, it is digits × 10^exponent. */
typedef struct Decimal
{
	bool negative;
	bool inexact; /* a digit that is not zero was dropped */
	int count;
	int64_t exponent;
	char digits[MAX_DIGITS];
} Decimal;

typedef struct Cursor
{
	const uint8_t *at;
	const uint8_t *end;
} Cursor;

/* ---- characters ---- */

/* The next byte; NUL, which no rule accepts, at the end. */
static uint8_t
peek(const Cursor *cursor)
{
	return cursor->at < cursor->end ? *cursor->at : 0;
}

static bool
is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static void
skip_space(Cursor *cursor)
{
	while (is_space(peek(cursor)))
		cursor->at++;
}

static bool
accept(Cursor *cursor, uint8_t c)
{
	if (cursor->at == cursor->end || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

/* Takes word, in either case, if it comes next. word is in lower case. */
static bool
accept_word(Cursor *cursor, const char *word)
{
	const uint8_t *p = cursor->at;

	for (; *word != '\0'; word++, p++)
	{
		if (p == cursor->end || (*p | 0x20) != *word)
			return false;
	}
	cursor->at = p;
	return true;
}

/* From start up to what ends a word; that itself if no word is there. */
static AngleBytes
word_from(const uint8_t *start, const Cursor *cursor)
{
	const uint8_t *p = start;

	while (p < cursor->end && *p != ',' && *p != ']' && !is_space(*p))
		p++;
	if (p == start && p < cursor->end)
		p++;
	return (AngleBytes){start, (size_t) (p - start)};
}

/* ---- numbers ---- */

static void
add_digit(Decimal *number, uint8_t digit)
{
	if (number->count == 0 && digit == '0')
		return;
	if (number->count < MAX_DIGITS)
	{
		number->digits[number->count++] = (char) digit;
		return;
	}
	number->inexact |= digit != '0';
	number->exponent++;
}

/* The digits after "e"; false if there are none. */
static bool
scan_exponent(Cursor *cursor, Decimal *number)
{
	bool negative = accept(cursor, '-');
	int64_t exponent = 0;

	if (!negative)
		accept(cursor, '+');
	if (!is_digit(peek(cursor)))
		return false;
	for (; is_digit(peek(cursor)); cursor->at++)
	{
		/* no text is so long that its zeros could make up for this */
		if (exponent < INT64_MAX / 100)
			exponent = exponent * 10 + (*cursor->at - '0');
	}
	number->exponent += negative ? -exponent : exponent;
	return true;
}

/* [+-] digits [. digits] [e [+-] digits], with a digit before or behind the
 * point. */
static bool
scan_number(Cursor *cursor, Decimal *number)
{
	bool any = false;

	number->inexact = false;
	number->count = 0;
	number->exponent = 0;
	number->negative = accept(cursor, '-');
	if (!number->negative)
		accept(cursor, '+');
	for (; is_digit(peek(cursor)); cursor->at++, any = true)
		add_digit(number, *cursor->at);
	if (accept(cursor, '.'))
	{
		for (; is_digit(peek(cursor)); cursor->at++, any = true)
		{
			add_digit(number, *cursor->at);
			number->exponent--;
		}
	}
	if (any && (accept(cursor, 'e') || accept(cursor, 'E')))
		return scan_exponent(cursor, number);
	return any;
}

/*
 * Up to 15 digits and 10^22 are exact in double, so one operation gives the
 * double nearest to the number (Clinger 1990). The float nearest to that is
 * also nearest to the number, unless the double is the middle of two floats:
 * then the number may lie on either side of it.
 */
static bool
convert_short(const Decimal *number, float *value)
{
	static const double powers[] = {
		1e0,  1e1,	1e2,  1e3,	1e4,  1e5,	1e6,  1e7,	1e8,  1e9,	1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	int64_t digits = 0;
	double x;
	uint64_t bits;

	if (number->count > 15 || number->exponent < -22 || number->exponent > 22)
		return false;
	for (int i = 0; i < number->count; i++)
		digits = digits * 10 + (number->digits[i] - '0');
	if (number->exponent < 0)
		x = (double) digits / powers[-number->exponent];
	else
		x = (double) digits * powers[number->exponent];
	memcpy(&bits, &x, sizeof(bits));
	if (x > (double) FLT_MAX || (x < (double) FLT_MIN && x != 0) ||
		(bits & 0x1fffffff) == 0x10000000)
		return false;
	*value = (float) x;
	return true;
}

/* Through strtof, which rounds correctly; the text given to it has no point,
 * so that it is the same in every locale. */
static float
convert_long(const Decimal *number)
{
	char text[MAX_DIGITS + 32];
	int64_t exponent = number->exponent - number->inexact;

	/* any exponent beyond these says the same */
	if (exponent < -100000)
		exponent = -100000;
	if (exponent > 100000)
		exponent = 100000;
	snprintf(text, sizeof(text), "%.*s%se%d", number->count, number->digits,
			 number->inexact ? "1" : "", (int) exponent);
	return strtof(text, NULL);
}

static AngleVectorSyntax
parse_number(Cursor *cursor, float *value)
{
	Decimal number;
	Cursor word = *cursor;

	if (!scan_number(cursor, &number))
	{
		if (!accept(&word, '-'))
			accept(&word, '+');
		if (accept_word(&word, "nan") || accept_word(&word, "inf"))
			return ANGLE_VECTOR_NOT_FINITE;
		return ANGLE_VECTOR_NO_NUMBER;
	}
	if (!convert_short(&number, value))
		*value = convert_long(&number);
	if (isinf(*value) || (*value == 0 && number.count > 0))
		return ANGLE_VECTOR_OUT_OF_RANGE;
	if (number.negative)
		*value = -*value;
	return ANGLE_VECTOR_PARSED;
}

/* ---- vectors ---- */

/* From the first element to the closing bracket, which it takes. */
static AngleVectorSyntax
parse_elements(Cursor *cursor, float *elements, int *dimensions,
			   AngleBytes *blame)
{
	AngleVectorSyntax syntax = ANGLE_VECTOR_PARSED;
	const uint8_t *start;
	int n = 0;

	do
	{
		skip_space(cursor);
		start = cursor->at;
		if (cursor->at == cursor->end)
			syntax = ANGLE_VECTOR_UNFINISHED;
		else if (n == 0 && peek(cursor) == ']')
			syntax = ANGLE_VECTOR_EMPTY;
		else if (n == ANGLE_VECTOR_MAX_DIMENSIONS)
			syntax = ANGLE_VECTOR_TOO_LONG;
		else
			syntax = parse_number(cursor, &elements[n++]);
		if (syntax != ANGLE_VECTOR_PARSED)
		{
			*blame = word_from(start, cursor);
			return syntax;
		}
		skip_space(cursor);
	} while (accept(cursor, ','));
	*dimensions = n;
	if (accept(cursor, ']'))
		return ANGLE_VECTOR_PARSED;
	*blame = word_from(cursor->at, cursor);
	return cursor->at == cursor->end ? ANGLE_VECTOR_UNFINISHED
									 : ANGLE_VECTOR_NO_SEPARATOR;
}

AngleVectorSyntax
angle_vector_parse(AngleBytes text, float *elements, int *dimensions,
				   AngleBytes *blame)
{
	Cursor cursor = {text.data, text.data + text.size};
	AngleVectorSyntax syntax;

	skip_space(&cursor);
	*blame = word_from(cursor.at, &cursor);
	if (!accept(&cursor, '['))
		return ANGLE_VECTOR_NO_BRACKET;
	syntax = parse_elements(&cursor, elements, dimensions, blame);
	if (syntax != ANGLE_VECTOR_PARSED)
		return syntax;
	skip_space(&cursor);
	*blame = (AngleBytes){cursor.at, (size_t) (cursor.end - cursor.at)};
	return cursor.at == cursor.end ? ANGLE_VECTOR_PARSED
								   : ANGLE_VECTOR_TRAILING_JUNK;
}
