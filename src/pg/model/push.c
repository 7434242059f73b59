/*
 * angle_push_begin(), …_chunk() and …_end(): a model comes over the connection in
 * one transaction. The chunks are rows from the start; a commit before the end
 * is refused here, and by the foreign key of whatever gets past.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "pg/bridge.h"
#include "pg/model/image_path.h"
#include "pg/model/image_removal.h"
#include "pg/model/load_progress.h"
#include "pg/model/store.h"
#include "pg/pg_compat.h"

/* The push of the current transaction. */
typedef struct Push
{
	bool active;
	bool broken; /* a subtransaction was rolled back meanwhile */
	char name[ANGLE_MODEL_NAME_MAX + 1];
	int64 bytes;
	int64 received;
	int32 next; /* the chunk that must follow */
} Push;

static Push push;

static void
transaction_ends(XactEvent event, void *argument)
{
	if ((event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE) &&
		push.active)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("the push of model \"%s\" is not finished", push.name),
				errdetail("It has " INT64_FORMAT " of " INT64_FORMAT " bytes.",
						  push.received, push.bytes),
				errhint("Call angle_push_end() in the transaction that called "
						"angle_push_begin()."));
	if (event == XACT_EVENT_ABORT)
		push = (Push){.active = false};
}

static void
subtransaction_ends(SubXactEvent event, SubTransactionId sub,
					SubTransactionId parent, void *argument)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		push.broken = push.active;
}

static void
watch_transactions(void)
{
	static bool watching = false;

	if (watching)
		return;
	RegisterXactCallback(transaction_ends, NULL);
	RegisterSubXactCallback(subtransaction_ends, NULL);
	watching = true;
}

static void
check_pushing(const char *name)
{
	if (!push.active || strcmp(push.name, name) != 0)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("no push of model \"%s\" is under way", name),
				errhint("Call angle_push_begin() first, in the same "
						"transaction."));
	if (push.broken)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("the push of model \"%s\" was rolled back to a "
					   "savepoint",
					   name),
				errhint("Start again with angle_push_begin()."));
}

static void
show_progress(AngleLoadPhase phase)
{
	angle_progress_start(phase);
	angle_progress_report(push.received, push.bytes);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_push_chunk_size);

Datum
angle_push_chunk_size(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(ANGLE_CHUNK_BYTES);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_push_begin);

Datum
angle_push_begin(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int64 bytes = PG_GETARG_INT64(1);

	if (push.active && !push.broken)
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("the push of model \"%s\" is not finished", push.name));
	angle_model_name_check(name);
	if (bytes <= 0 || bytes / ANGLE_CHUNK_BYTES >= PG_INT32_MAX)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("a model cannot have " INT64_FORMAT " bytes", bytes));
	angle_store_lock(name, "angle_push_begin()");
	angle_store_check_free(name);
	angle_store_discard_chunks(name);
	watch_transactions();
	push = (Push){.active = true, .bytes = bytes};
	strlcpy(push.name, name, sizeof(push.name));
	show_progress(ANGLE_LOAD_RECEIVING);
	PG_RETURN_VOID();
}

static void
check_chunk(int32 sequence, Size size)
{
	int64 wanted = Min(push.bytes - push.received, ANGLE_CHUNK_BYTES);

	if (sequence != push.next)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("chunk %d of model \"%s\" came where chunk %d must",
					   sequence, push.name, push.next));
	if ((int64) size != wanted || wanted == 0)
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg(
				"chunk %d of model \"%s\" has %zu bytes but must have " INT64_FORMAT,
				sequence, push.name, (size_t) size, wanted));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_push_chunk);

Datum
angle_push_chunk(PG_FUNCTION_ARGS)
{
	int32 sequence = PG_GETARG_INT32(1);
	bytea *data = PG_GETARG_BYTEA_PP(2);
	AngleBytes bytes = {(const uint8_t *) VARDATA_ANY(data),
						VARSIZE_ANY_EXHDR(data)};

	check_pushing(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	check_chunk(sequence, bytes.size);
	angle_store_chunk(push.name, sequence, bytes);
	push.next++;
	push.received += (int64) bytes.size;
	show_progress(ANGLE_LOAD_RECEIVING);
	PG_RETURN_VOID();
}

/* ---- the end ------------------------------------------------------------ */

static void
read_digest(const char *hex, uint8_t *digest)
{
	if (strlen(hex) != 2 * ANGLE_SHA256_BYTES ||
		strspn(hex, "0123456789abcdefABCDEF") != strlen(hex))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("\"%.80s\" is no SHA-256 in hexadecimal", hex));
	(void) hex_decode(hex, strlen(hex), (char *) digest);
}

/* Makes the file from the chunks, which verifies them, and looks into it: what
 * came may be anything. */
static void
check_image(AngleNewModel *model)
{
	AngleArena *arena = angle_context_arena(CurrentMemoryContext);
	AngleModelRow row = {.bytes = model->bytes};
	AngleStatus status;
	AngleError err;

	strlcpy(row.name, model->name, sizeof(row.name));
	memcpy(row.sha256, model->sha256, sizeof(row.sha256));
	angle_image_remove(model->sha256, ANGLE_REMOVE_AT_ABORT);
	angle_image_materialise(&row);
	status = angle_image_inspect(angle_image_path(model->sha256), arena,
								 &model->facts, &err);
	if (status != ANGLE_OK)
		angle_prefix(&err, "model \"%s\"", model->name);
	angle_check(status, &err);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_push_end);

Datum
angle_push_end(PG_FUNCTION_ARGS)
{
	AngleNewModel model = {
		.name = text_to_cstring(PG_GETARG_TEXT_PP(0)),
	};

	check_pushing(model.name);
	read_digest(text_to_cstring(PG_GETARG_TEXT_PP(1)), model.sha256);
	model.bytes = push.bytes;
	if (push.received != push.bytes)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("model \"%s\" has " INT64_FORMAT " of " INT64_FORMAT
					   " bytes",
					   model.name, push.received, push.bytes));
	show_progress(ANGLE_LOAD_CHECKING);
	check_image(&model);
	angle_store_model(&model);
	push = (Push){.active = false};
	angle_progress_end();
	PG_RETURN_VOID();
}
