/* Distances and similarities; core/distance/distance.h defines them. */
#include "postgres.h"

#include "core/distance/distance.h"
#include "pg/type/vector.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_l2_distance);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_l1_distance);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_inner_product);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_negative_inner_product);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_cosine_similarity);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_cosine_distance);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_angular_distance);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_angle_similarity);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_angle_distance);

static float8
measure(FunctionCallInfo fcinfo,
		double (*metric)(const float *u, const float *v, size_t n))
{
	const AngleVector *u = PG_GETARG_ANGLE_VECTOR_P(0);
	const AngleVector *v = PG_GETARG_ANGLE_VECTOR_P(1);

	angle_vector_check_same_dim(u, v);
	angle_vector_prefetch_next(PG_GETARG_DATUM(0), u);
	return metric(u->x, v->x, (size_t) u->dim);
}

Datum
angle_l2_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure(fcinfo, angle_distance_l2));
}

Datum
angle_l1_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure(fcinfo, angle_distance_l1));
}

Datum
angle_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure(fcinfo, angle_distance_dot));
}

/* Subtracted from zero, so that orthogonal vectors have 0 and not −0. */
Datum
angle_negative_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(0 - measure(fcinfo, angle_distance_dot));
}

Datum
angle_cosine_similarity(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure(fcinfo, angle_distance_cosine_similarity));
}

Datum
angle_cosine_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(1 - measure(fcinfo, angle_distance_cosine_similarity));
}

Datum
angle_angular_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure(fcinfo, angle_distance_angular));
}

Datum
angle_angle_similarity(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(measure(fcinfo, angle_distance_angle_similarity));
}

Datum
angle_angle_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(1 - measure(fcinfo, angle_distance_angle_similarity));
}
