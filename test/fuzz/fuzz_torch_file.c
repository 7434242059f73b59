/* Any bytes as a file of torch.save(): every tensor that it describes is read,
 * so that the sanitizer sees each byte that is touched. */
#include <stdlib.h>

#include "trainer/torch_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_tensors(AngleTorchFile *file)
{
	AngleError err;
	size_t count;
	const AngleTensor *tensors = angle_torch_tensors(file, &count);

	for (size_t i = 0; i < count; i++)
	{
		uint8_t *out = malloc(tensors[i].data.size);

		if (out != NULL && angle_torch_read(file, i, out, &err) == ANGLE_OK)
		{
			/* reads the whole buffer */
			uint8_t sum = 0;

			for (size_t j = 0; j < tensors[i].data.size; j++)
				sum = (uint8_t) (sum + out[j]);
			*(volatile uint8_t *) &sum = sum;
		}
		free(out);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleTorchFile *file;
	AngleError err;

	if (angle_torch_open((AngleBytes){data, size}, "input", arena, &file,
						 &err) == ANGLE_OK)
	{
		read_tensors(file);
		angle_torch_close(file);
	}
	angle_arena_destroy(arena);
	return 0;
}
