/* Text and binary form, and the type modifier. */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "utils/array.h"

#include "core/vector/elements.h"
#include "core/vector/format.h"
#include "pg/type/vector.h"

StaticAssertDecl(ANGLE_ELEMENT_TEXT >= FLOAT_SHORTEST_DECIMAL_LEN,
				 "an element's text must hold any float");

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_in);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_out);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_recv);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_send);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_typmod_in);

/* A message quotes this much of a text: a vector may have 200 kB. */
#define MAX_QUOTED 64

/* The beginning of size bytes of text, cut between characters. */
static char *
quotable(const char *text, size_t size)
{
	int length;

	if (size <= MAX_QUOTED)
		return pnstrdup(text, size);
	length = pg_mbcliplen(text, MAX_QUOTED + 1, MAX_QUOTED);
	return psprintf("%.*s...", length, text);
}

static const char *
syntax_detail(AngleVectorSyntax syntax)
{
	switch (syntax)
	{
		case ANGLE_VECTOR_NO_BRACKET:
			return "A vector must start with \"[\".";
		case ANGLE_VECTOR_NO_NUMBER:
			return "Expected a number at character %d, found \"%s\".";
		case ANGLE_VECTOR_NO_SEPARATOR:
			return "Expected \",\" or \"]\" at character %d, found \"%s\".";
		case ANGLE_VECTOR_TRAILING_JUNK:
			return "Junk after the closing \"]\".";
		default:
			return "Unexpected end of input.";
	}
}

/* Says what is wrong with text, at blame: softly where context asks for it. */
static void
report_syntax(struct Node *context, AngleVectorSyntax syntax, const char *text,
			  AngleBytes blame)
{
	int position =
		pg_mbstrlen_with_len(text, (int) ((char *) blame.data - text)) + 1;
	char *word = quotable((const char *) blame.data, blame.size);

	switch (syntax)
	{
		case ANGLE_VECTOR_EMPTY:
			errsave(context, errcode(ERRCODE_DATA_EXCEPTION),
					errmsg("vector must have at least 1 dimension"));
			break;
		case ANGLE_VECTOR_TOO_LONG:
			errsave(context, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					errmsg("vector cannot have more than %d dimensions",
						   ANGLE_VECTOR_MAX_DIMENSIONS));
			break;
		case ANGLE_VECTOR_NOT_FINITE:
			errsave(context, errcode(ERRCODE_DATA_EXCEPTION),
					errmsg("NaN and infinity are not allowed in a vector"),
					errdetail("Found \"%s\" at character %d.", word, position));
			break;
		case ANGLE_VECTOR_OUT_OF_RANGE:
			errsave(context, errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					errmsg("\"%s\" is out of range for type %s", word,
						   "angle_vector"));
			break;
		default:
			errsave(context, errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					errmsg("invalid input syntax for type %s: \"%s\"",
						   "angle_vector", quotable(text, strlen(text))),
					errdetail(syntax_detail(syntax), position, word));
	}
}

Datum
angle_vector_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	int32 typmod = PG_GETARG_INT32(2);
	float elements[ANGLE_VECTOR_MAX_DIMENSIONS];
	AngleVectorSyntax syntax;
	AngleVector *vector;
	AngleBytes blame;
	int dim;

	syntax = angle_vector_parse(angle_bytes_of(text), elements, &dim, &blame);
	if (syntax != ANGLE_VECTOR_PARSED)
	{
		report_syntax(fcinfo->context, syntax, text, blame);
		PG_RETURN_NULL();
	}
	if (typmod != -1 && typmod != dim)
		ereturn(fcinfo->context, (Datum) 0, errcode(ERRCODE_DATA_EXCEPTION),
				errmsg("expected %d dimensions, not %d", typmod, dim));
	vector = angle_vector_new(dim);
	memcpy(vector->x, elements, sizeof(float) * (size_t) dim);
	PG_RETURN_ANGLE_VECTOR_P(vector);
}

Datum
angle_vector_out(PG_FUNCTION_ARGS)
{
	const AngleVector *vector = PG_GETARG_ANGLE_VECTOR_P(0);
	char *text = palloc((size_t) vector->dim * (ANGLE_ELEMENT_TEXT + 1) + 2);
	char *p = text;

	for (int i = 0; i < vector->dim; i++)
	{
		size_t length;

		*p++ = i == 0 ? '[' : ',';
		length = angle_element_format(vector->x[i], p);
		if (length == 0)
			length = float_to_shortest_decimal_bufn(vector->x[i], p);
		p += length;
	}
	*p++ = ']';
	*p = '\0';
	PG_RETURN_CSTRING(text);
}

/* int16 dimensions, int16 zero, float4 elements; big-endian. */
Datum
angle_vector_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	int32 typmod = PG_GETARG_INT32(2);
	int dim = (int16) pq_getmsgint(message, 2);
	int unused = (int16) pq_getmsgint(message, 2);
	int left = message->len - message->cursor;
	AngleVector *vector;

	if (unused != 0)
		ereport(ERROR, errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				errmsg("invalid binary vector"),
				errdetail("The reserved field is %d, not 0.", unused));
	vector = angle_vector_new(dim);
	if (left != dim * (int) sizeof(float4))
		ereport(ERROR, errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				errmsg("invalid binary vector"),
				errdetail("%d bytes follow, not the %d of %d dimensions.", left,
						  dim * (int) sizeof(float4), dim));
	angle_vector_check_typmod(dim, typmod);
	angle_elements_swap(vector->x, pq_getmsgbytes(message, left), (size_t) dim);
	angle_vector_check_finite(vector);
	PG_RETURN_ANGLE_VECTOR_P(vector);
}

Datum
angle_vector_send(PG_FUNCTION_ARGS)
{
	const AngleVector *vector = PG_GETARG_ANGLE_VECTOR_P(0);
	Size size =
		VARHDRSZ + 2 * sizeof(uint16) + sizeof(float4) * (Size) vector->dim;
	bytea *message = palloc(size);
	uint16 header[2] = {pg_hton16((uint16) vector->dim), 0};

	SET_VARSIZE(message, size);
	memcpy(VARDATA(message), header, sizeof(header));
	angle_elements_swap(VARDATA(message) + sizeof(header), vector->x,
						(size_t) vector->dim);
	PG_RETURN_BYTEA_P(message);
}

Datum
angle_vector_typmod_in(PG_FUNCTION_ARGS)
{
	ArrayType *modifiers = PG_GETARG_ARRAYTYPE_P(0);
	int count;
	const int32 *values = ArrayGetIntegerTypmods(modifiers, &count);

	if (count != 1)
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("invalid type modifier"),
			errhint(
				"Write angle_vector(n), where n is the number of dimensions."));
	if (values[0] < 1 || values[0] > ANGLE_VECTOR_MAX_DIMENSIONS)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("dimensions for type %s must be between 1 and %d",
					   "angle_vector", ANGLE_VECTOR_MAX_DIMENSIONS));
	PG_RETURN_INT32(values[0]);
}
