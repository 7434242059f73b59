/* Weighted means of the weights of models (Wortsman et al. 2022, "Model soups";
 * with the start of training, Wortsman et al. 2022, "Robust fine-tuning of
 * zero-shot models"). */
#ifndef ANGLE_MERGING_H
#define ANGLE_MERGING_H

#include "core/base/arena.h"
#include "core/base/cancel.h"
#include "core/base/status.h"

#define ANGLE_MAX_MERGED 32

typedef struct AngleMerging
{
	int count;
	const char *models[ANGLE_MAX_MERGED]; /* hub directories */
	double weights[ANGLE_MAX_MERGED];	  /* any; their sum is not 0 */
} AngleMerging;

/* Writes the mean into target, an empty directory: the first model's files, with
 * F32 weights. Every tensor of the first model must be in the others with the same
 * shape; tensors of whole numbers stay those of the first. Memory: one model, and
 * a tensor.
 * Errors: those of angle_export_run(), ANGLE_INVALID_ARGUMENT (the models differ
 * in shape, or a mean is not finite). */
ANGLE_MUST_CHECK AngleStatus angle_merge_models(const AngleMerging *merging,
												const char *target,
												const AngleCancel *cancel,
												AngleArena *arena,
												AngleError *err);

#endif
