/* Vectors made of vectors, and their norm. */
#include "postgres.h"

#include "utils/float.h"

#include "core/distance/distance.h"
#include "core/vector/elements.h"
#include "pg/type/vector.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_dims);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_norm);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_l2_normalize);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_subvector);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_add);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_sub);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_mul);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_concat);

Datum
angle_vector_dims(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(PG_GETARG_ANGLE_VECTOR_P(0)->dim);
}

Datum
angle_vector_norm(PG_FUNCTION_ARGS)
{
	const AngleVector *vector = PG_GETARG_ANGLE_VECTOR_P(0);

	PG_RETURN_FLOAT8(angle_distance_norm(vector->x, (size_t) vector->dim));
}

/* A zero vector has no direction and stays what it is. */
Datum
angle_l2_normalize(PG_FUNCTION_ARGS)
{
	const AngleVector *vector = PG_GETARG_ANGLE_VECTOR_P(0);
	size_t n = (size_t) vector->dim;
	AngleVector *result = angle_vector_new(vector->dim);
	double norm = angle_distance_norm(vector->x, n);

	if (angle_elements_divide(result->x, vector->x, norm > 0 ? norm : 1, n) !=
		ANGLE_ELEMENTS_IN_RANGE)
		float_overflow_error();
	PG_RETURN_ANGLE_VECTOR_P(result);
}

/* subvector(vector, start, count): start counts from 1, as in substr(); what
 * lies outside the vector is left out. */
Datum
angle_subvector(PG_FUNCTION_ARGS)
{
	const AngleVector *vector = PG_GETARG_ANGLE_VECTOR_P(0);
	int64 first = PG_GETARG_INT32(1);
	int64 end = first + PG_GETARG_INT32(2);
	AngleVector *result;

	first = Max(first, 1);
	end = Min(end, vector->dim + 1);
	result = angle_vector_new((int) Max(end - first, 0));
	memcpy(result->x, vector->x + first - 1,
		   sizeof(float4) * (size_t) result->dim);
	PG_RETURN_ANGLE_VECTOR_P(result);
}

static AngleVector *
combine(FunctionCallInfo fcinfo,
		AngleElementsRange (*operation)(float *, const float *, const float *,
										size_t))
{
	const AngleVector *u = PG_GETARG_ANGLE_VECTOR_P(0);
	const AngleVector *v = PG_GETARG_ANGLE_VECTOR_P(1);
	AngleVector *result;

	angle_vector_check_same_dim(u, v);
	result = angle_vector_new(u->dim);
	switch (operation(result->x, u->x, v->x, (size_t) u->dim))
	{
		case ANGLE_ELEMENTS_OVERFLOW:
			float_overflow_error();
			break;
		case ANGLE_ELEMENTS_UNDERFLOW:
			float_underflow_error();
			break;
		case ANGLE_ELEMENTS_IN_RANGE:
			break;
	}
	return result;
}

Datum
angle_vector_add(PG_FUNCTION_ARGS)
{
	PG_RETURN_ANGLE_VECTOR_P(combine(fcinfo, angle_elements_add));
}

Datum
angle_vector_sub(PG_FUNCTION_ARGS)
{
	PG_RETURN_ANGLE_VECTOR_P(combine(fcinfo, angle_elements_subtract));
}

Datum
angle_vector_mul(PG_FUNCTION_ARGS)
{
	PG_RETURN_ANGLE_VECTOR_P(combine(fcinfo, angle_elements_multiply));
}

Datum
angle_vector_concat(PG_FUNCTION_ARGS)
{
	const AngleVector *u = PG_GETARG_ANGLE_VECTOR_P(0);
	const AngleVector *v = PG_GETARG_ANGLE_VECTOR_P(1);
	AngleVector *result = angle_vector_new(u->dim + v->dim);

	memcpy(result->x, u->x, sizeof(float4) * (size_t) u->dim);
	memcpy(result->x + u->dim, v->x, sizeof(float4) * (size_t) v->dim);
	PG_RETURN_ANGLE_VECTOR_P(result);
}
