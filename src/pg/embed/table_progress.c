#include "postgres.h"

#include <math.h>

#include "commands/progress.h"
#include "utils/backend_progress.h"
#include "utils/timestamp.h"

#include "pg/embed/table_progress.h"

/* Milliseconds between two messages. */
#define MESSAGE_INTERVAL 10000

/* Progress is reported as that of a COPY into the table, which is what the
 * server has a view for; these parameters are no COPY's. angle_stat_progress_embed
 * knows them by their numbers, and the kind, which is no AngleLoadPhase. */
#define PROGRESS_PASSED 13
#define PROGRESS_TOTAL 14
#define PROGRESS_KIND 15
#define KIND_EMBED_TABLE 5

static void
report(const AngleTableProgress *progress)
{
	const int places[] = {PROGRESS_COPY_TUPLES_PROCESSED, PROGRESS_PASSED,
						  PROGRESS_TOTAL};
	const int64 values[] = {progress->embedded, progress->passed,
							progress->total};

	pgstat_progress_update_multi_param(lengthof(places), places, values);
}

static double
seconds_since(TimestampTz start)
{
	return (double) (GetCurrentTimestamp() - start) / 1000000;
}

/* Rows in a second, by this session. */
static double
rate(const AngleTableProgress *progress)
{
	return progress->embedded / Max(seconds_since(progress->start), 0.001);
}

void
angle_table_progress_start(AngleTableProgress *progress,
						   const AngleTableRows *rows)
{
	const int places[] = {PROGRESS_COPY_COMMAND, PROGRESS_COPY_TYPE,
						  PROGRESS_KIND};
	const int64 values[] = {PROGRESS_COPY_COMMAND_FROM,
							PROGRESS_COPY_TYPE_CALLBACK, KIND_EMBED_TABLE};

	memset(progress, 0, sizeof(*progress));
	progress->start = progress->told = GetCurrentTimestamp();
	pgstat_progress_start_command(PROGRESS_COMMAND_COPY, rows->table);
	pgstat_progress_update_multi_param(lengthof(places), places, values);
}

void
angle_table_progress_pass(AngleTableProgress *progress,
						  const AngleTableRows *rows,
						  const AngleTableSurvey *survey)
{
	if (progress->total == 0)
		ereport(NOTICE,
				errmsg("table \"%s\": " INT64_FORMAT " rows want an embedding",
					   rows->name, survey->pending));
	progress->survey = *survey;
	progress->total = Max(progress->total, survey->pending);
	progress->passed = progress->total - survey->pending;
	report(progress);
}

/* The part of the present pass that is done, as if rows were spread evenly. */
static double
fraction(const AngleTableSurvey *survey, BlockNumber next)
{
	double whole = (double) survey->last - survey->first + 1;
	double done = (double) Max(next, survey->first) - survey->first;

	return Min(done / whole, 1);
}

static void
tell(AngleTableProgress *progress, const AngleTableRows *rows)
{
	double spent = seconds_since(progress->start);
	int64 left = progress->total - progress->passed;

	progress->told = GetCurrentTimestamp();
	ereport(NOTICE, errmsg("table \"%s\": %.0f %% done, " INT64_FORMAT
						   " rows by this session at %.0f/s, about %.0f s left",
						   rows->name,
						   floor(100.0 * progress->passed / progress->total),
						   progress->embedded, rate(progress),
						   spent * left / Max(progress->passed, 1)));
}

void
angle_table_progress_batch(AngleTableProgress *progress,
						   const AngleTableRows *rows, uint64 embedded,
						   BlockNumber next)
{
	const AngleTableSurvey *survey = &progress->survey;

	progress->embedded += embedded;
	progress->passed = progress->total - survey->pending +
					   (int64) (survey->pending * fraction(survey, next));
	report(progress);
	if (TimestampDifferenceExceeds(progress->told, GetCurrentTimestamp(),
								   MESSAGE_INTERVAL))
		tell(progress, rows);
}

void
angle_table_progress_end(AngleTableProgress *progress,
						 const AngleTableRows *rows, int64 left)
{
	pgstat_progress_end_command();
	ereport(NOTICE,
			errmsg("table \"%s\": " INT64_FORMAT
				   " rows embedded in %.1f s, %.0f/s",
				   rows->name, progress->embedded,
				   seconds_since(progress->start), rate(progress)),
			left > 0
				? errdetail(INT64_FORMAT " rows still want an embedding.", left)
				: 0);
}
