#include "core/text/unicode.h"

#include <utf8proc.h>

/* Code points of later versions than the one that the decomposition follows:
 * newer utf8proc decompose them. */
static const struct
{
	uint32_t first;
	uint32_t last;
} not_decomposed[] = {
	{0x105C9, 0x105E4}, {0x11383, 0x113C8}, {0x11938, 0x11938},
	{0x16121, 0x16128}, {0x16D68, 0x16D6A},
};

/* Capitals that utf8proc 2.8 (Unicode 15) does not know. */
static const struct
{
	uint32_t first;
	uint32_t last;
	int32_t distance; /* from the capital to its lower case */
} late_capitals[] = {
	{0x1C89, 0x1C89, 1},	  {0xA7CB, 0xA7CB, 0x264 - 0xA7CB},
	{0xA7CC, 0xA7CC, 1},	  {0xA7CE, 0xA7CE, 1},
	{0xA7D2, 0xA7D2, 1},	  {0xA7D4, 0xA7D4, 1},
	{0xA7DA, 0xA7DA, 1},	  {0xA7DC, 0xA7DC, 0x19B - 0xA7DC},
	{0x10D50, 0x10D65, 0x20}, {0x16EA0, 0x16EB8, 0x1B},
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

AngleCharClass
angle_char_class(uint32_t c)
{
	size_t low = 0;
	size_t high = angle_char_range_count;

	/* kana to Yi, Hangul syllables: what most characters are that come here */
	if ((c > 0x30FB && c < 0xA4FE) || (c > 0xABED && c < 0xD800))
		return ANGLE_CHAR_ORDINARY;
	while (low < high)
	{
		size_t middle = (low + high) / 2;
		const AngleCharRange *range = &angle_char_ranges[middle];

		if (c < range->first)
			high = middle;
		else if (c > range->last)
			low = middle + 1;
		else
			return (AngleCharClass) range->class;
	}
	return ANGLE_CHAR_ORDINARY;
}

bool
angle_char_is_space(uint32_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 ||
		   c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
		   c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool
angle_char_is_chinese(uint32_t c)
{
	return (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) ||
		   (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x2A6DF) ||
		   (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
		   (c >= 0x2F800 && c <= 0x2FA1F);
}

bool
angle_char_is_word(uint32_t c)
{
	utf8proc_category_t category = utf8proc_category((utf8proc_int32_t) c);

	/* the circled and squared Latin letters are symbols yet alphabetic */
	return (category >= UTF8PROC_CATEGORY_LU &&
			category <= UTF8PROC_CATEGORY_NL) ||
		   category == UTF8PROC_CATEGORY_PC || c == 0x200C || c == 0x200D ||
		   (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
		   (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
}

int
angle_char_combining(uint32_t c)
{
	AngleCharClass class = angle_char_class(c);

	if (class != ANGLE_CHAR_MARK && class != ANGLE_CHAR_ORDERED)
		return 0;
	return utf8proc_get_property((utf8proc_int32_t) c)->combining_class;
}

static bool
is_decomposed(uint32_t c)
{
	if (c < 0xC0 || (c > 0x30FE && c < 0xAC00))
		return false;
	for (size_t i = 0; i < LENGTH(not_decomposed); i++)
	{
		if (c >= not_decomposed[i].first && c <= not_decomposed[i].last)
			return false;
	}
	return true;
}

int
angle_char_decompose(uint32_t c, uint32_t decomposed[ANGLE_MAX_DECOMPOSED])
{
	utf8proc_int32_t buffer[ANGLE_MAX_DECOMPOSED];
	utf8proc_ssize_t count = 0;

	if (is_decomposed(c))
		count = utf8proc_decompose_char((utf8proc_int32_t) c, buffer,
										ANGLE_MAX_DECOMPOSED,
										UTF8PROC_DECOMPOSE, NULL);
	if (count < 1 || count > ANGLE_MAX_DECOMPOSED)
	{
		decomposed[0] = c;
		return 1;
	}
	for (int i = 0; i < (int) count; i++)
		decomposed[i] = (uint32_t) buffer[i];
	return (int) count;
}

int
angle_char_lower(uint32_t c, uint32_t lowered[ANGLE_MAX_LOWERED])
{
	if (c == 0x130)
	{
		lowered[0] = 'i';
		lowered[1] = 0x307;
		return 2;
	}
	lowered[0] = (uint32_t) utf8proc_tolower((utf8proc_int32_t) c);
	for (size_t i = 0; lowered[0] == c && i < LENGTH(late_capitals); i++)
	{
		if (c >= late_capitals[i].first && c <= late_capitals[i].last)
			lowered[0] = (uint32_t) ((int32_t) c + late_capitals[i].distance);
	}
	return 1;
}
