#include "postgres.h"

#include <sys/stat.h>

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "pg/bridge.h"
#include "pg/model/model_directory.h"
#include "pg/model/store.h"
#include "pg/pg_compat.h"

/* ---- statements --------------------------------------------------------- */

#define MAX_PARAMETERS 16

typedef struct Statement
{
	const char *sql;
	int count; /* of parameters */
	Oid types[MAX_PARAMETERS];
	Datum values[MAX_PARAMETERS];
	bool nulls[MAX_PARAMETERS];
} Statement;

static void
add_parameter(Statement *statement, Oid type, Datum value)
{
	Assert(statement->count < MAX_PARAMETERS);
	statement->types[statement->count] = type;
	statement->values[statement->count++] = value;
}

static Oid
table_owner(Oid table)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", table);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Runs it as the tables' owner. An error restores the user, too. */
static void
run(const Statement *statement)
{
	char nulls[MAX_PARAMETERS];
	Oid user;
	int context;

	for (int i = 0; i < statement->count; i++)
		nulls[i] = statement->nulls[i] ? 'n' : ' ';
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(table_owner(angle_catalog_model_table()),
						   context | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_NOFORCE_RLS);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(statement->sql, statement->count,
							  (Oid *) statement->types,
							  (Datum *) statement->values, nulls, false, 0) < 0)
		elog(ERROR, "could not run \"%s\"", statement->sql);
	SPI_finish();
	SetUserIdAndSecContext(user, context);
}

/* ---- names -------------------------------------------------------------- */

void
angle_store_lock(const char *name, const char *what)
{
	angle_model_name_check(name);
	PreventCommandIfReadOnly(what);
	PreventCommandIfParallelMode(what);
	if (!OidIsValid(angle_catalog_model_table()))
		ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("the extension angle in this database is too old to "
					   "keep models"),
				errhint("Run ALTER EXTENSION angle UPDATE."));
	LockDatabaseObject(
		angle_catalog_model_table(),
		hash_bytes((const unsigned char *) name, (int) strlen(name)), 0,
		ExclusiveLock);
}

void
angle_store_check_free(const char *name)
{
	AngleModelRow row;
	struct stat st;

	if (angle_catalog_find(name, &row))
		ereport(ERROR, errcode(ERRCODE_DUPLICATE_OBJECT),
				errmsg("model \"%s\" already exists", name),
				errhint("A model is never changed in place: choose another "
						"name, or drop this one with angle_drop_model()."));
	if (lstat(angle_model_file_path(name), &st) == 0)
		ereport(
			ERROR, errcode(ERRCODE_DUPLICATE_OBJECT),
			errmsg("model \"%s\" already exists", name),
			errdetail("It is the file \"%s\".", angle_model_file_path(name)),
			errhint("Choose another name."));
}

/* ---- rows --------------------------------------------------------------- */

static bytea *
make_bytea(const void *data, size_t size)
{
	bytea *result = palloc(VARHDRSZ + size);

	SET_VARSIZE(result, VARHDRSZ + size);
	memcpy(VARDATA(result), data, size);
	return result;
}

void
angle_store_chunk(const char *name, int32_t sequence, AngleBytes data)
{
	Statement insert = {
		.sql = "INSERT INTO _angle.chunk (model, seq, crc32c, data) "
			   "VALUES ($1, $2, $3, $4)"};
	bytea *value = make_bytea(data.data, data.size);
	pg_crc32c crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, data.data, data.size);
	FIN_CRC32C(crc);
	add_parameter(&insert, TEXTOID, CStringGetTextDatum(name));
	add_parameter(&insert, INT4OID, Int32GetDatum(sequence));
	add_parameter(&insert, INT8OID, Int64GetDatum((int64) crc));
	add_parameter(&insert, BYTEAOID, PointerGetDatum(value));
	run(&insert);
	pfree(value);
}

void
angle_store_discard_chunks(const char *name)
{
	Statement statement = {.sql = "DELETE FROM _angle.chunk WHERE model "
								  "OPERATOR(pg_catalog.=) $1"};

	add_parameter(&statement, TEXTOID, CStringGetTextDatum(name));
	run(&statement);
}

void
angle_store_delete(const char *name)
{
	Statement statement = {.sql = "DELETE FROM _angle.model WHERE name "
								  "OPERATOR(pg_catalog.=) $1"};

	add_parameter(&statement, TEXTOID, CStringGetTextDatum(name));
	run(&statement);
}

void
angle_store_model(const AngleNewModel *model)
{
	static const Oid fact_types[ANGLE_FACT_COLUMNS] = {
		TEXTOID, INT4OID, INT4OID, TEXTOID, JSONBOID, TEXTOID, INT8OID, TEXTOID,
	};
	Statement insert = {
		.sql = "INSERT INTO _angle.model (name, architecture, dimensions, "
			   "max_tokens, pooling, prompts, default_prompt, parameters, "
			   "quantization, bytes, sha256, loaded_at, owner) "
			   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
			   "$13)"};

	add_parameter(&insert, TEXTOID, CStringGetTextDatum(model->name));
	angle_image_facts_columns(&model->facts, insert.values + 1,
							  insert.nulls + 1);
	for (int i = 0; i < ANGLE_FACT_COLUMNS; i++)
		insert.types[insert.count++] = fact_types[i];
	add_parameter(&insert, INT8OID, Int64GetDatum(model->bytes));
	add_parameter(
		&insert, BYTEAOID,
		PointerGetDatum(make_bytea(model->sha256, ANGLE_SHA256_BYTES)));
	add_parameter(&insert, TIMESTAMPTZOID,
				  TimestampTzGetDatum(GetCurrentTimestamp()));
	add_parameter(&insert, TEXTOID,
				  CStringGetTextDatum(GetUserNameFromId(GetUserId(), false)));
	run(&insert);
}

void
angle_store_users(const char *name, const List *users)
{
	Statement update = {.sql = "UPDATE _angle.model SET users = $2 WHERE name "
							   "OPERATOR(pg_catalog.=) $1"};
	Datum *values = palloc(sizeof(Datum) * (list_length(users) + 1));
	int count = 0;
	ListCell *cell;

	foreach(cell, users)
		values[count++] = CStringGetTextDatum((char *) lfirst(cell));
	add_parameter(&update, TEXTOID, CStringGetTextDatum(name));
	add_parameter(&update, TEXTARRAYOID,
				  PointerGetDatum(construct_array(values, count, TEXTOID, -1,
												  false, TYPALIGN_INT)));
	run(&update);
}

/* ---- what an image says ------------------------------------------------- */

static Datum
text_datum(const char *utf8)
{
	return CStringGetTextDatum(angle_readable(utf8));
}

/* {"query": "search_query: {text}", …} */
static Datum
prompts_datum(const AngleModelConfig *config)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < config->prompt_count; i++)
	{
		const AnglePrompt *prompt = &config->prompts[i];
		char *template = psprintf("%s{text}%s", prompt->prefix, prompt->suffix);

		if (i > 0)
			appendStringInfoChar(&json, ',');
		escape_json(&json, prompt->name);
		appendStringInfoChar(&json, ':');
		escape_json(&json, template);
	}
	appendStringInfoChar(&json, '}');
	return DirectFunctionCall1(jsonb_in,
							   CStringGetDatum(angle_readable(json.data)));
}

void
angle_image_facts_columns(const AngleImageFacts *facts, Datum *values,
						  bool *nulls)
{
	const AngleModelConfig *config = &facts->config;

	memset(nulls, false, ANGLE_FACT_COLUMNS * sizeof(bool));
	values[0] = text_datum(angle_architecture_name(config->architecture));
	values[1] = Int32GetDatum(config->dimensions);
	values[2] = Int32GetDatum(config->max_tokens);
	values[3] = text_datum(angle_pooling_name(config->pooling));
	values[4] = prompts_datum(config);
	values[5] = (Datum) 0;
	nulls[5] = config->default_prompt < 0;
	if (config->default_prompt >= 0)
		values[5] = text_datum(config->prompts[config->default_prompt].name);
	values[6] = Int64GetDatum((int64) facts->parameters);
	values[7] = text_datum(angle_quantization_name(config->quantization));
}
