/* From the states of a text's tokens to its embedding. */
#ifndef ANGLE_POOLING_H
#define ANGLE_POOLING_H

#include "core/encoder/weights.h"

/* The tokens of one text, as angle_bert_forward() leaves them. */
typedef struct AngleTokenStates
{
	const float *rows; /* (count, hidden), stride apart */
	size_t stride;
	size_t count;
	size_t prompt_count; /* leading tokens of the prompt */
	/* in training, else NULL: (modules + 1, angle_pool_width()) is filled with
	 * the pooled vector and with what each module makes of it */
	float *trace;
} AngleTokenStates;

/* The widest vector between pooling and the last module, padded. */
size_t angle_pool_width(const AngleModelConfig *config);

/* Floats of scratch for angle_pool(). */
size_t angle_pool_scratch(const AngleModelConfig *config);

/* Pools, runs the modules behind, keeps the first dimensions components and, if
 * that cuts the embedding, brings it back to length 1. out (dimensions). A text
 * without any token gives zeros. */
void angle_pool(const AngleModel *model, const AngleTokenStates *states,
				int dimensions, float *scratch, float *out);

#endif
