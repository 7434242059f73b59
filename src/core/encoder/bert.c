/*
 * Legend: T tokens of the batch, L of one text, C hidden, F intermediate, H
 * heads. All rows are padded to whole panels.
 *
 * Products run over blocks of rows, so that a block's intermediate states stay
 * in the second-level cache and a cancelled query ends within a block.
 *
 * All members of a team run the same functions and take their share of every
 * step: rows of what goes row by row, panels of the outputs of a product, heads
 * of attention. They meet where one needs what another has made. A value is
 * computed in the same way whoever does it, so that the result does not depend
 * on their number.
 */
#include "core/encoder/bert.h"

#include <assert.h>
#include <string.h>

#include "core/encoder/linear.h"
#include "core/tensor/kernels.h"

/* Rows of a block: few where a layer's weights stay in a second-level cache of 2
 * MB or so beside them, else more, so that weights are fetched less often. Both
 * are multiples of ANGLE_PANEL_ROWS. With 256 rows all-MiniLM-L6-v2 in int8 was a
 * tenth slower than with 64 and the shape of BERT-large 6 % faster, on a machine
 * that did other work, too. */
#define SMALL_BLOCK 64
#define LARGE_BLOCK 256
#define CACHED_LAYER ((size_t) 4 * 1024 * 1024)

#define NEVER SIZE_MAX

/* The parts of the workspace. */
typedef struct Workspace
{
	float *x;		  /* (T, C): the states */
	float *qkv;		  /* (T, 3C) */
	float *attended;  /* (T, C) */
	float *projected; /* (block, C) */
	float *inner;	  /* (block, F) */
	float *scratch;	  /* of attention, one after another for each member */
	size_t scratch_size;
	AngleLinearScratch linear;
	size_t block; /* rows of one, at most */
} Workspace;

/* What the members of a team share. */
typedef struct Pass
{
	const AngleModel *model;
	const AngleBatch *batch;
	const AngleCancel *cancel;
	size_t tokens;
	size_t stride; /* padded C */
	void *workspace;
	AngleBarrier barrier;
	_Atomic size_t stop_at; /* the poll that found it cancelled, or NEVER */
} Pass;

typedef struct Member
{
	Pass *pass;
	Workspace w;
	int layer;
	size_t number;
	size_t polls;
} Member;

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

/* Rows of a block for a batch of tokens. */
static size_t
block_size(const AngleModelConfig *config, size_t tokens)
{
	size_t C = (size_t) config->hidden;
	size_t weights = 4 * C * C + 2 * C * (size_t) config->intermediate;
	size_t padded =
		(tokens + ANGLE_PANEL_ROWS - 1) / ANGLE_PANEL_ROWS * ANGLE_PANEL_ROWS;
	size_t block;

	if (config->quantization == ANGLE_QUANTIZATION_F32)
		weights *= sizeof(float);
	block = weights > CACHED_LAYER ? LARGE_BLOCK : SMALL_BLOCK;
	return padded < block ? padded : block;
}

/* Lays out the workspace and returns its size. */
static size_t
lay_out(const AngleModelConfig *config, const AngleBatch *batch, int members,
		void *base, Workspace *w)
{
	size_t tokens = batch->starts[batch->texts];
	size_t C = angle_padded((size_t) config->hidden);
	size_t F = angle_padded((size_t) config->intermediate);
	size_t qkv = angle_padded(3 * (size_t) config->hidden);
	size_t head_size = (size_t) config->hidden / (size_t) config->heads;
	size_t inputs = angle_panel_inputs(F > C ? F : C);
	size_t block = block_size(config, tokens);
	size_t offset = 0;

	w->block = block;
	w->x = angle_carve(base, &offset, tokens * C * sizeof(float));
	w->qkv = angle_carve(base, &offset, tokens * qkv * sizeof(float));
	w->attended = angle_carve(base, &offset, tokens * C * sizeof(float));
	w->projected = angle_carve(base, &offset, block * C * sizeof(float));
	w->inner = angle_carve(base, &offset, block * F * sizeof(float));
	w->scratch_size =
		angle_padded(angle_attention_scratch(longest_text(batch), head_size));
	w->scratch = angle_carve(
		base, &offset, (size_t) members * w->scratch_size * sizeof(float));
	w->linear.q = angle_carve(base, &offset, block * inputs);
	w->linear.scale = angle_carve(base, &offset, block * sizeof(float));
	w->linear.zero = angle_carve(base, &offset, block * sizeof(int32_t));
	w->linear.outlier =
		angle_carve(base, &offset, block * ANGLE_OUTLIERS * sizeof(float));
	return offset;
}

size_t
angle_bert_workspace_size(const AngleModelConfig *config,
						  const AngleBatch *batch, int workers)
{
	Workspace w;

	return lay_out(config, batch, workers, NULL, &w);
}

/* ---- the team ----------------------------------------------------------- */

/* The member's share of n things. */
static AngleRange
share(const Member *m, size_t n)
{
	size_t members = (size_t) m->pass->barrier.members;

	return (AngleRange){n * m->number / members, n * (m->number + 1) / members};
}

static void
meet(const Member *m)
{
	angle_barrier_wait(&m->pass->barrier);
}

/* Whether to give up. The caller's thread alone asks, and every member gets the
 * same answer at the same place. */
static bool
stopped(Member *m)
{
	Pass *pass = m->pass;

	if (m->number == 0 && atomic_load(&pass->stop_at) == NEVER &&
		angle_cancelled(pass->cancel))
		atomic_store(&pass->stop_at, m->polls);
	meet(m);
	return atomic_load(&pass->stop_at) <= m->polls++;
}

/* ---- training ----------------------------------------------------------- */

static void
lay_out_norm(char *buffer, size_t *offset, size_t tokens, size_t stride,
			 AngleNormTrace *norm)
{
	norm->normalized =
		angle_carve(buffer, offset, tokens * stride * sizeof(float));
	norm->rstd = angle_carve(buffer, offset, tokens * sizeof(float));
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

	trace->layers = angle_carve(
		buffer, &offset, (size_t) config->layers * sizeof(AngleBertLayerTrace));
	lay_out_norm(buffer, &offset, tokens, stride, &trace->norm);
	for (int i = 0; i < config->layers; i++)
	{
		AngleBertLayerTrace *layer =
			buffer != NULL ? &trace->layers[i] : &unused;

		layer->x = angle_carve(buffer, &offset, row);
		layer->qkv = angle_carve(buffer, &offset, qkv);
		layer->attended = angle_carve(buffer, &offset, row);
		layer->middle = angle_carve(buffer, &offset, row);
		layer->inner = angle_carve(buffer, &offset, inner);
		lay_out_norm(buffer, &offset, tokens, stride, &layer->attention_norm);
		lay_out_norm(buffer, &offset, tokens, stride, &layer->output_norm);
	}
	return offset;
}

/* The layer's part of the trace, or NULL. */
static const AngleBertLayerTrace *
layer_trace(const Member *m)
{
	const AngleBertTrace *trace = m->pass->batch->trace;

	return trace != NULL ? &trace->layers[m->layer] : NULL;
}

/* Dropout of some rows of x, whose row 0 is row t of the batch; nothing outside
 * training. */
static void
drop(const Member *m, int site, float *x, size_t t, AngleRange rows)
{
	const Pass *pass = m->pass;
	const AngleBertDropout *dropout = pass->batch->dropout;
	AngleDropout at;

	if (dropout == NULL || dropout->hidden <= 0.0f)
		return;
	at = angle_dropout_site(
		dropout->seed, (uint64_t) m->layer * ANGLE_DROP_SITES + (uint64_t) site,
		dropout->hidden);
	angle_tensor_kernels()->drop(&(AngleDropRows){
		.rows = rows.end - rows.first,
		.width = (size_t) pass->model->config.hidden,
		.stride = pass->stride,
		.x = x + rows.first * pass->stride,
		.dropout = &at,
		.names = dropout->rows + t + rows.first,
	});
}

/* The part of trace for the rows from t on. */
static AngleNormTrace
rows_of(const Pass *pass, const AngleNormTrace *trace, size_t t)
{
	return (AngleNormTrace){trace->normalized + t * pass->stride,
							trace->rstd + t};
}

/* Copies some rows of x, whose row 0 is row t of copies. */
static void
keep(const Pass *pass, float *copies, const float *x, size_t t, AngleRange rows)
{
	memcpy(copies + (t + rows.first) * pass->stride,
		   x + rows.first * pass->stride,
		   (rows.end - rows.first) * pass->stride * sizeof(float));
}

/* ---- the steps ---------------------------------------------------------- */

/* The normalisation behind x + residual, or behind x alone, for some rows; trace
 * is empty outside training. */
static void
normalize(const Pass *pass, const AngleNorm *norm, float *x,
		  const float *residual, AngleRange rows, AngleNormTrace trace)
{
	if (rows.first == rows.end)
		return;
	if (trace.rstd != NULL)
		trace = rows_of(pass, &trace, rows.first);
	angle_tensor_kernels()->layernorm(&(AngleLayerNorm){
		.rows = rows.end - rows.first,
		.width = (size_t) pass->model->config.hidden,
		.stride = pass->stride,
		.x = x + rows.first * pass->stride,
		.residual =
			residual != NULL ? residual + rows.first * pass->stride : NULL,
		.weight = norm->weight,
		.bias = norm->bias,
		.epsilon = pass->model->config.norm_eps,
		.rstd = trace.rstd,
		.normalized = trace.normalized,
	});
}

/* What becomes of the outputs of a product. */
typedef struct After
{
	AngleActivation activation;
	float *kept; /* gets a copy of them before that; NULL outside training */
} After;

static void
finish(const AngleLinearRows *rows, size_t stride, AngleRange columns,
	   const After *after)
{
	size_t width = columns.end - columns.first;

	for (size_t t = 0; t < rows->rows; t++)
	{
		float *out = rows->out + t * stride + columns.first;

		if (after->kept != NULL)
			memcpy(after->kept + t * stride + columns.first, out,
				   width * sizeof(float));
		angle_activate(after->activation, out, width);
	}
}

/* out = W x + b over a block of rows. The member's own share of the rows of x
 * must be there before; all of out is after. */
static void
apply(const Member *m, const AngleLinear *linear, const AngleLinearRows *rows,
	  After after)
{
	AngleRange panels = share(m, angle_linear_panels(linear));

	angle_linear_prepare(linear, rows, share(m, rows->rows));
	meet(m);
	angle_linear_forward(linear, rows, panels);
	finish(rows, angle_padded(linear->outputs),
		   (AngleRange){panels.first * ANGLE_PANEL, panels.end * ANGLE_PANEL},
		   &after);
	meet(m);
}

static const After as_it_is = {ANGLE_ACTIVATION_IDENTITY, NULL};

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
embed(const Member *m)
{
	const Pass *pass = m->pass;
	const AngleBatch *batch = pass->batch;
	AngleRange rows = share(m, pass->tokens);
	size_t text = 0;

	for (size_t t = rows.first; t < rows.end; t++)
	{
		while (batch->starts[text + 1] <= t)
			text++;
		embed_token(pass->model, batch->ids[t], t - batch->starts[text],
					m->w.x + t * pass->stride);
	}
	normalize(pass, &pass->model->bert.norm, m->w.x, NULL, rows,
			  batch->trace != NULL ? batch->trace->norm : (AngleNormTrace){0});
	drop(m, ANGLE_DROP_EMBEDDINGS, m->w.x, 0, rows);
	meet(m);
}

/* Some heads of one text. */
static void
attend_text(const Member *m, size_t text, AngleRange heads)
{
	const Pass *pass = m->pass;
	const AngleModelConfig *config = &pass->model->config;
	const AngleTensorKernels *kernels = angle_tensor_kernels();
	void (*attention)(const AngleAttention *) =
		config->quantization == ANGLE_QUANTIZATION_INT8
			? kernels->rough_attention
			: kernels->attention;
	const AngleBertDropout *dropout = pass->batch->dropout;
	size_t start = pass->batch->starts[text];
	size_t qkv_stride = angle_padded(3 * (size_t) config->hidden);
	AngleDropout weights = {0};
	bool drops = dropout != NULL && dropout->attention > 0.0f;

	if (drops)
		weights = angle_dropout_site(dropout->seed,
									 (uint64_t) m->layer * ANGLE_DROP_SITES +
										 ANGLE_DROP_WEIGHTS,
									 dropout->attention);
	attention(&(AngleAttention){
		.tokens = pass->batch->starts[text + 1] - start,
		.heads = (size_t) config->heads,
		.first_head = heads.first,
		.end_head = heads.end,
		.head_size = (size_t) (config->hidden / config->heads),
		.qkv = m->w.qkv + start * qkv_stride,
		.qkv_stride = qkv_stride,
		.out = m->w.attended + start * pass->stride,
		.out_stride = pass->stride,
		.scratch = m->w.scratch + m->number * m->w.scratch_size,
		.dropout = drops ? &weights : NULL,
		.dropout_rows = drops ? dropout->rows + start : NULL,
	});
}

/* The heads of all texts are one row of things to share. False: cancelled. */
static bool
attend(Member *m)
{
	const Pass *pass = m->pass;
	size_t heads = (size_t) pass->model->config.heads;
	AngleRange mine = share(m, pass->batch->texts * heads);

	for (size_t text = 0; text < pass->batch->texts; text++)
	{
		size_t first = text * heads;
		size_t end = first + heads;

		if (stopped(m))
			return false;
		first = first > mine.first ? first : mine.first;
		end = end < mine.end ? end : mine.end;
		if (first < end)
			attend_text(m, text,
						(AngleRange){first - text * heads, end - text * heads});
	}
	meet(m);
	return true;
}

/* What follows attention in a layer, for one block of rows:
 * x = norm(x + attention), x = norm(x + output(activation(intermediate(x)))). */
static void
feed_forward(const Member *m, const AngleBertLayer *layer, size_t t,
			 size_t rows)
{
	const Pass *pass = m->pass;
	const Workspace *w = &m->w;
	const AngleBertLayerTrace *trace = layer_trace(m);
	AngleNormTrace norms[2] = {{0}};
	float *x = w->x + t * pass->stride;
	size_t inner_stride = angle_padded(layer->intermediate.outputs);
	AngleRange mine = share(m, rows);
	After activate = {pass->model->config.activation, NULL};

	if (trace != NULL)
	{
		norms[0] = rows_of(pass, &trace->attention_norm, t);
		norms[1] = rows_of(pass, &trace->output_norm, t);
		keep(pass, trace->x, x, t, mine);
		activate.kept = trace->inner + t * inner_stride;
	}
	apply(m, &layer->attention,
		  &(AngleLinearRows){rows, w->attended + t * pass->stride, pass->stride,
							 &w->linear, w->projected},
		  as_it_is);
	drop(m, ANGLE_DROP_ATTENTION, w->projected, t, mine);
	normalize(pass, &layer->attention_norm, x, w->projected, mine, norms[0]);
	if (trace != NULL)
		keep(pass, trace->middle, x, t, mine);
	apply(m, &layer->intermediate,
		  &(AngleLinearRows){rows, x, pass->stride, &w->linear, w->inner},
		  activate);
	apply(m, &layer->output,
		  &(AngleLinearRows){rows, w->inner, inner_stride, &w->linear,
							 w->projected},
		  as_it_is);
	drop(m, ANGLE_DROP_OUTPUT, w->projected, t, mine);
	normalize(pass, &layer->output_norm, x, w->projected, mine, norms[1]);
}

/* In training, queries, keys, values and what attention makes of them stay
 * where the layer's trace is. */
static void
enter_layer(Member *m, int i)
{
	const Pass *pass = m->pass;
	const AngleBertLayerTrace *trace;
	AngleRange rows = share(m, pass->tokens);

	m->layer = i;
	trace = layer_trace(m);
	if (trace != NULL)
	{
		m->w.qkv = trace->qkv;
		m->w.attended = trace->attended;
	}
	/* attention writes C of the stride; what lies behind must be finite */
	if (trace != NULL || i == 0)
		memset(m->w.attended + rows.first * pass->stride, 0,
			   (rows.end - rows.first) * pass->stride * sizeof(float));
}

/* Rows of the block that starts at t. */
static size_t
block_rows(const Member *m, size_t t)
{
	size_t left = m->pass->tokens - t;

	return left < m->w.block ? left : m->w.block;
}

/* False: cancelled. */
static bool
run_layer(Member *m, int i)
{
	const Pass *pass = m->pass;
	const AngleBertLayer *layer = &pass->model->bert.layers[i];
	const Workspace *w = &m->w;

	enter_layer(m, i);
	for (size_t t = 0; t < pass->tokens; t += w->block)
	{
		if (stopped(m))
			return false;
		apply(m, &layer->qkv,
			  &(AngleLinearRows){block_rows(m, t), w->x + t * pass->stride,
								 pass->stride, &w->linear,
								 w->qkv + t * angle_padded(layer->qkv.outputs)},
			  as_it_is);
	}
	if (!attend(m))
		return false;
	for (size_t t = 0; t < pass->tokens; t += w->block)
	{
		if (stopped(m))
			return false;
		feed_forward(m, layer, t, block_rows(m, t));
	}
	return true;
}

static void
run_member(void *context, size_t number, int worker)
{
	Pass *pass = context;
	const AngleModelConfig *config = &pass->model->config;
	Member member = {.pass = pass, .number = number};

	(void) worker;
	lay_out(config, pass->batch, pass->barrier.members, pass->workspace,
			&member.w);
	embed(&member);
	for (int i = 0; i < config->layers; i++)
	{
		if (!run_layer(&member, i))
			return;
	}
}

AngleStatus
angle_bert_forward(const AngleModel *model, const AngleBatch *batch,
				   const AngleBertRun *run, const float **states,
				   AngleError *err)
{
	int members = angle_executor_workers(run->executor);
	Pass pass = {
		.model = model,
		.batch = batch,
		.cancel = run->cancel,
		.tokens = batch->starts[batch->texts],
		.stride = angle_padded((size_t) model->config.hidden),
		.workspace = run->workspace,
		.barrier = {.members = members},
		.stop_at = NEVER,
	};

	assert(longest_text(batch) <= (size_t) model->config.positions);
	angle_executor_run_together(run->executor, run_member, &pass);
	angle_executor_note_waits(run->executor, atomic_load(&pass.barrier.waited));
	if (atomic_load(&pass.stop_at) != NEVER)
		return angle_fail_cancelled(err);
	/* where every member has laid it out, at the start */
	*states = run->workspace;
	return ANGLE_OK;
}
