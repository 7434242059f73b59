#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "pg/model/image_removal.h"
#include "pg/model/privilege.h"
#include "pg/model/store.h"
#include "pg/model/uses.h"

static void
check_unused(const char *name)
{
	List *uses = angle_model_uses(name);
	StringInfoData list;
	ListCell *cell;

	if (uses == NIL)
		return;
	initStringInfo(&list);
	foreach(cell, uses)
		appendStringInfo(&list, "%s%s", list.len > 0 ? "\n" : "",
						 (char *) lfirst(cell));
	ereport(
		ERROR, errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
		errmsg("cannot drop model \"%s\" because other objects use it", name),
		errdetail("%s", list.data),
		errhint("Drop them, or call angle_drop_model('%s', force => true): "
				"they fail then until a model of this name is loaded.",
				name));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_drop_model);

Datum
angle_drop_model(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	AngleModelRow row;

	angle_store_lock(name, "angle_drop_model()");
	angle_privilege_find_owned(name, &row);
	if (!PG_GETARG_BOOL(1))
		check_unused(name);
	angle_store_delete(name);
	if (!angle_catalog_has_image(angle_catalog_models(), row.sha256))
		angle_image_remove(row.sha256, ANGLE_REMOVE_AT_COMMIT);
	PG_RETURN_VOID();
}
