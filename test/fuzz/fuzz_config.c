/* Any bytes as the configuration of a packed file: what is accepted is valid,
 * and writing it gives JSON that reads back as the same. */
#include <stdlib.h>

#include "core/model/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleModelConfig config;
	AngleModelConfig again;
	AngleBytes first;
	AngleBytes second;
	AngleError err;

	if (angle_config_read((AngleBytes){data, size}, arena, &config, &err) ==
		ANGLE_OK)
	{
		require(angle_config_write(&config, arena, &first, &err) == ANGLE_OK);
		require(angle_config_read(first, arena, &again, &err) == ANGLE_OK);
		require(angle_config_write(&again, arena, &second, &err) == ANGLE_OK);
		require(angle_bytes_equal(first, second));
	}
	angle_arena_destroy(arena);
	return 0;
}
