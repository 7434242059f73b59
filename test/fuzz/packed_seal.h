/* For the fuzz targets of packed models: damage behind a right checksum. */
#ifndef ANGLE_PACKED_SEAL_H
#define ANGLE_PACKED_SEAL_H

#include "core/model/checksum.h"
#include "core/model/packed_format.h"

static inline void
store(uint8_t *p, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t) (value >> (8 * i));
}

/* Magic, version, size and checksums of an image of at least a header, as a
 * writer would have made them. */
static inline void
seal(uint8_t *image, size_t size)
{
	uint64_t data = angle_load_u64(image + HEADER_DATA);

	memcpy(image, ANGLE_PACKED_MAGIC, ANGLE_PACKED_MAGIC_SIZE);
	image[HEADER_VERSION] = ANGLE_PACKED_VERSION;
	store(image + HEADER_FILE_SIZE, size);
	if (data >= ANGLE_PACKED_HEADER_SIZE && data <= size)
		store(image + HEADER_METADATA_CHECK,
			  angle_checksum(
				  (AngleBytes){image + ANGLE_PACKED_HEADER_SIZE,
							   (size_t) data - ANGLE_PACKED_HEADER_SIZE}));
	store(image + HEADER_CHECK,
		  angle_checksum((AngleBytes){image, HEADER_CHECK}));
}

#endif
