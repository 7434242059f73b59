/* The trigger of _angle.model: what backends know of models ends with a change
 * of a row, however it comes about: by a function, a restore or replication. */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/datum.h"
#include "utils/inval.h"
#include "utils/rel.h"

#include "pg/model/catalog.h"
#include "pg/pg_compat.h"

static bool
column_equal(const TriggerData *trigger, int column)
{
	TupleDesc descriptor = RelationGetDescr(trigger->tg_relation);
	Form_pg_attribute attribute = TupleDescAttr(descriptor, column - 1);
	bool old_null;
	bool new_null;
	Datum old_value =
		heap_getattr(trigger->tg_trigtuple, column, descriptor, &old_null);
	Datum new_value =
		heap_getattr(trigger->tg_newtuple, column, descriptor, &new_null);

	if (old_null || new_null)
		return old_null == new_null;
	return datum_image_eq(old_value, new_value, attribute->attbyval,
						  attribute->attlen);
}

/* A name means one image for ever: that is what makes calls with it immutable. */
static void
check_update(const TriggerData *trigger)
{
	for (int column = 1; column <= MODEL_USERS; column++)
	{
		if (column == MODEL_OWNER || column == MODEL_USERS ||
			column_equal(trigger, column))
			continue;
		ereport(
			ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("a loaded model is never changed in place"),
			errhint(
				"Load the other model under another name, or drop this one first."));
	}
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_model_changed);

Datum
angle_model_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("angle_model_changed() must be called by a trigger"));
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) &&
		TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
	{
		if (strcmp(RelationGetRelationName(trigger->tg_relation), "model") !=
				0 ||
			RelationGetNumberOfAttributes(trigger->tg_relation) < MODEL_USERS)
			ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
					errmsg("angle_model_changed() is the trigger of "
						   "_angle.model alone"));
		check_update(trigger);
	}
	CacheInvalidateRelcacheByRelid(RelationGetRelid(trigger->tg_relation));
	return PointerGetDatum(NULL);
}
