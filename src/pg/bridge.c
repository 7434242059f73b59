#include "postgres.h"

#include "miscadmin.h"

#include "pg/bridge.h"

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
	ereport(ERROR, errcode(sqlstate_of(status)), errmsg("%s", err->message),
			err->hint[0] != '\0' ? errhint("%s", err->hint) : 0);
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

bool
angle_interrupt_pending(void *context)
{
	return InterruptPending && (QueryCancelPending || ProcDiePending);
}
