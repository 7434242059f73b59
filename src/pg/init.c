/* Loading of the module, and what it says of itself. */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "pg/am/am.h"
#include "pg/pg_compat.h"
#include "pg/settings.h"

ANGLE_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	angle_define_settings();
	angle_am_define_options();
	angle_am_watch_plans();
	angle_am_watch_limits();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_version);

Datum
angle_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(ANGLE_VERSION));
}
