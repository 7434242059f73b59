#include "core/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

AngleStatus
angle_fail(AngleError *err, AngleStatus status, const char *format, ...)
{
	if (err != NULL)
	{
		va_list args;

		err->status = status;
		err->hint[0] = '\0';
		va_start(args, format);
		vsnprintf(err->message, sizeof(err->message), format, args);
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
		vsnprintf(err->hint, sizeof(err->hint), format, args);
		va_end(args);
	}
}

void
angle_prefix(AngleError *err, const char *format, ...)
{
	char text[sizeof(err->message)];
	size_t used;
	va_list args;

	if (err == NULL)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	used = strlen(text);
	snprintf(text + used, sizeof(text) - used, ": %s", err->message);
	memcpy(err->message, text, sizeof(text));
}
