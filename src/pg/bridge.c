#include "postgres.h"

#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "pg/bridge.h"
#include "pg/pg_compat.h"

static int
sqlstate_of(AngleStatus status)
{
	switch (status)
	{
		case ANGLE_NO_MEMORY:
			return ERRCODE_OUT_OF_MEMORY;
		case ANGLE_INVALID_ARGUMENT:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case ANGLE_INVALID_TEXT:
			return ERRCODE_CHARACTER_NOT_IN_REPERTOIRE;
		case ANGLE_NOT_FOUND:
			return ERRCODE_UNDEFINED_OBJECT;
		case ANGLE_NOT_PERMITTED:
			return ERRCODE_INSUFFICIENT_PRIVILEGE;
		case ANGLE_IO_ERROR:
			return ERRCODE_IO_ERROR;
		case ANGLE_CORRUPT:
			return ERRCODE_DATA_CORRUPTED;
		case ANGLE_UNSUPPORTED:
			return ERRCODE_FEATURE_NOT_SUPPORTED;
		case ANGLE_TOO_LARGE:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case ANGLE_CANCELLED:
			return ERRCODE_QUERY_CANCELED;
		case ANGLE_OK:
			break;
	}
	return ERRCODE_INTERNAL_ERROR;
}

/* Appends the character of size bytes at source, which is valid UTF-8; false if
 * the server's encoding lacks it. conversion leads there, if one is needed. */
static bool
append_converted(StringInfo out, Oid conversion, const unsigned char *source,
				 int size)
{
	unsigned char converted[MAX_CONVERSION_GROWTH * 4 + 1];

	if (size == 1 || !OidIsValid(conversion))
	{
		appendBinaryStringInfo(out, (const char *) source, size);
		return true;
	}
	if (pg_do_encoding_conversion_buf(conversion, PG_UTF8,
									  GetDatabaseEncoding(),
									  (unsigned char *) source, size, converted,
									  sizeof(converted), true) != size)
		return false;
	appendStringInfoString(out, (const char *) converted);
	return true;
}

char *
angle_readable(const char *utf8)
{
	Oid conversion = FindDefaultConversionProc(PG_UTF8, GetDatabaseEncoding());
	const unsigned char *end = (const unsigned char *) utf8 + strlen(utf8);
	StringInfoData out;
	int size;

	initStringInfo(&out);
	for (const unsigned char *at = (const unsigned char *) utf8; at < end;
		 at += size)
	{
		size = pg_utf_mblen(at);
		if (!append_converted(&out, conversion, at, size))
			appendStringInfoChar(&out, '?');
	}
	return out.data;
}

void
angle_check(AngleStatus status, const AngleError *err)
{
	if (status == ANGLE_OK)
		return;
	if (status == ANGLE_CANCELLED)
	{
		CHECK_FOR_INTERRUPTS();
		ereport(ERROR, errcode(ERRCODE_QUERY_CANCELED),
				errmsg("canceling statement"));
	}
	ereport(ERROR, errcode(sqlstate_of(status)),
			errmsg("%s", angle_readable(err->message)),
			err->hint[0] != '\0' ? errhint("%s", angle_readable(err->hint))
								 : 0);
}

static void *
context_alloc(void *context, size_t size)
{
	return MemoryContextAllocExtended((MemoryContext) context, size,
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
}

static void
context_release(void *context, void *pointer)
{
	pfree(pointer);
}

AngleAllocator
angle_context_allocator(MemoryContext context)
{
	return (AngleAllocator){context_alloc, context_release, context};
}

AngleArena *
angle_context_arena(MemoryContext context)
{
	AngleAllocator allocator = angle_context_allocator(context);
	AngleArena *arena = angle_arena_create(&allocator);
	AngleError err;

	if (arena == NULL)
		angle_check(angle_no_memory(&err), &err);
	return arena;
}

bool
angle_interrupt_pending(void *context)
{
	return InterruptPending && ANGLE_QUERY_ENDS;
}
