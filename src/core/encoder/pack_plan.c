#include "core/encoder/pack_plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/encoder/hub_tokenizer.h"
#include "core/tensor/kernels.h"

/* Most arrays that a group has. */
#define GROUP_ARRAYS 6

/* Groups outside the layers: tokenizer, three tables and a norm. */
#define FIXED_GROUPS 5
#define LAYER_GROUPS 6

typedef struct Planner
{
	const AngleModelConfig *config;
	AngleArena *arena;
	AnglePackPlan *plan;
} Planner;

static char *
format_name(AngleArena *arena, const char *format, ...)
{
	char name[256];
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	return angle_arena_strdup(arena, name, strlen(name));
}

/* Adds one array of the newest group; part may be NULL. */
static AngleStatus
add_array(Planner *planner, const char *part, AnglePackedType type, size_t rows,
		  size_t columns, AngleError *err)
{
	AnglePackPlan *plan = planner->plan;
	const AnglePackGroup *group = &plan->groups[plan->group_count - 1];
	AnglePackedArray *array = &plan->arrays[plan->array_count++];
	size_t size;

	*array = (AnglePackedArray){
		.name = part == NULL
					? group->array
					: format_name(planner->arena, "%s.%s", group->array, part),
		.type = type,
		.rows = (uint32_t) rows,
		.columns = (uint32_t) columns,
	};
	if (array->name == NULL)
		return angle_no_memory(err);
	if (!angle_packed_bytes(type, array->rows, array->columns, &size))
		return angle_fail(err, ANGLE_TOO_LARGE, "array \"%s\" is too large",
						  array->name);
	array->data.size = size;
	return ANGLE_OK;
}

static AngleStatus
add_vector(Planner *planner, const char *part, size_t n, AngleError *err)
{
	return add_array(planner, part, ANGLE_PACKED_F32, angle_padded(n), 1, err);
}

static AnglePackGroup *
add_group(Planner *planner, AnglePackKind kind, const char *array)
{
	AnglePackGroup *group =
		&planner->plan->groups[planner->plan->group_count++];

	*group = (AnglePackGroup){
		.kind = kind,
		.source = &planner->plan->encoder,
		.tensor_count = 1,
	};
	snprintf(group->array, sizeof(group->array), "%s", array);
	return group;
}

static AngleStatus
add_norm(Planner *planner, const char *array, const char *tensor,
		 AngleError *err)
{
	AnglePackGroup *group = add_group(planner, ANGLE_GROUP_NORM, array);

	group->rows = (size_t) planner->config->hidden;
	group->tensors[0] = tensor;
	ANGLE_TRY(add_vector(planner, ANGLE_PART_BIAS, group->rows, err));
	return add_vector(planner, ANGLE_PART_WEIGHT, group->rows, err);
}

/* Adds the arrays of a linear group whose fields are set. */
static AngleStatus
add_linear_arrays(Planner *planner, const AnglePackGroup *group,
				  AngleError *err)
{
	ANGLE_TRY(add_vector(planner, ANGLE_PART_BIAS, group->rows, err));
	if (group->kind == ANGLE_GROUP_LINEAR)
		return add_array(planner, ANGLE_PART_WEIGHT, ANGLE_PACKED_F32_PANEL,
						 group->rows, group->columns, err);
	ANGLE_TRY(add_vector(planner, ANGLE_PART_SCALE, group->rows, err));
	ANGLE_TRY(add_array(planner, ANGLE_PART_SUM, ANGLE_PACKED_I32,
						angle_padded(group->rows), 1, err));
	ANGLE_TRY(add_array(planner, ANGLE_PART_OUTLIERS, ANGLE_PACKED_I32,
						ANGLE_OUTLIERS, 1, err));
	ANGLE_TRY(add_array(planner, ANGLE_PART_OUTLIER_WEIGHT,
						ANGLE_PACKED_F32_PANEL, group->rows, ANGLE_OUTLIERS,
						err));
	return add_array(planner, ANGLE_PART_WEIGHT, ANGLE_PACKED_I8_PANEL,
					 group->rows, group->columns, err);
}

static AnglePackGroup *
start_linear(Planner *planner, const char *array, size_t rows, size_t columns)
{
	AnglePackKind kind =
		planner->config->quantization == ANGLE_QUANTIZATION_INT8
			? ANGLE_GROUP_INT8_LINEAR
			: ANGLE_GROUP_LINEAR;
	AnglePackGroup *group = add_group(planner, kind, array);

	group->rows = rows;
	group->columns = columns;
	group->has_bias = true;
	return group;
}

/* The word, position or token type table; rows of source_rows are kept. */
static AngleStatus
add_table(Planner *planner, const char *array, const char *tensor, size_t rows,
		  size_t source_rows, AngleError *err)
{
	AnglePackGroup *group = add_group(planner, ANGLE_GROUP_TABLE, array);

	group->rows = rows;
	group->columns = (size_t) planner->config->hidden;
	group->source_rows = source_rows;
	group->tensors[0] = tensor;
	return add_array(planner, NULL, ANGLE_PACKED_F32, rows, group->columns,
					 err);
}

static AngleStatus
add_words(Planner *planner, AngleError *err)
{
	const AngleModelConfig *config = planner->config;
	AnglePackGroup *group =
		add_group(planner, ANGLE_GROUP_TABLE, ANGLE_ARRAY_WORDS);

	group->rows = group->source_rows = (size_t) config->vocab;
	group->columns = (size_t) config->hidden;
	group->tensors[0] = "embeddings.word_embeddings";
	if (config->quantization == ANGLE_QUANTIZATION_F32)
		return add_array(planner, ANGLE_PART_WEIGHT, ANGLE_PACKED_F32,
						 group->rows, group->columns, err);
	group->kind = ANGLE_GROUP_INT8_TABLE;
	ANGLE_TRY(add_vector(planner, ANGLE_PART_SCALE, group->rows, err));
	return add_array(planner, ANGLE_PART_WEIGHT, ANGLE_PACKED_I8, group->rows,
					 group->columns, err);
}

static AngleStatus
add_embeddings(Planner *planner, AngleError *err)
{
	const AngleModelConfig *config = planner->config;

	ANGLE_TRY(add_words(planner, err));
	ANGLE_TRY(add_table(
		planner, ANGLE_ARRAY_POSITIONS, "embeddings.position_embeddings",
		(size_t) config->positions, (size_t) config->positions, err));
	ANGLE_TRY(add_table(planner, ANGLE_ARRAY_TOKEN_TYPE,
						"embeddings.token_type_embeddings", 1,
						(size_t) config->type_vocab, err));
	return add_norm(planner, ANGLE_ARRAY_NORM, "embeddings.LayerNorm", err);
}

/* A linear layer and the norm of encoder layer i; the tensor names are
 * relative to the layer. */
typedef struct LayerPart
{
	AngleLayerPart part;
	const char *array;	/* a format that takes i */
	const char *tensor; /* NULL: queries, keys and values */
} LayerPart;

static AngleStatus
add_layer_linear(Planner *planner, int i, const LayerPart *part, size_t rows,
				 size_t columns, AngleError *err)
{
	static const char *const qkv[] = {
		"attention.self.query", "attention.self.key", "attention.self.value"};
	char array[ANGLE_ARRAY_NAME_SIZE];
	AnglePackGroup *group;

	snprintf(array, sizeof(array), part->array, i);
	group = start_linear(planner, array, rows, columns);
	group->part = part->part;
	group->tensor_count = part->tensor == NULL ? 3 : 1;
	for (int t = 0; t < group->tensor_count; t++)
	{
		group->tensors[t] =
			format_name(planner->arena, "encoder.layer.%d.%s", i,
						part->tensor == NULL ? qkv[t] : part->tensor);
		if (group->tensors[t] == NULL)
			return angle_no_memory(err);
	}
	return add_linear_arrays(planner, group, err);
}

static AngleStatus
add_layer_norm(Planner *planner, int i, const LayerPart *part, AngleError *err)
{
	char array[ANGLE_ARRAY_NAME_SIZE];
	const char *tensor =
		format_name(planner->arena, "encoder.layer.%d.%s", i, part->tensor);

	if (tensor == NULL)
		return angle_no_memory(err);
	snprintf(array, sizeof(array), part->array, i);
	ANGLE_TRY(add_norm(planner, array, tensor, err));
	planner->plan->groups[planner->plan->group_count - 1].part = part->part;
	return ANGLE_OK;
}

static AngleStatus
add_layer(Planner *planner, int i, AngleError *err)
{
	static const LayerPart qkv = {ANGLE_LAYER_QKV, ANGLE_ARRAY_QKV, NULL};
	static const LayerPart attention = {
		ANGLE_LAYER_ATTENTION, ANGLE_ARRAY_ATTENTION, "attention.output.dense"};
	static const LayerPart attention_norm = {ANGLE_LAYER_ATTENTION_NORM,
											 ANGLE_ARRAY_ATTENTION_NORM,
											 "attention.output.LayerNorm"};
	static const LayerPart intermediate = {ANGLE_LAYER_INTERMEDIATE,
										   ANGLE_ARRAY_INTERMEDIATE,
										   "intermediate.dense"};
	static const LayerPart output = {ANGLE_LAYER_OUTPUT, ANGLE_ARRAY_OUTPUT,
									 "output.dense"};
	static const LayerPart output_norm = {
		ANGLE_LAYER_OUTPUT_NORM, ANGLE_ARRAY_OUTPUT_NORM, "output.LayerNorm"};
	size_t C = (size_t) planner->config->hidden;
	size_t F = (size_t) planner->config->intermediate;

	ANGLE_TRY(add_layer_linear(planner, i, &qkv, 3 * C, C, err));
	ANGLE_TRY(add_layer_linear(planner, i, &attention, C, C, err));
	ANGLE_TRY(add_layer_norm(planner, i, &attention_norm, err));
	ANGLE_TRY(add_layer_linear(planner, i, &intermediate, F, C, err));
	ANGLE_TRY(add_layer_linear(planner, i, &output, C, F, err));
	return add_layer_norm(planner, i, &output_norm, err);
}

/* A Dense module's own checkpoint has "linear.weight" and "linear.bias". */
static AngleStatus
add_module(Planner *planner, const AngleHubModel *hub, int i, AngleError *err)
{
	const AngleModule *module = &planner->config->modules[i];
	AnglePackPlan *plan = planner->plan;
	AnglePackGroup *group;
	char array[ANGLE_ARRAY_NAME_SIZE];

	if (module->kind != ANGLE_MODULE_DENSE)
		return ANGLE_OK;
	ANGLE_TRY(angle_checkpoint_open(hub->module_directories[i], planner->arena,
									&plan->module_checkpoints[i], err));
	plan->modules[i] = (AngleBertSource){&plan->module_checkpoints[i].list,
										 planner->config, ""};
	snprintf(array, sizeof(array), ANGLE_ARRAY_MODULE, i);
	group = start_linear(planner, array, (size_t) module->outputs,
						 (size_t) module->inputs);
	group->kind = ANGLE_GROUP_LINEAR;
	group->source = &plan->modules[i];
	group->has_bias = module->bias;
	group->tensors[0] = "linear";
	return add_linear_arrays(planner, group, err);
}

static AngleStatus
add_tokenizer(Planner *planner, const AngleHubModel *hub, AngleError *err)
{
	AnglePackGroup *group =
		add_group(planner, ANGLE_GROUP_BYTES, ANGLE_ARRAY_TOKENIZER);
	AngleTokenizer *tokenizer;

	ANGLE_TRY(angle_hub_tokenizer(hub, planner->arena, &group->bytes,
								  &tokenizer, err));
	if (angle_tokenizer_vocab_size(tokenizer) > (size_t) planner->config->vocab)
		return angle_fail(err, ANGLE_CORRUPT,
						  "directory \"%s\": the tokenizer has %zu tokens, but "
						  "config.json says a vocab_size of %d",
						  hub->directory, angle_tokenizer_vocab_size(tokenizer),
						  planner->config->vocab);
	if (group->bytes.size > UINT32_MAX)
		return angle_fail(err, ANGLE_TOO_LARGE, "the tokenizer is too large");
	return add_array(planner, NULL, ANGLE_PACKED_BYTES, group->bytes.size, 1,
					 err);
}

static AngleStatus
allocate(Planner *planner, AngleError *err)
{
	size_t groups = FIXED_GROUPS +
					LAYER_GROUPS * (size_t) planner->config->layers +
					ANGLE_MAX_MODULES;

	planner->plan->groups =
		angle_arena_alloc(planner->arena, groups, sizeof(AnglePackGroup));
	planner->plan->arrays = angle_arena_alloc(
		planner->arena, groups * GROUP_ARRAYS, sizeof(AnglePackedArray));
	if (planner->plan->groups == NULL || planner->plan->arrays == NULL)
		return angle_no_memory(err);
	return ANGLE_OK;
}

AngleStatus
angle_pack_plan_open(const AngleHubModel *hub, const AngleModelConfig *config,
					 AngleArena *arena, AnglePackPlan *plan, AngleError *err)
{
	Planner planner = {config, arena, plan};

	*plan = (AnglePackPlan){0};
	ANGLE_TRY(allocate(&planner, err));
	ANGLE_TRY(add_tokenizer(&planner, hub, err));
	ANGLE_TRY(
		angle_checkpoint_open(hub->directory, arena, &plan->checkpoint, err));
	ANGLE_TRY(angle_bert_source_open(&plan->checkpoint.list, config,
									 &plan->encoder, err));
	ANGLE_TRY(add_embeddings(&planner, err));
	for (int i = 0; i < config->layers; i++)
		ANGLE_TRY(add_layer(&planner, i, err));
	for (int i = 0; i < config->module_count; i++)
		ANGLE_TRY(add_module(&planner, hub, i, err));
	return ANGLE_OK;
}

void
angle_pack_plan_close(AnglePackPlan *plan)
{
	angle_checkpoint_close(&plan->checkpoint);
	for (int i = 0; i < ANGLE_MAX_MODULES; i++)
		angle_checkpoint_close(&plan->module_checkpoints[i]);
}
