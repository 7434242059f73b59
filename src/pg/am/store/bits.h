/* A set of numbers, as one bit each, which grows. */
#ifndef ANGLE_BITS_H
#define ANGLE_BITS_H

#include "utils/palloc.h"

/* Zeroed it is empty. */
typedef struct AngleBits
{
	uint8 *bytes; /* (room) */
	Size room;
	MemoryContext context; /* where these lie; NULL: the current one */
} AngleBits;

static inline bool
angle_bits_has(const AngleBits *bits, uint64 number)
{
	return number / 8 < bits->room &&
		   (bits->bytes[number / 8] >> number % 8 & 1);
}

static inline void
angle_bits_add(AngleBits *bits, uint64 number)
{
	if (number / 8 >= bits->room)
	{
		const Size room = Max(number / 8 + 1, 2 * bits->room);
		uint8 *bytes = MemoryContextAllocExtended(
			bits->context != NULL ? bits->context : CurrentMemoryContext, room,
			MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

		if (bits->bytes != NULL)
		{
			memcpy(bytes, bits->bytes, bits->room);
			pfree(bits->bytes);
		}
		bits->bytes = bytes;
		bits->room = room;
	}
	bits->bytes[number / 8] |= 1 << number % 8;
}

static inline void
angle_bits_remove(AngleBits *bits, uint64 number)
{
	if (number / 8 < bits->room)
		bits->bytes[number / 8] &= ~(1 << number % 8);
}

#endif
