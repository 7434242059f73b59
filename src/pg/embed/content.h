/* Between the server's encoding and the UTF-8 of core. */
#ifndef ANGLE_CONTENT_H
#define ANGLE_CONTENT_H

#include "core/base/bytes.h"

/* The text in UTF-8: a view of content itself or of palloc'd memory. content
 * is not compressed or out of line. A SQL_ASCII database must hold UTF-8 already, or
 * ERRCODE_CHARACTER_NOT_IN_REPERTOIRE is raised. */
AngleBytes angle_content_utf8(const text *content);

/* A palloc'd copy of it as a C string. */
char *angle_content_cstring(const text *content);

/* The inverse, for strings of a model; a character that the server's encoding
 * lacks raises ERRCODE_UNTRANSLATABLE_CHARACTER. */
text *angle_content_text(AngleBytes utf8);

/* The number of characters as length() and substr() count them in this
 * database; utf8 is valid. */
int64 angle_content_characters(AngleBytes utf8);

#endif
