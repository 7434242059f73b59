/* Any bytes as a safetensors file: every tensor is read to its last byte, and
 * a header made of the tensors describes the same data. */
#include <stdlib.h>

#include "core/model/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static void
read_tensor(const AngleTensor *tensor, AngleArena *arena)
{
	size_t elements = angle_tensor_elements(tensor);
	float *out = angle_arena_alloc(arena, elements, sizeof(float));
	uint8_t sum = 0;
	AngleError err;

	require(out != NULL);
	require(tensor->data.size == elements * angle_dtype_size(tensor->dtype));
	for (size_t i = 0; i < tensor->data.size; i++)
		sum = (uint8_t) (sum + tensor->data.data[i]);
	*(volatile uint8_t *) &sum = sum;
	if (angle_tensor_to_float(tensor, out, &err) == ANGLE_OK)
		require(tensor->dtype <= ANGLE_DTYPE_F64);
}

static void
write_and_read(const AngleTensorList *list, AngleArena *arena)
{
	AngleTensorList again;
	AngleBytes header;
	AngleError err;
	uint8_t *file;
	size_t size;

	require(angle_safetensors_header(list->tensors, list->count, arena, &header,
									 &err) == ANGLE_OK);
	size = header.size;
	for (size_t i = 0; i < list->count; i++)
		size += list->tensors[i].data.size;
	file = angle_arena_zalloc(arena, size, 1);
	require(file != NULL);
	memcpy(file, header.data, header.size);
	require(angle_safetensors_read((AngleBytes){file, size}, "again", arena,
								   &again, &err) == ANGLE_OK);
	require(again.count == list->count);
	for (size_t i = 0; i < again.count; i++)
		require(strcmp(again.tensors[i].name, list->tensors[i].name) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleTensorList list;
	AngleError err;

	if (angle_safetensors_read((AngleBytes){data, size}, "input", arena, &list,
							   &err) == ANGLE_OK)
	{
		for (size_t i = 0; i < list.count; i++)
		{
			require(angle_tensors_find(&list, list.tensors[i].name) ==
					&list.tensors[i]);
			read_tensor(&list.tensors[i], arena);
		}
		write_and_read(&list, arena);
	}
	angle_arena_destroy(arena);
	return 0;
}
