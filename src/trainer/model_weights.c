#include "trainer/model_weights.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/model/checkpoint.h"
#include "core/model/fields.h"
#include "trainer/torch_file.h"

#define TORCH_NAME "pytorch_model.bin"
#define TORCH_INDEX_NAME TORCH_NAME ".index.json"

/* The largest model on the hub has fewer than 200 shards. */
#define MAX_SHARDS 4096

typedef struct Shard
{
	const char *name;
	AngleBytes bytes;
	AngleTorchFile *file;
} Shard;

/* Where a tensor of the list comes from. */
typedef struct Origin
{
	AngleTensor tensor;
	Shard *shard;
	size_t index; /* among the tensors of the shard */
} Origin;

struct AngleWeights
{
	const char *directory;
	AngleArena *arena;
	size_t count;
	AngleTensor *tensors;
	AngleCheckpoint checkpoint; /* of safetensors */

	/* of torch.save() */
	size_t shard_count;
	Shard *shards;
	Origin *origins; /* (count) */
	uint8_t *buffer; /* of the largest tensor, or NULL */
};

/* ---- files -------------------------------------------------------------- */

static bool
has_file(const char *directory, const char *name)
{
	char path[4096];

	return snprintf(path, sizeof(path), "%s/%s", directory, name) <
			   (int) sizeof(path) &&
		   access(path, F_OK) == 0;
}

AngleWeightsFormat
angle_weights_format(const char *directory)
{
	if (has_file(directory, "model.safetensors") ||
		has_file(directory, "model.safetensors.index.json"))
		return ANGLE_WEIGHTS_SAFETENSORS;
	if (has_file(directory, TORCH_NAME) ||
		has_file(directory, TORCH_INDEX_NAME))
		return ANGLE_WEIGHTS_TORCH;
	return ANGLE_WEIGHTS_NONE;
}

/* ---- shards of torch.save() --------------------------------------------- */

static AngleStatus
open_shard(AngleWeights *weights, Shard *shard, AngleError *err)
{
	const char *path;

	ANGLE_TRY(angle_path_join(weights->arena, weights->directory, shard->name,
							  &path, err));
	ANGLE_TRY(angle_file_map(path, &shard->bytes, err));
	return angle_torch_open(shard->bytes, path, weights->arena, &shard->file,
							err);
}

/* Adds a shard unless it is there. An index may not lead out of its folder. */
static AngleStatus
add_shard(AngleWeights *weights, const char *name, AngleError *err)
{
	for (size_t i = 0; i < weights->shard_count; i++)
	{
		if (strcmp(weights->shards[i].name, name) == 0)
			return ANGLE_OK;
	}
	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
		return angle_fail(err, ANGLE_CORRUPT,
						  "directory \"%s\": \"%.100s\" is not the name of a "
						  "shard",
						  weights->directory, name);
	if (weights->shard_count == MAX_SHARDS)
		return angle_fail(err, ANGLE_TOO_LARGE,
						  "directory \"%s\" has more than %d shards",
						  weights->directory, MAX_SHARDS);
	name = angle_arena_strdup(weights->arena, name, strlen(name));
	if (name == NULL)
		return angle_no_memory(err);
	weights->shards[weights->shard_count++] = (Shard){.name = name};
	return ANGLE_OK;
}

static AngleStatus
list_shards(AngleFields fields, void *weights, AngleError *err)
{
	const char *key = "weight_map";
	const json_t *map;
	const char *tensor;
	json_t *shard;

	ANGLE_TRY(angle_fields_child(fields, key, JSON_OBJECT, &map, err));
	if (map == NULL)
		return angle_fields_fail(fields, key, ANGLE_CORRUPT, err, "is missing");
	json_object_foreach((json_t *) map, tensor, shard)
	{
		if (!json_is_string(shard))
			return angle_fields_fail(fields, key, ANGLE_CORRUPT, err,
									 "has no string for tensor \"%.100s\"",
									 tensor);
		ANGLE_TRY(add_shard(weights, json_string_value(shard), err));
	}
	return ANGLE_OK;
}

static AngleStatus
read_index(AngleWeights *weights, AngleError *err)
{
	AngleBytes text;
	AngleStatus status;
	const char *path;

	ANGLE_TRY(angle_path_join(weights->arena, weights->directory,
							  TORCH_INDEX_NAME, &path, err));
	ANGLE_TRY(angle_file_map(path, &text, err));
	status =
		angle_fields_read(text, path, JSON_OBJECT, list_shards, weights, err);
	angle_file_unmap(&text);
	return status;
}

static int
compare_origins(const void *a, const void *b)
{
	return strcmp(((const Origin *) a)->tensor.name,
				  ((const Origin *) b)->tensor.name);
}

/* Merges the tensors of all shards into one list. */
static AngleStatus
merge_shards(AngleWeights *weights, AngleError *err)
{
	size_t next = 0;
	size_t count;

	weights->count = 0;
	for (size_t i = 0; i < weights->shard_count; i++)
	{
		angle_torch_tensors(weights->shards[i].file, &count);
		weights->count += count;
	}
	weights->origins =
		angle_arena_alloc(weights->arena, weights->count, sizeof(Origin));
	weights->tensors =
		angle_arena_alloc(weights->arena, weights->count, sizeof(AngleTensor));
	if (weights->origins == NULL || weights->tensors == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < weights->shard_count; i++)
	{
		Shard *shard = &weights->shards[i];
		const AngleTensor *tensors = angle_torch_tensors(shard->file, &count);

		for (size_t j = 0; j < count; j++)
			weights->origins[next++] = (Origin){tensors[j], shard, j};
	}
	qsort(weights->origins, weights->count, sizeof(Origin), compare_origins);
	for (size_t i = 0; i < weights->count; i++)
	{
		weights->tensors[i] = weights->origins[i].tensor;
		if (i > 0 && compare_origins(&weights->origins[i - 1],
									 &weights->origins[i]) == 0)
			return angle_fail(err, ANGLE_CORRUPT,
							  "tensor \"%.100s\" is in two shards of \"%s\"",
							  weights->tensors[i].name, weights->directory);
	}
	return ANGLE_OK;
}

static AngleStatus
open_torch(AngleWeights *weights, AngleError *err)
{
	size_t largest = 1;

	weights->shards =
		angle_arena_zalloc(weights->arena, MAX_SHARDS, sizeof(Shard));
	if (weights->shards == NULL)
		return angle_no_memory(err);
	if (has_file(weights->directory, TORCH_NAME))
		ANGLE_TRY(add_shard(weights, TORCH_NAME, err));
	else
		ANGLE_TRY(read_index(weights, err));
	for (size_t i = 0; i < weights->shard_count; i++)
		ANGLE_TRY(open_shard(weights, &weights->shards[i], err));
	ANGLE_TRY(merge_shards(weights, err));
	for (size_t i = 0; i < weights->count; i++)
	{
		if (weights->tensors[i].data.size > largest)
			largest = weights->tensors[i].data.size;
	}
	weights->buffer = malloc(largest);
	return weights->buffer == NULL ? angle_no_memory(err) : ANGLE_OK;
}

/* ---- either format ------------------------------------------------------ */

static AngleStatus
open_safetensors(AngleWeights *weights, AngleError *err)
{
	ANGLE_TRY(angle_checkpoint_open(weights->directory, weights->arena,
									&weights->checkpoint, err));
	weights->count = weights->checkpoint.list.count;
	weights->tensors = weights->checkpoint.list.tensors;
	return ANGLE_OK;
}

AngleStatus
angle_weights_open(const char *directory, AngleArena *arena,
				   AngleWeights **result, AngleError *err)
{
	AngleWeights *weights = angle_arena_zalloc(arena, 1, sizeof(*weights));
	AngleStatus status = ANGLE_OK;

	if (weights == NULL)
		return angle_no_memory(err);
	weights->directory = directory;
	weights->arena = arena;
	switch (angle_weights_format(directory))
	{
		case ANGLE_WEIGHTS_NONE:
			status = angle_fail(err, ANGLE_NOT_FOUND,
								"there are no weights in \"%s\"", directory);
			angle_hint(err, "Expected model.safetensors or " TORCH_NAME
							", or the index of their shards.");
			break;
		case ANGLE_WEIGHTS_SAFETENSORS:
			status = open_safetensors(weights, err);
			break;
		case ANGLE_WEIGHTS_TORCH:
			status = open_torch(weights, err);
			break;
	}
	if (status != ANGLE_OK)
		angle_weights_close(weights);
	else
		*result = weights;
	return status;
}

const AngleTensor *
angle_weights_tensors(const AngleWeights *weights, size_t *count)
{
	*count = weights->count;
	return weights->tensors;
}

AngleStatus
angle_weights_read(AngleWeights *weights, size_t index, AngleBytes *data,
				   AngleError *err)
{
	*data = weights->tensors[index].data;
	if (weights->origins == NULL)
		return ANGLE_OK;
	data->data = weights->buffer;
	return angle_torch_read(weights->origins[index].shard->file,
							weights->origins[index].index, weights->buffer,
							err);
}

void
angle_weights_close(AngleWeights *weights)
{
	if (weights == NULL)
		return;
	for (size_t i = 0; i < weights->shard_count; i++)
	{
		angle_torch_close(weights->shards[i].file);
		angle_file_unmap(&weights->shards[i].bytes);
	}
	free(weights->buffer);
	angle_checkpoint_close(&weights->checkpoint);
}
