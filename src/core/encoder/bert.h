/* The forward pass of BertModel (Devlin et al. 2019; post-norm, absolute
 * positions) over several texts at once, without padding. */
#ifndef ANGLE_BERT_H
#define ANGLE_BERT_H

#include "core/base/cancel.h"
#include "core/base/executor.h"
#include "core/encoder/weights.h"
#include "core/tensor/dropout.h"

/* What the backward pass needs of one normalisation. */
typedef struct AngleNormTrace
{
	float *normalized; /* (T, C) before weight and bias */
	float *rstd;	   /* (T) */
} AngleNormTrace;

/* What it needs of one layer. Rows are padded to whole panels. */
typedef struct AngleBertLayerTrace
{
	float *x;		 /* (T, C) the layer's input */
	float *qkv;		 /* (T, 3C) */
	float *attended; /* (T, C) */
	float *middle;	 /* (T, C) behind the attention's norm */
	float *inner;	 /* (T, F) before the activation */
	AngleNormTrace attention_norm;
	AngleNormTrace output_norm;
} AngleBertLayerTrace;

/* What a forward pass leaves for the backward pass, in memory of the caller:
 * angle_bert_trace_lay_out(). */
typedef struct AngleBertTrace
{
	AngleNormTrace norm;		 /* of the embeddings */
	AngleBertLayerTrace *layers; /* (layers) */
} AngleBertTrace;

/* Dropout in training, as transformers has it: behind the norm of the
 * embeddings, on the weights of attention, and on what is added to the states
 * twice in each layer. */
typedef struct AngleBertDropout
{
	uint64_t seed; /* of the step */
	float hidden;  /* rates, in [0, 1) */
	float attention;
	const uint64_t *rows; /* (T) the names of the tokens, which decide their
							 masks (tensor/dropout.h) */
} AngleBertDropout;

/* The sites of dropout in layer i, for angle_dropout_site(); that of the
 * embeddings is ANGLE_DROP_EMBEDDINGS alone. */
enum
{
	ANGLE_DROP_EMBEDDINGS,
	ANGLE_DROP_WEIGHTS,
	ANGLE_DROP_ATTENTION,
	ANGLE_DROP_OUTPUT,
	ANGLE_DROP_SITES,
};

/* The tokens of the texts, one after another. */
typedef struct AngleBatch
{
	size_t texts;
	const int32_t *ids; /* (tokens), each below the vocabulary's size */
	const size_t
		*starts; /* (texts + 1): text i is ids[starts[i]…starts[i+1]) */

	/* in training only, else NULL */
	const AngleBertDropout *dropout;
	const AngleBertTrace *trace; /* is filled */
} AngleBatch;

/* Lays trace and its layers out in buffer, aligned to ANGLE_ALIGNMENT, for a
 * batch of tokens, and returns its size; with a NULL buffer only that. */
size_t angle_bert_trace_lay_out(const AngleModelConfig *config, size_t tokens,
								void *buffer, AngleBertTrace *trace);

/* Where and by whom a batch is computed. */
typedef struct AngleBertRun
{
	void *workspace;		   /* angle_bert_workspace_size(), aligned to
						ANGLE_ALIGNMENT */
	AngleExecutor *executor;   /* whose workers share each layer; NULL: the
								calling thread alone */
	const AngleCancel *cancel; /* polled every few milliseconds, by the calling
								  thread; or NULL */
} AngleBertRun;

/* Bytes of workspace for batch on that many workers. */
size_t angle_bert_workspace_size(const AngleModelConfig *config,
								 const AngleBatch *batch, int workers);

/* Runs the layers. *states becomes (tokens, hidden), rows
 * angle_padded(hidden) apart, inside the workspace. No text may be longer than
 * the position table. Errors: ANGLE_CANCELLED. */
ANGLE_MUST_CHECK AngleStatus angle_bert_forward(const AngleModel *model,
												const AngleBatch *batch,
												const AngleBertRun *run,
												const float **states,
												AngleError *err);

#endif
