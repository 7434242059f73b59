/* Casts: the length check of a type modifier, from and to arrays. */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "pg/type/vector.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_resize);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_from_array);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_to_array);

/* angle_vector(angle_vector, typmod, explicit): nothing is cut or padded. */
Datum
angle_vector_resize(PG_FUNCTION_ARGS)
{
	AngleVector *vector = PG_GETARG_ANGLE_VECTOR_P(0);

	angle_vector_check_typmod(vector->dim, PG_GETARG_INT32(1));
	PG_RETURN_ANGLE_VECTOR_P(vector);
}

/* An element as float4, with the errors of the cast between the two types. */
static float4
element_as_float(Oid type, Datum element)
{
	switch (type)
	{
		case INT4OID:
			return (float4) DatumGetInt32(element);
		case FLOAT4OID:
			return DatumGetFloat4(element);
		case FLOAT8OID:
			return DatumGetFloat4(DirectFunctionCall1(dtof, element));
		case NUMERICOID:
			return DatumGetFloat4(DirectFunctionCall1(numeric_float4, element));
		default:
			elog(ERROR, "cannot cast an array of type %u", type);
	}
}

static void
check_array(const ArrayType *array)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR, errcode(ERRCODE_DATA_EXCEPTION),
				errmsg("array must be one-dimensional"),
				errdetail("It has %d dimensions.", ARR_NDIM(array)));
	if (array_contains_nulls((ArrayType *) array))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("array must not contain nulls"));
}

Datum
angle_vector_from_array(PG_FUNCTION_ARGS)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
	Oid type = ARR_ELEMTYPE(array);
	AngleVector *vector;
	Datum *elements;
	int16 length;
	bool by_value;
	char align;
	int dim;

	check_array(array);
	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(array, type, length, by_value, align, &elements, NULL,
					  &dim);
	vector = angle_vector_new(dim);
	angle_vector_check_typmod(dim, PG_GETARG_INT32(1));
	for (int i = 0; i < dim; i++)
		vector->x[i] = element_as_float(type, elements[i]);
	angle_vector_check_finite(vector);
	PG_RETURN_ANGLE_VECTOR_P(vector);
}

Datum
angle_vector_to_array(PG_FUNCTION_ARGS)
{
	const AngleVector *vector = PG_GETARG_ANGLE_VECTOR_P(0);
	Datum *elements = palloc(sizeof(Datum) * (size_t) vector->dim);

	for (int i = 0; i < vector->dim; i++)
		elements[i] = Float4GetDatum(vector->x[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, vector->dim, FLOAT4OID,
										  sizeof(float4), true, TYPALIGN_INT));
}
