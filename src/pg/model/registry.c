#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/base/file.h"
#include "pg/bridge.h"
#include "pg/model/registry.h"
#include "pg/settings.h"

/* A message quotes this much of what is no name: it may be a long text, where
 * arguments were exchanged. */
#define MAX_QUOTED (ANGLE_MODEL_NAME_MAX + 1)

/* An open model. All of it lies in a memory context of its own. */
typedef struct RegistryEntry
{
	struct RegistryEntry *next;
	AngleBytes image; /* the mapped file */
	AngleModel *model;
	char path[FLEXIBLE_ARRAY_MEMBER];
} RegistryEntry;

/* By path and not by name, because the model directory can be changed. A
 * backend uses a handful of models, so a list is enough. */
static RegistryEntry *open_models = NULL;

bool
angle_model_name_valid(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= ANGLE_MODEL_NAME_MAX && name[0] != '.' &&
		   strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
						"0123456789._-") == length;
}

char *
angle_registry_path(const char *name)
{
	Assert(angle_model_name_valid(name));
	return psprintf("%s/%s" ANGLE_MODEL_SUFFIX, angle_model_directory, name);
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

List *
angle_registry_names(int elevel)
{
	const size_t suffix = strlen(ANGLE_MODEL_SUFFIX);
	List *names = NIL;
	struct dirent *entry;
	DIR *dir = AllocateDir(angle_model_directory);

	while ((entry = ReadDirExtended(dir, angle_model_directory, elevel)) !=
		   NULL)
	{
		size_t length = strlen(entry->d_name);
		char *name;

		if (length <= suffix ||
			strcmp(entry->d_name + length - suffix, ANGLE_MODEL_SUFFIX) != 0)
			continue;
		name = pnstrdup(entry->d_name, length - suffix);
		if (angle_model_name_valid(name))
			names = lappend(names, name);
	}
	if (dir != NULL)
		FreeDir(dir);
	list_sort(names, compare_names);
	return names;
}

static void
raise_unknown_model(const char *name)
{
	StringInfoData known;
	ListCell *cell;

	initStringInfo(&known);
	foreach(cell, angle_registry_names(DEBUG1))
		appendStringInfo(&known, "%s\"%s\"", known.len > 0 ? ", " : "",
						 (char *) lfirst(cell));
	ereport(
		ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
		errmsg("model \"%s\" does not exist", name),
		errdetail("There is no file \"%s\".", angle_registry_path(name)),
		known.len > 0
			? errhint("Available models: %s.", known.data)
			: errhint(
				  "The directory has no models; see the setting angle.model_directory."));
}

/* Maps and opens the file at entry->path; on failure nothing stays mapped. */
static AngleStatus
open_entry(RegistryEntry *entry, AngleArena *arena, AngleError *err)
{
	const AngleCancel cancel = {angle_interrupt_pending, NULL};
	AngleStatus status = angle_file_map(entry->path, &entry->image, err);

	if (status != ANGLE_OK)
		return status;
	status = angle_model_open(entry->image, ANGLE_PACKED_CHECK_CONTENT, &cancel,
							  arena, &entry->model, err);
	if (status == ANGLE_OK)
		return ANGLE_OK;
	angle_file_unmap(&entry->image);
	angle_prefix(err, "model file \"%s\"", entry->path);
	return status;
}

/* The context is the caller's until nothing can fail any more. */
static RegistryEntry *
open_model(const char *name, const char *path)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "angle model", ALLOCSET_SMALL_SIZES);
	AngleAllocator allocator = angle_context_allocator(context);
	AngleArena *arena = angle_arena_create(&allocator);
	RegistryEntry *entry = MemoryContextAllocZero(
		context, offsetof(RegistryEntry, path) + strlen(path) + 1);
	AngleStatus status;
	AngleError err;

	MemoryContextCopyAndSetIdentifier(context, name);
	strcpy(entry->path, path);
	status =
		arena == NULL ? angle_no_memory(&err) : open_entry(entry, arena, &err);
	if (status == ANGLE_NOT_FOUND)
		raise_unknown_model(name);
	angle_check(status, &err);
	MemoryContextSetParent(context, TopMemoryContext);
	return entry;
}

const AngleModel *
angle_registry_model(const char *name)
{
	RegistryEntry *entry;
	char *path;

	if (!angle_model_name_valid(name))
		ereport(ERROR, errcode(ERRCODE_INVALID_NAME),
				errmsg("invalid model name \"%.*s\"",
					   pg_mbcliplen(name, (int) strlen(name), MAX_QUOTED),
					   name),
				errhint("Use the name of a model in the view angle_models."));
	path = angle_registry_path(name);
	for (entry = open_models; entry != NULL; entry = entry->next)
	{
		if (strcmp(entry->path, path) == 0)
			break;
	}
	if (entry == NULL)
	{
		entry = open_model(name, path);
		entry->next = open_models;
		open_models = entry;
	}
	pfree(path);
	return entry->model;
}

const AngleModel *
angle_registry_argument(FunctionCallInfo fcinfo, int position)
{
	if (PG_ARGISNULL(position))
		ereport(
			ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			errmsg("model must not be null"),
			errhint(
				"Leave the argument out to use the setting angle.model, as in angle_embed(content, prompt => 'query')."));
	return angle_registry_model(text_to_cstring(PG_GETARG_TEXT_PP(position)));
}
