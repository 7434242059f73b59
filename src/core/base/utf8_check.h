/* Whether a text is UTF-8. */
#ifndef ANGLE_UTF8_CHECK_H
#define ANGLE_UTF8_CHECK_H

#include "core/base/bytes.h"
#include "core/base/cancel.h"
#include "core/base/status.h"

/* Checks that all of bytes is well-formed (RFC 3629: shortest form, no
 * surrogates, at most U+10FFFF); what names it in the message.
 * Errors: ANGLE_INVALID_TEXT, ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus angle_utf8_check(AngleBytes bytes,
											  const char *what,
											  const AngleCancel *cancel,
											  AngleError *err);

#endif
