#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "pg/model/registry.h"
#include "pg/settings.h"

char *angle_model;
int angle_threads;
char *angle_model_directory;

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
	MarkGUCPrefixReserved("angle");
}
