#include "postgres.h"

#include "commands/progress.h"
#include "utils/backend_progress.h"

#include "pg/model/catalog.h"
#include "pg/model/load_progress.h"

/* A parameter that COPY does not use. */
#define PROGRESS_PHASE 15

void
angle_progress_start(AngleLoadPhase phase)
{
	const int places[] = {PROGRESS_COPY_COMMAND, PROGRESS_COPY_TYPE,
						  PROGRESS_PHASE};
	const int64 values[] = {PROGRESS_COPY_COMMAND_FROM,
							PROGRESS_COPY_TYPE_CALLBACK, phase};

	pgstat_progress_start_command(PROGRESS_COMMAND_COPY,
								  angle_catalog_chunk_table());
	pgstat_progress_update_multi_param(lengthof(places), places, values);
}

void
angle_progress_report(int64_t done, int64_t total)
{
	const int places[] = {PROGRESS_COPY_BYTES_PROCESSED,
						  PROGRESS_COPY_BYTES_TOTAL};
	const int64 values[] = {done, total};

	pgstat_progress_update_multi_param(lengthof(places), places, values);
}

void
angle_progress_end(void)
{
	pgstat_progress_end_command();
}
