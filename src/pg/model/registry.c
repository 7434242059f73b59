#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/base/file.h"
#include "pg/bridge.h"
#include "pg/model/catalog.h"
#include "pg/model/image_file.h"
#include "pg/model/image_path.h"
#include "pg/model/model_directory.h"
#include "pg/model/privilege.h"
#include "pg/model/registry.h"
#include "pg/settings.h"

/* An open model. All of it lies in a memory context of its own. */
typedef struct RegistryEntry
{
	struct RegistryEntry *next;
	MemoryContext context;
	AngleBytes image; /* the mapped file */
	AngleModel *model;
	char name[ANGLE_MODEL_NAME_MAX + 1];

	/* of a file: the model directory when it was opened; NULL: in the database */
	const char *directory;

	/* of a model of the database */
	AngleModelRow row; /* its lists lie in rights */
	MemoryContext rights;
	Oid judged; /* the role that allowed is about, or InvalidOid */
	bool allowed;
} RegistryEntry;

/* A backend uses a handful of models, so a list is enough. */
static RegistryEntry *open_models = NULL;

/* Models that were dropped, which the transaction may still have in use. */
static RegistryEntry *retired = NULL;

/* The state of the catalog that open_models is right for. */
static uint64_t seen_generation = 0;

static uint64_t epoch = 0;

/* ---- the end of a model -------------------------------------------------- */

static void
release_retired(XactEvent event, void *argument)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE && event != XACT_EVENT_PARALLEL_COMMIT &&
		event != XACT_EVENT_PARALLEL_ABORT)
		return;
	while (retired != NULL)
	{
		RegistryEntry *entry = retired;

		retired = entry->next;
		angle_file_unmap(&entry->image);
		MemoryContextDelete(entry->context);
	}
}

/* Takes the entry out of the list at link; a caller may still hold its model. */
static void
retire(RegistryEntry **link)
{
	static bool watching = false;
	RegistryEntry *entry = *link;

	if (!watching)
		RegisterXactCallback(release_retired, NULL);
	watching = true;
	*link = entry->next;
	entry->next = retired;
	retired = entry;
	epoch++;
}

uint64_t
angle_registry_epoch(void)
{
	return epoch;
}

/* ---- opening ------------------------------------------------------------- */

/* Maps and opens the file at path; on failure nothing stays mapped. */
static AngleStatus
open_image(RegistryEntry *entry, const char *path, AngleArena *arena,
		   AngleError *err)
{
	const AngleCancel cancel = {angle_interrupt_pending, NULL};
	AngleStatus status;

	if (arena == NULL)
		return angle_no_memory(err);
	status = angle_file_map(path, &entry->image, err);
	if (status != ANGLE_OK)
		return status;
	status = angle_model_open(entry->image, ANGLE_PACKED_CHECK_CONTENT, &cancel,
							  arena, &entry->model, err);
	if (status == ANGLE_OK)
		return ANGLE_OK;
	angle_file_unmap(&entry->image);
	angle_prefix(err, "model file \"%s\"", path);
	return status;
}

/* In a context that is the caller's until the model is open. */
static RegistryEntry *
new_entry(const char *name)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "angle model", ALLOCSET_SMALL_SIZES);
	RegistryEntry *entry = MemoryContextAllocZero(context, sizeof(*entry));

	MemoryContextCopyAndSetIdentifier(context, name);
	entry->context = context;
	strlcpy(entry->name, name, sizeof(entry->name));
	return entry;
}

static AngleArena *
new_arena(const RegistryEntry *entry)
{
	AngleAllocator allocator = angle_context_allocator(entry->context);

	return angle_arena_create(&allocator);
}

/* From now on the backend has the model open; nothing here can fail. */
static void
keep(RegistryEntry *entry)
{
	MemoryContextSetParent(entry->context, TopMemoryContext);
	entry->next = open_models;
	open_models = entry;
}

static RegistryEntry *
open_file(const char *name)
{
	RegistryEntry *entry = new_entry(name);
	AngleStatus status;
	AngleError err;

	entry->directory =
		MemoryContextStrdup(entry->context, angle_model_directory);
	status =
		open_image(entry, angle_model_file_path(name), new_arena(entry), &err);
	if (status == ANGLE_NOT_FOUND)
		angle_model_raise_unknown(name);
	angle_check(status, &err);
	keep(entry);
	return entry;
}

/* Whether the file that gave this failure is to be made again: it is not there,
 * or not what the database has. */
static bool
must_rebuild(AngleStatus status, const AngleModelRow *row, const char *path)
{
	if (status == ANGLE_NOT_FOUND)
		return true;
	if (status != ANGLE_CORRUPT && status != ANGLE_UNSUPPORTED &&
		status != ANGLE_NOT_PERMITTED && status != ANGLE_IO_ERROR)
		return false;
	return !angle_file_has_sha256(path, row->sha256);
}

static void
open_materialised(RegistryEntry *entry, const AngleModelRow *row)
{
	char *path = angle_image_path(row->sha256);
	AngleError err;
	AngleStatus status = open_image(entry, path, new_arena(entry), &err);

	if (status != ANGLE_OK && must_rebuild(status, row, path))
	{
		if (status != ANGLE_NOT_FOUND)
			ereport(WARNING, errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("file \"%s\" of model \"%s\" is damaged and made "
						   "again from the database",
						   path, row->name),
					errdetail("%s", angle_readable(err.message)));
		angle_image_materialise(row);
		status = open_image(entry, path, new_arena(entry), &err);
	}
	if (status != ANGLE_OK)
		angle_prefix(&err, "model \"%s\"", row->name);
	angle_check(status, &err);
	angle_image_touch(path);
}

/* Keeps what row says of who may use the model. */
static void
adopt_rights(RegistryEntry *entry, const AngleModelRow *row)
{
	MemoryContext old;
	ListCell *cell;

	if (entry->rights == NULL)
		entry->rights = AllocSetContextCreate(
			entry->context, "angle model rights", ALLOCSET_SMALL_SIZES);
	entry->judged = InvalidOid;
	entry->row.users = NIL;
	MemoryContextReset(entry->rights);
	old = MemoryContextSwitchTo(entry->rights);
	entry->row = *row;
	entry->row.owner = pstrdup(row->owner);
	entry->row.users = NIL;
	foreach(cell, row->users)
		entry->row.users = lappend(entry->row.users, pstrdup(lfirst(cell)));
	MemoryContextSwitchTo(old);
}

static void
raise_no_right(const char *name)
{
	ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			errmsg("permission denied for model \"%s\"", name));
}

static RegistryEntry *
open_stored(const AngleModelRow *row)
{
	RegistryEntry *entry;

	/* before anything is written for somebody who may not use it */
	if (!angle_privilege_may_use(row))
		raise_no_right(row->name);
	entry = new_entry(row->name);
	adopt_rights(entry, row);
	open_materialised(entry, row);
	keep(entry);
	return entry;
}

static RegistryEntry *
open_named(const char *name)
{
	AngleModelRow row;

	angle_model_name_check(name);
	if (angle_catalog_find(name, &row))
		return open_stored(&row);
	return open_file(name);
}

/* ---- looking up ---------------------------------------------------------- */

/* Whether the open model is still what its name means. */
static bool
is_current(RegistryEntry *entry)
{
	AngleModelRow row;

	if (!angle_catalog_find(entry->name, &row))
		return entry->directory != NULL;
	if (entry->directory != NULL ||
		memcmp(row.sha256, entry->row.sha256, ANGLE_SHA256_BYTES) != 0)
		return false;
	adopt_rights(entry, &row);
	return true;
}

/* After a change in the catalog. */
static void
revalidate(void)
{
	uint64_t now = angle_catalog_generation();
	RegistryEntry **link = &open_models;

	while (*link != NULL)
	{
		if (is_current(*link))
			link = &(*link)->next;
		else
			retire(link);
	}
	seen_generation = now;
}

static RegistryEntry *
find_open(const char *name)
{
	RegistryEntry *entry = open_models;

	while (entry != NULL &&
		   (strcmp(entry->name, name) != 0 ||
			(entry->directory != NULL &&
			 strcmp(entry->directory, angle_model_directory) != 0)))
		entry = entry->next;
	return entry;
}

static void
check_right(RegistryEntry *entry)
{
	if (entry->directory != NULL)
		return;
	if (entry->judged != GetUserId())
	{
		entry->allowed = angle_privilege_may_use(&entry->row);
		entry->judged = GetUserId();
	}
	if (!entry->allowed)
		raise_no_right(entry->name);
}

const AngleModel *
angle_registry_model(const char *name)
{
	RegistryEntry *entry;

	if (seen_generation != angle_catalog_generation())
		revalidate();
	entry = find_open(name);
	if (entry == NULL)
		entry = open_named(name);
	check_right(entry);
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
