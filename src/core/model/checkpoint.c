#include "core/model/checkpoint.h"

#include <unistd.h>

#include "core/base/file.h"
#include "core/model/fields.h"
#include "core/model/safetensors.h"

#define SINGLE_FILE "model.safetensors"
#define INDEX_FILE "model.safetensors.index.json"
#define PICKLE_FILE "pytorch_model.bin"
#define MAX_SHARDS 1024

/* The files of a sharded checkpoint while its index is read. */
typedef struct Shards
{
	const char *directory;
	AngleArena *arena;
	AngleCheckpoint *checkpoint;
	size_t count;
	const char **names;		/* (MAX_SHARDS), in arena */
	AngleTensorList *parts; /* (MAX_SHARDS) */
} Shards;

/* Maps a safetensors file, adds it to the files that checkpoint has to unmap,
 * and reads it into part. */
static AngleStatus
open_file(AngleCheckpoint *checkpoint, const char *path, AngleArena *arena,
		  AngleTensorList *part, AngleError *err)
{
	AngleBytes *file = &checkpoint->files[checkpoint->file_count];

	ANGLE_TRY(angle_file_map(path, file, err));
	checkpoint->file_count++;
	return angle_safetensors_read(*file, path, arena, part, err);
}

static AngleStatus
open_single(const char *path, AngleArena *arena, AngleCheckpoint *checkpoint,
			AngleError *err)
{
	checkpoint->files = angle_arena_zalloc(arena, 1, sizeof(AngleBytes));
	if (checkpoint->files == NULL)
		return angle_no_memory(err);
	return open_file(checkpoint, path, arena, &checkpoint->list, err);
}

/* ---- shards ------------------------------------------------------------- */

static bool
is_plain_name(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

/* Opens the shard called name, unless it is open already. */
static AngleStatus
find_shard(Shards *shards, const char *name, const AngleTensorList **part,
		   AngleError *err)
{
	const char *path;
	size_t i = 0;

	while (i < shards->count && strcmp(shards->names[i], name) != 0)
		i++;
	*part = &shards->parts[i];
	if (i < shards->count)
		return ANGLE_OK;
	if (!is_plain_name(name))
		return angle_fail(err, ANGLE_CORRUPT,
						  "file \"%s\": \"%.128s\" is not a plain file name",
						  INDEX_FILE, name);
	if (i == MAX_SHARDS)
		return angle_fail(err, ANGLE_UNSUPPORTED,
						  "file \"%s\" names more than %d files", INDEX_FILE,
						  MAX_SHARDS);
	shards->names[i] = angle_arena_strdup(shards->arena, name, strlen(name));
	if (shards->names[i] == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(
		angle_path_join(shards->arena, shards->directory, name, &path, err));
	ANGLE_TRY(open_file(shards->checkpoint, path, shards->arena,
						&shards->parts[i], err));
	shards->count++;
	return ANGLE_OK;
}

static AngleStatus
add_sharded_tensor(Shards *shards, const char *name, const json_t *shard,
				   AngleError *err)
{
	AngleTensorList *list = &shards->checkpoint->list;
	const AngleTensorList *part;
	const AngleTensor *tensor;

	if (!json_is_string(shard))
		return angle_fail(err, ANGLE_CORRUPT,
						  "file \"%s\": the file of tensor \"%.128s\" is not a "
						  "string",
						  INDEX_FILE, name);
	ANGLE_TRY(find_shard(shards, json_string_value(shard), &part, err));
	tensor = angle_tensors_find(part, name);
	if (tensor == NULL)
		return angle_fail(err, ANGLE_CORRUPT,
						  "file \"%s\" has no tensor \"%.128s\", which \"%s\" "
						  "says it has",
						  part->path, name, INDEX_FILE);
	list->tensors[list->count++] = *tensor;
	return ANGLE_OK;
}

static AngleStatus
read_index(AngleFields fields, void *context, AngleError *err)
{
	Shards *shards = context;
	AngleTensorList *list = &shards->checkpoint->list;
	const json_t *map;
	const char *name;
	json_t *shard;

	ANGLE_TRY(angle_fields_child(fields, "weight_map", JSON_OBJECT, &map, err));
	if (map == NULL)
		return angle_fields_fail(fields, "weight_map", ANGLE_CORRUPT, err,
								 "is missing");
	list->tensors = angle_arena_alloc(shards->arena, json_object_size(map),
									  sizeof(AngleTensor));
	if (list->tensors == NULL)
		return angle_no_memory(err);
	json_object_foreach((json_t *) map, name, shard)
	{
		ANGLE_TRY(add_sharded_tensor(shards, name, shard, err));
	}
	angle_tensors_sort(list);
	return ANGLE_OK;
}

static AngleStatus
open_sharded(const char *directory, AngleBytes index, AngleArena *arena,
			 AngleCheckpoint *checkpoint, AngleError *err)
{
	Shards shards = {
		.directory = directory,
		.arena = arena,
		.checkpoint = checkpoint,
		.names = angle_arena_alloc(arena, MAX_SHARDS, sizeof(char *)),
		.parts = angle_arena_alloc(arena, MAX_SHARDS, sizeof(AngleTensorList)),
	};

	checkpoint->files =
		angle_arena_alloc(arena, MAX_SHARDS, sizeof(AngleBytes));
	if (shards.names == NULL || shards.parts == NULL ||
		checkpoint->files == NULL)
		return angle_no_memory(err);
	return angle_fields_read(index, INDEX_FILE, JSON_OBJECT, read_index,
							 &shards, err);
}

/* ---- directories -------------------------------------------------------- */

static AngleStatus
fail_no_weights(const char *directory, AngleArena *arena, AngleError *err)
{
	const char *pickle;

	ANGLE_TRY(angle_path_join(arena, directory, PICKLE_FILE, &pickle, err));
	angle_fail(err, ANGLE_NOT_FOUND,
			   "directory \"%s\" has neither \"%s\" nor \"%s\"", directory,
			   SINGLE_FILE, INDEX_FILE);
	if (access(pickle, F_OK) == 0)
		angle_hint(err,
				   "Its weights are in \"%s\"; turn them into safetensors with "
				   "\"angle convert\".",
				   PICKLE_FILE);
	return ANGLE_NOT_FOUND;
}

static AngleStatus
open_directory(const char *directory, AngleArena *arena,
			   AngleCheckpoint *checkpoint, AngleError *err)
{
	AngleBytes index;
	AngleStatus status;
	const char *path;

	ANGLE_TRY(angle_path_join(arena, directory, SINGLE_FILE, &path, err));
	status = open_single(path, arena, checkpoint, err);
	if (status != ANGLE_NOT_FOUND)
		return status;
	ANGLE_TRY(angle_path_join(arena, directory, INDEX_FILE, &path, err));
	status = angle_file_map(path, &index, err);
	if (status == ANGLE_NOT_FOUND)
		return fail_no_weights(directory, arena, err);
	ANGLE_TRY(status);
	status = open_sharded(directory, index, arena, checkpoint, err);
	angle_file_unmap(&index);
	return status;
}

AngleStatus
angle_checkpoint_open(const char *directory, AngleArena *arena,
					  AngleCheckpoint *checkpoint, AngleError *err)
{
	AngleStatus status;

	*checkpoint = (AngleCheckpoint){.list.path = directory};
	status = open_directory(directory, arena, checkpoint, err);
	if (status != ANGLE_OK)
		angle_checkpoint_close(checkpoint);
	return status;
}

void
angle_checkpoint_close(AngleCheckpoint *checkpoint)
{
	for (size_t i = 0; i < checkpoint->file_count; i++)
		angle_file_unmap(&checkpoint->files[i]);
	checkpoint->file_count = 0;
	checkpoint->list.count = 0;
}
