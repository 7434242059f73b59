#include "core/ann/order.h"

#include "core/ann/order_kernels.h"

float
angle_order_limit(const float *keys, size_t count, size_t rank, size_t more)
{
	return angle_order_kernels()->limit(keys, count, rank, more);
}

size_t
angle_order_count(const float *keys, size_t count, float limit)
{
	return angle_order_kernels()->count(keys, count, limit);
}

size_t
angle_order_between(const float *keys, size_t count, float above, float limit,
					uint32_t *places)
{
	return angle_order_kernels()->between(keys, count, above, limit, places);
}

void
angle_order_places(const float *keys, size_t count, uint32_t *places)
{
	angle_order_kernels()->places(keys, count, places);
}
