#include "core/quant/rotation.h"

#include "core/base/rng.h"
#include "core/quant/quant_kernels.h"

struct AngleRotation
{
	const AngleQuantKernels *kernels;
	int dims;
	int window; /* the largest power of two ≤ dims */
	uint32_t
		signs[]; /* (ANGLE_ROTATION_ROUNDS, dims): 0 or a float's sign bit */
};

size_t
angle_rotation_size(int dims)
{
	return sizeof(AngleRotation) +
		   (size_t) ANGLE_ROTATION_ROUNDS * (size_t) dims * sizeof(uint32_t);
}

AngleRotation *
angle_rotation_init(void *memory, int dims, uint64_t seed)
{
	AngleRotation *rotation = memory;
	AngleRng rng;

	rotation->kernels = angle_quant_kernels();
	rotation->dims = dims;
	rotation->window = 1;
	while (rotation->window <= dims / 2)
		rotation->window *= 2;
	angle_rng_seed(&rng, seed);
	for (int i = 0; i < ANGLE_ROTATION_ROUNDS * dims; i++)
		rotation->signs[i] =
			(uint32_t) (angle_rng_next(&rng) >> 63) * 0x80000000u;
	return rotation;
}

void
angle_rotation_apply(const AngleRotation *rotation, float *x)
{
	rotation->kernels->rotate(x, (size_t) rotation->dims,
							  (size_t) rotation->window, rotation->signs);
}
