/*
 * Legend: T tokens of the batch, L of one text, C hidden, F intermediate, H
 * heads. All rows are padded to whole panels.
 *
 * Products run over blocks of rows, so that a block's intermediate states stay
 * in the second-level cache and a cancelled query ends within a block.
 */
#include "core/encoder/bert.h"

#include <assert.h>
#include <string.h>

#include "core/encoder/linear.h"
#include "core/tensor/kernels.h"

#define BLOCK 64 /* rows */

/* The parts of the workspace. */
typedef struct Workspace
{
	float *x;		  /* (T, C): the states */
	float *qkv;		  /* (T, 3C) */
	float *attended;  /* (T, C) */
	float *projected; /* (BLOCK, C) */
	float *inner;	  /* (BLOCK, F) */
	float *scratch;	  /* of attention */
	AngleLinearScratch linear;
} Workspace;

typedef struct Pass
{
	const AngleModel *model;
	const AngleBatch *batch;
	const AngleCancel *cancel;
	Workspace w;
	size_t tokens;
	size_t stride; /* padded C */
	int layer;
} Pass;

/* Takes bytes from *offset on, aligned; base may be NULL to count only. */
static void *
carve(char *base, size_t *offset, size_t bytes)
{
	size_t at = *offset;

	*offset +=
		(bytes + ANGLE_ALIGNMENT - 1) / ANGLE_ALIGNMENT * ANGLE_ALIGNMENT;
	return base != NULL ? base + at : NULL;
}

/* Lays out the workspace and returns its size. */
static size_t
lay_out(const AngleModelConfig *config, size_t tokens, size_t longest,
		void *base, Workspace *w)
{
	size_t C = angle_padded((size_t) config->hidden);
	size_t F = angle_padded((size_t) config->intermediate);
	size_t qkv = angle_padded(3 * (size_t) config->hidden);
	size_t head_size = (size_t) config->hidden / (size_t) config->heads;
	size_t offset = 0;

	w->x = carve(base, &offset, tokens * C * sizeof(float));
	w->qkv = carve(base, &offset, tokens * qkv * sizeof(float));
	w->attended = carve(base, &offset, tokens * C * sizeof(float));
	w->projected = carve(base, &offset, BLOCK * C * sizeof(float));
	w->inner = carve(base, &offset, BLOCK * F * sizeof(float));
	w->scratch =
		carve(base, &offset,
			  angle_attention_scratch(longest, head_size) * sizeof(float));
	w->linear.q = carve(base, &offset, BLOCK * ANGLE_QUANTIZATION_BLOCK);
	w->linear.scale = carve(base, &offset, BLOCK * sizeof(float));
	w->linear.zero = carve(base, &offset, BLOCK * sizeof(int32_t));
	return offset;
}

size_t
angle_bert_workspace_size(const AngleModelConfig *config, size_t tokens,
						  size_t longest)
{
	Workspace w;

	return lay_out(config, tokens, longest, NULL, &w);
}

/* ---- training ----------------------------------------------------------- */

static void
lay_out_norm(char *buffer, size_t *offset, size_t tokens, size_t stride,
			 AngleNormTrace *norm)
{
	norm->normalized = carve(buffer, offset, tokens * stride * sizeof(float));
	norm->rstd = carve(buffer, offset, tokens * sizeof(float));
}

size_t
angle_bert_trace_lay_out(const AngleModelConfig *config, size_t tokens,
						 void *buffer, AngleBertTrace *trace)
{
	size_t row = tokens * angle_padded((size_t) config->hidden) * sizeof(float);
	size_t inner =
		tokens * angle_padded((size_t) config->intermediate) * sizeof(float);
	size_t qkv =
		tokens * angle_padded(3 * (size_t) config->hidden) * sizeof(float);
	size_t stride = angle_padded((size_t) config->hidden);
	size_t offset = 0;
	AngleBertLayerTrace unused;

	trace->layers = carve(
		buffer, &offset, (size_t) config->layers * sizeof(AngleBertLayerTrace));
	lay_out_norm(buffer, &offset, tokens, stride, &trace->norm);
	for (int i = 0; i < config->layers; i++)
	{
		AngleBertLayerTrace *layer =
			buffer != NULL ? &trace->layers[i] : &unused;

		layer->x = carve(buffer, &offset, row);
		layer->qkv = carve(buffer, &offset, qkv);
		layer->attended = carve(buffer, &offset, row);
		layer->middle = carve(buffer, &offset, row);
		layer->inner = carve(buffer, &offset, inner);
		lay_out_norm(buffer, &offset, tokens, stride, &layer->attention_norm);
		lay_out_norm(buffer, &offset, tokens, stride, &layer->output_norm);
	}
	return offset;
}

/* The layer's part of the trace, or NULL. */
static const AngleBertLayerTrace *
layer_trace(const Pass *pass)
{
	const AngleBertTrace *trace = pass->batch->trace;

	return trace != NULL ? &trace->layers[pass->layer] : NULL;
}

/* Dropout of rows from row t of the batch on; nothing outside training. */
static void
drop(const Pass *pass, int site, float *x, size_t t, size_t rows)
{
	const AngleBertDropout *dropout = pass->batch->dropout;
	AngleDropout at;

	if (dropout == NULL || dropout->hidden <= 0.0f)
		return;
	at = angle_dropout_site(dropout->seed,
							(uint64_t) pass->layer * ANGLE_DROP_SITES +
								(uint64_t) site,
							dropout->hidden);
	angle_tensor_kernels()->drop(&(AngleDropRows){
		.rows = rows,
		.width = (size_t) pass->model->config.hidden,
		.stride = pass->stride,
		.x = x,
		.dropout = &at,
		.names = dropout->rows + t,
	});
}

/* The part of trace for the rows from t on. */
static AngleNormTrace
rows_of(const Pass *pass, const AngleNormTrace *trace, size_t t)
{
	return (AngleNormTrace){trace->normalized + t * pass->stride,
							trace->rstd + t};
}

static void
keep(const Pass *pass, float *copies, const float *x, size_t t, size_t rows)
{
	memcpy(copies + t * pass->stride, x, rows * pass->stride * sizeof(float));
}

/* ---- the pass ----------------------------------------------------------- */

/* The normalisation behind x + residual, or behind x alone; trace is empty
 * outside training. */
static void
normalize(const Pass *pass, const AngleNorm *norm, float *x,
		  const float *residual, size_t rows, AngleNormTrace trace)
{
	angle_tensor_kernels()->layernorm(&(AngleLayerNorm){
		.rows = rows,
		.width = (size_t) pass->model->config.hidden,
		.stride = pass->stride,
		.x = x,
		.residual = residual,
		.weight = norm->weight,
		.bias = norm->bias,
		.epsilon = pass->model->config.norm_eps,
		.rstd = trace.rstd,
		.normalized = trace.normalized,
	});
}

/* One row: word + token type + position, in the order of transformers. */
static void
embed_token(const AngleModel *model, int32_t id, size_t position, float *row)
{
	const AngleBert *bert = &model->bert;
	size_t C = (size_t) model->config.hidden;
	const float *place = bert->positions + position * C;

	if (bert->words != NULL)
	{
		const float *word = bert->words + (size_t) id * C;

		for (size_t c = 0; c < C; c++)
			row[c] = word[c] + bert->token_type[c] + place[c];
	}
	else
	{
		const int8_t *word = bert->word_levels + (size_t) id * C;
		float scale = bert->word_scale[id];

		for (size_t c = 0; c < C; c++)
			row[c] = (float) word[c] * scale + bert->token_type[c] + place[c];
	}
}

static void
embed(Pass *pass)
{
	const AngleBatch *batch = pass->batch;

	for (size_t i = 0; i < batch->texts; i++)
	{
		for (size_t t = batch->starts[i]; t < batch->starts[i + 1]; t++)
			embed_token(pass->model, batch->ids[t], t - batch->starts[i],
						pass->w.x + t * pass->stride);
	}
	normalize(pass, &pass->model->bert.norm, pass->w.x, NULL, pass->tokens,
			  batch->trace != NULL ? batch->trace->norm : (AngleNormTrace){0});
	drop(pass, ANGLE_DROP_EMBEDDINGS, pass->w.x, 0, pass->tokens);
}

static AngleStatus
attend(Pass *pass, const AngleBertLayer *layer, AngleError *err)
{
	const AngleModelConfig *config = &pass->model->config;
	const AngleBatch *batch = pass->batch;
	const AngleBertDropout *dropout = batch->dropout;
	size_t qkv_stride = angle_padded(layer->qkv.outputs);
	bool drops = dropout != NULL && dropout->attention > 0.0f;
	AngleDropout weights = {0};

	if (drops)
		weights = angle_dropout_site(dropout->seed,
									 (uint64_t) pass->layer * ANGLE_DROP_SITES +
										 ANGLE_DROP_WEIGHTS,
									 dropout->attention);
	for (size_t t = 0; t < pass->tokens; t += BLOCK)
	{
		size_t rows = pass->tokens - t < BLOCK ? pass->tokens - t : BLOCK;

		if (angle_cancelled(pass->cancel))
			return angle_fail_cancelled(err);
		angle_linear_forward(&layer->qkv, rows, pass->w.x + t * pass->stride,
							 pass->stride, &pass->w.linear,
							 pass->w.qkv + t * qkv_stride);
	}
	for (size_t i = 0; i < batch->texts; i++)
	{
		size_t start = batch->starts[i];

		if (angle_cancelled(pass->cancel))
			return angle_fail_cancelled(err);
		angle_tensor_kernels()->attention(&(AngleAttention){
			.tokens = batch->starts[i + 1] - start,
			.heads = (size_t) config->heads,
			.head_size = (size_t) (config->hidden / config->heads),
			.qkv = pass->w.qkv + start * qkv_stride,
			.qkv_stride = qkv_stride,
			.out = pass->w.attended + start * pass->stride,
			.out_stride = pass->stride,
			.scratch = pass->w.scratch,
			.dropout = drops ? &weights : NULL,
			.dropout_rows = drops ? dropout->rows + start : NULL,
		});
	}
	return ANGLE_OK;
}

/* What follows attention in a layer, for one block of rows:
 * x = norm(x + attention), x = norm(x + output(activation(intermediate(x)))). */
static void
feed_forward(Pass *pass, const AngleBertLayer *layer, size_t t, size_t rows)
{
	const AngleBertLayerTrace *trace = layer_trace(pass);
	const Workspace *w = &pass->w;
	AngleNormTrace norms[2] = {{0}};
	float *x = w->x + t * pass->stride;
	size_t inner_stride = angle_padded(layer->intermediate.outputs);

	if (trace != NULL)
	{
		norms[0] = rows_of(pass, &trace->attention_norm, t);
		norms[1] = rows_of(pass, &trace->output_norm, t);
		keep(pass, trace->x, x, t, rows);
	}
	angle_linear_forward(&layer->attention, rows,
						 w->attended + t * pass->stride, pass->stride,
						 &w->linear, w->projected);
	drop(pass, ANGLE_DROP_ATTENTION, w->projected, t, rows);
	normalize(pass, &layer->attention_norm, x, w->projected, rows, norms[0]);
	angle_linear_forward(&layer->intermediate, rows, x, pass->stride,
						 &w->linear, w->inner);
	if (trace != NULL)
	{
		keep(pass, trace->middle, x, t, rows);
		memcpy(trace->inner + t * inner_stride, w->inner,
			   rows * inner_stride * sizeof(float));
	}
	angle_activate(pass->model->config.activation, w->inner,
				   rows * inner_stride);
	angle_linear_forward(&layer->output, rows, w->inner, inner_stride,
						 &w->linear, w->projected);
	drop(pass, ANGLE_DROP_OUTPUT, w->projected, t, rows);
	normalize(pass, &layer->output_norm, x, w->projected, rows, norms[1]);
}

/* In training, queries, keys, values and what attention makes of them stay
 * where the layer's trace is. */
static void
enter_layer(Pass *pass, int i)
{
	const AngleBertLayerTrace *trace;

	pass->layer = i;
	trace = layer_trace(pass);
	if (trace != NULL)
	{
		pass->w.qkv = trace->qkv;
		pass->w.attended = trace->attended;
	}
	/* attention writes C of the stride; what lies behind must be finite */
	if (trace != NULL || i == 0)
		memset(pass->w.attended, 0,
			   pass->tokens * pass->stride * sizeof(float));
}

static AngleStatus
run_layer(Pass *pass, int i, AngleError *err)
{
	const AngleBertLayer *layer = &pass->model->bert.layers[i];

	enter_layer(pass, i);
	ANGLE_TRY(attend(pass, layer, err));
	for (size_t t = 0; t < pass->tokens; t += BLOCK)
	{
		if (angle_cancelled(pass->cancel))
			return angle_fail_cancelled(err);
		feed_forward(pass, layer, t,
					 pass->tokens - t < BLOCK ? pass->tokens - t : BLOCK);
	}
	return ANGLE_OK;
}

static size_t
longest_text(const AngleBatch *batch)
{
	size_t longest = 0;

	for (size_t i = 0; i < batch->texts; i++)
	{
		size_t length = batch->starts[i + 1] - batch->starts[i];

		longest = length > longest ? length : longest;
	}
	return longest;
}

AngleStatus
angle_bert_forward(const AngleModel *model, const AngleBatch *batch,
				   void *workspace, const AngleCancel *cancel,
				   const float **states, AngleError *err)
{
	size_t longest = longest_text(batch);
	Pass pass = {
		.model = model,
		.batch = batch,
		.cancel = cancel,
		.tokens = batch->starts[batch->texts],
		.stride = angle_padded((size_t) model->config.hidden),
	};

	assert(longest <= (size_t) model->config.positions);
	lay_out(&model->config, pass.tokens, longest, workspace, &pass.w);
	embed(&pass);
	for (int i = 0; i < model->config.layers; i++)
		ANGLE_TRY(run_layer(&pass, i, err));
	*states = pass.w.x;
	return ANGLE_OK;
}
