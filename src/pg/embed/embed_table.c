/*
 * angle_embed_table(): fills a column of a table in batches, each of which is
 * committed. A row without an embedding is one to do, so it can be stopped at any
 * time and called again, and several sessions can share a table: each passes over
 * the rows that another has locked.
 *
 * A pass goes through the table by the places of its rows, block after block:
 * what is read again is nothing, and no index is needed. Another pass follows for
 * rows that came, moved or were locked meanwhile, as long as fewer are left than
 * before.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/pquery.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "pg/bridge.h"
#include "pg/embed/columns.h"
#include "pg/embed/content.h"
#include "pg/embed/embed_call.h"
#include "pg/embed/table_progress.h"
#include "pg/embed/table_rows.h"
#include "pg/model/registry.h"
#include "pg/settings.h"
#include "pg/type/vector.h"

/* The arguments. */
enum
{
	ARGUMENT_TABLE,
	ARGUMENT_EMBEDDING,
	ARGUMENT_CONTENT,
	ARGUMENT_MODEL,
	ARGUMENT_BATCH,
	ARGUMENT_CONDITION,
	ARGUMENT_TIME_LIMIT,
	ARGUMENT_PROMPT,
	ARGUMENT_DIMENSIONS,
};

#define BATCH_MAX 10000

/* Blocks that one statement looks at: what has been read and is not in the batch
 * is read again for the next one. */
#define BLOCKS_AT_ONCE 64

/* Texts that go to core at once, and when fewer do because they are long. */
#define PIECE_TEXTS 128
#define PIECE_BYTES (4 * 1024 * 1024)

typedef struct TableJob
{
	AngleTableRows rows;
	const char *model;
	AngleEmbedCall call;
	int batch;
	TimestampTz deadline;
	AngleTableProgress progress;
	MemoryContext transaction; /* what lasts until the next commit */
	const AngleRowPlace *row;  /* being read, for messages; or NULL */
} TableJob;

/* ---- arguments ----------------------------------------------------------- */

static void
check_not_null(FunctionCallInfo fcinfo, int position, const char *name)
{
	if (PG_ARGISNULL(position))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("%s must not be null", name));
}

/* A CALL in a transaction block, or by a function, could not commit. */
static void
check_can_commit(FunctionCallInfo fcinfo)
{
	if (fcinfo->context != NULL && IsA(fcinfo->context, CallContext) &&
		!((CallContext *) fcinfo->context)->atomic)
		return;
	ereport(ERROR, errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
			errmsg("angle_embed_table() cannot run inside a transaction block "
				   "or function"),
			errhint("It commits each batch."));
}

static void
read_columns(AngleTableRows *rows, ArrayType *names)
{
	Datum *values;
	bool *nulls;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls,
					  &rows->text_count);
	if (rows->text_count == 0)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("content must name at least one column"));
	rows->texts = palloc(rows->text_count * sizeof(char *));
	for (int i = 0; i < rows->text_count; i++)
	{
		if (nulls[i])
			ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					errmsg("content must not contain nulls"));
		rows->texts[i] = TextDatumGetCString(values[i]);
	}
}

static int
read_batch(FunctionCallInfo fcinfo)
{
	int batch;

	check_not_null(fcinfo, ARGUMENT_BATCH, "batch");
	batch = PG_GETARG_INT32(ARGUMENT_BATCH);
	if (batch < 1 || batch > BATCH_MAX)
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("batch must be between 1 and %d, not %d", BATCH_MAX, batch));
	return batch;
}

static TimestampTz
read_deadline(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(ARGUMENT_TIME_LIMIT))
		return DT_NOEND;
	return DatumGetTimestampTz(DirectFunctionCall2(
		timestamptz_pl_interval, TimestampTzGetDatum(GetCurrentTimestamp()),
		PG_GETARG_DATUM(ARGUMENT_TIME_LIMIT)));
}

/* All but the columns with text. */
static void
read_job(FunctionCallInfo fcinfo, TableJob *job)
{
	check_not_null(fcinfo, ARGUMENT_TABLE, "target");
	check_not_null(fcinfo, ARGUMENT_EMBEDDING, "embedding");
	check_not_null(fcinfo, ARGUMENT_CONTENT, "content");
	job->rows.table = PG_GETARG_OID(ARGUMENT_TABLE);
	job->rows.type = angle_vector_type(fcinfo->flinfo->fn_oid);
	job->rows.embedding =
		text_to_cstring(PG_GETARG_TEXT_PP(ARGUMENT_EMBEDDING));
	if (!PG_ARGISNULL(ARGUMENT_CONDITION))
		job->rows.condition =
			text_to_cstring(PG_GETARG_TEXT_PP(ARGUMENT_CONDITION));
	/* one model for the whole table, whatever happens to the setting */
	job->model = PG_ARGISNULL(ARGUMENT_MODEL)
					 ? pstrdup(angle_model)
					 : text_to_cstring(PG_GETARG_TEXT_PP(ARGUMENT_MODEL));
	if (!PG_ARGISNULL(ARGUMENT_PROMPT))
		job->call.prompt =
			angle_content_cstring(PG_GETARG_TEXT_PP(ARGUMENT_PROMPT));
	job->call.asked = angle_embed_call_asked(fcinfo, ARGUMENT_DIMENSIONS);
	job->batch = read_batch(fcinfo);
	job->deadline = read_deadline(fcinfo);
	job->transaction = AllocSetContextCreate(
		CurrentMemoryContext, "angle table", ALLOCSET_DEFAULT_SIZES);
}

/* ---- transactions -------------------------------------------------------- */

/* Commits what is done, and checks in a new transaction that everything is still
 * as it was. Rows that others have changed are no reason to fail, as they would
 * be at a higher isolation level. */
static void
next_transaction(TableJob *job)
{
	SPI_commit();
	XactIsoLevel = XACT_READ_COMMITTED;
	/* opening a model may read tables */
	EnsurePortalSnapshotExists();
	MemoryContextReset(job->transaction);
	MemoryContextSwitchTo(job->transaction);
	job->call.model = angle_registry_model(job->model);
	angle_embed_call_measure(&job->call);
	angle_rows_open(&job->rows, job->model, job->call.dimensions);
}

/* ---- a batch ------------------------------------------------------------- */

/* Texts that go to core at once, with where they come from and what comes of
 * them. */
typedef struct Piece
{
	AngleRowPlace places[PIECE_TEXTS];
	AngleBytes texts[PIECE_TEXTS];
	Datum vectors[PIECE_TEXTS];
	int count;
} Piece;

/* Reads rows from first on; returns the one after the last. */
static uint64
read_piece(TableJob *job, const SPITupleTable *fetched, uint64 first,
		   Piece *piece)
{
	uint64 row = first;
	size_t bytes = 0;

	piece->count = 0;
	for (; row < fetched->numvals && piece->count < PIECE_TEXTS &&
		   bytes < PIECE_BYTES;
		 row++)
	{
		int i = piece->count++;

		piece->places[i] = angle_rows_place(fetched, row);
		job->row = &piece->places[i];
		piece->texts[i] = angle_content_utf8(angle_rows_content(fetched, row));
		bytes += piece->texts[i].size;
		job->row = NULL;
	}
	return row;
}

static void
embed_piece(TableJob *job, Piece *piece)
{
	int dimensions = job->call.dimensions;
	float *vectors = palloc(sizeof(float) * dimensions * piece->count);

	angle_embed_call_run(&job->call, piece->texts, piece->count, vectors);
	for (int i = 0; i < piece->count; i++)
	{
		AngleVector *vector = angle_vector_new(dimensions);

		memcpy(vector->x, vectors + (size_t) i * dimensions,
			   sizeof(float) * dimensions);
		job->row = &piece->places[i];
		angle_vector_check_finite(vector);
		job->row = NULL;
		piece->vectors[i] = PointerGetDatum(vector);
	}
}

/* Embeds what was fetched; returns in how many rows that was stored. */
static uint64
embed_rows(TableJob *job, const SPITupleTable *fetched)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "angle table piece", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	uint64 stored = 0;
	uint64 row = 0;

	while (row < fetched->numvals)
	{
		Piece *piece = palloc(sizeof(*piece));

		CHECK_FOR_INTERRUPTS();
		row = read_piece(job, fetched, row, piece);
		embed_piece(job, piece);
		stored += angle_rows_store(&job->rows, piece->places, piece->vectors,
								   piece->count);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return stored;
}

/* ---- a pass -------------------------------------------------------------- */

static int
compare_places(const AngleRowPlace *a, const AngleRowPlace *b)
{
	int order = ItemPointerCompare(unconstify(ItemPointerData *, &a->place),
								   unconstify(ItemPointerData *, &b->place));

	return order != 0 ? order : (a->table > b->table) - (a->table < b->table);
}

/* Where to go on after a batch of rows that come before the block to. A row that
 * another session has moved may be reported beyond it, and counts for nothing. */
static AngleRowPlace
place_after(const TableJob *job, const SPITupleTable *fetched,
			AngleRowPlace after, BlockNumber to)
{
	AngleRowPlace end = {.table = InvalidOid};
	AngleRowPlace last = after;

	ItemPointerSet(&end.place, to, 0);
	if (fetched->numvals < job->batch)
		return end;
	for (uint64 row = 0; row < fetched->numvals; row++)
	{
		AngleRowPlace place = angle_rows_place(fetched, row);

		if (compare_places(&place, &last) > 0 &&
			compare_places(&place, &end) < 0)
			last = place;
	}
	return compare_places(&last, &after) > 0 ? last : end;
}

/* Does one batch after a place and commits it; moves the place on. */
static void
do_batch(TableJob *job, AngleRowPlace *after)
{
	const AngleTableSurvey *survey = &job->progress.survey;
	BlockNumber block = ItemPointerGetBlockNumberNoCheck(&after->place);
	BlockNumber to = Min(survey->last, MaxBlockNumber - 1) + 1;
	SPITupleTable *fetched;
	uint64 stored;

	if (to - block > BLOCKS_AT_ONCE)
		to = block + BLOCKS_AT_ONCE;
	fetched = angle_rows_fetch(&job->rows, after, to, job->batch);
	stored = embed_rows(job, fetched);
	*after = place_after(job, fetched, *after, to);
	SPI_freetuptable(fetched);
	next_transaction(job);
	angle_table_progress_batch(&job->progress, &job->rows, stored,
							   ItemPointerGetBlockNumberNoCheck(&after->place));
}

static bool
out_of_time(const TableJob *job)
{
	return GetCurrentTimestamp() >= job->deadline;
}

static void
do_pass(TableJob *job, const AngleTableSurvey *survey)
{
	AngleRowPlace after = {.table = InvalidOid};

	angle_table_progress_pass(&job->progress, &job->rows, survey);
	ItemPointerSet(&after.place, survey->first, 0);
	do
		do_batch(job, &after);
	while (ItemPointerGetBlockNumberNoCheck(&after.place) <= survey->last &&
		   !out_of_time(job));
}

static void
run(TableJob *job)
{
	AngleTableSurvey survey;
	int64 before = PG_INT64_MAX;

	next_transaction(job);
	angle_table_progress_start(&job->progress, &job->rows);
	survey = angle_rows_survey(&job->rows);
	while (survey.pending > 0 && survey.pending < before)
	{
		before = survey.pending;
		do_pass(job, &survey);
		survey = angle_rows_survey(&job->rows);
		if (out_of_time(job))
			break;
	}
	angle_table_progress_end(&job->progress, &job->rows, survey.pending);
}

/* ---- entry --------------------------------------------------------------- */

static void
name_row(void *context)
{
	const TableJob *job = context;

	if (job->row != NULL)
		errcontext("row with ctid (%u,%u) of table \"%s\"",
				   ItemPointerGetBlockNumberNoCheck(&job->row->place),
				   ItemPointerGetOffsetNumberNoCheck(&job->row->place),
				   job->rows.name);
}

static Datum
embed_table(FunctionCallInfo fcinfo, bool many)
{
	TableJob job = {0};
	ErrorContextCallback callback = {error_context_stack, name_row, &job};
	Datum content;

	check_can_commit(fcinfo);
	/* what is allocated from here on outlasts the commits */
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	read_job(fcinfo, &job);
	content = PG_GETARG_DATUM(ARGUMENT_CONTENT);
	if (!many)
		content = PointerGetDatum(
			construct_array(&content, 1, TEXTOID, -1, false, TYPALIGN_INT));
	read_columns(&job.rows, DatumGetArrayTypeP(content));
	error_context_stack = &callback;
	run(&job);
	error_context_stack = callback.previous;
	SPI_finish();
	PG_RETURN_VOID();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_embed_table);

Datum
angle_embed_table(PG_FUNCTION_ARGS)
{
	return embed_table(fcinfo, false);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_embed_table_columns);

Datum
angle_embed_table_columns(PG_FUNCTION_ARGS)
{
	return embed_table(fcinfo, true);
}
