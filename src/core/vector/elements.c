#include "core/vector/elements.h"

#include <math.h>
#include <stdbool.h>

/* Any NaN or infinity makes the sum of x·0 a NaN; a loop without a branch. */
static bool
all_finite(const float *u, size_t n)
{
	float sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += u[i] * 0;
	return !isnan(sum);
}

static AngleElementsRange
range_of(const float *out, size_t n)
{
	return all_finite(out, n) ? ANGLE_ELEMENTS_IN_RANGE
							  : ANGLE_ELEMENTS_OVERFLOW;
}

AngleElementsRange
angle_elements_add(float *out, const float *u, const float *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = u[i] + v[i];
	return range_of(out, n);
}

AngleElementsRange
angle_elements_subtract(float *out, const float *u, const float *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = u[i] - v[i];
	return range_of(out, n);
}

AngleElementsRange
angle_elements_multiply(float *out, const float *u, const float *v, size_t n)
{
	bool underflow = false;

	for (size_t i = 0; i < n; i++)
	{
		bool zero = u[i] == 0 || v[i] == 0;

		out[i] = u[i] * v[i];
		underflow |= out[i] == 0 && !zero;
	}
	if (!all_finite(out, n))
		return ANGLE_ELEMENTS_OVERFLOW;
	return underflow ? ANGLE_ELEMENTS_UNDERFLOW : ANGLE_ELEMENTS_IN_RANGE;
}

AngleElementsRange
angle_elements_divide(float *out, const float *u, double divisor, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (float) (u[i] / divisor);
	return range_of(out, n);
}

AngleElementsRange
angle_elements_narrow(float *out, const double *sums, double divisor, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (float) (sums[i] / divisor);
	return range_of(out, n);
}

void
angle_elements_accumulate(double *sums, const float *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sums[i] += v[i];
}

int
angle_elements_compare(const float *u, size_t u_n, const float *v, size_t v_n)
{
	size_t n = u_n < v_n ? u_n : v_n;

	for (size_t i = 0; i < n; i++)
	{
		if (u[i] != v[i])
			return u[i] < v[i] ? -1 : 1;
	}
	return (u_n > v_n) - (u_n < v_n);
}

void
angle_elements_canonicalise(float *out, const float *u, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = u[i] + 0.0F;
}

size_t
angle_elements_find_non_finite(const float *u, size_t n)
{
	if (all_finite(u, n))
		return n;
	for (size_t i = 0; i < n; i++)
	{
		if (!isfinite(u[i]))
			return i;
	}
	return n;
}
