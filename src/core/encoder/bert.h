/* The forward pass of BertModel (Devlin et al. 2019; post-norm, absolute
 * positions) over several texts at once, without padding. */
#ifndef ANGLE_BERT_H
#define ANGLE_BERT_H

#include "core/base/cancel.h"
#include "core/encoder/weights.h"

/* The tokens of the texts, one after another. */
typedef struct AngleBatch
{
	size_t texts;
	const int32_t *ids; /* (tokens), each below the vocabulary's size */
	const size_t
		*starts; /* (texts + 1): text i is ids[starts[i]…starts[i+1]) */
} AngleBatch;

/* Bytes of workspace for a batch of tokens whose longest text has longest. */
size_t angle_bert_workspace_size(const AngleModelConfig *config, size_t tokens,
								 size_t longest);

/* Runs the layers. *states becomes (tokens, hidden), rows
 * angle_padded(hidden) apart, inside workspace, which is aligned to
 * ANGLE_ALIGNMENT. No text may be longer than the position table. cancel is
 * polled every few milliseconds. Errors: ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus angle_bert_forward(
	const AngleModel *model, const AngleBatch *batch, void *workspace,
	const AngleCancel *cancel, const float **states, AngleError *err);

#endif
