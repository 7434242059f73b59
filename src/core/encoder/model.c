/* Opening a packed model: every array is looked up by name and must have the
 * type and the shape that the configuration implies. */
#include "core/encoder/model.h"

#include <stdio.h>

#include "core/encoder/array_names.h"
#include "core/encoder/weights.h"
#include "core/tensor/kernels.h"

static AngleStatus
find_part(const AnglePackedFile *file, const char *name, const char *part,
		  const AnglePackedArray *want, const void **data, AngleError *err)
{
	char full[ANGLE_ARRAY_NAME_SIZE];
	AnglePackedArray named = *want;
	AngleBytes bytes;

	snprintf(full, sizeof(full), part != NULL ? "%s.%s" : "%s", name, part);
	named.name = full;
	ANGLE_TRY(angle_packed_find(file, &named, &bytes, err));
	*data = bytes.data;
	return ANGLE_OK;
}

/* A vector of n floats, padded to whole panels. */
static AngleStatus
find_floats(const AnglePackedFile *file, const char *name, const char *part,
			size_t n, const float **data, AngleError *err)
{
	AnglePackedArray want = {
		.type = ANGLE_PACKED_F32,
		.rows = (uint32_t) angle_padded(n),
		.columns = 1,
	};

	return find_part(file, name, part, &want, (const void **) data, err);
}

/* Which inputs the outliers are; kernels take them as they come. */
static AngleStatus
find_outliers(const AnglePackedFile *file, const char *name,
			  AngleLinear *linear, AngleError *err)
{
	AnglePackedArray want = {
		.type = ANGLE_PACKED_I32,
		.rows = ANGLE_OUTLIERS,
		.columns = 1,
	};

	ANGLE_TRY(find_part(file, name, ANGLE_PART_OUTLIERS, &want,
						(const void **) &linear->outliers, err));
	for (int i = 0; i < ANGLE_OUTLIERS; i++)
	{
		int32_t outlier = linear->outliers[i];

		if (outlier < 0 || (size_t) outlier >= linear->inputs)
			return angle_fail(err, ANGLE_CORRUPT,
							  "packed model: array \"%s.%s\" has %d among its "
							  "elements, but the layer %zu inputs",
							  name, ANGLE_PART_OUTLIERS, outlier,
							  linear->inputs);
	}
	want = (AnglePackedArray){
		.type = ANGLE_PACKED_F32_PANEL,
		.rows = (uint32_t) linear->outputs,
		.columns = ANGLE_OUTLIERS,
	};
	return find_part(file, name, ANGLE_PART_OUTLIER_WEIGHT, &want,
					 (const void **) &linear->outlier_weight, err);
}

static AngleStatus
find_levels(const AnglePackedFile *file, const char *name, AngleLinear *linear,
			AngleError *err)
{
	AnglePackedArray want = {
		.type = ANGLE_PACKED_I8_PANEL,
		.rows = (uint32_t) linear->outputs,
		.columns = (uint32_t) linear->inputs,
	};

	ANGLE_TRY(find_part(file, name, ANGLE_PART_WEIGHT, &want,
						(const void **) &linear->levels, err));
	ANGLE_TRY(find_floats(file, name, ANGLE_PART_SCALE, linear->outputs,
						  &linear->scale, err));
	want = (AnglePackedArray){
		.type = ANGLE_PACKED_I32,
		.rows = (uint32_t) angle_padded(linear->outputs),
		.columns = 1,
	};
	ANGLE_TRY(find_part(file, name, ANGLE_PART_SUM, &want,
						(const void **) &linear->sum, err));
	return find_outliers(file, name, linear, err);
}

static AngleStatus
find_linear(const AnglePackedFile *file, const char *name,
			AngleQuantization quantization, AngleLinear *linear,
			AngleError *err)
{
	AnglePackedArray want = {
		.type = ANGLE_PACKED_F32_PANEL,
		.rows = (uint32_t) linear->outputs,
		.columns = (uint32_t) linear->inputs,
	};

	if (quantization == ANGLE_QUANTIZATION_INT8)
		ANGLE_TRY(find_levels(file, name, linear, err));
	else
		ANGLE_TRY(find_part(file, name, ANGLE_PART_WEIGHT, &want,
							(const void **) &linear->panels, err));
	return find_floats(file, name, ANGLE_PART_BIAS, linear->outputs,
					   &linear->bias, err);
}

static AngleStatus
find_norm(const AnglePackedFile *file, const char *name, size_t width,
		  AngleNorm *norm, AngleError *err)
{
	ANGLE_TRY(
		find_floats(file, name, ANGLE_PART_WEIGHT, width, &norm->weight, err));
	return find_floats(file, name, ANGLE_PART_BIAS, width, &norm->bias, err);
}

static AngleStatus
bind_embeddings(const AnglePackedFile *file, AngleModel *model, AngleError *err)
{
	const AngleModelConfig *config = &model->config;
	AngleBert *bert = &model->bert;
	AnglePackedArray want = {
		.type = ANGLE_PACKED_F32,
		.rows = (uint32_t) config->vocab,
		.columns = (uint32_t) config->hidden,
	};

	if (config->quantization == ANGLE_QUANTIZATION_INT8)
	{
		want.type = ANGLE_PACKED_I8;
		ANGLE_TRY(find_part(file, ANGLE_ARRAY_WORDS, ANGLE_PART_WEIGHT, &want,
							(const void **) &bert->word_levels, err));
		ANGLE_TRY(find_floats(file, ANGLE_ARRAY_WORDS, ANGLE_PART_SCALE,
							  (size_t) config->vocab, &bert->word_scale, err));
		want.type = ANGLE_PACKED_F32;
	}
	else
		ANGLE_TRY(find_part(file, ANGLE_ARRAY_WORDS, ANGLE_PART_WEIGHT, &want,
							(const void **) &bert->words, err));
	want.rows = (uint32_t) config->positions;
	ANGLE_TRY(find_part(file, ANGLE_ARRAY_POSITIONS, NULL, &want,
						(const void **) &bert->positions, err));
	want.rows = 1;
	ANGLE_TRY(find_part(file, ANGLE_ARRAY_TOKEN_TYPE, NULL, &want,
						(const void **) &bert->token_type, err));
	return find_norm(file, ANGLE_ARRAY_NORM, (size_t) config->hidden,
					 &bert->norm, err);
}

static AngleStatus
bind_layer(const AnglePackedFile *file, const AngleModelConfig *config, int i,
		   AngleBertLayer *layer, AngleError *err)
{
	size_t C = (size_t) config->hidden;
	size_t F = (size_t) config->intermediate;
	AngleQuantization quantization = config->quantization;
	char name[ANGLE_ARRAY_NAME_SIZE];

	layer->qkv = (AngleLinear){.inputs = C, .outputs = 3 * C};
	layer->attention = (AngleLinear){.inputs = C, .outputs = C};
	layer->intermediate = (AngleLinear){.inputs = C, .outputs = F};
	layer->output = (AngleLinear){.inputs = F, .outputs = C};
	snprintf(name, sizeof(name), ANGLE_ARRAY_QKV, i);
	ANGLE_TRY(find_linear(file, name, quantization, &layer->qkv, err));
	snprintf(name, sizeof(name), ANGLE_ARRAY_ATTENTION, i);
	ANGLE_TRY(find_linear(file, name, quantization, &layer->attention, err));
	snprintf(name, sizeof(name), ANGLE_ARRAY_ATTENTION_NORM, i);
	ANGLE_TRY(find_norm(file, name, C, &layer->attention_norm, err));
	snprintf(name, sizeof(name), ANGLE_ARRAY_INTERMEDIATE, i);
	ANGLE_TRY(find_linear(file, name, quantization, &layer->intermediate, err));
	snprintf(name, sizeof(name), ANGLE_ARRAY_OUTPUT, i);
	ANGLE_TRY(find_linear(file, name, quantization, &layer->output, err));
	snprintf(name, sizeof(name), ANGLE_ARRAY_OUTPUT_NORM, i);
	return find_norm(file, name, C, &layer->output_norm, err);
}

/* Dense modules are small and stay in F32. */
static AngleStatus
bind_modules(const AnglePackedFile *file, AngleModel *model, AngleError *err)
{
	char name[ANGLE_ARRAY_NAME_SIZE];

	for (int i = 0; i < model->config.module_count; i++)
	{
		const AngleModule *module = &model->config.modules[i];

		if (module->kind != ANGLE_MODULE_DENSE)
			continue;
		model->dense[i] = (AngleLinear){
			.inputs = (size_t) module->inputs,
			.outputs = (size_t) module->outputs,
		};
		snprintf(name, sizeof(name), ANGLE_ARRAY_MODULE, i);
		ANGLE_TRY(find_linear(file, name, ANGLE_QUANTIZATION_F32,
							  &model->dense[i], err));
	}
	return ANGLE_OK;
}

static AngleStatus
open_tokenizer(const AnglePackedFile *file, AngleModel *model,
			   AngleArena *arena, AngleError *err)
{
	const AnglePackedArray *array = NULL;

	for (size_t i = 0; i < file->count; i++)
	{
		if (strcmp(file->arrays[i].name, ANGLE_ARRAY_TOKENIZER) == 0)
			array = &file->arrays[i];
	}
	if (array == NULL || array->type != ANGLE_PACKED_BYTES)
		return angle_fail(err, ANGLE_CORRUPT,
						  "the model has no array \"%s\" of bytes",
						  ANGLE_ARRAY_TOKENIZER);
	ANGLE_TRY(angle_tokenizer_open(array->data, arena, &model->tokenizer, err));
	if (angle_tokenizer_vocab_size(model->tokenizer) >
		(size_t) model->config.vocab)
		return angle_fail(err, ANGLE_CORRUPT,
						  "the tokenizer has %zu tokens, the model only %d",
						  angle_tokenizer_vocab_size(model->tokenizer),
						  model->config.vocab);
	return ANGLE_OK;
}

AngleStatus
angle_model_open(AngleBytes image, AnglePackedCheck check,
				 const AngleCancel *cancel, AngleArena *arena,
				 AngleModel **result, AngleError *err)
{
	AngleModel *model = angle_arena_zalloc(arena, 1, sizeof(*model));
	AnglePackedFile file;

	if (model == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(angle_packed_open(image, check, cancel, arena, &file, err));
	model->config = file.config;
	ANGLE_TRY(open_tokenizer(&file, model, arena, err));
	ANGLE_TRY(bind_embeddings(&file, model, err));
	model->bert.layers = angle_arena_zalloc(
		arena, (size_t) model->config.layers, sizeof(AngleBertLayer));
	if (model->bert.layers == NULL)
		return angle_no_memory(err);
	for (int i = 0; i < model->config.layers; i++)
		ANGLE_TRY(
			bind_layer(&file, &model->config, i, &model->bert.layers[i], err));
	ANGLE_TRY(bind_modules(&file, model, err));
	*result = model;
	return ANGLE_OK;
}

const AngleModelConfig *
angle_model_config(const AngleModel *model)
{
	return &model->config;
}

const AngleTokenizer *
angle_model_tokenizer(const AngleModel *model)
{
	return model->tokenizer;
}

uint64_t
angle_model_parameters(const AngleModel *model)
{
	const AngleModelConfig *config = &model->config;
	uint64_t C = (uint64_t) config->hidden;
	uint64_t F = (uint64_t) config->intermediate;
	uint64_t layer = 4 * (C * C + C) + 2 * C * F + F + C + 4 * C;
	uint64_t rows = (uint64_t) config->vocab + (uint64_t) config->positions +
					(uint64_t) config->type_vocab;
	uint64_t total = rows * C + 2 * C + (uint64_t) config->layers * layer;

	for (int i = 0; i < config->module_count; i++)
	{
		const AngleModule *module = &config->modules[i];

		if (module->kind == ANGLE_MODULE_DENSE)
			total += (uint64_t) module->outputs *
					 ((uint64_t) module->inputs + module->bias);
	}
	return total;
}
