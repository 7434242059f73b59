#include "core/train/engine.h"

#include <string.h>

#include "core/encoder/linear.h"
#include "core/encoder/pooling.h"
#include "core/tensor/kernels.h"
#include "core/train/backward_kernels.h"
#include "core/train/bert_backward.h"
#include "core/train/pooling_backward.h"

/* Numbers of gradients that one task adds up. */
#define PIECE ((size_t) 1 << 16)

/* A block of memory that stays while it is large enough: if the system had to
 * clear it anew in each step, that would be a fifth of the time. */
typedef struct Room
{
	AngleArena *arena; /* of this block alone */
	void *block;
	size_t size;
} Room;

/* What one part of the texts needs. */
typedef struct Part
{
	AngleArena *arena; /* of one forward and backward pass: what is small */
	Room trace_room;   /* of the same */
	Room work_room;
	float *gradients; /* of the parameters behind the tables */
	size_t texts;
	size_t *members; /* (texts) indices into the step's texts */
	int32_t *ids;
	size_t *starts;
	uint64_t *names;
	AngleBertDropout dropout;
	AngleBertTrace trace;
	AngleBatch batch;
	void *forward_space;
	void *backward_space;
	const float *states; /* (T, C) of the last layer */
	float *pooled;		 /* (layers, texts, modules + 1, pool width) */
	float *dstates;		 /* (T, C) */
	AngleStatus status;
	AngleError err;
} Part;

struct AngleEngine
{
	AngleTrainable *model;
	AngleEngineOptions options;
	int last_layer; /* stands for options.layers when that is NULL */
	size_t part_count;
	Part *parts;
	float *gradients; /* (model's count) */
	const AngleTrainText *texts;
	size_t count;
	uint64_t seed;
	float *out;
	const float *dout;
	bool reduced; /* gradients hold those of the parts */
};

AngleStatus
angle_engine_create(AngleTrainable *model, const AngleEngineOptions *options,
					AngleArena *arena, AngleEngine **result, AngleError *err)
{
	AngleEngine *engine = angle_arena_zalloc(arena, 1, sizeof(*engine));

	if (engine == NULL)
		return angle_no_memory(err);
	engine->model = model;
	engine->options = *options;
	engine->last_layer = model->model.config.layers;
	if (options->layers == NULL)
	{
		engine->options.layers = &engine->last_layer;
		engine->options.layer_count = 1;
	}
	engine->gradients = angle_arena_zalloc(arena, model->count, sizeof(float));
	engine->part_count = (size_t) angle_executor_workers(options->executor);
	engine->parts = angle_arena_zalloc(arena, engine->part_count, sizeof(Part));
	if (engine->gradients == NULL || engine->parts == NULL)
		return angle_no_memory(err);
	*result = engine;
	for (size_t i = 0; i < engine->part_count; i++)
	{
		Part *part = &engine->parts[i];

		part->arena = angle_arena_create(NULL);
		/* the first part writes where the sum is wanted */
		part->gradients =
			i == 0 ? engine->gradients + model->tables
				   : angle_arena_zalloc(arena, model->count - model->tables,
										sizeof(float));
		if (part->arena == NULL || part->gradients == NULL)
			return angle_no_memory(err);
	}
	return ANGLE_OK;
}

void
angle_engine_destroy(AngleEngine *engine)
{
	for (size_t i = 0; engine != NULL && i < engine->part_count; i++)
	{
		angle_arena_destroy(engine->parts[i].arena);
		angle_arena_destroy(engine->parts[i].trace_room.arena);
		angle_arena_destroy(engine->parts[i].work_room.arena);
	}
}

/* ---- sharing out -------------------------------------------------------- */

/* Gives each text, in their order, to the part with the fewest tokens. */
static AngleStatus
share_out(AngleEngine *engine, AngleError *err)
{
	size_t most = engine->count;

	for (size_t i = 0; i < engine->part_count; i++)
	{
		Part *part = &engine->parts[i];

		angle_arena_reset(part->arena);
		part->texts = 0;
		part->members = angle_arena_alloc(part->arena, most, sizeof(size_t));
		part->starts =
			angle_arena_zalloc(part->arena, most + 1, sizeof(size_t));
		if (part->members == NULL || part->starts == NULL)
			return angle_no_memory(err);
	}
	for (size_t i = 0; i < most; i++)
	{
		Part *part = engine->parts;

		for (size_t k = 1; k < engine->part_count; k++)
		{
			Part *other = &engine->parts[k];

			if (other->starts[other->texts] < part->starts[part->texts])
				part = other;
		}
		part->starts[part->texts + 1] =
			part->starts[part->texts] + engine->texts[i].count;
		part->members[part->texts++] = i;
	}
	return ANGLE_OK;
}

/* The tokens of a part's texts, one after another, with their names. */
static AngleStatus
gather(const AngleEngine *engine, Part *part)
{
	size_t T = part->starts[part->texts];

	part->ids = angle_arena_alloc(part->arena, T, sizeof(int32_t));
	part->names = angle_arena_alloc(part->arena, T, sizeof(uint64_t));
	if (part->ids == NULL || part->names == NULL)
		return angle_no_memory(&part->err);
	for (size_t i = 0; i < part->texts; i++)
	{
		const AngleTrainText *text = &engine->texts[part->members[i]];

		memcpy(part->ids + part->starts[i], text->ids,
			   text->count * sizeof(int32_t));
		for (size_t t = 0; t < text->count; t++)
			part->names[part->starts[i] + t] = text->name << 16 | t;
	}
	return ANGLE_OK;
}

static size_t
longest_text(const Part *part)
{
	size_t longest = 0;

	for (size_t i = 0; i < part->texts; i++)
	{
		size_t length = part->starts[i + 1] - part->starts[i];

		longest = length > longest ? length : longest;
	}
	return longest;
}

/* ---- forward ------------------------------------------------------------ */

/* The states behind a layer, counted from 1. */
static const float *
states_of(const AngleEngine *engine, const Part *part, int layer)
{
	return layer == engine->model->model.config.layers
			   ? part->states
			   : part->trace.layers[layer].x;
}

static size_t
steps(const AngleModelConfig *config)
{
	return (size_t) config->module_count + 1;
}

/* The trace of pooling text i of the part at the l-th of the layers. */
static float *
pool_trace(const AngleEngine *engine, const Part *part, int l, size_t i)
{
	const AngleModelConfig *config = &engine->model->model.config;

	return part->pooled + ((size_t) l * part->texts + i) * steps(config) *
							  angle_pool_width(config);
}

static AngleStatus
pool(const AngleEngine *engine, Part *part)
{
	const AngleModel *model = &engine->model->model;
	const AngleModelConfig *config = &model->config;
	size_t D = (size_t) config->dimensions;
	size_t stride = angle_padded((size_t) config->hidden);
	size_t layers = (size_t) engine->options.layer_count;
	float *scratch = angle_arena_alloc(part->arena, angle_pool_scratch(config),
									   sizeof(float));

	part->pooled = angle_arena_alloc(part->arena,
									 layers * part->texts * steps(config) *
										 angle_pool_width(config),
									 sizeof(float));
	if (scratch == NULL || part->pooled == NULL)
		return angle_no_memory(&part->err);
	for (int l = 0; l < engine->options.layer_count; l++)
	{
		const float *states =
			states_of(engine, part, engine->options.layers[l]);

		for (size_t i = 0; i < part->texts; i++)
		{
			size_t text = part->members[i];

			angle_pool(model,
					   &(AngleTokenStates){
						   .rows = states + part->starts[i] * stride,
						   .stride = stride,
						   .count = engine->texts[text].count,
						   .prompt_count = engine->texts[text].prompt_count,
						   .trace = pool_trace(engine, part, l, i),
					   },
					   config->dimensions, scratch,
					   engine->out + ((size_t) l * engine->count + text) * D);
		}
	}
	return ANGLE_OK;
}

static void
prepare_batch(const AngleEngine *engine, Part *part)
{
	const AngleEngineOptions *options = &engine->options;

	part->dropout = (AngleBertDropout){
		.seed = engine->seed,
		.hidden = options->hidden_dropout,
		.attention = options->attention_dropout,
		.rows = part->names,
	};
	part->batch = (AngleBatch){
		.texts = part->texts,
		.ids = part->ids,
		.starts = part->starts,
		.dropout = options->hidden_dropout > 0 || options->attention_dropout > 0
					   ? &part->dropout
					   : NULL,
		.trace = &part->trace,
	};
}

/* Makes the room at least that large; what was in it is lost. */
static AngleStatus
widen(Room *room, size_t size, AngleError *err)
{
	if (size <= room->size)
		return ANGLE_OK;
	angle_arena_destroy(room->arena);
	*room = (Room){.arena = angle_arena_create(NULL), .size = size + size / 8};
	if (room->arena != NULL)
		room->block = angle_arena_alloc(room->arena, 1, room->size);
	if (room->block != NULL)
		return ANGLE_OK;
	room->size = 0;
	return angle_no_memory(err);
}

/* The trace, and the workspaces of both passes. */
static AngleStatus
make_rooms(const AngleModelConfig *config, Part *part)
{
	size_t T = part->starts[part->texts];
	size_t forward = angle_bert_workspace_size(config, &part->batch, 1);
	size_t backward = angle_bert_backward_size(config, T, longest_text(part));

	forward =
		(forward + ANGLE_ALIGNMENT - 1) / ANGLE_ALIGNMENT * ANGLE_ALIGNMENT;
	ANGLE_TRY(widen(&part->trace_room,
					angle_bert_trace_lay_out(config, T, NULL, &part->trace),
					&part->err));
	ANGLE_TRY(widen(&part->work_room, forward + backward, &part->err));
	angle_bert_trace_lay_out(config, T, part->trace_room.block, &part->trace);
	part->forward_space = part->work_room.block;
	part->backward_space = (char *) part->work_room.block + forward;
	return ANGLE_OK;
}

static AngleStatus
forward_part(const AngleEngine *engine, Part *part)
{
	const AngleModelConfig *config = &engine->model->model.config;
	AngleBertRun run = {.cancel = engine->options.cancel};

	ANGLE_TRY(gather(engine, part));
	prepare_batch(engine, part);
	ANGLE_TRY(make_rooms(config, part));
	run.workspace = part->forward_space;
	ANGLE_TRY(angle_bert_forward(&engine->model->model, &part->batch, &run,
								 &part->states, &part->err));
	return pool(engine, part);
}

static void
forward_task(void *context, size_t index, int worker)
{
	AngleEngine *engine = context;
	Part *part = &engine->parts[index];

	(void) worker;
	part->status = part->texts > 0 ? forward_part(engine, part) : ANGLE_OK;
}

static AngleStatus
first_failure(const AngleEngine *engine, AngleError *err)
{
	for (size_t i = 0; i < engine->part_count; i++)
	{
		if (engine->parts[i].status == ANGLE_OK)
			continue;
		if (err != NULL)
			*err = engine->parts[i].err;
		return engine->parts[i].status;
	}
	return ANGLE_OK;
}

AngleStatus
angle_engine_forward(AngleEngine *engine, const AngleTrainText *texts,
					 size_t count, uint64_t seed, float *out, AngleError *err)
{
	engine->texts = texts;
	engine->count = count;
	engine->seed = seed;
	engine->out = out;
	ANGLE_TRY(share_out(engine, err));
	angle_executor_run(engine->options.executor, engine->part_count,
					   forward_task, engine);
	return first_failure(engine, err);
}

/* ---- backward ----------------------------------------------------------- */

/* One text's gradient on its way back through the modules and the pooling. */
typedef struct PoolPass
{
	const AngleEngine *engine;
	Part *part;
	float *x;	  /* (pool width) */
	float *dy;	  /* (pool width) */
	float *other; /* (pool width) */
	float *outer; /* scratch of the widest Dense module */
} PoolPass;

/* dy from a Dense module's output to its input, which is x. */
static void
dense_backward(PoolPass *pass, int module, const float *x)
{
	const AngleTrainable *model = pass->engine->model;
	const AngleTrainableLinear *linear = &model->dense[module];
	size_t outputs = angle_padded(linear->outputs);
	float *dx = pass->other;

	/* what the activation was given is made again: one row costs nothing */
	angle_linear_forward(&model->model.dense[module],
						 &(AngleLinearRows){1, (float *) x, 0, NULL, pass->x},
						 (AngleRange){0, outputs / ANGLE_PANEL});
	angle_activate_backward(model->model.config.modules[module].activation,
							pass->x, pass->dy, outputs);
	angle_linear_backward(&(AngleLinearBackward){
		.model = model,
		.linear = linear,
		.rows = 1,
		.dy = pass->dy,
		.x = x,
		.dx = dx,
		.gradients = pass->part->gradients,
		.outer = pass->outer,
	});
	pass->other = pass->dy;
	pass->dy = dx;
}

static void
modules_backward(PoolPass *pass, const float *trace)
{
	const AngleModelConfig *config = &pass->engine->model->model.config;
	size_t width = angle_pool_width(config);
	size_t length = (size_t) config->dimensions;

	for (int i = config->module_count - 1; i >= 0; i--)
	{
		const float *x = trace + (size_t) i * width;

		if (config->modules[i].kind == ANGLE_MODULE_NORMALIZE)
			angle_normalize_backward(length, x, pass->dy);
		else
		{
			dense_backward(pass, i, x);
			length = (size_t) config->modules[i].inputs;
		}
	}
}

/* Adds the gradient of text i's embedding at the l-th layer to dstates. */
static void
text_backward(PoolPass *pass, int l, size_t i, float *dstates)
{
	const AngleEngine *engine = pass->engine;
	const AngleModelConfig *config = &engine->model->model.config;
	const Part *part = pass->part;
	size_t D = (size_t) config->dimensions;
	size_t stride = angle_padded((size_t) config->hidden);
	const AngleTrainText *text = &engine->texts[part->members[i]];

	memset(pass->dy, 0, angle_pool_width(config) * sizeof(float));
	memcpy(pass->dy,
		   engine->dout + ((size_t) l * engine->count + part->members[i]) * D,
		   D * sizeof(float));
	modules_backward(pass, pool_trace(engine, part, l, i));
	angle_pool_tokens_backward(&(AnglePoolBackward){
		.pooling = config->pooling,
		.width = (size_t) config->hidden,
		.stride = stride,
		.count = text->count,
		.skip = config->pool_prompt ? 0 : text->prompt_count,
		.rows = states_of(engine, part, engine->options.layers[l]) +
				part->starts[i] * stride,
		.dout = pass->dy,
		.drows = dstates + part->starts[i] * stride,
	});
}

static AngleStatus
start_pool_pass(const AngleEngine *engine, Part *part, PoolPass *pass)
{
	size_t width = angle_pool_width(&engine->model->model.config);
	float *room = angle_arena_zalloc(
		part->arena, 3 * width + angle_outer_scratch(width), sizeof(float));

	*pass = (PoolPass){.engine = engine,
					   .part = part,
					   .x = room,
					   .dy = room + width,
					   .other = room + 2 * width,
					   .outer = room + 3 * width};
	return room != NULL ? ANGLE_OK : angle_no_memory(&part->err);
}

/* The gradients of the states behind each of the layers; dinputs are those that
 * enter the layer above. */
static AngleStatus
pool_backward(const AngleEngine *engine, Part *part, float **dinputs)
{
	const AngleModelConfig *config = &engine->model->model.config;
	size_t numbers =
		part->starts[part->texts] * angle_padded((size_t) config->hidden);
	PoolPass pass;

	ANGLE_TRY(start_pool_pass(engine, part, &pass));
	part->dstates = angle_arena_zalloc(part->arena, numbers, sizeof(float));
	for (int l = 0; l < engine->options.layer_count; l++)
	{
		int layer = engine->options.layers[l];
		float *dstates =
			layer == config->layers
				? part->dstates
				: angle_arena_zalloc(part->arena, numbers, sizeof(float));

		if (dstates == NULL)
			return angle_no_memory(&part->err);
		if (layer < config->layers)
			dinputs[layer] = dstates;
		for (size_t i = 0; i < part->texts; i++)
			text_backward(&pass, l, i, dstates);
	}
	return part->dstates != NULL ? ANGLE_OK : angle_no_memory(&part->err);
}

static AngleStatus
backward_part(AngleEngine *engine, Part *part)
{
	const AngleModelConfig *config = &engine->model->model.config;
	float **dinputs = angle_arena_zalloc(part->arena, (size_t) config->layers,
										 sizeof(float *));

	if (dinputs == NULL)
		return angle_no_memory(&part->err);
	ANGLE_TRY(pool_backward(engine, part, dinputs));
	return angle_bert_backward(
		&(AngleBertBackward){
			.model = engine->model,
			.batch = &part->batch,
			.dstates = part->dstates,
			.dinputs = dinputs,
			.gradients = part->gradients,
			.workspace = part->backward_space,
			.cancel = engine->options.cancel,
		},
		&part->err);
}

static void
backward_task(void *context, size_t index, int worker)
{
	AngleEngine *engine = context;
	Part *part = &engine->parts[index];

	(void) worker;
	part->status = part->texts > 0 ? backward_part(engine, part) : ANGLE_OK;
}

/* Adds the gradients of a part's tokens to those of the tables. */
static void
scatter(AngleEngine *engine, const Part *part)
{
	const AngleTrainable *model = engine->model;
	size_t C = (size_t) model->model.config.hidden;
	size_t stride = angle_padded(C);
	float *types = engine->gradients + model->token_types;

	for (size_t i = 0; i < part->texts; i++)
	{
		for (size_t t = part->starts[i]; t < part->starts[i + 1]; t++)
		{
			const float *row = part->dstates + t * stride;
			float *word =
				engine->gradients + model->words + (size_t) part->ids[t] * C;
			float *place = engine->gradients + model->positions +
						   (t - part->starts[i]) * C;

			for (size_t c = 0; c < C; c++)
			{
				word[c] += row[c];
				place[c] += row[c];
				types[c] += row[c];
			}
		}
	}
}

AngleStatus
angle_engine_backward(AngleEngine *engine, const float *dout, AngleError *err)
{
	engine->dout = dout;
	engine->reduced = false;
	angle_executor_run(engine->options.executor, engine->part_count,
					   backward_task, engine);
	ANGLE_TRY(first_failure(engine, err));
	for (size_t i = 0; i < engine->part_count; i++)
	{
		if (engine->parts[i].texts > 0)
			scatter(engine, &engine->parts[i]);
	}
	return ANGLE_OK;
}

/* ---- the sum ------------------------------------------------------------ */

/* Moves one piece of the other parts' gradients to the first part's. */
static void
reduce_piece(void *context, size_t index, int worker)
{
	AngleEngine *engine = context;
	size_t all = engine->model->count - engine->model->tables;
	size_t first = index * PIECE;
	size_t n = all - first < PIECE ? all - first : PIECE;

	(void) worker;
	for (size_t i = 1; i < engine->part_count; i++)
	{
		float *other = engine->parts[i].gradients + first;

		angle_backward_kernels()->add(engine->parts[0].gradients + first, other,
									  n);
		memset(other, 0, n * sizeof(float));
	}
}

const float *
angle_engine_gradients(AngleEngine *engine)
{
	size_t all = engine->model->count - engine->model->tables;

	if (!engine->reduced)
		angle_executor_run(engine->options.executor, (all + PIECE - 1) / PIECE,
						   reduce_piece, engine);
	engine->reduced = true;
	return engine->gradients;
}

void
angle_engine_clear(AngleEngine *engine)
{
	const AngleTrainable *model = engine->model;

	for (size_t i = 1; i < engine->part_count; i++)
		memset(engine->parts[i].gradients, 0,
			   (model->count - model->tables) * sizeof(float));
	memset(engine->gradients, 0, model->count * sizeof(float));
}
