/* Asking for memory before it is needed. */
#ifndef ANGLE_PREFETCH_H
#define ANGLE_PREFETCH_H

#include <stddef.h>
#include <stdint.h>

#define ANGLE_CACHE_LINE 64

/* Lets the processor fetch the size bytes that end at end. Nothing is read: what
 * lies there may be anything, or no memory at all. */
static inline void
angle_prefetch_before(const void *end, size_t size)
{
	uintptr_t line = (uintptr_t) end & ~(uintptr_t) (ANGLE_CACHE_LINE - 1);

	for (size_t back = 0; back < size; back += ANGLE_CACHE_LINE)
		__builtin_prefetch((const void *) (line - back), 0, 3);
}

/* The same of the size bytes from start on. */
static inline void
angle_prefetch(const void *start, size_t size)
{
	angle_prefetch_before((const char *) start + size - 1, size);
}

/* Memory that is read later, asked for a part at a time while something else is worked on:
 * a processor has room for some dozens of requests, and with more than these it waits. The
 * lines come into the second cache, for which there is more room. */
typedef struct AngleAhead
{
	const char *next; /* from here on it was not asked for */
	const char *end;
	size_t part; /* bytes */
} AngleAhead;

/* Says how many parts there are to be, at most. */
static inline void
angle_ahead_divide(AngleAhead *ahead, size_t parts)
{
	const size_t bytes = (size_t) (ahead->end - ahead->next);

	ahead->part = parts > 0 ? bytes / parts + 1 : bytes;
}

/* Asks for the next part, if there is one. */
static inline void
angle_ahead_ask(AngleAhead *ahead)
{
	const char *end = ahead->end;

	if (end - ahead->next > (ptrdiff_t) ahead->part)
		end = ahead->next + ahead->part;
	for (; ahead->next < end; ahead->next += ANGLE_CACHE_LINE)
		__builtin_prefetch(ahead->next, 0, 2);
}

#endif
