/* A packed model that is ready to encode: its tokenizer and its weights, as
 * views into the image. */
#ifndef ANGLE_MODEL_H
#define ANGLE_MODEL_H

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/cancel.h"
#include "core/base/status.h"
#include "core/model/config.h"
#include "core/model/packed.h"
#include "core/text/tokenizer.h"

typedef struct AngleModel AngleModel;

/* Opens a packed image (aligned to ANGLE_ALIGNMENT, as a mapping is), which
 * must outlive the model. Nothing of the weights is copied. The model is
 * read-only: any number of threads may encode with it. check and cancel are
 * those of angle_packed_open().
 * Errors: ANGLE_CORRUPT, ANGLE_UNSUPPORTED, ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus angle_model_open(
	AngleBytes image, AnglePackedCheck check, const AngleCancel *cancel,
	AngleArena *arena, AngleModel **model, AngleError *err);

const AngleModelConfig *angle_model_config(const AngleModel *model);
const AngleTokenizer *angle_model_tokenizer(const AngleModel *model);

/* The number of weights, as the papers count parameters. */
uint64_t angle_model_parameters(const AngleModel *model);

#endif
