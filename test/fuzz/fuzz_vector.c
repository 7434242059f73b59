/* The text form of vectors: whatever the bytes are, the parser stays within
 * them, and what it accepts is finite and read as strtof reads it. */
#include <math.h>
#include <stdlib.h>

#include "core/vector/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

/* Reads the accepted text again, number by number. */
static void
compare_with_strtof(const uint8_t *data, size_t size, const float *elements,
					int dimensions)
{
	char *copy = malloc(size + 1);
	char *p = copy;

	require(copy != NULL);
	memcpy(copy, data, size);
	copy[size] = '\0';
	for (int i = 0; i < dimensions; i++)
	{
		float value;

		p += strcspn(p, "+-.0123456789");
		value = strtof(p, &p);
		require(memcmp(&value, &elements[i], sizeof(value)) == 0);
	}
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static float elements[ANGLE_VECTOR_MAX_DIMENSIONS];
	AngleBytes text = {data, size};
	AngleBytes blame;
	int dimensions = 0;
	AngleVectorSyntax syntax =
		angle_vector_parse(text, elements, &dimensions, &blame);

	require(blame.data >= data && blame.data + blame.size <= data + size);
	if (syntax != ANGLE_VECTOR_PARSED)
		return 0;
	require(dimensions >= 1 && dimensions <= ANGLE_VECTOR_MAX_DIMENSIONS);
	for (int i = 0; i < dimensions; i++)
		require(isfinite(elements[i]));
	compare_with_strtof(data, size, elements, dimensions);
	return 0;
}
