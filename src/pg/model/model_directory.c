#include "postgres.h"

#include "lib/stringinfo.h"
#include "storage/fd.h"

#include "pg/model/catalog.h"
#include "pg/model/model_directory.h"
#include "pg/settings.h"

char *
angle_model_file_path(const char *name)
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
angle_model_file_names(int elevel)
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

/* Of the database and of the directory, sorted. */
static char *
list_known(void)
{
	List *names = angle_model_file_names(DEBUG1);
	StringInfoData known;
	ListCell *cell;

	foreach(cell, angle_catalog_models())
		names = lappend(names, ((AngleModelRow *) lfirst(cell))->name);
	list_sort(names, compare_names);
	initStringInfo(&known);
	foreach(cell, names)
		appendStringInfo(&known, "%s\"%s\"", known.len > 0 ? ", " : "",
						 (char *) lfirst(cell));
	return known.data;
}

void
angle_model_raise_unknown(const char *name)
{
	char *known = list_known();

	ereport(
		ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
		errmsg("model \"%s\" does not exist", name),
		errdetail("It is not in the database, and there is no file \"%s\".",
				  angle_model_file_path(name)),
		known[0] != '\0'
			? errhint("Available models: %s.", known)
			: errhint(
				  "Load one with angle_load_model() or \"angle push\"; see also the setting angle.model_directory."));
}
