/*
 * angle_embed() in its four SQL forms: one text or an array, the model from
 * angle.model (STABLE) or from an argument (IMMUTABLE). Why there are two of
 * each: docs/design/0002-volatility-of-angle-embed.md.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/supportnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "pg/embed/content.h"
#include "pg/embed/embed_memo.h"
#include "pg/model/registry.h"
#include "pg/settings.h"

/* ---- arguments ---------------------------------------------------------- */

/* The positions of the arguments in one SQL form; −1: it has no such one. */
typedef struct EmbedSignature
{
	int model;
	int prompt;
	int dimensions;
} EmbedSignature;

static const EmbedSignature setting_signature = {-1, 2, 1};
static const EmbedSignature model_signature = {1, 2, 3};

static AngleEmbedCall
read_call(FunctionCallInfo fcinfo, const EmbedSignature *signature)
{
	AngleEmbedCall call = {0};

	call.model = signature->model < 0
					 ? angle_registry_model(angle_model)
					 : angle_registry_argument(fcinfo, signature->model);
	if (!PG_ARGISNULL(signature->prompt))
		call.prompt =
			angle_content_cstring(PG_GETARG_TEXT_PP(signature->prompt));
	call.asked = angle_embed_call_asked(fcinfo, signature->dimensions);
	angle_embed_call_measure(&call);
	return call;
}

/* ---- one text ----------------------------------------------------------- */

static AngleVector *
copy_vector(const AngleVector *vector)
{
	AngleVector *copy = palloc(VARSIZE(vector));

	return memcpy(copy, vector, VARSIZE(vector));
}

static Datum
embed_one(FunctionCallInfo fcinfo, const EmbedSignature *signature)
{
	AngleEmbedMemo *memo;
	AngleEmbedCall call;
	AngleBytes content;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	call = read_call(fcinfo, signature);
	content = angle_content_utf8(PG_GETARG_TEXT_PP(0));
	memo = angle_embed_memos(fcinfo->flinfo, 1);
	angle_embed_memos_fill(memo, &call, &content, 1);
	PG_RETURN_ANGLE_VECTOR_P(copy_vector(memo->result));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_embed);

Datum
angle_embed(PG_FUNCTION_ARGS)
{
	return embed_one(fcinfo, &setting_signature);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_embed_model);

Datum
angle_embed_model(PG_FUNCTION_ARGS)
{
	return embed_one(fcinfo, &model_signature);
}

/* ---- arrays ------------------------------------------------------------- */

/* Texts that go to core at once. Interrupts that do not end the query, such as
 * a request of another backend to release a dropped database's files, are
 * served between two pieces; within one, core packs the texts into batches. */
#define PIECE_TEXTS 128

/* The elements of an array, and of the one that comes of it. */
typedef struct EmbedElements
{
	Datum *values; /* (count) texts, replaced by vectors */
	bool *nulls;   /* (count) */
	int count;
} EmbedElements;

/* Embeds up to PIECE_TEXTS elements from first on; returns the element after
 * the last one. vectors has room for PIECE_TEXTS embeddings. */
static int
embed_piece(const AngleEmbedCall *call, EmbedElements *elements, int first,
			float *vectors)
{
	AngleBytes texts[PIECE_TEXTS];
	int places[PIECE_TEXTS];
	int count = 0;
	int next = first;

	for (; next < elements->count && count < PIECE_TEXTS; next++)
	{
		if (elements->nulls[next])
			continue;
		texts[count] =
			angle_content_utf8(DatumGetTextPP(elements->values[next]));
		places[count++] = next;
	}
	if (count > 0)
		angle_embed_call_run(call, texts, count, vectors);
	for (int i = 0; i < count; i++)
	{
		AngleVector *vector = angle_vector_new(call->dimensions);

		memcpy(vector->x, vectors + (size_t) i * call->dimensions,
			   sizeof(float) * call->dimensions);
		angle_vector_check_finite(vector);
		elements->values[places[i]] = PointerGetDatum(vector);
	}
	return next;
}

/* Before the work and not after it. */
static void
check_result_size(const EmbedElements *elements, const AngleEmbedCall *call)
{
	Size each = ANGLE_VECTOR_SIZE(call->dimensions);

	if (elements->count > MaxAllocSize / each)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("embeddings of %d texts do not fit into one array",
					   elements->count),
				errhint("Embed at most %d texts of this model at once.",
						(int) (MaxAllocSize / each)));
}

static void
embed_elements(const AngleEmbedCall *call, EmbedElements *elements)
{
	float *vectors = palloc(sizeof(float) * call->dimensions *
							Min(elements->count, PIECE_TEXTS));
	int next = 0;

	while (next < elements->count)
	{
		CHECK_FOR_INTERRUPTS();
		next = embed_piece(call, elements, next, vectors);
	}
	pfree(vectors);
}

static Datum
embed_array(FunctionCallInfo fcinfo, const EmbedSignature *signature)
{
	/* the result type is angle_vector[], wherever the extension lives */
	Oid type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
	ArrayType *array;
	EmbedElements elements;
	AngleEmbedCall call;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	array = PG_GETARG_ARRAYTYPE_P(0);
	call = read_call(fcinfo, signature);
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements.values,
					  &elements.nulls, &elements.count);
	if (elements.count == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(type));
	check_result_size(&elements, &call);
	embed_elements(&call, &elements);
	PG_RETURN_ARRAYTYPE_P(construct_md_array(
		elements.values, elements.nulls, ARR_NDIM(array), ARR_DIMS(array),
		ARR_LBOUND(array), type, -1, false, TYPALIGN_INT));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_embed_array);

Datum
angle_embed_array(PG_FUNCTION_ARGS)
{
	return embed_array(fcinfo, &setting_signature);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_embed_model_array);

Datum
angle_embed_model_array(PG_FUNCTION_ARGS)
{
	return embed_array(fcinfo, &model_signature);
}

/* ---- planning ----------------------------------------------------------- */

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_embed_support);

/*
 * A call whose arguments are the same for every row costs a look at the memo for
 * each row; else the declared cost stands. Its price is paid once whatever the
 * plan is, so it is left out: with it, a prepared statement that names the model
 * would be planned anew for each execution, because a plan with the embedding
 * folded into a constant looks cheaper. That takes 60 µs.
 */
Datum
angle_embed_support(PG_FUNCTION_ARGS)
{
	Node *request = (Node *) PG_GETARG_POINTER(0);
	SupportRequestCost *cost;

	if (!IsA(request, SupportRequestCost))
		PG_RETURN_POINTER(NULL);
	cost = (SupportRequestCost *) request;
	if (cost->node == NULL || contain_var_clause(cost->node) ||
		contain_volatile_functions(cost->node))
		PG_RETURN_POINTER(NULL);
	cost->startup = 0;
	cost->per_tuple = 100 * cpu_operator_cost;
	PG_RETURN_POINTER(cost);
}
