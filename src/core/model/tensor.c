#include "core/model/tensor.h"

#include <math.h>
#include <stdlib.h>

#include "core/model/fields.h"

static const size_t dtype_sizes[] = {
	[ANGLE_DTYPE_F32] = 4,	[ANGLE_DTYPE_F16] = 2, [ANGLE_DTYPE_BF16] = 2,
	[ANGLE_DTYPE_F64] = 8,	[ANGLE_DTYPE_I64] = 8, [ANGLE_DTYPE_I32] = 4,
	[ANGLE_DTYPE_I16] = 2,	[ANGLE_DTYPE_I8] = 1,  [ANGLE_DTYPE_U8] = 1,
	[ANGLE_DTYPE_BOOL] = 1,
};

static const AngleChoice dtypes[] = {
	{"F32", ANGLE_DTYPE_F32},
	{"F16", ANGLE_DTYPE_F16},
	{"BF16", ANGLE_DTYPE_BF16},
	{"F64", ANGLE_DTYPE_F64},
	{"I64", ANGLE_DTYPE_I64},
	{"I32", ANGLE_DTYPE_I32},
	{"I16", ANGLE_DTYPE_I16},
	{"I8", ANGLE_DTYPE_I8},
	{"U8", ANGLE_DTYPE_U8},
	{"BOOL", ANGLE_DTYPE_BOOL},
	{NULL, 0},
};

size_t
angle_dtype_size(AngleDtype dtype)
{
	return dtype_sizes[dtype];
}

const char *
angle_dtype_name(AngleDtype dtype)
{
	return angle_choice_name(dtypes, (int) dtype);
}

bool
angle_dtype_from_name(const char *name, AngleDtype *dtype)
{
	int value;

	if (!angle_choice_find(dtypes, name, &value))
		return false;
	*dtype = (AngleDtype) value;
	return true;
}

size_t
angle_tensor_elements(const AngleTensor *tensor)
{
	size_t elements = 1;

	for (int i = 0; i < tensor->rank; i++)
		elements *= (size_t) tensor->shape[i];
	return elements;
}

/* ---- lists --------------------------------------------------------------- */

static int
compare_names(const void *left, const void *right)
{
	const AngleTensor *a = left;
	const AngleTensor *b = right;

	return strcmp(a->name, b->name);
}

void
angle_tensors_sort(AngleTensorList *list)
{
	qsort(list->tensors, list->count, sizeof(AngleTensor), compare_names);
}

const AngleTensor *
angle_tensors_find(const AngleTensorList *list, const char *name)
{
	const AngleTensor key = {.name = name};

	if (list->count == 0)
		return NULL;
	return bsearch(&key, list->tensors, list->count, sizeof(AngleTensor),
				   compare_names);
}

/* ---- conversion to floats ------------------------------------------------ */

static float
float_of_bits(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* IEEE 754 binary16: every value is a float. */
static float
float_of_half(uint16_t half)
{
	uint32_t sign = (uint32_t) (half & 0x8000) << 16;
	uint32_t exponent = half >> 10 & 0x1f;
	uint32_t fraction = half & 0x3ff;

	if (exponent == 0x1f)
		return float_of_bits(sign | 0x7f800000 | fraction << 13);
	if (exponent == 0)
	{
		float magnitude = (float) fraction * 0x1p-24f;

		return sign ? -magnitude : magnitude;
	}
	return float_of_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13);
}

static void
convert_f32(const uint8_t *data, size_t count, float *out)
{
	for (size_t i = 0; i < count; i++)
		out[i] = float_of_bits(angle_load_u32(data + 4 * i));
}

static void
convert_f16(const uint8_t *data, size_t count, float *out)
{
	for (size_t i = 0; i < count; i++)
		out[i] = float_of_half(angle_load_u16(data + 2 * i));
}

static void
convert_bf16(const uint8_t *data, size_t count, float *out)
{
	for (size_t i = 0; i < count; i++)
		out[i] = float_of_bits((uint32_t) angle_load_u16(data + 2 * i) << 16);
}

static void
convert_f64(const uint8_t *data, size_t count, float *out)
{
	for (size_t i = 0; i < count; i++)
	{
		uint64_t bits = angle_load_u64(data + 8 * i);
		double value;

		memcpy(&value, &bits, sizeof(value));
		out[i] = (float) value;
	}
}

static AngleStatus
check_finite(const AngleTensor *tensor, const float *values, size_t count,
			 AngleError *err)
{
	for (size_t i = 0; i < count; i++)
	{
		if (!isfinite(values[i]))
			return angle_fail(err, ANGLE_CORRUPT,
							  "tensor \"%.200s\": element %zu is not finite",
							  tensor->name, i);
	}
	return ANGLE_OK;
}

AngleStatus
angle_tensor_to_float(const AngleTensor *tensor, float *out, AngleError *err)
{
	size_t count = angle_tensor_elements(tensor);

	switch (tensor->dtype)
	{
		case ANGLE_DTYPE_F32:
			convert_f32(tensor->data.data, count, out);
			break;
		case ANGLE_DTYPE_F16:
			convert_f16(tensor->data.data, count, out);
			break;
		case ANGLE_DTYPE_BF16:
			convert_bf16(tensor->data.data, count, out);
			break;
		case ANGLE_DTYPE_F64:
			convert_f64(tensor->data.data, count, out);
			break;
		default:
			return angle_fail(err, ANGLE_UNSUPPORTED,
							  "tensor \"%.200s\" has type %s, not one of "
							  "floating-point numbers",
							  tensor->name, angle_dtype_name(tensor->dtype));
	}
	return check_finite(tensor, out, count, err);
}
