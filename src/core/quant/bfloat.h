/* The upper half of a float, for what needs its range but not its precision:
 * centroids (relative error 2^-9) and bounds (rounded up). */
#ifndef ANGLE_BFLOAT_H
#define ANGLE_BFLOAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint16_t AngleBfloat;

static inline float
angle_bfloat_value(AngleBfloat x)
{
	uint32_t bits = (uint32_t) x << 16;
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* The nearest, ties to even; value is finite and may become infinite. */
static inline AngleBfloat
angle_bfloat_nearest(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return (AngleBfloat) ((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* The smallest that is not below value, which is ≥ 0 and not NaN. */
static inline AngleBfloat
angle_bfloat_above(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return (AngleBfloat) ((bits + 0xffff) >> 16);
}

/* The values of n numbers, and the nearest to n values. */
void angle_bfloat_decode(const AngleBfloat *in, float *out, size_t n);
void angle_bfloat_encode(const float *in, AngleBfloat *out, size_t n);

/* Whether n numbers are all finite. */
bool angle_bfloat_finite(const AngleBfloat *in, size_t n);

#endif
