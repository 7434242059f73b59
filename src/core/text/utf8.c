#include "core/text/utf8.h"

/* Between two questions whether the caller wants to stop. */
#define BYTES_PER_POLL ((size_t) 1 << 20)

static bool
is_continuation(uint8_t byte)
{
	return (byte & 0xC0) == 0x80;
}

/* The length of the well-formed character at p, of which left bytes exist; 0
 * if there is none (Unicode 15, table 3-7). */
static size_t
checked_length(const uint8_t *p, size_t left)
{
	if (p[0] < 0x80)
		return 1;
	if (left < 2 || !is_continuation(p[1]) || p[0] < 0xC2)
		return 0;
	if (p[0] < 0xE0)
		return 2;
	if (left < 3 || !is_continuation(p[2]) || (p[0] == 0xE0 && p[1] < 0xA0) ||
		(p[0] == 0xED && p[1] > 0x9F))
		return 0;
	if (p[0] < 0xF0)
		return 3;
	if (left < 4 || !is_continuation(p[3]) || (p[0] == 0xF0 && p[1] < 0x90) ||
		(p[0] == 0xF4 && p[1] > 0x8F) || p[0] > 0xF4)
		return 0;
	return 4;
}

/* The first offset at or after from where a byte is not ASCII, by words. */
static size_t
skip_ascii(AngleBytes bytes, size_t from)
{
	uint64_t word;

	while (from + sizeof(word) <= bytes.size)
	{
		memcpy(&word, bytes.data + from, sizeof(word));
		if ((word & 0x8080808080808080u) != 0)
			break;
		from += sizeof(word);
	}
	while (from < bytes.size && bytes.data[from] < 0x80)
		from++;
	return from;
}

/* Moves *at forward to the end of bytes, or to what is not well-formed. */
static bool
check_part(AngleBytes bytes, size_t *at)
{
	while ((*at = skip_ascii(bytes, *at)) < bytes.size)
	{
		size_t length = checked_length(bytes.data + *at, bytes.size - *at);

		if (length == 0)
			return false;
		*at += length;
	}
	return true;
}

AngleStatus
angle_utf8_check(AngleBytes bytes, const char *what, const AngleCancel *cancel,
				 AngleError *err)
{
	size_t start = 0;

	while (start < bytes.size)
	{
		AngleBytes part = bytes;
		size_t at = start;

		/* a part ends between characters, or at the end of a broken one */
		if (bytes.size - start > BYTES_PER_POLL)
			part.size = start + BYTES_PER_POLL;
		while (part.size < bytes.size && is_continuation(bytes.data[part.size]))
			part.size++;
		if (!check_part(part, &at))
		{
			AngleStatus status =
				angle_fail(err, ANGLE_INVALID_TEXT,
						   "invalid UTF-8 in the %s: byte 0x%02x at offset %zu",
						   what, bytes.data[at], at);

			angle_hint(err, "Convert the %s to UTF-8.", what);
			return status;
		}
		start = part.size;
		if (angle_cancelled(cancel))
			return angle_fail_cancelled(err);
	}
	return ANGLE_OK;
}
