#include "trainer/merging.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/model/tensor.h"
#include "trainer/export.h"
#include "trainer/model_weights.h"

typedef struct Merger
{
	const AngleMerging *merging;
	const AngleCancel *cancel;
	AngleArena *arena;
	double total; /* of the weights */
	/* the folder of the first model that is being written, and the weights of its
	 * like in all models */
	char folder[PATH_MAX];
	AngleArena *memory;						 /* of the open weights */
	AngleWeights *weights[ANGLE_MAX_MERGED]; /* (count) */
	/* the first failure: the callback of an export has no way to return one */
	AngleStatus status;
	AngleError *err;
} Merger;

/* ---- folders ------------------------------------------------------------ */

static void
close_folder(Merger *merger)
{
	for (int i = 0; i < merger->merging->count; i++)
		angle_weights_close(merger->weights[i]);
	memset(merger->weights, 0, sizeof(merger->weights));
	merger->folder[0] = '\0';
	angle_arena_reset(merger->memory);
}

/* The folder of model index that corresponds to one of the first model. */
static AngleStatus
path_of(const Merger *merger, int index, const char *folder,
		char path[PATH_MAX], AngleError *err)
{
	const char *first = merger->merging->models[0];
	const char *below = folder + strlen(first);

	if (snprintf(path, PATH_MAX, "%s%s", merger->merging->models[index],
				 below) >= PATH_MAX)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "the path of \"%.100s\" is too long",
						  merger->merging->models[index]);
	return ANGLE_OK;
}

static AngleStatus
open_folder(Merger *merger, const char *folder, AngleError *err)
{
	char path[PATH_MAX];

	if (strcmp(merger->folder, folder) == 0)
		return ANGLE_OK;
	close_folder(merger);
	for (int i = 0; i < merger->merging->count; i++)
	{
		ANGLE_TRY(path_of(merger, i, folder, path, err));
		ANGLE_TRY(
			angle_weights_open(path, merger->memory, &merger->weights[i], err));
	}
	snprintf(merger->folder, sizeof(merger->folder), "%s", folder);
	return ANGLE_OK;
}

/* ---- tensors ------------------------------------------------------------ */

/* One tensor of all models. */
typedef struct Mean
{
	const char *name;
	AngleTensor tensor; /* the first model's */
	float *values;		/* (elements) of one model, and at last the mean */
	double *sums;		/* (elements) */
	size_t elements;
} Mean;

static bool
is_real(AngleDtype dtype)
{
	return dtype == ANGLE_DTYPE_F32 || dtype == ANGLE_DTYPE_F16 ||
		   dtype == ANGLE_DTYPE_BF16 || dtype == ANGLE_DTYPE_F64;
}

/* A tensor of one model, with its bytes. */
static AngleStatus
read_tensor(AngleWeights *weights, const char *model, const char *name,
			AngleTensor *tensor, AngleError *err)
{
	size_t count;
	const AngleTensor *tensors = angle_weights_tensors(weights, &count);

	for (size_t i = 0; i < count; i++)
	{
		if (strcmp(tensors[i].name, name) != 0)
			continue;
		*tensor = tensors[i];
		return angle_weights_read(weights, i, &tensor->data, err);
	}
	return angle_fail(err, ANGLE_INVALID_ARGUMENT,
					  "model \"%s\" has no tensor \"%s\"", model, name);
}

static bool
same_shape(const AngleTensor *a, const AngleTensor *b)
{
	return a->rank == b->rank &&
		   memcmp(a->shape, b->shape, (size_t) a->rank * sizeof(int64_t)) == 0;
}

/* Adds the share of one model to the sums. */
static AngleStatus
add_model(const Merger *merger, int index, Mean *mean, AngleError *err)
{
	const char *model = merger->merging->models[index];
	double share = merger->merging->weights[index] / merger->total;
	AngleTensor tensor;

	ANGLE_TRY(
		read_tensor(merger->weights[index], model, mean->name, &tensor, err));
	if (!same_shape(&tensor, &mean->tensor))
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "tensor \"%s\" of model \"%s\" has another shape "
						  "than in \"%s\"",
						  mean->name, model, merger->merging->models[0]);
	ANGLE_TRY(angle_tensor_to_float(&tensor, mean->values, err));
	for (size_t i = 0; i < mean->elements; i++)
		mean->sums[i] += share * (double) mean->values[i];
	return ANGLE_OK;
}

static AngleStatus
round_sums(const Mean *mean, AngleError *err)
{
	for (size_t i = 0; i < mean->elements; i++)
	{
		mean->values[i] = (float) mean->sums[i];
		if (!isfinite(mean->values[i]))
			return angle_fail(err, ANGLE_INVALID_ARGUMENT,
							  "the mean of tensor \"%s\" is not finite",
							  mean->name);
	}
	return ANGLE_OK;
}

/* The mean of a tensor; *values stays NULL for one of whole numbers. */
static AngleStatus
average(Merger *merger, Mean *mean, const float **values, AngleError *err)
{
	AngleArena *scratch;
	AngleStatus status = ANGLE_OK;

	ANGLE_TRY(read_tensor(merger->weights[0], merger->merging->models[0],
						  mean->name, &mean->tensor, err));
	if (!is_real(mean->tensor.dtype))
		return ANGLE_OK;
	scratch = angle_arena_create(NULL);
	if (scratch == NULL)
		return angle_no_memory(err);
	mean->values =
		angle_arena_alloc(merger->arena, mean->elements, sizeof(float));
	mean->sums = angle_arena_zalloc(scratch, mean->elements, sizeof(double));
	if (mean->values == NULL || mean->sums == NULL)
		status = angle_no_memory(err);
	for (int i = 0; status == ANGLE_OK && i < merger->merging->count; i++)
		status = add_model(merger, i, mean, err);
	if (status == ANGLE_OK)
		status = round_sums(mean, err);
	angle_arena_destroy(scratch);
	*values = mean->values;
	return status;
}

static const float *
replacement(void *context, const char *source, const char *name,
			size_t elements)
{
	Merger *merger = context;
	Mean mean = {.name = name, .elements = elements};
	const float *values = NULL;

	if (merger->status == ANGLE_OK && angle_cancelled(merger->cancel))
		merger->status = angle_fail_cancelled(merger->err);
	if (merger->status == ANGLE_OK)
		merger->status = open_folder(merger, source, merger->err);
	if (merger->status == ANGLE_OK)
		merger->status = average(merger, &mean, &values, merger->err);
	return merger->status == ANGLE_OK ? values : NULL;
}

/* ---- models ------------------------------------------------------------- */

static AngleStatus
merge(Merger *merger, const char *target, AngleError *err)
{
	AngleExport export = {
		.source = merger->merging->models[0],
		.target = target,
		.cancel = merger->cancel,
		.replacement = replacement,
		.replacement_context = merger,
	};
	AngleError later;

	merger->err = err;
	/* an error of the callback comes first, and must not be overwritten */
	if (angle_export_run(&export, merger->arena, &later) != ANGLE_OK &&
		merger->status == ANGLE_OK)
	{
		*err = later;
		merger->status = later.status;
	}
	return merger->status;
}

AngleStatus
angle_merge_models(const AngleMerging *merging, const char *target,
				   const AngleCancel *cancel, AngleArena *arena,
				   AngleError *err)
{
	Merger *merger = angle_arena_zalloc(arena, 1, sizeof(*merger));
	AngleStatus status;

	if (merger == NULL)
		return angle_no_memory(err);
	merger->merging = merging;
	merger->cancel = cancel;
	merger->arena = arena;
	merger->memory = angle_arena_create(NULL);
	if (merger->memory == NULL)
		return angle_no_memory(err);
	for (int i = 0; i < merging->count; i++)
		merger->total += merging->weights[i];
	status = merge(merger, target, err);
	close_folder(merger);
	angle_arena_destroy(merger->memory);
	return status;
}
