#include "trainer/export.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/model/safetensors.h"
#include "trainer/model_weights.h"
#include "trainer/output.h"

/* One folder of the model: the model's own, or that of a module. */
typedef AngleStatus (*FolderAction)(void *context, const char *source,
									const char *name, AngleError *err);

static AngleStatus
fail_path(AngleError *err, const char *verb, const char *path)
{
	return angle_fail(err, ANGLE_IO_ERROR, "could not %s \"%s\": %s", verb,
					  path, strerror(errno));
}

static AngleStatus
join(char path[PATH_MAX], const char *folder, const char *name, AngleError *err)
{
	if (snprintf(path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "the path of \"%.100s\" is too long", name);
	return ANGLE_OK;
}

/* ---- folders ------------------------------------------------------------ */

/* Modules of sentence-transformers, such as 2_Dense, have a configuration. */
static bool
is_module_folder(const char *folder, const char *name)
{
	char path[PATH_MAX];

	return name[0] != '.' &&
		   snprintf(path, sizeof(path), "%s/%s/config.json", folder, name) <
			   PATH_MAX &&
		   access(path, F_OK) == 0;
}

/* Calls action for the model's own folder, named ".", and for its modules'. */
static AngleStatus
each_folder(const char *directory, FolderAction action, void *context,
			AngleError *err)
{
	AngleStatus status = action(context, directory, ".", err);
	const struct dirent *entry;
	char path[PATH_MAX];
	DIR *dir;

	if (status != ANGLE_OK)
		return status;
	dir = opendir(directory);
	if (dir == NULL)
		return fail_path(err, "read directory", directory);
	while (status == ANGLE_OK && (entry = readdir(dir)) != NULL)
	{
		if (!is_module_folder(directory, entry->d_name))
			continue;
		status = join(path, directory, entry->d_name, err);
		if (status == ANGLE_OK)
			status = action(context, path, entry->d_name, err);
	}
	closedir(dir);
	return status;
}

static AngleStatus
note_torch(void *context, const char *source, const char *name, AngleError *err)
{
	(void) name;
	(void) err;
	if (angle_weights_format(source) == ANGLE_WEIGHTS_TORCH)
		*(bool *) context = true;
	return ANGLE_OK;
}

bool
angle_export_needed(const char *directory)
{
	bool needed = false;

	/* a directory that cannot be read is core's to complain about */
	if (each_folder(directory, note_torch, &needed, NULL) != ANGLE_OK)
		return false;
	return needed;
}

typedef struct Sizing
{
	AngleArena *arena;
	uint64_t bytes;
} Sizing;

static AngleStatus
add_size(void *context, const char *source, const char *name, AngleError *err)
{
	Sizing *sizing = context;
	AngleWeights *weights;
	const AngleTensor *tensors;
	size_t count;

	(void) name;
	if (angle_weights_format(source) == ANGLE_WEIGHTS_NONE)
		return ANGLE_OK;
	ANGLE_TRY(angle_weights_open(source, sizing->arena, &weights, err));
	tensors = angle_weights_tensors(weights, &count);
	for (size_t i = 0; i < count; i++)
		sizing->bytes += tensors[i].data.size;
	angle_weights_close(weights);
	return ANGLE_OK;
}

AngleStatus
angle_export_size(const char *directory, AngleArena *arena, uint64_t *bytes,
				  AngleError *err)
{
	Sizing sizing = {arena, 0};
	AngleStatus status = each_folder(directory, add_size, &sizing, err);

	*bytes = sizing.bytes;
	return status;
}

/* ---- files -------------------------------------------------------------- */

static AngleStatus
write_bytes(FILE *stream, AngleBytes bytes, const char *path, AngleError *err)
{
	if (bytes.size > 0 &&
		fwrite(bytes.data, 1, bytes.size, stream) != bytes.size)
		return fail_path(err, "write", path);
	return ANGLE_OK;
}

/* What belongs to a model beside its weights. The index of shards goes with
 * the shards. */
static bool
is_copied(const char *name)
{
	static const char *const suffixes[] = {".json", ".txt", ".md", ".model"};
	size_t length = strlen(name);

	if (name[0] == '.' || strstr(name, ".index.json") != NULL)
		return false;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
	{
		size_t suffix = strlen(suffixes[i]);

		if (length > suffix && strcmp(name + length - suffix, suffixes[i]) == 0)
			return true;
	}
	return strncmp(name, "LICENSE", 7) == 0 || strncmp(name, "NOTICE", 6) == 0;
}

static AngleStatus
close_stream(FILE *stream, AngleStatus status, const char *path,
			 AngleError *err)
{
	if (status == ANGLE_OK)
		status = angle_sync_stream(stream, path, err);
	if (fclose(stream) != 0 && status == ANGLE_OK)
		status = fail_path(err, "write", path);
	return status;
}

static AngleStatus
copy_file(const char *source, const char *target, AngleError *err)
{
	AngleBytes bytes;
	AngleStatus status;
	FILE *stream;

	ANGLE_TRY(angle_file_map(source, &bytes, err));
	stream = fopen(target, "wbxe");
	status = stream == NULL ? fail_path(err, "write", target)
							: write_bytes(stream, bytes, target, err);
	if (stream != NULL)
		status = close_stream(stream, status, target, err);
	angle_file_unmap(&bytes);
	return status;
}

static AngleStatus
copy_files(const char *source, const char *target, AngleError *err)
{
	AngleStatus status = ANGLE_OK;
	const struct dirent *entry;
	DIR *dir = opendir(source);

	if (dir == NULL)
		return fail_path(err, "read directory", source);
	while (status == ANGLE_OK && (entry = readdir(dir)) != NULL)
	{
		char from[PATH_MAX];
		char to[PATH_MAX];
		struct stat st;

		status = join(from, source, entry->d_name, err);
		if (status == ANGLE_OK)
			status = join(to, target, entry->d_name, err);
		if (status == ANGLE_OK && is_copied(entry->d_name) &&
			stat(from, &st) == 0 && S_ISREG(st.st_mode))
			status = copy_file(from, to, err);
	}
	closedir(dir);
	return status;
}

/* ---- weights ------------------------------------------------------------ */

typedef struct Exporter
{
	const AngleExport *export;
	AngleArena *arena;
} Exporter;

/* The tensors as they will be written: those that are replaced become floats. */
static AngleStatus
plan_tensors(const Exporter *exporter, const char *source,
			 const AngleTensor *own, size_t count, AngleTensor **planned,
			 AngleError *err)
{
	const AngleExport *export = exporter->export;
	AngleTensor *tensors =
		angle_arena_alloc(exporter->arena, count, sizeof(AngleTensor));

	if (tensors == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < count; i++)
	{
		size_t elements = angle_tensor_elements(&own[i]);
		const float *values =
			export->replacement == NULL
				? NULL
				: export->replacement(export->replacement_context, source,
									  own[i].name, elements);

		tensors[i] = own[i];
		tensors[i].data.data = NULL;
		if (values == NULL)
			continue;
		tensors[i].dtype = ANGLE_DTYPE_F32;
		tensors[i].data =
			(AngleBytes){(const uint8_t *) values, elements * sizeof(float)};
	}
	*planned = tensors;
	return ANGLE_OK;
}

static AngleStatus
write_tensors(const Exporter *exporter, const char *source,
			  AngleWeights *weights, FILE *stream, const char *path,
			  AngleError *err)
{
	size_t count;
	const AngleTensor *own = angle_weights_tensors(weights, &count);
	const AngleExport *export = exporter->export;
	AngleTensor *tensors = NULL;
	AngleBytes bytes;

	ANGLE_TRY(plan_tensors(exporter, source, own, count, &tensors, err));
	ANGLE_TRY(
		angle_safetensors_header(tensors, count, exporter->arena, &bytes, err));
	ANGLE_TRY(write_bytes(stream, bytes, path, err));
	for (size_t i = 0; i < count; i++)
	{
		if (angle_cancelled(export->cancel))
			return angle_fail_cancelled(err);
		bytes = tensors[i].data;
		if (bytes.data == NULL)
			ANGLE_TRY(angle_weights_read(weights, i, &bytes, err));
		ANGLE_TRY(write_bytes(stream, bytes, path, err));
		if (export->progress != NULL)
			export->progress(export->progress_context, bytes.size);
	}
	return ANGLE_OK;
}

static AngleStatus
export_weights(const Exporter *exporter, const char *source, const char *target,
			   AngleError *err)
{
	char path[PATH_MAX];
	AngleWeights *weights;
	AngleStatus status;
	FILE *stream;

	ANGLE_TRY(join(path, target, "model.safetensors", err));
	ANGLE_TRY(angle_weights_open(source, exporter->arena, &weights, err));
	stream = fopen(path, "wbxe");
	if (stream == NULL)
		status = fail_path(err, "write", path);
	else
	{
		status = write_tensors(exporter, source, weights, stream, path, err);
		status = close_stream(stream, status, path, err);
	}
	angle_weights_close(weights);
	return status;
}

/* The weights are floats now, whatever config.json said: it is by that type that
 * transformers computes. */
static AngleStatus
say_float(const char *directory, AngleError *err)
{
	static const char *const keys[] = {"torch_dtype", "dtype"};
	char path[PATH_MAX];
	bool changed = false;
	bool written;
	json_t *json;

	ANGLE_TRY(join(path, directory, "config.json", err));
	json = json_load_file(path, 0, NULL);
	for (size_t i = 0; json != NULL && i < sizeof(keys) / sizeof(keys[0]); i++)
	{
		if (json_is_string(json_object_get(json, keys[i])))
			changed |=
				json_object_set_new(json, keys[i], json_string("float32")) == 0;
	}
	written = !changed || json_dump_file(json, path, JSON_INDENT(2)) == 0;
	json_decref(json);
	return written ? ANGLE_OK : fail_path(err, "write", path);
}

static AngleStatus
export_folder(void *context, const char *source, const char *name,
			  AngleError *err)
{
	const Exporter *exporter = context;
	bool is_root = strcmp(name, ".") == 0;
	char target[PATH_MAX];

	ANGLE_TRY(join(target, exporter->export->target, name, err));
	if (!is_root && mkdir(target, 0777) != 0)
		return fail_path(err, "create directory", target);
	ANGLE_TRY(copy_files(source, target, err));
	if (exporter->export->replacement != NULL)
		ANGLE_TRY(say_float(target, err));
	/* a model without weights is an error, a module without them is not */
	if (is_root || angle_weights_format(source) != ANGLE_WEIGHTS_NONE)
		ANGLE_TRY(export_weights(exporter, source, target, err));
	return ANGLE_OK;
}

AngleStatus
angle_export_run(const AngleExport *export, AngleArena *arena, AngleError *err)
{
	Exporter exporter = {export, arena};

	return each_folder(export->source, export_folder, &exporter, err);
}
