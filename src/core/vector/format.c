/*
 * A float is m × 2^-s with m < 2^24. With k decimals, 10^-k just below the
 * distance 2^-s of two floats, m × 10^k fits into 64 bits, so that what is a
 * search with wide numbers in general (Adams 2018, "Ryū") is exact integer
 * arithmetic here: all of the decimals that read back as the float lie within
 * half a distance of it, at most ten with k decimals, and a shorter one is the
 * only multiple of ten among them.
 */
#include "core/vector/format.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MIN_SHIFT 14
#define MAX_SHIFT 36

/* The decimals k for each shift, and 10^k. */
static const uint8_t decimals[MAX_SHIFT - MIN_SHIFT + 1] = {
	5, 5, 5, 6, 6, 6, 7, 7, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10, 10, 10, 11, 11, 11};

static const uint64_t powers[] = {
	1,			 10,		   100,			  1000,		 10000,
	100000,		 1000000,	   10000000,	  100000000, 1000000000,
	10000000000, 100000000000, 1000000000000,
};

/* Fractions are written with so many digits, and cut. */
#define FRACTION_DIGITS 12

/* The shortest decimal for m × 2^-shift, as a multiple of 10^-k; false if it is
 * not the only one of its length that is nearest. */
static inline bool
shortest(uint64_t m, int shift, uint64_t power, uint64_t *number)
{
	uint64_t exact = m * power;
	uint64_t half = (uint64_t) 1 << (shift - 1);
	uint64_t fraction = exact & (2 * half - 1);
	/* never a whole number: the middle of two floats has more decimals */
	uint64_t low = (exact - power / 2) >> shift;
	uint64_t high = (exact + power / 2) >> shift;
	uint64_t tens = high / 10 * 10;

	*number = tens > low ? tens : (exact + half) >> shift;
	return (tens > low) | (fraction != half);
}

/* The digits of a number below 10^8, the first one in the lowest byte: two numbers
 * of four digits side by side, then four of two, then eight of one. The
 * multiplications divide by 100 and by 10. */
static inline uint64_t
eight_digits(uint32_t number)
{
	uint64_t v = number / 10000 | (uint64_t) (number % 10000) << 32;
	uint64_t q = v * 10486 >> 20 & 0x7F0000007F;

	v = q | (v - 100 * q) << 16;
	q = v * 103 >> 10 & 0x000F000F000F000F;
	return q | (v - 10 * q) << 8;
}

/* The same of a number below 10^4. */
static inline uint32_t
four_digits(uint32_t number)
{
	uint32_t q = number / 100;
	uint32_t v = q | (number - 100 * q) << 16;

	q = v * 103 >> 10 & 0x000F000F;
	return q | (v - 10 * q) << 8;
}

/* Writes a fraction, which has FRACTION_DIGITS, without the zeros at its end;
 * returns how many digits are left. */
static inline size_t
write_fraction(char *out, uint64_t fraction)
{
	uint32_t head = (uint32_t) (fraction / 10000);
	uint64_t first = eight_digits(head);
	uint32_t last = four_digits((uint32_t) (fraction - head * 10000ULL));
	uint64_t text = first + 0x3030303030303030;
	uint32_t rest = last + 0x30303030;

	memcpy(out, &text, sizeof(text));
	memcpy(out + sizeof(text), &rest, sizeof(rest));
	if (last != 0)
		return 12 - (size_t) __builtin_clz(last) / 8;
	return first == 0 ? 0 : 8 - (size_t) __builtin_clzll(first) / 8;
}

/* Writes a number below 10^4. */
static char *
write_whole(char *out, uint32_t whole)
{
	uint32_t digits = four_digits(whole) + 0x30303030;
	int count = whole < 10 ? 1 : whole < 100 ? 2 : whole < 1000 ? 3 : 4;

	digits >>= 8 * (4 - count);
	memcpy(out, &digits, sizeof(digits));
	return out + count;
}

size_t
angle_element_format(float x, char out[ANGLE_ELEMENT_TEXT])
{
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
	return 0;
#else
	char *p = out;
	size_t count;
	uint32_t bits;
	uint64_t number;
	int shift;
	int k;

	memcpy(&bits, &x, sizeof(bits));
	shift = 150 - (int) (bits >> 23 & 0xFF);
	if (shift < MIN_SHIFT || shift > MAX_SHIFT || (bits & 0x7FFFFF) == 0)
		return 0;
	k = decimals[shift - MIN_SHIFT];
	if (!shortest((bits & 0x7FFFFF) | 0x800000, shift, powers[k], &number))
		return 0;
	if (bits >> 31)
		*p++ = '-';
	number *= powers[FRACTION_DIGITS - k];
	if (shift >= 24)
		*p++ = '0';
	else
	{
		uint64_t whole = number / powers[FRACTION_DIGITS];

		p = write_whole(p, (uint32_t) whole);
		number -= whole * powers[FRACTION_DIGITS];
	}
	*p = '.';
	count = write_fraction(p + 1, number);
	return (size_t) (p - out) + (count == 0 ? 0 : count + 1);
#endif
}
