#include "core/quant/rotation.h"

#include <string.h>

#include "core/base/rng.h"
#include "core/quant/quant_kernels.h"

#define ROUNDS 4

struct AngleRotation
{
	const AngleQuantKernels *kernels;
	int dims;
	int window;		  /* the largest power of two ≤ dims */
	uint32_t signs[]; /* (ROUNDS, dims): 0 or a float's sign bit */
};

size_t
angle_rotation_size(int dims)
{
	return sizeof(AngleRotation) +
		   (size_t) ROUNDS * (size_t) dims * sizeof(uint32_t);
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
	for (int i = 0; i < ROUNDS * dims; i++)
		rotation->signs[i] =
			(uint32_t) (angle_rng_next(&rng) >> 63) * 0x80000000u;
	return rotation;
}

static void
flip_signs(float *x, const uint32_t *signs, int dims)
{
	for (int i = 0; i < dims; i++)
	{
		uint32_t bits;

		memcpy(&bits, &x[i], sizeof(bits));
		bits ^= signs[i];
		memcpy(&x[i], &bits, sizeof(bits));
	}
}

/* A reflection of each pair across the halves, by which what the Hadamard
 * window leaves out meets what is inside. */
static void
turn_pairs(float *x, int dims)
{
	const float root_half = 0.70710678118654752f;
	int half = dims / 2;
	float *y = x + (dims - half);

	for (int i = 0; i < half; i++)
	{
		float sum = x[i] + y[i];
		float difference = x[i] - y[i];

		x[i] = sum * root_half;
		y[i] = difference * root_half;
	}
}

void
angle_rotation_apply(const AngleRotation *rotation, float *x)
{
	int dims = rotation->dims;
	int window = rotation->window;

	for (int round = 0; round < ROUNDS; round++)
	{
		int start = round % 2 == 0 ? 0 : dims - window;

		flip_signs(x, rotation->signs + (size_t) round * (size_t) dims, dims);
		rotation->kernels->hadamard(x + start, (size_t) window);
		if (window < dims && start > 0)
			turn_pairs(x, dims);
	}
}
