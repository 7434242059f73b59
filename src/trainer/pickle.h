/*
 * The part of Python's pickle format that torch.save() uses for a dictionary
 * of tensors. A pickle is a program for a stack machine; this machine knows no
 * functions but the few that build tensors, so reading one executes nothing.
 */
#ifndef ANGLE_PICKLE_H
#define ANGLE_PICKLE_H

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/status.h"
#include "core/model/tensor.h"

/* One tensor as the pickle describes it: a strided view of a storage. Every
 * index that shape and strides give lies in the storage. */
typedef struct AnglePickledTensor
{
	const char *name;
	AngleDtype dtype;
	const char *storage; /* the storage's name in the archive, such as "0" */
	int64_t storage_elements;
	int64_t offset; /* of the first element, in elements */
	int rank;
	int64_t shape[ANGLE_MAX_RANK];
	int64_t strides[ANGLE_MAX_RANK]; /* in elements, not negative */
} AnglePickledTensor;

/* The largest pickle that is read: a state dictionary takes about 150 bytes
 * for each tensor, and what the machine needs is bounded by a multiple. */
#define ANGLE_MAX_PICKLE ((size_t) 8 << 20)

/* Reads the tensors of a pickled state dictionary into arena, sorted by name.
 * Errors: ANGLE_UNSUPPORTED (a global that is not on the list, which is named;
 * a value that is not a tensor; more than ANGLE_MAX_RANK dimensions; a tensor
 * larger than its storage), ANGLE_CORRUPT, ANGLE_TOO_LARGE. */
ANGLE_MUST_CHECK AngleStatus angle_pickle_read(AngleBytes pickle,
											   AngleArena *arena,
											   AnglePickledTensor **tensors,
											   size_t *count, AngleError *err);

#endif
