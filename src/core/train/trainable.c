#include "core/train/trainable.h"

#include <stdio.h>
#include <string.h>

#include "core/encoder/bert_source.h"
#include "core/encoder/hub_tokenizer.h"
#include "core/model/checkpoint.h"
#include "core/tensor/kernels.h"
#include "core/tensor/panel.h"

#define NAME_SIZE 128
#define LAYER_PARAMETERS 16
#define FIXED_PARAMETERS 5

/* Numbers the parameters, then reads them: two runs over the same plan. */
typedef struct Planner
{
	AngleTrainable *model;
	AngleArena *arena;
	AngleStatus status;
} Planner;

static void
pad(AngleTrainable *model)
{
	model->count = angle_padded(model->count);
}

/* Adds one tensor behind the last and returns its offset. */
static size_t
add(Planner *planner, const char *name, size_t rows, size_t columns,
	AngleDecay decay)
{
	AngleTrainable *model = planner->model;
	AngleParameter *parameter = &model->parameters[model->parameter_count++];

	*parameter = (AngleParameter){
		.name = angle_arena_strdup(planner->arena, name, strlen(name)),
		.module = -1,
		.rows = rows,
		.columns = columns,
		.offset = model->count,
		.decay = decay,
	};
	if (parameter->name == NULL)
		planner->status = ANGLE_NO_MEMORY;
	model->count += rows * (columns > 0 ? columns : 1);
	return parameter->offset;
}

static AngleTrainableNorm
add_norm(Planner *planner, const char *prefix)
{
	size_t C = (size_t) planner->model->model.config.hidden;
	AngleTrainableNorm norm;
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%s.weight", prefix);
	norm.weight = add(planner, name, C, 0, ANGLE_NO_DECAY);
	pad(planner->model);
	snprintf(name, sizeof(name), "%s.bias", prefix);
	norm.bias = add(planner, name, C, 0, ANGLE_NO_DECAY);
	pad(planner->model);
	return norm;
}

/* Adds a layer made of parts tensors that lie one below the other. */
static AngleTrainableLinear
add_linear(Planner *planner, const char *const *names, size_t parts,
		   size_t inputs, size_t outputs)
{
	AngleTrainableLinear linear = {.inputs = inputs, .outputs = outputs};
	char name[NAME_SIZE];

	linear.weight = planner->model->count;
	for (size_t i = 0; i < parts; i++)
	{
		snprintf(name, sizeof(name), "%s.weight", names[i]);
		add(planner, name, outputs / parts, inputs, ANGLE_DECAY);
	}
	pad(planner->model);
	linear.bias = planner->model->count;
	for (size_t i = 0; i < parts; i++)
	{
		snprintf(name, sizeof(name), "%s.bias", names[i]);
		add(planner, name, outputs / parts, 0, ANGLE_NO_DECAY);
	}
	pad(planner->model);
	return linear;
}

static void
add_layer(Planner *planner, int i, AngleTrainableLayer *layer)
{
	static const char *const parts[] = {"attention.self.query",
										"attention.self.key",
										"attention.self.value",
										"attention.output.dense",
										"attention.output.LayerNorm",
										"intermediate.dense",
										"output.dense",
										"output.LayerNorm"};
	size_t C = (size_t) planner->model->model.config.hidden;
	size_t F = (size_t) planner->model->model.config.intermediate;
	char text[8][NAME_SIZE / 2];
	const char *names[8];

	for (size_t part = 0; part < 8; part++)
	{
		snprintf(text[part], sizeof(text[part]), "encoder.layer.%d.%s", i,
				 parts[part]);
		names[part] = text[part];
	}
	layer->qkv = add_linear(planner, names, 3, C, 3 * C);
	layer->attention = add_linear(planner, names + 3, 1, C, C);
	layer->attention_norm = add_norm(planner, names[4]);
	layer->intermediate = add_linear(planner, names + 5, 1, C, F);
	layer->output = add_linear(planner, names + 6, 1, F, C);
	layer->output_norm = add_norm(planner, names[7]);
}

static void
add_module(Planner *planner, int i)
{
	static const char *const name = "linear";
	AngleTrainable *model = planner->model;
	const AngleModule *module = &model->model.config.modules[i];
	size_t first = model->parameter_count;

	if (module->kind != ANGLE_MODULE_DENSE)
		return;
	model->dense[i] = add_linear(planner, &name, 1, (size_t) module->inputs,
								 (size_t) module->outputs);
	/* the numbers of a bias that is not there stay zero as padding does */
	if (!module->bias)
		model->parameter_count--;
	for (; first < model->parameter_count; first++)
		model->parameters[first].module = i;
}

static AngleStatus
plan(Planner *planner, AngleError *err)
{
	AngleTrainable *model = planner->model;
	const AngleModelConfig *config = &model->model.config;
	size_t layers = (size_t) config->layers;
	size_t C = (size_t) config->hidden;

	model->parameters = angle_arena_alloc(
		planner->arena,
		FIXED_PARAMETERS + layers * LAYER_PARAMETERS + 2 * ANGLE_MAX_MODULES,
		sizeof(AngleParameter));
	model->layers =
		angle_arena_zalloc(planner->arena, layers, sizeof(AngleTrainableLayer));
	if (model->parameters == NULL || model->layers == NULL)
		return angle_no_memory(err);
	model->words = add(planner, "embeddings.word_embeddings.weight",
					   (size_t) config->vocab, C, ANGLE_DECAY);
	model->positions = add(planner, "embeddings.position_embeddings.weight",
						   (size_t) config->positions, C, ANGLE_DECAY);
	model->token_types = add(planner, "embeddings.token_type_embeddings.weight",
							 (size_t) config->type_vocab, C, ANGLE_DECAY);
	pad(model);
	model->tables = model->count;
	model->norm = add_norm(planner, "embeddings.LayerNorm");
	for (int i = 0; i < config->layers; i++)
		add_layer(planner, i, &model->layers[i]);
	for (int i = 0; i < config->module_count; i++)
		add_module(planner, i);
	return planner->status == ANGLE_OK ? ANGLE_OK : angle_no_memory(err);
}

/* ---- packed forms ------------------------------------------------------- */

static AngleStatus
allocate_forms(AngleTrainable *model, AngleTrainableLinear *linear,
			   AngleArena *arena, AngleError *err)
{
	linear->panels = angle_arena_zalloc(
		arena, angle_padded(linear->outputs) * linear->inputs, sizeof(float));
	linear->transposed = angle_arena_zalloc(
		arena, angle_padded(linear->inputs) * angle_padded(linear->outputs),
		sizeof(float));
	if (linear->panels == NULL || linear->transposed == NULL)
		return angle_no_memory(err);
	model->linears[model->linear_count++] = linear;
	return ANGLE_OK;
}

static AngleStatus
allocate_all_forms(AngleTrainable *model, AngleArena *arena, AngleError *err)
{
	const AngleModelConfig *config = &model->model.config;

	model->linears = angle_arena_alloc(
		arena, 4 * (size_t) config->layers + ANGLE_MAX_MODULES,
		sizeof(AngleTrainableLinear *));
	if (model->linears == NULL)
		return angle_no_memory(err);
	for (int i = 0; i < config->layers; i++)
	{
		AngleTrainableLayer *layer = &model->layers[i];

		ANGLE_TRY(allocate_forms(model, &layer->qkv, arena, err));
		ANGLE_TRY(allocate_forms(model, &layer->attention, arena, err));
		ANGLE_TRY(allocate_forms(model, &layer->intermediate, arena, err));
		ANGLE_TRY(allocate_forms(model, &layer->output, arena, err));
	}
	for (int i = 0; i < config->module_count; i++)
	{
		if (config->modules[i].kind == ANGLE_MODULE_DENSE)
			ANGLE_TRY(allocate_forms(model, &model->dense[i], arena, err));
	}
	return ANGLE_OK;
}

/* Wᵀ (K, N) in panels of sixteen of its K rows. */
static void
pack_transposed(const float *weight, size_t outputs, size_t inputs,
				float *panels)
{
	size_t padded = angle_padded(outputs);

	for (size_t k = 0; k < inputs; k += ANGLE_PANEL)
	{
		size_t width = inputs - k < ANGLE_PANEL ? inputs - k : ANGLE_PANEL;
		float *panel = panels + k * padded;

		for (size_t n = 0; n < outputs; n++)
			memcpy(panel + n * ANGLE_PANEL, weight + n * inputs + k,
				   width * sizeof(float));
	}
}

static void
repack_one(void *context, size_t index, int worker)
{
	AngleTrainable *model = context;
	AngleTrainableLinear *linear = model->linears[index];
	const float *weight = model->values + linear->weight;

	(void) worker;
	angle_panel_pack(weight, linear->outputs, linear->inputs, linear->panels);
	pack_transposed(weight, linear->outputs, linear->inputs,
					linear->transposed);
}

void
angle_trainable_repack(AngleTrainable *model, AngleExecutor *executor)
{
	angle_executor_run(executor, model->linear_count, repack_one, model);
}

/* ---- the model of the forward pass -------------------------------------- */

static AngleLinear
view_linear(const AngleTrainable *model, const AngleTrainableLinear *linear)
{
	return (AngleLinear){
		.inputs = linear->inputs,
		.outputs = linear->outputs,
		.panels = linear->panels,
		.bias = model->values + linear->bias,
	};
}

static AngleNorm
view_norm(const AngleTrainable *model, const AngleTrainableNorm *norm)
{
	return (AngleNorm){model->values + norm->weight,
					   model->values + norm->bias};
}

static AngleStatus
bind(AngleTrainable *model, AngleArena *arena, AngleError *err)
{
	const AngleModelConfig *config = &model->model.config;
	AngleBert *bert = &model->model.bert;

	bert->words = model->values + model->words;
	bert->positions = model->values + model->positions;
	bert->token_type = model->values + model->token_types;
	bert->norm = view_norm(model, &model->norm);
	bert->layers = angle_arena_alloc(arena, (size_t) config->layers,
									 sizeof(AngleBertLayer));
	if (bert->layers == NULL)
		return angle_no_memory(err);
	for (int i = 0; i < config->layers; i++)
	{
		const AngleTrainableLayer *layer = &model->layers[i];

		bert->layers[i] = (AngleBertLayer){
			.qkv = view_linear(model, &layer->qkv),
			.attention = view_linear(model, &layer->attention),
			.attention_norm = view_norm(model, &layer->attention_norm),
			.intermediate = view_linear(model, &layer->intermediate),
			.output = view_linear(model, &layer->output),
			.output_norm = view_norm(model, &layer->output_norm),
		};
	}
	for (int i = 0; i < config->module_count; i++)
	{
		if (config->modules[i].kind == ANGLE_MODULE_DENSE)
			model->model.dense[i] = view_linear(model, &model->dense[i]);
	}
	return ANGLE_OK;
}

/* ---- reading ------------------------------------------------------------ */

typedef struct Sources
{
	AngleCheckpoint
		checkpoints[1 + ANGLE_MAX_MODULES]; /* the encoder's first */
	AngleBertSource sources[1 + ANGLE_MAX_MODULES];
} Sources;

static AngleStatus
open_sources(const AngleHubModel *hub, AngleArena *arena, Sources *sources,
			 AngleError *err)
{
	const AngleModelConfig *config = &hub->config;

	ANGLE_TRY(angle_checkpoint_open(hub->directory, arena,
									&sources->checkpoints[0], err));
	ANGLE_TRY(angle_bert_source_open(&sources->checkpoints[0].list, config,
									 &sources->sources[0], err));
	for (int i = 0; i < config->module_count; i++)
	{
		if (config->modules[i].kind != ANGLE_MODULE_DENSE)
			continue;
		ANGLE_TRY(angle_checkpoint_open(hub->module_directories[i], arena,
										&sources->checkpoints[1 + i], err));
		sources->sources[1 + i] =
			(AngleBertSource){&sources->checkpoints[1 + i].list, config, ""};
	}
	return ANGLE_OK;
}

static AngleStatus
read_parameters(AngleTrainable *model, const Sources *sources,
				AngleArena *scratch, AngleError *err)
{
	for (size_t i = 0; i < model->parameter_count; i++)
	{
		const AngleParameter *parameter = &model->parameters[i];
		size_t columns = parameter->columns > 0 ? parameter->columns : 1;
		float *values;

		angle_arena_reset(scratch);
		ANGLE_TRY(angle_bert_source_read(
			&sources->sources[1 + parameter->module], parameter->name,
			(AngleSourceShape){parameter->rows, parameter->columns}, scratch,
			&values, err));
		memcpy(model->values + parameter->offset, values,
			   parameter->rows * columns * sizeof(float));
	}
	return ANGLE_OK;
}

/* scratch holds one tensor at a time. */
static AngleStatus
read_weights(const AngleHubModel *hub, AngleTrainable *model, AngleArena *arena,
			 AngleError *err)
{
	AngleArena *scratch = angle_arena_create(angle_arena_allocator(arena));
	Sources sources = {0};
	AngleStatus status;

	if (scratch == NULL)
		return angle_no_memory(err);
	status = open_sources(hub, arena, &sources, err);
	if (status == ANGLE_OK)
		status = read_parameters(model, &sources, scratch, err);
	for (int i = 0; i <= ANGLE_MAX_MODULES; i++)
		angle_checkpoint_close(&sources.checkpoints[i]);
	angle_arena_destroy(scratch);
	return status;
}

static size_t
widest(const AngleTrainable *model)
{
	size_t width = 0;

	for (size_t i = 0; i < model->linear_count; i++)
	{
		const AngleTrainableLinear *linear = model->linears[i];

		width = linear->inputs > width ? linear->inputs : width;
		width = linear->outputs > width ? linear->outputs : width;
	}
	return angle_padded(width);
}

AngleStatus
angle_trainable_open(const AngleHubModel *hub, AngleArena *arena,
					 AngleTrainable **result, AngleError *err)
{
	AngleTrainable *model = angle_arena_zalloc(arena, 1, sizeof(*model));
	Planner planner = {model, arena, ANGLE_OK};
	AngleBytes image;

	if (model == NULL)
		return angle_no_memory(err);
	model->model.config = hub->config;
	ANGLE_TRY(
		angle_hub_tokenizer(hub, arena, &image, &model->model.tokenizer, err));
	if (angle_tokenizer_vocab_size(model->model.tokenizer) >
		(size_t) hub->config.vocab)
		return angle_fail(
			err, ANGLE_CORRUPT,
			"directory \"%s\": the tokenizer has more tokens than "
			"config.json says",
			hub->directory);
	ANGLE_TRY(plan(&planner, err));
	model->values = angle_arena_zalloc(arena, model->count, sizeof(float));
	if (model->values == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(read_weights(hub, model, arena, err));
	ANGLE_TRY(allocate_all_forms(model, arena, err));
	model->zeros = angle_arena_zalloc(arena, widest(model), sizeof(float));
	if (model->zeros == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(bind(model, arena, err));
	angle_trainable_repack(model, NULL);
	*result = model;
	return ANGLE_OK;
}
