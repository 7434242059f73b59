#include "core/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/utf8.h"

/* Whether p, which starts a well-formed character, moves a cursor or the like:
 * C0, DEL or C1. */
static bool
is_control(const uint8_t *p)
{
	return p[0] < 0x20 || p[0] == 0x7F || (p[0] == 0xC2 && p[1] < 0xA0);
}

/* Replaces what is not readable, such as bytes of a name in a hostile file. Of
 * text that was cut, a broken character at the end is only half of one. */
static void
make_readable(char *text, bool was_cut)
{
	uint8_t *end = (uint8_t *) text + strlen(text);
	size_t size;

	for (uint8_t *p = (uint8_t *) text; p < end; p += size)
	{
		size = angle_utf8_checked_length(p, (size_t) (end - p));
		if (size == 0 && was_cut && end - p < ANGLE_UTF8_MAX)
		{
			*p = '\0';
			return;
		}
		if (size == 0 || is_control(p))
		{
			size = size == 0 ? 1 : size;
			memset(p, '?', size);
		}
	}
}

static void
set_text(char *text, size_t size, const char *format, va_list args)
{
	int needed = vsnprintf(text, size, format, args);

	make_readable(text, needed >= (int) size);
}

AngleStatus
angle_fail(AngleError *err, AngleStatus status, const char *format, ...)
{
	if (err != NULL)
	{
		va_list args;

		err->status = status;
		err->hint[0] = '\0';
		va_start(args, format);
		set_text(err->message, sizeof(err->message), format, args);
		va_end(args);
	}
	return status;
}

void
angle_hint(AngleError *err, const char *format, ...)
{
	if (err != NULL)
	{
		va_list args;

		va_start(args, format);
		set_text(err->hint, sizeof(err->hint), format, args);
		va_end(args);
	}
}

void
angle_prefix(AngleError *err, const char *format, ...)
{
	char text[sizeof(err->message)];
	char prefix[sizeof(text)];
	va_list args;

	if (err == NULL)
		return;
	va_start(args, format);
	set_text(prefix, sizeof(prefix), format, args);
	va_end(args);
	memcpy(text, err->message, sizeof(text));
	make_readable(err->message, snprintf(err->message, sizeof(text), "%s: %s",
										 prefix, text) >= (int) sizeof(text));
}
