/* Any bytes as the pickle of a state dictionary. */
#include <stdlib.h>

#include "trainer/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AngleArena *arena = angle_arena_create(NULL);
	AnglePickledTensor *tensors;
	AngleError err;
	size_t count;

	if (angle_pickle_read((AngleBytes){data, size}, arena, &tensors, &count,
						  &err) == ANGLE_OK)
	{
		for (size_t i = 0; i < count; i++)
		{
			if (tensors[i].offset < 0 || tensors[i].rank > ANGLE_MAX_RANK ||
				strlen(tensors[i].name) > size ||
				strlen(tensors[i].storage) > size)
				abort();
		}
	}
	angle_arena_destroy(arena);
	return 0;
}
