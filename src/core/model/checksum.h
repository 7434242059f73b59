/* XXH3-64 (https://xxhash.com, specification 0.2.0), whole or in pieces. */
#ifndef ANGLE_CHECKSUM_H
#define ANGLE_CHECKSUM_H

#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/bytes.h"

typedef struct AngleChecksum AngleChecksum;

uint64_t angle_checksum(AngleBytes bytes);

/* A sum of nothing yet; NULL when there is no memory. */
AngleChecksum *angle_checksum_start(AngleArena *arena);
void angle_checksum_add(AngleChecksum *checksum, AngleBytes bytes);
uint64_t angle_checksum_value(const AngleChecksum *checksum);

#endif
