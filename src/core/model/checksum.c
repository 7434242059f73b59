#include "core/model/checksum.h"

/* inlined, because the library allocates its state with malloc */
#define XXH_INLINE_ALL
#include <xxhash.h>

struct AngleChecksum
{
	XXH3_state_t state;
};

uint64_t
angle_checksum(AngleBytes bytes)
{
	return XXH3_64bits(bytes.data, bytes.size);
}

AngleChecksum *
angle_checksum_start(AngleArena *arena)
{
	AngleChecksum *checksum = angle_arena_alloc(arena, 1, sizeof(*checksum));

	if (checksum != NULL)
		XXH3_64bits_reset(&checksum->state);
	return checksum;
}

void
angle_checksum_add(AngleChecksum *checksum, AngleBytes bytes)
{
	if (bytes.size > 0)
		XXH3_64bits_update(&checksum->state, bytes.data, bytes.size);
}

uint64_t
angle_checksum_value(const AngleChecksum *checksum)
{
	return XXH3_64bits_digest(&checksum->state);
}
