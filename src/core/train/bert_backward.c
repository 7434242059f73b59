/* Legend as in core/encoder/bert.c; a layer is walked from its end. */
#include "core/train/bert_backward.h"

#include <string.h>

#include "core/tensor/kernels.h"
#include "core/train/backward_kernels.h"

typedef struct Workspace
{
	float *dsum;	/* (T, C): of what a norm normalises */
	float *dbranch; /* (T, C): of what is added to the residual */
	float *wide;	/* (T, max(F, 3C)) */
	float *outer;
	float *attention;
} Workspace;

typedef struct Pass
{
	const AngleBertBackward *b;
	const AngleBertLayerTrace *trace; /* of the layer */
	const AngleTrainableLayer *layer;
	int index; /* of the layer */
	size_t T;
	size_t stride; /* padded C */
	Workspace w;
} Pass;

static size_t
lay_out(const AngleModelConfig *config, size_t T, size_t longest, void *base,
		Workspace *w)
{
	size_t C = angle_padded((size_t) config->hidden);
	size_t F = angle_padded((size_t) config->intermediate);
	size_t qkv = angle_padded(3 * (size_t) config->hidden);
	size_t wide = F > qkv ? F : qkv;
	size_t head = (size_t) config->hidden / (size_t) config->heads;
	size_t offset = 0;

	w->dsum = angle_carve(base, &offset, T * C * sizeof(float));
	w->dbranch = angle_carve(base, &offset, T * C * sizeof(float));
	w->wide = angle_carve(base, &offset, T * wide * sizeof(float));
	w->outer =
		angle_carve(base, &offset, angle_outer_scratch(wide) * sizeof(float));
	w->attention = angle_carve(base, &offset,
							   angle_attention_backward_scratch(longest, head) *
								   sizeof(float));
	return offset;
}

size_t
angle_bert_backward_size(const AngleModelConfig *config, size_t tokens,
						 size_t longest)
{
	Workspace w;

	return lay_out(config, tokens, longest, NULL, &w);
}

/* ---- parts -------------------------------------------------------------- */

void
angle_linear_backward(const AngleLinearBackward *b)
{
	const AngleTrainableLinear *linear = b->linear;
	size_t tables = b->model->tables;

	angle_backward_kernels()->outer(&(AngleOuter){
		.rows = b->rows,
		.inputs = linear->inputs,
		.outputs = linear->outputs,
		.dy = b->dy,
		.dy_stride = angle_padded(linear->outputs),
		.x = b->x,
		.x_stride = angle_padded(linear->inputs),
		.dw = b->gradients + linear->weight - tables,
		.db = b->gradients + linear->bias - tables,
		.scratch = b->outer,
	});
	if (b->dx == NULL)
		return;
	angle_tensor_kernels()->gemm(&(AngleGemm){
		.rows = b->rows,
		.inputs = angle_padded(linear->outputs),
		.end_panel = angle_padded(linear->inputs) / ANGLE_PANEL,
		.x = b->dy,
		.x_stride = angle_padded(linear->outputs),
		.weight = linear->transposed,
		.bias = b->model->zeros,
		.out = b->dx,
		.out_stride = angle_padded(linear->inputs),
	});
}

void
angle_activate_backward(AngleActivation activation, float *x, float *dy,
						size_t n)
{
	const AngleBackwardKernels *kernels = angle_backward_kernels();

	switch (activation)
	{
		case ANGLE_ACTIVATION_IDENTITY:
			break;
		case ANGLE_ACTIVATION_GELU:
			kernels->gelu(x, dy, n);
			break;
		case ANGLE_ACTIVATION_GELU_TANH:
			kernels->gelu_tanh(x, dy, n);
			break;
		case ANGLE_ACTIVATION_RELU:
			kernels->relu(x, dy, n);
			break;
		case ANGLE_ACTIVATION_TANH:
			kernels->tanh(x, dy, n);
			break;
	}
}

static void
linear_backward(const Pass *pass, const AngleTrainableLinear *linear,
				const float *dy, const float *x, float *dx)
{
	angle_linear_backward(&(AngleLinearBackward){
		.model = pass->b->model,
		.linear = linear,
		.rows = pass->T,
		.dy = dy,
		.x = x,
		.dx = dx,
		.gradients = pass->b->gradients,
		.outer = pass->w.outer,
	});
}

static void
norm_backward(const Pass *pass, const AngleTrainableNorm *norm,
			  const AngleNormTrace *trace, const float *dy, float *dx)
{
	const AngleTrainable *model = pass->b->model;
	float *gradients = pass->b->gradients;

	angle_backward_kernels()->layernorm(&(AngleLayerNormBackward){
		.rows = pass->T,
		.width = (size_t) model->model.config.hidden,
		.stride = pass->stride,
		.dy = dy,
		.normalized = trace->normalized,
		.rstd = trace->rstd,
		.weight = model->values + norm->weight,
		.dx = dx,
		.dweight = gradients + norm->weight - model->tables,
		.dbias = gradients + norm->bias - model->tables,
	});
}

/* What dropout at a site makes of a gradient: the same mask as forward. */
static void
drop(const Pass *pass, int site, float *dx)
{
	const AngleBertDropout *dropout = pass->b->batch->dropout;
	AngleDropout at;

	if (dropout == NULL || dropout->hidden <= 0.0f)
		return;
	at = angle_dropout_site(dropout->seed,
							(uint64_t) pass->index * ANGLE_DROP_SITES +
								(uint64_t) site,
							dropout->hidden);
	angle_tensor_kernels()->drop(&(AngleDropRows){
		.rows = pass->T,
		.width = (size_t) pass->b->model->model.config.hidden,
		.stride = pass->stride,
		.x = dx,
		.dropout = &at,
		.names = dropout->rows,
	});
}

/* From dsum, the gradient of residual + branch, that of the branch. */
static void
enter_branch(const Pass *pass, int site)
{
	memcpy(pass->w.dbranch, pass->w.dsum,
		   pass->T * pass->stride * sizeof(float));
	drop(pass, site, pass->w.dbranch);
}

static void
add_to(const Pass *pass, float *x, const float *y)
{
	angle_backward_kernels()->add(x, y, pass->T * pass->stride);
}

/* ---- a layer ------------------------------------------------------------ */

/* dstates from the layer's output to what is behind the attention's norm. */
static void
feed_forward_backward(const Pass *pass)
{
	const AngleTrainableLayer *layer = pass->layer;
	const AngleBertLayerTrace *trace = pass->trace;
	float *dstates = pass->b->dstates;

	norm_backward(pass, &layer->output_norm, &trace->output_norm, dstates,
				  pass->w.dsum);
	enter_branch(pass, ANGLE_DROP_OUTPUT);
	/* dx first: the weights' gradient needs what the activation makes of inner,
	 * which is made together with the activation's gradient */
	angle_tensor_kernels()->gemm(&(AngleGemm){
		.rows = pass->T,
		.inputs = angle_padded(layer->output.outputs),
		.end_panel = angle_padded(layer->output.inputs) / ANGLE_PANEL,
		.x = pass->w.dbranch,
		.x_stride = pass->stride,
		.weight = layer->output.transposed,
		.bias = pass->b->model->zeros,
		.out = pass->w.wide,
		.out_stride = angle_padded(layer->output.inputs),
	});
	angle_activate_backward(pass->b->model->model.config.activation,
							trace->inner, pass->w.wide,
							pass->T * angle_padded(layer->output.inputs));
	linear_backward(pass, &layer->output, pass->w.dbranch, trace->inner, NULL);
	linear_backward(pass, &layer->intermediate, pass->w.wide, trace->middle,
					dstates);
	add_to(pass, dstates, pass->w.dsum);
}

static AngleStatus
texts_backward(const Pass *pass, AngleError *err)
{
	const AngleModelConfig *config = &pass->b->model->model.config;
	const AngleBatch *batch = pass->b->batch;
	const AngleBertDropout *dropout = batch->dropout;
	size_t qkv_stride = angle_padded(pass->layer->qkv.outputs);
	bool drops = dropout != NULL && dropout->attention > 0.0f;
	AngleDropout weights = {0};

	if (drops)
		weights = angle_dropout_site(dropout->seed,
									 (uint64_t) pass->index * ANGLE_DROP_SITES +
										 ANGLE_DROP_WEIGHTS,
									 dropout->attention);
	for (size_t i = 0; i < batch->texts; i++)
	{
		size_t start = batch->starts[i];

		if (angle_cancelled(pass->b->cancel))
			return angle_fail_cancelled(err);
		angle_backward_kernels()->attention(&(AngleAttentionBackward){
			.tokens = batch->starts[i + 1] - start,
			.heads = (size_t) config->heads,
			.head_size = (size_t) (config->hidden / config->heads),
			.qkv = pass->trace->qkv + start * qkv_stride,
			.qkv_stride = qkv_stride,
			.dout = pass->w.dsum + start * pass->stride,
			.out_stride = pass->stride,
			.dqkv = pass->w.wide + start * qkv_stride,
			.scratch = pass->w.attention,
			.dropout = drops ? &weights : NULL,
			.dropout_rows = drops ? dropout->rows + start : NULL,
		});
	}
	return ANGLE_OK;
}

/* dstates from behind the attention's norm to the layer's input. */
static AngleStatus
attention_backward(const Pass *pass, AngleError *err)
{
	const AngleTrainableLayer *layer = pass->layer;
	float *dstates = pass->b->dstates;
	size_t qkv_stride = angle_padded(layer->qkv.outputs);

	norm_backward(pass, &layer->attention_norm, &pass->trace->attention_norm,
				  dstates, pass->w.dsum);
	memcpy(dstates, pass->w.dsum, pass->T * pass->stride * sizeof(float));
	enter_branch(pass, ANGLE_DROP_ATTENTION);
	linear_backward(pass, &layer->attention, pass->w.dbranch,
					pass->trace->attended, pass->w.dsum);
	for (size_t t = 0; t < pass->T; t++)
		memset(pass->w.wide + t * qkv_stride + layer->qkv.outputs, 0,
			   (qkv_stride - layer->qkv.outputs) * sizeof(float));
	ANGLE_TRY(texts_backward(pass, err));
	linear_backward(pass, &layer->qkv, pass->w.wide, pass->trace->x,
					pass->w.dbranch);
	add_to(pass, dstates, pass->w.dbranch);
	return ANGLE_OK;
}

AngleStatus
angle_bert_backward(const AngleBertBackward *b, AngleError *err)
{
	const AngleModelConfig *config = &b->model->model.config;
	const AngleBatch *batch = b->batch;
	size_t longest = 0;
	Pass pass = {.b = b,
				 .T = batch->starts[batch->texts],
				 .stride = angle_padded((size_t) config->hidden)};

	for (size_t i = 0; i < batch->texts; i++)
	{
		size_t length = batch->starts[i + 1] - batch->starts[i];

		longest = length > longest ? length : longest;
	}
	lay_out(config, pass.T, longest, b->workspace, &pass.w);
	for (int i = config->layers - 1; i >= 0; i--)
	{
		if (angle_cancelled(b->cancel))
			return angle_fail_cancelled(err);
		pass.index = i;
		pass.layer = &b->model->layers[i];
		pass.trace = &batch->trace->layers[i];
		feed_forward_backward(&pass);
		ANGLE_TRY(attention_backward(&pass, err));
		if (b->dinputs != NULL && b->dinputs[i] != NULL)
			add_to(&pass, b->dstates, b->dinputs[i]);
	}
	pass.index = 0;
	drop(&pass, ANGLE_DROP_EMBEDDINGS, b->dstates);
	norm_backward(&pass, &b->model->norm, &batch->trace->norm, b->dstates,
				  b->dstates);
	return ANGLE_OK;
}
