/* Any bytes as a packed file, as they are and then with checksums that are
 * right: every array of what is accepted is read to its last byte. */
#include <stdlib.h>

#include "core/model/packed.h"
#include "packed_seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static void
read_arrays(const AnglePackedFile *file)
{
	AngleBytes data;
	AngleError err;

	for (size_t i = 0; i < file->count; i++)
	{
		uint8_t sum = 0;

		require(angle_packed_find(file, &file->arrays[i], &data, &err) ==
				ANGLE_OK);
		for (size_t j = 0; j < data.size; j++)
			sum = (uint8_t) (sum + data.data[j]);
		*(volatile uint8_t *) &sum = sum;
	}
	require(angle_config_validate(&file->config, "input", &err) == ANGLE_OK);
}

static void
open_image(AngleBytes image, AnglePackedCheck check)
{
	AngleArena *arena = angle_arena_create(NULL);
	AnglePackedFile file;
	AngleError err;

	if (angle_packed_open(image, check, NULL, arena, &file, &err) == ANGLE_OK)
		read_arrays(&file);
	angle_arena_destroy(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* aligned as a mapping is, and ends where the input ends */
	void *memory = NULL;
	uint8_t *image;

	if (posix_memalign(&memory, ANGLE_ALIGNMENT, size) != 0)
		return 0;
	image = memory;
	memcpy(image, data, size);
	open_image((AngleBytes){image, size}, ANGLE_PACKED_CHECK_CONTENT);
	if (size >= ANGLE_PACKED_HEADER_SIZE)
	{
		seal(image, size);
		open_image((AngleBytes){image, size}, ANGLE_PACKED_CHECK_HEADER);
	}
	free(image);
	return 0;
}
