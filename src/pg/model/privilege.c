#include "postgres.h"

#include <sys/stat.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "pg/model/model_directory.h"
#include "pg/model/privilege.h"
#include "pg/model/store.h"

static bool
has_role(const char *name)
{
	Oid role = get_role_oid(name, true);

	return OidIsValid(role) && has_privs_of_role(GetUserId(), role);
}

bool
angle_privilege_may_use(const AngleModelRow *row)
{
	ListCell *cell;

	foreach(cell, row->users)
	{
		if (strcmp(lfirst(cell), ANGLE_EVERYONE) == 0 || has_role(lfirst(cell)))
			return true;
	}
	return superuser() || has_role(row->owner);
}

void
angle_privilege_check_owner(const AngleModelRow *row)
{
	if (!superuser() && !has_role(row->owner))
		ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("must be owner of model \"%s\"", row->name));
}

void
angle_privilege_find_owned(const char *name, AngleModelRow *row)
{
	struct stat st;

	if (!angle_catalog_find(name, row))
	{
		if (lstat(angle_model_file_path(name), &st) == 0)
			ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
					errmsg("model \"%s\" is not in the database", name),
					errdetail("It is the file \"%s\".",
							  angle_model_file_path(name)),
					errhint("Who manages the server's files can remove it; "
							"everyone may use it."));
		angle_model_raise_unknown(name);
	}
	angle_privilege_check_owner(row);
}

/* ---- angle_grant_model, angle_revoke_model ------------------------------- */

static bool
contains(const List *names, const char *name)
{
	ListCell *cell;

	foreach(cell, names)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_grant_model);

Datum
angle_grant_model(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *role = text_to_cstring(PG_GETARG_TEXT_PP(1));
	AngleModelRow row;

	angle_store_lock(name, "angle_grant_model()");
	angle_privilege_find_owned(name, &row);
	if (strcmp(role, ANGLE_EVERYONE) != 0)
		(void) get_role_oid(role, false);
	if (!contains(row.users, role))
		angle_store_users(name, lappend(row.users, role));
	PG_RETURN_VOID();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_revoke_model);

Datum
angle_revoke_model(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *role = text_to_cstring(PG_GETARG_TEXT_PP(1));
	AngleModelRow row;
	List *kept = NIL;
	ListCell *cell;

	angle_store_lock(name, "angle_revoke_model()");
	angle_privilege_find_owned(name, &row);
	if (!contains(row.users, role))
		ereport(NOTICE,
				errmsg("role \"%s\" has no privilege of its own on model "
					   "\"%s\"",
					   role, name),
				contains(row.users, ANGLE_EVERYONE)
					? errhint("Everyone may use it; revoke that from \"%s\".",
							  ANGLE_EVERYONE)
					: 0);
	foreach(cell, row.users)
	{
		if (strcmp(lfirst(cell), role) != 0)
			kept = lappend(kept, lfirst(cell));
	}
	angle_store_users(name, kept);
	PG_RETURN_VOID();
}
