/* Order, equality and hashing, which agree that −0 equals 0. */
#include "postgres.h"

#include "common/hashfn.h"

#include "core/vector/elements.h"
#include "pg/type/vector.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_cmp);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_lt);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_le);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_eq);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_ne);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_ge);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_gt);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_hash);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_hash_extended);

/* btree and hash keep no context for each call: what is detoasted is freed. */
static int
compare(FunctionCallInfo fcinfo)
{
	AngleVector *u = PG_GETARG_ANGLE_VECTOR_P(0);
	AngleVector *v = PG_GETARG_ANGLE_VECTOR_P(1);
	int order =
		angle_elements_compare(u->x, (size_t) u->dim, v->x, (size_t) v->dim);

	PG_FREE_IF_COPY(u, 0);
	PG_FREE_IF_COPY(v, 1);
	return order;
}

Datum
angle_vector_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare(fcinfo));
}

Datum
angle_vector_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) < 0);
}

Datum
angle_vector_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) <= 0);
}

Datum
angle_vector_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) == 0);
}

Datum
angle_vector_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) != 0);
}

Datum
angle_vector_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) >= 0);
}

Datum
angle_vector_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) > 0);
}

/* The bytes to hash: a copy of the elements without −0. */
static unsigned char *
hashable(FunctionCallInfo fcinfo, int *size)
{
	AngleVector *vector = PG_GETARG_ANGLE_VECTOR_P(0);
	float *elements = palloc(sizeof(float) * (size_t) vector->dim);

	angle_elements_canonicalise(elements, vector->x, (size_t) vector->dim);
	*size = (int) sizeof(float) * vector->dim;
	PG_FREE_IF_COPY(vector, 0);
	return (unsigned char *) elements;
}

Datum
angle_vector_hash(PG_FUNCTION_ARGS)
{
	int size;
	unsigned char *bytes = hashable(fcinfo, &size);
	Datum hash = hash_any(bytes, size);

	pfree(bytes);
	PG_RETURN_DATUM(hash);
}

Datum
angle_vector_hash_extended(PG_FUNCTION_ARGS)
{
	int size;
	unsigned char *bytes = hashable(fcinfo, &size);
	Datum hash = hash_any_extended(bytes, size, (uint64) PG_GETARG_INT64(1));

	pfree(bytes);
	PG_RETURN_DATUM(hash);
}
