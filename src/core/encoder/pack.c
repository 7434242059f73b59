/*
 * Packing goes in two steps, because the directory of a packed file precedes
 * its data: plan every array, then produce them one group at a time in the
 * order of the plan. A group is what is read and rounded together: a linear
 * layer with its bias and scales, a norm, a table.
 */
#include "core/encoder/pack.h"

#include <math.h>
#include <string.h>

#include "core/encoder/array_names.h"
#include "core/encoder/bert_source.h"
#include "core/encoder/pack_plan.h"
#include "core/tensor/kernels.h"
#include "core/tensor/panel.h"
#include "core/text/tokenizer.h"

typedef struct Packer
{
	const AnglePackOptions *options;
	AnglePackedWriter *writer;
	AngleError *err;
	AngleArena *arena;
	AngleArena *scratch;		   /* reset for each group */
	AngleCalibration *calibration; /* of int8, from the first layer on */
	uint64_t done;
	uint64_t total;
} Packer;

static AngleStatus
append(Packer *packer, const void *data, size_t size)
{
	const AnglePackOptions *options = packer->options;

	ANGLE_TRY(angle_packed_append(packer->writer, (AngleBytes){data, size},
								  packer->err));
	packer->done += size;
	if (options->progress != NULL)
		options->progress(options->progress_context, packer->done,
						  packer->total);
	return ANGLE_OK;
}

/* A copy of n values with zeros behind, up to whole panels; NULL when there is
 * no memory. */
static float *
pad_vector(const Packer *packer, const float *values, size_t n)
{
	float *padded =
		angle_arena_zalloc(packer->scratch, angle_padded(n), sizeof(float));

	if (padded != NULL)
		memcpy(padded, values, n * sizeof(float));
	return padded;
}

/* Writes a vector of n floats, padded. */
static AngleStatus
append_vector(Packer *packer, const float *values, size_t n)
{
	float *padded = pad_vector(packer, values, n);

	if (padded == NULL)
		return angle_no_memory(packer->err);
	return append(packer, padded, angle_padded(n) * sizeof(float));
}

/* Reads one part of a group's tensor i into scratch. */
static AngleStatus
read_part(const Packer *packer, const AnglePackGroup *group, int i,
		  const char *part, AngleSourceShape shape, float **values)
{
	char name[256];

	snprintf(name, sizeof(name), "%s.%s", group->tensors[i], part);
	return angle_bert_source_read(group->source, name, shape, packer->scratch,
								  values, packer->err);
}

/* Reads the tensors of a group, one below the other, and its bias. */
static AngleStatus
read_linear(const Packer *packer, const AnglePackGroup *group, float **weight,
			float **bias)
{
	size_t block = group->rows / (size_t) group->tensor_count;

	*weight = angle_arena_alloc(packer->scratch, group->rows * group->columns,
								sizeof(float));
	*bias = angle_arena_zalloc(packer->scratch, angle_padded(group->rows),
							   sizeof(float));
	if (*weight == NULL || *bias == NULL)
		return angle_no_memory(packer->err);
	for (int i = 0; i < group->tensor_count; i++)
	{
		float *part;

		ANGLE_TRY(read_part(packer, group, i, ANGLE_PART_WEIGHT,
							(AngleSourceShape){block, group->columns}, &part));
		memcpy(*weight + (size_t) i * block * group->columns, part,
			   block * group->columns * sizeof(float));
		if (!group->has_bias)
			continue;
		ANGLE_TRY(read_part(packer, group, i, ANGLE_PART_BIAS,
							(AngleSourceShape){block, 0}, &part));
		memcpy(*bias + (size_t) i * block, part, block * sizeof(float));
	}
	return ANGLE_OK;
}

static AngleStatus
write_f32_linear(Packer *packer, const AnglePackGroup *group)
{
	size_t size = angle_padded(group->rows) * group->columns * sizeof(float);
	float *weight;
	float *bias;
	float *panels;

	ANGLE_TRY(read_linear(packer, group, &weight, &bias));
	panels = angle_arena_alloc(packer->scratch, 1, size);
	if (panels == NULL)
		return angle_no_memory(packer->err);
	angle_panel_pack(weight, group->rows, group->columns, panels);
	ANGLE_TRY(append_vector(packer, bias, group->rows));
	return append(packer, panels, size);
}

/* Random tokens have come as far as this group. */
static AngleStatus
start_calibration(Packer *packer, const AnglePackGroup *group)
{
	if (packer->calibration != NULL)
		return ANGLE_OK;
	return angle_calibration_start(group->source, packer->arena,
								   packer->scratch, &packer->calibration,
								   packer->err);
}

static AngleStatus
allocate_panels(Packer *packer, const AnglePackGroup *group,
				AnglePanels *panels)
{
	size_t padded = angle_padded(group->rows);

	panels->levels = angle_arena_alloc(packer->scratch, padded,
									   angle_panel_inputs(group->columns));
	panels->scale = angle_arena_alloc(packer->scratch, padded, sizeof(float));
	panels->sum = angle_arena_alloc(packer->scratch, padded, sizeof(int32_t));
	panels->outlier = angle_arena_alloc(packer->scratch,
										padded * ANGLE_OUTLIERS, sizeof(float));
	if (panels->levels == NULL || panels->scale == NULL ||
		panels->sum == NULL || panels->outlier == NULL)
		return angle_no_memory(packer->err);
	return ANGLE_OK;
}

static AngleStatus
append_int8_linear(Packer *packer, const AnglePackGroup *group,
				   const float *bias, const int32_t *outliers,
				   const AnglePanels *panels)
{
	size_t padded = angle_padded(group->rows);

	ANGLE_TRY(append_vector(packer, bias, group->rows));
	ANGLE_TRY(append_vector(packer, panels->scale, group->rows));
	ANGLE_TRY(append(packer, panels->sum, padded * sizeof(int32_t)));
	ANGLE_TRY(append(packer, outliers, ANGLE_OUTLIERS * sizeof(int32_t)));
	ANGLE_TRY(append(packer, panels->outlier,
					 padded * ANGLE_OUTLIERS * sizeof(float)));
	return append(packer, panels->levels,
				  padded * angle_panel_inputs(group->columns));
}

static AngleStatus
write_int8_linear(Packer *packer, const AnglePackGroup *group)
{
	int32_t outliers[ANGLE_OUTLIERS];
	AngleCalibrationStep step = {group->part, group->rows, group->columns, NULL,
								 NULL};
	AnglePanels panels;
	float *weight;
	float *bias;

	ANGLE_TRY(start_calibration(packer, group));
	ANGLE_TRY(allocate_panels(packer, group, &panels));
	ANGLE_TRY(read_linear(packer, group, &weight, &bias));
	angle_calibration_outliers(packer->calibration, group->part, group->columns,
							   outliers);
	angle_panel_quantize(weight, group->rows, group->columns, outliers,
						 &panels);
	ANGLE_TRY(append_int8_linear(packer, group, bias, outliers, &panels));
	step.weight = weight;
	step.bias = bias;
	return angle_calibration_advance(packer->calibration, &step,
									 packer->scratch, packer->err);
}

static AngleStatus
write_norm(Packer *packer, const AnglePackGroup *group)
{
	AngleCalibrationStep step = {group->part, group->rows, 0, NULL, NULL};
	float *weight;
	float *bias;

	ANGLE_TRY(read_part(packer, group, 0, ANGLE_PART_WEIGHT,
						(AngleSourceShape){group->rows, 0}, &weight));
	ANGLE_TRY(read_part(packer, group, 0, ANGLE_PART_BIAS,
						(AngleSourceShape){group->rows, 0}, &bias));
	ANGLE_TRY(append_vector(packer, bias, group->rows));
	ANGLE_TRY(append_vector(packer, weight, group->rows));
	if (packer->calibration == NULL)
		return ANGLE_OK;
	step.weight = pad_vector(packer, weight, group->rows);
	step.bias = pad_vector(packer, bias, group->rows);
	if (step.weight == NULL || step.bias == NULL)
		return angle_no_memory(packer->err);
	return angle_calibration_advance(packer->calibration, &step,
									 packer->scratch, packer->err);
}

static AngleStatus
write_table(Packer *packer, const AnglePackGroup *group)
{
	float *values;

	ANGLE_TRY(read_part(packer, group, 0, ANGLE_PART_WEIGHT,
						(AngleSourceShape){group->source_rows, group->columns},
						&values));
	return append(packer, values, group->rows * group->columns * sizeof(float));
}

static AngleStatus
write_int8_table(Packer *packer, const AnglePackGroup *group)
{
	int8_t *levels =
		angle_arena_alloc(packer->scratch, group->rows, group->columns);
	float *scale =
		angle_arena_alloc(packer->scratch, group->rows, sizeof(float));
	float *values;

	if (levels == NULL || scale == NULL)
		return angle_no_memory(packer->err);
	ANGLE_TRY(read_part(packer, group, 0, ANGLE_PART_WEIGHT,
						(AngleSourceShape){group->source_rows, group->columns},
						&values));
	for (size_t i = 0; i < group->rows; i++)
		scale[i] =
			angle_row_quantize(values + i * group->columns, group->columns,
							   levels + i * group->columns);
	ANGLE_TRY(append_vector(packer, scale, group->rows));
	return append(packer, levels, group->rows * group->columns);
}

static AngleStatus
write_group(Packer *packer, const AnglePackGroup *group)
{
	switch (group->kind)
	{
		case ANGLE_GROUP_BYTES:
			return append(packer, group->bytes.data, group->bytes.size);
		case ANGLE_GROUP_TABLE:
			return write_table(packer, group);
		case ANGLE_GROUP_INT8_TABLE:
			return write_int8_table(packer, group);
		case ANGLE_GROUP_NORM:
			return write_norm(packer, group);
		case ANGLE_GROUP_LINEAR:
			return write_f32_linear(packer, group);
		case ANGLE_GROUP_INT8_LINEAR:
			return write_int8_linear(packer, group);
	}
	return ANGLE_OK;
}

static AngleStatus
write_plan(Packer *packer, const AnglePackPlan *plan)
{
	for (size_t i = 0; i < plan->array_count; i++)
		packer->total += plan->arrays[i].data.size;
	for (size_t i = 0; i < plan->group_count; i++)
	{
		if (angle_cancelled(packer->options->cancel))
			return angle_fail_cancelled(packer->err);
		angle_arena_reset(packer->scratch);
		ANGLE_TRY(write_group(packer, &plan->groups[i]));
	}
	return angle_packed_finish(packer->writer, packer->err);
}

static AngleStatus
pack_hub_model(const AngleHubModel *hub, AngleModelConfig *config,
			   const AnglePackOptions *options, FILE *stream, AngleArena *arena,
			   AngleError *err)
{
	Packer packer = {.options = options, .err = err, .arena = arena};
	AnglePackPlan plan;
	AngleStatus status;

	config->quantization = options->quantization;
	status = angle_pack_plan_open(hub, config, arena, &plan, err);
	if (status == ANGLE_OK)
	{
		AnglePackedFile announced = {*config, plan.array_count, plan.arrays};

		status =
			angle_packed_start(stream, &announced, arena, &packer.writer, err);
	}
	if (status == ANGLE_OK)
	{
		packer.scratch = angle_arena_create(angle_arena_allocator(arena));
		status = packer.scratch == NULL ? angle_no_memory(err)
										: write_plan(&packer, &plan);
		angle_arena_destroy(packer.scratch);
	}
	angle_pack_plan_close(&plan);
	return status;
}

AngleStatus
angle_pack_directory(const char *directory, const AnglePackOptions *options,
					 FILE *stream, AngleArena *arena, AngleError *err)
{
	AngleHubModel hub = {0};
	AngleStatus status =
		angle_hub_open(directory, &options->hub, arena, &hub, err);

	if (status == ANGLE_OK)
	{
		AngleModelConfig config = hub.config;

		status = pack_hub_model(&hub, &config, options, stream, arena, err);
	}
	angle_hub_close(&hub);
	return status;
}
