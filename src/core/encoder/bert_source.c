#include "core/encoder/bert_source.h"

#include <stdio.h>
#include <string.h>

#define NAME_SIZE 256
#define WORDS "embeddings.word_embeddings.weight"

AngleStatus
angle_bert_source_open(const AngleTensorList *list,
					   const AngleModelConfig *config, AngleBertSource *source,
					   AngleError *err)
{
	/* BertModel alone, inside a task's model, inside sentence-transformers */
	static const char *const prefixes[] = {"", "bert.", "0.auto_model.",
										   "auto_model.", "model."};
	char name[NAME_SIZE];

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
	{
		snprintf(name, sizeof(name), "%s%s", prefixes[i], WORDS);
		if (angle_tensors_find(list, name) == NULL)
			continue;
		*source = (AngleBertSource){list, config, prefixes[i]};
		return ANGLE_OK;
	}
	return angle_fail(err, ANGLE_NOT_FOUND,
					  "\"%s\" has no tensor \"%s\", alone or behind a "
					  "prefix such as \"bert.\"",
					  list->path, WORDS);
}

/* "….LayerNorm.weight" was once "….LayerNorm.gamma", and bias "beta". */
static const AngleTensor *
find_older_name(const AngleTensorList *list, const char *name)
{
	char older[NAME_SIZE];
	const char *dot = strrchr(name, '.');

	if (dot == NULL || strstr(name, "LayerNorm.") == NULL)
		return NULL;
	snprintf(older, sizeof(older), "%.*s.%s", (int) (dot - name), name,
			 strcmp(dot, ".bias") == 0 ? "beta" : "gamma");
	return angle_tensors_find(list, older);
}

static AngleStatus
check_shape(const AngleTensor *tensor, const char *path, AngleSourceShape shape,
			AngleError *err)
{
	const int64_t *actual = tensor->shape;
	bool same = shape.columns == 0
					? tensor->rank == 1 && actual[0] == (int64_t) shape.rows
					: tensor->rank == 2 && actual[0] == (int64_t) shape.rows &&
						  actual[1] == (int64_t) shape.columns;

	if (same)
		return ANGLE_OK;
	angle_fail(err, ANGLE_CORRUPT,
			   "file \"%s\": tensor \"%s\" does not have the shape that "
			   "config.json implies",
			   path, tensor->name);
	if (shape.columns == 0)
		angle_hint(err, "Expected [%zu].", shape.rows);
	else
		angle_hint(err, "Expected [%zu, %zu].", shape.rows, shape.columns);
	return ANGLE_CORRUPT;
}

AngleStatus
angle_bert_source_read(const AngleBertSource *source, const char *name,
					   AngleSourceShape shape, AngleArena *arena,
					   float **values, AngleError *err)
{
	const AngleTensorList *list = source->list;
	char full[NAME_SIZE];
	const AngleTensor *tensor;
	AngleStatus status;

	snprintf(full, sizeof(full), "%s%s", source->prefix, name);
	tensor = angle_tensors_find(list, full);
	if (tensor == NULL)
		tensor = find_older_name(list, full);
	if (tensor == NULL)
		return angle_fail(err, ANGLE_NOT_FOUND,
						  "file \"%s\" has no tensor \"%s\"", list->path, full);
	ANGLE_TRY(check_shape(tensor, list->path, shape, err));
	*values =
		angle_arena_alloc(arena, angle_tensor_elements(tensor), sizeof(float));
	if (*values == NULL)
		return angle_no_memory(err);
	status = angle_tensor_to_float(tensor, *values, err);
	if (status != ANGLE_OK)
		angle_prefix(err, "file \"%s\"", list->path);
	return status;
}
