/* Named tensors of a checkpoint: their types, and lists of them. */
#ifndef ANGLE_TENSOR_H
#define ANGLE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/status.h"

typedef enum AngleDtype
{
	ANGLE_DTYPE_F32,
	ANGLE_DTYPE_F16,
	ANGLE_DTYPE_BF16,
	ANGLE_DTYPE_F64,
	ANGLE_DTYPE_I64,
	ANGLE_DTYPE_I32,
	ANGLE_DTYPE_I16,
	ANGLE_DTYPE_I8,
	ANGLE_DTYPE_U8,
	ANGLE_DTYPE_BOOL,
} AngleDtype;

#define ANGLE_MAX_RANK 4

/* One tensor, row-major; data is a view whose size is checked against the
 * shape. It need not be aligned. rank is 0 for a scalar. */
typedef struct AngleTensor
{
	const char *name;
	AngleDtype dtype;
	int rank;
	int64_t shape[ANGLE_MAX_RANK];
	AngleBytes data;
} AngleTensor;

typedef struct AngleTensorList
{
	size_t count;
	AngleTensor *tensors; /* (count), sorted by name, no name twice */
	const char *path;	  /* of the file or directory, for messages */
} AngleTensorList;

/* The tensor called name, or NULL. */
const AngleTensor *
angle_tensors_find(const AngleTensorList *list, const char *name);

/* Puts the tensors into the order that the search relies on. */
void angle_tensors_sort(AngleTensorList *list);

/* Elements of a tensor. */
size_t angle_tensor_elements(const AngleTensor *tensor);

/* Bytes of one element. */
size_t angle_dtype_size(AngleDtype dtype);

/* "F32", … as safetensors writes them. */
const char *angle_dtype_name(AngleDtype dtype);

/* The inverse; false if name is none of them. */
bool angle_dtype_from_name(const char *name, AngleDtype *dtype);

/* Converts a tensor of F32, F16, BF16 or F64 to floats; out has
 * angle_tensor_elements(). Errors: ANGLE_UNSUPPORTED (integers),
 * ANGLE_CORRUPT (NaN or infinity, with the tensor's name). */
ANGLE_MUST_CHECK AngleStatus angle_tensor_to_float(const AngleTensor *tensor,
												   float *out, AngleError *err);

#endif
