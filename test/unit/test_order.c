#include "test.h"

#include <float.h>
#include <math.h>

#include "core/ann/order_kernels.h"
#include "core/base/rng.h"

#define MOST 5000

/* different: how many different keys there are, so that some are equal. */
static void
fill(float *keys, size_t count, uint64_t different)
{
	AngleRng rng;

	angle_rng_seed(&rng, count);
	for (size_t i = 0; i < count; i++)
		keys[i] = (float) angle_rng_below(&rng, different) / 7 - 4;
}

static size_t
not_above(const float *keys, size_t count, float limit)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += keys[i] <= limit;
	return found;
}

static void
check_limit(const AngleOrderKernels *kernels, const float *keys, size_t count,
			size_t rank, size_t more)
{
	const float limit = kernels->limit(keys, count, rank, more);
	size_t found = not_above(keys, count, limit);
	size_t greatest = 0;

	CHECK(found >= rank);
	CHECK_INT(kernels->count(keys, count, limit), found);
	if (found <= rank + more)
		return;
	/* equal ones: without them there would be too few */
	for (size_t i = 0; i < count; i++)
		if (keys[i] <= limit &&
			(keys[greatest] > limit || keys[i] > keys[greatest]))
			greatest = i;
	for (size_t i = 0; i < count; i++)
		found -= keys[i] == keys[greatest];
	CHECK(found < rank);
}

static void
check_limits(const AngleOrderKernels *kernels, const float *keys, size_t count)
{
	for (size_t rank = 1; rank <= count; rank += rank < 20 ? 1 : rank / 2)
		for (size_t more = 0; more <= count; more = 2 * more + 1)
			check_limit(kernels, keys, count, rank, more);
}

static void
check_between(const AngleOrderKernels *kernels, const float *keys, size_t count)
{
	uint32_t places[MOST];
	size_t found = 0;

	for (size_t i = 0; i + 1 < count; i += 1 + count / 20)
	{
		const float above = keys[i], limit = keys[i + 1];
		const size_t there =
			kernels->between(keys, count, above, limit, places);

		found = 0;
		for (size_t j = 0; j < count; j++)
			if (keys[j] > above && keys[j] <= limit)
			{
				CHECK(found < there && places[found] == j);
				found++;
			}
		CHECK_INT(there, found);
	}
}

static void
check_places(const AngleOrderKernels *kernels, const float *keys, size_t count)
{
	uint32_t places[ANGLE_ORDER_PLACES];

	if (count > ANGLE_ORDER_PLACES)
		return;
	kernels->places(keys, count, places);
	for (size_t i = 1; i < count; i++)
		CHECK(keys[places[i - 1]] < keys[places[i]] ||
			  (keys[places[i - 1]] == keys[places[i]] &&
			   places[i - 1] < places[i]));
	CHECK(count == 0 || places[0] < count);
}

TEST(order_of_floats_is_that_of_sorting)
{
	static const uint64_t different[] = {1, 3, 50, 1000000};
	float keys[MOST];

	for (int isa = 0; isa < ANGLE_ISA_COUNT; isa++)
	{
		const AngleOrderKernels *kernels =
			angle_order_kernels_for((AngleIsa) isa);

		for (size_t d = 0; kernels != NULL && d < 4; d++)
		{
			for (size_t count = 0; count <= MOST;
				 count += count < 40 ? 1 : count)
			{
				fill(keys, count, different[d]);
				check_limits(kernels, keys, count);
				check_between(kernels, keys, count);
				check_places(kernels, keys, count);
			}
		}
	}
}

TEST(order_has_room_for_all_floats)
{
	const float keys[] = {INFINITY,		-FLT_MAX, 0,		 -0.0f,
						  FLT_MIN / 4,	FLT_MAX,  -INFINITY, -1,
						  -FLT_MIN / 4, INFINITY, INFINITY};
	const size_t count = sizeof(keys) / sizeof(*keys);

	CHECK(angle_order_limit(keys, count, 1, 0) < -FLT_MAX);
	CHECK(angle_order_limit(keys, count, 2, 0) >= -FLT_MAX);
	CHECK(angle_order_limit(keys, count, count - 3, 0) <= FLT_MAX);
	CHECK(angle_order_limit(keys, count, count - 2, 0) == INFINITY);
	CHECK(angle_order_limit(keys, count, count, 0) == INFINITY);
	CHECK(angle_order_limit(keys + count - 2, 2, 1, 0) == INFINITY);
	for (int isa = 0; isa < ANGLE_ISA_COUNT; isa++)
	{
		const AngleOrderKernels *kernels =
			angle_order_kernels_for((AngleIsa) isa);

		if (kernels == NULL)
			continue;
		check_limits(kernels, keys, count);
		check_between(kernels, keys, count);
		check_places(kernels, keys, count);
	}
}
