#include "core/quant/bfloat.h"

void
angle_bfloat_decode(const AngleBfloat *in, float *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = angle_bfloat_value(in[i]);
}

void
angle_bfloat_encode(const float *in, AngleBfloat *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = angle_bfloat_nearest(in[i]);
}

bool
angle_bfloat_finite(const AngleBfloat *in, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((in[i] & 0x7f80) == 0x7f80)
			return false;
	return true;
}
