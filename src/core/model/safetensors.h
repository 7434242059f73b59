/* The safetensors format (https://huggingface.co/docs/safetensors). */
#ifndef ANGLE_SAFETENSORS_H
#define ANGLE_SAFETENSORS_H

#include "core/base/arena.h"
#include "core/model/tensor.h"

/* Reads one safetensors image: bytes and path must outlive the list.
 * Errors: ANGLE_CORRUPT, ANGLE_UNSUPPORTED (an unknown dtype), ANGLE_TOO_LARGE
 * (a header beyond ANGLE_JSON_MAX_SIZE). */
ANGLE_MUST_CHECK AngleStatus angle_safetensors_read(AngleBytes bytes,
													const char *path,
													AngleArena *arena,
													AngleTensorList *list,
													AngleError *err);

/* The header of a safetensors file with these tensors, in arena: all that
 * precedes their data, which must follow in the same order without gaps. Its
 * size is a multiple of 8, its metadata {"format": "pt"}, as transformers
 * expects. Errors: ANGLE_INVALID_ARGUMENT (a name is there twice or is not
 * UTF-8, data.size contradicts the shape). */
ANGLE_MUST_CHECK AngleStatus angle_safetensors_header(
	const AngleTensor *tensors, size_t count, AngleArena *arena,
	AngleBytes *header, AngleError *err);

#endif
