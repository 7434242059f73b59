/* The characters of UTF-8: checking, reading and writing one. */
#ifndef ANGLE_UTF8_H
#define ANGLE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest encoding of a character. */
#define ANGLE_UTF8_MAX 4

/* Whether byte is not the first of its character. */
static inline bool
angle_utf8_continues(uint8_t byte)
{
	return (byte & 0xC0) == 0x80;
}

/* The length of the well-formed character at p, of which left bytes exist; 0
 * if there is none (Unicode 15, table 3-7). */
static inline size_t
angle_utf8_checked_length(const uint8_t *p, size_t left)
{
	if (p[0] < 0x80)
		return 1;
	if (left < 2 || !angle_utf8_continues(p[1]) || p[0] < 0xC2)
		return 0;
	if (p[0] < 0xE0)
		return 2;
	if (left < 3 || !angle_utf8_continues(p[2]) ||
		(p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F))
		return 0;
	if (p[0] < 0xF0)
		return 3;
	if (left < 4 || !angle_utf8_continues(p[3]) ||
		(p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F) ||
		p[0] > 0xF4)
		return 0;
	return 4;
}

/* The length of the character that starts with a byte of checked text. */
static inline size_t
angle_utf8_length(uint8_t first)
{
	return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* Reads the character of checked text that starts at p. */
static inline uint32_t
angle_utf8_decode(const uint8_t *p)
{
	if (p[0] < 0x80)
		return p[0];
	if (p[0] < 0xE0)
		return (uint32_t) (p[0] & 0x1F) << 6 | (p[1] & 0x3F);
	if (p[0] < 0xF0)
		return (uint32_t) (p[0] & 0x0F) << 12 | (uint32_t) (p[1] & 0x3F) << 6 |
			   (p[2] & 0x3F);
	return (uint32_t) (p[0] & 0x07) << 18 | (uint32_t) (p[1] & 0x3F) << 12 |
		   (uint32_t) (p[2] & 0x3F) << 6 | (p[3] & 0x3F);
}

/* Writes a code point and returns its length. */
static inline size_t
angle_utf8_encode(uint32_t c, uint8_t p[ANGLE_UTF8_MAX])
{
	if (c < 0x80)
	{
		p[0] = (uint8_t) c;
		return 1;
	}
	if (c < 0x800)
	{
		p[0] = (uint8_t) (0xC0 | c >> 6);
		p[1] = (uint8_t) (0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000)
	{
		p[0] = (uint8_t) (0xE0 | c >> 12);
		p[1] = (uint8_t) (0x80 | (c >> 6 & 0x3F));
		p[2] = (uint8_t) (0x80 | (c & 0x3F));
		return 3;
	}
	p[0] = (uint8_t) (0xF0 | c >> 18);
	p[1] = (uint8_t) (0x80 | (c >> 12 & 0x3F));
	p[2] = (uint8_t) (0x80 | (c >> 6 & 0x3F));
	p[3] = (uint8_t) (0x80 | (c & 0x3F));
	return 4;
}

#endif
