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

#endif
