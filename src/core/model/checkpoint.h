/*
 * The weights of a model as training frameworks save them: a safetensors file,
 * or an index file with its shards.
 */
#ifndef ANGLE_CHECKPOINT_H
#define ANGLE_CHECKPOINT_H

#include "core/base/arena.h"
#include "core/model/tensor.h"

typedef struct AngleCheckpoint
{
	AngleTensorList list;
	size_t file_count;
	AngleBytes *files; /* (file_count) mappings to end */
} AngleCheckpoint;

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

#endif
