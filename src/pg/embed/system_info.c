/* angle_system_info(): what a bug report or a benchmark should say. */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "core/base/cpu.h"
#include "pg/settings.h"

static void
put_row(ReturnSetInfo *rsinfo, const char *name, const char *setting)
{
	Datum values[2] = {CStringGetTextDatum(name), CStringGetTextDatum(setting)};
	bool nulls[2] = {false, false};

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* The instruction sets of this processor that kernels are built for. */
static char *
instruction_sets(void)
{
	StringInfoData names;

	initStringInfo(&names);
	for (AngleIsa isa = ANGLE_ISA_BASELINE; isa < ANGLE_ISA_COUNT; isa++)
	{
		if (angle_cpu_supports(isa))
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
							 angle_isa_name(isa));
	}
	return names.data;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_system_info);

Datum
angle_system_info(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	put_row(rsinfo, "version", ANGLE_VERSION);
	put_row(rsinfo, "postgresql", PG_VERSION_STR);
	put_row(rsinfo, "instruction sets", instruction_sets());
	put_row(rsinfo, "kernels", angle_isa_name(angle_cpu_best()));
	put_row(rsinfo, "threads", psprintf("%d", angle_threads));
	put_row(rsinfo, "model", angle_model);
	put_row(rsinfo, "model directory", angle_model_directory);
	return (Datum) 0;
}
