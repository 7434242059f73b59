/*
 * Named tensors as training frameworks save them: a safetensors file, or an
 * index file with its shards. Every reader of untrusted weights is behind it.
 */
#ifndef ANGLE_CHECKPOINT_H
#define ANGLE_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
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

typedef struct AngleCheckpoint
{
	size_t count;
	AngleTensor *tensors; /* (count), sorted by name, no name twice */
	const char *path;	  /* for messages */
	size_t file_count;
	AngleBytes *files; /* mappings to end, or NULL */
} AngleCheckpoint;

/* Reads one safetensors image: bytes must outlive the checkpoint.
 * Errors: ANGLE_CORRUPT, ANGLE_UNSUPPORTED (an unknown dtype). */
ANGLE_MUST_CHECK AngleStatus angle_safetensors_read(AngleBytes bytes,
													const char *path,
													AngleArena *arena,
													AngleCheckpoint *checkpoint,
													AngleError *err);

/* Opens directory/model.safetensors, or the shards that
 * model.safetensors.index.json names. Close it with angle_checkpoint_close().
 * ANGLE_NOT_FOUND with a hint at `angle convert` if there is only a
 * pytorch_model.bin. */
ANGLE_MUST_CHECK AngleStatus angle_checkpoint_open(const char *directory,
												   AngleArena *arena,
												   AngleCheckpoint *checkpoint,
												   AngleError *err);

/* Ends the mappings. */
void angle_checkpoint_close(AngleCheckpoint *checkpoint);

/* The tensor called name, or NULL. */
const AngleTensor *
angle_checkpoint_find(const AngleCheckpoint *checkpoint, const char *name);

/* Puts the tensors into the order that the search relies on. */
void angle_checkpoint_sort(AngleCheckpoint *checkpoint);

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

/* The header of a safetensors file with these tensors, in arena: all that
 * precedes their data, which must follow in the same order without gaps. Its
 * size is a multiple of 8, its metadata {"format": "pt"}, as transformers
 * expects. Errors: ANGLE_INVALID_ARGUMENT (a name is there twice or is not
 * UTF-8, data.size contradicts the shape). */
ANGLE_MUST_CHECK AngleStatus angle_safetensors_header(
	const AngleTensor *tensors, size_t count, AngleArena *arena,
	AngleBytes *header, AngleError *err);

#endif
