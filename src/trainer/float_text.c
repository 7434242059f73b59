#include "trainer/float_text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every float reads back from this many digits. */
#define MAX_DIGITS 9

/* A number as digits d.ddd × 10^exponent. */
typedef struct Decimal
{
	char digits[MAX_DIGITS + 1];
	int count;
	int exponent;
} Decimal;

/* Rounds to count digits; false if that is not value any more. */
static bool
round_to(float value, int count, Decimal *decimal)
{
	char text[32];

	snprintf(text, sizeof(text), "%.*e", count - 1, (double) value);
	if (strtof(text, NULL) != value)
		return false;
	decimal->digits[0] = text[0];
	memcpy(decimal->digits + 1, text + 2, (size_t) count - 1);
	decimal->count = count;
	decimal->exponent = atoi(strchr(text, 'e') + 1);
	return true;
}

/* Most values need 8 or 9 digits, so the search starts there. */
static void
find_shortest(float value, Decimal *decimal)
{
	int count = MAX_DIGITS - 1;

	if (!round_to(value, count, decimal))
	{
		round_to(value, MAX_DIGITS, decimal);
		return;
	}
	while (count > 1 && round_to(value, count - 1, decimal))
		count--;
	while (decimal->count > 1 && decimal->digits[decimal->count - 1] == '0')
		decimal->count--;
}

/* ddd.ddd, with zeros where there are no digits. */
static char *
write_fixed(const Decimal *decimal, char *out)
{
	int point = decimal->exponent + 1; /* digits before the point */

	if (point <= 0)
	{
		out = stpcpy(out, "0.");
		for (int i = point; i < 0; i++)
			*out++ = '0';
	}
	for (int i = 0; i < decimal->count || i < point; i++)
	{
		if (i == point && i > 0)
			*out++ = '.';
		*out++ = i < decimal->count ? decimal->digits[i] : '0';
	}
	return out;
}

static char *
write_scientific(const Decimal *decimal, char *out)
{
	*out++ = decimal->digits[0];
	if (decimal->count > 1)
		*out++ = '.';
	memcpy(out, decimal->digits + 1, (size_t) decimal->count - 1);
	out += decimal->count - 1;
	return out + sprintf(out, "e%c%02d", decimal->exponent < 0 ? '-' : '+',
						 abs(decimal->exponent));
}

size_t
angle_float_text(float value, char text[ANGLE_FLOAT_TEXT_SIZE])
{
	Decimal decimal;
	char *out = text;

	if (signbit(value))
		*out++ = '-';
	if (value == 0)
		*out++ = '0';
	else
	{
		find_shortest(fabsf(value), &decimal);
		/* where PostgreSQL changes its notation */
		if (decimal.exponent >= -4 && decimal.exponent < 6)
			out = write_fixed(&decimal, out);
		else
			out = write_scientific(&decimal, out);
	}
	*out = '\0';
	return (size_t) (out - text);
}
