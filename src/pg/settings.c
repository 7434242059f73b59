#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "postmaster/autovacuum.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "pg/model/registry.h"
#include "pg/settings.h"

char *angle_model;
int angle_threads;
char *angle_model_directory;
double angle_recall_target;
int angle_probes;
int angle_directory_memory;

/* Syntax only: which models exist may change while a setting stands. */
static bool
check_model(char **newval, void **extra, GucSource source)
{
	if (angle_model_name_valid(*newval))
		return true;
	GUC_check_errdetail(
		"A model's name consists of up to %d letters, digits, dots, underscores and hyphens, and does not start with a dot.",
		ANGLE_MODEL_NAME_MAX);
	return false;
}

/* The directory into which the extension installs the model that it ships. */
static char *
shared_model_directory(void)
{
	char share[MAXPGPATH];
	char *directory;
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	get_share_path(my_exec_path, share);
	directory = psprintf("%s/angle", share);
	MemoryContextSwitchTo(old);
	return directory;
}

Size
angle_maintenance_memory(void)
{
	const int set =
		MyBackendType == B_AUTOVAC_WORKER && autovacuum_work_mem != -1
			? autovacuum_work_mem
			: maintenance_work_mem;

	return (Size) set * 1024;
}

void
angle_define_settings(void)
{
	DefineCustomStringVariable(
		"angle.model", "Model of functions that are called without one.", NULL,
		&angle_model, "angle-mini", PGC_USERSET, 0, check_model, NULL, NULL);
	DefineCustomIntVariable(
		"angle.threads", "Threads that share the work of one embedding call.",
		"The processes of a parallel query use one thread each.",
		&angle_threads, 1, 1, 256, PGC_USERSET, 0, NULL, NULL, NULL);

	/* Not settable in a session: what a model's name means is the same for
	 * everyone, or calls that name a model could not be IMMUTABLE. */
	DefineCustomStringVariable(
		"angle.model_directory", "Directory with the packed model files.",
		"A model NAME is the file NAME.angle in it.", &angle_model_directory,
		shared_model_directory(), PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomRealVariable(
		"angle.recall_target",
		"Share of the nearest rows that a search by index is to find.",
		"1 reads the whole index and is exact.", &angle_recall_target, 0.95, 0,
		1, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"angle.probes",
		"Lists that a search by index reads before its first row.",
		"0 leaves it to angle.recall_target.", &angle_probes, 0, 0, INT_MAX,
		PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"angle.directory_memory",
		"Memory of a session in which it keeps where the lists of indexes are.",
		"An index for which it is not enough is searched by its tree.",
		&angle_directory_memory, 64 * 1024, 0, MAX_KILOBYTES, PGC_USERSET,
		GUC_UNIT_KB, NULL, NULL, NULL);
	MarkGUCPrefixReserved("angle");
}
