#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "pg/embed/content.h"
#include "pg/pg_compat.h"

AngleBytes
angle_content_utf8(const text *content)
{
	const char *source = VARDATA_ANY(content);
	int size = VARSIZE_ANY_EXHDR(content);
	const char *utf8 = pg_server_to_any(source, size, PG_UTF8);

	if (utf8 == source)
		return (AngleBytes){(const uint8_t *) source, size};
	return angle_bytes_of(utf8);
}

char *
angle_content_cstring(const text *content)
{
	AngleBytes utf8 = angle_content_utf8(content);

	return pnstrdup((const char *) utf8.data, utf8.size);
}

text *
angle_content_text(AngleBytes utf8)
{
	const char *source = utf8.size > 0 ? (const char *) utf8.data : "";
	char *string = pg_any_to_server(source, utf8.size, PG_UTF8);

	if (string == source)
		return cstring_to_text_with_len(source, utf8.size);
	return cstring_to_text(string);
}

int64
angle_content_characters(AngleBytes utf8)
{
	int64 characters = 0;

	/* the characters of SQL_ASCII are bytes */
	if (GetDatabaseEncoding() == PG_SQL_ASCII)
		return utf8.size;
	for (size_t i = 0; i < utf8.size; i++)
		characters += (utf8.data[i] & 0xC0) != 0x80;
	return characters;
}
