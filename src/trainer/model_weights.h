/*
 * The weights of a model directory in whichever format they lie there:
 * safetensors, or what torch.save() wrote, in one file or in shards.
 */
#ifndef ANGLE_MODEL_WEIGHTS_H
#define ANGLE_MODEL_WEIGHTS_H

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/status.h"
#include "core/model/tensor.h"

typedef enum AngleWeightsFormat
{
	ANGLE_WEIGHTS_NONE,
	ANGLE_WEIGHTS_SAFETENSORS, /* preferred where both are there */
	ANGLE_WEIGHTS_TORCH,
} AngleWeightsFormat;

typedef struct AngleWeights AngleWeights;

/* Which format directory has. */
AngleWeightsFormat angle_weights_format(const char *directory);

/* Opens the weights; arena must outlive them. Close with
 * angle_weights_close(). Errors: ANGLE_NOT_FOUND, and those of
 * angle_checkpoint_open() and angle_torch_open(). */
ANGLE_MUST_CHECK AngleStatus angle_weights_open(const char *directory,
												AngleArena *arena,
												AngleWeights **weights,
												AngleError *err);

/* The tensors, sorted by name. data.size is right; data.data may be NULL. */
const AngleTensor *
angle_weights_tensors(const AngleWeights *weights, size_t *count);

/* The bytes of one tensor, row-major; valid until the next call. */
ANGLE_MUST_CHECK AngleStatus angle_weights_read(AngleWeights *weights,
												size_t index, AngleBytes *data,
												AngleError *err);

/* Gives back what the arena does not hold; NULL is allowed. */
void angle_weights_close(AngleWeights *weights);

#endif
