#include "core/base/utf8_check.h"

#include "core/base/utf8.h"

/* Between two questions whether the caller wants to stop. */
#define BYTES_PER_POLL ((size_t) 1 << 20)

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
		size_t length =
			angle_utf8_checked_length(bytes.data + *at, bytes.size - *at);

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
		while (part.size < bytes.size &&
			   angle_utf8_continues(bytes.data[part.size]))
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
