/*
 * avg and sum. Their state is a float8 array {count, sum of element 1, …},
 * which PostgreSQL can send between parallel workers as it is; {0} before the
 * first vector. The transition function changes it in place.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/float.h"

#include "core/vector/elements.h"
#include "pg/type/vector.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_accum);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_combine);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_avg);
PGDLLEXPORT PG_FUNCTION_INFO_V1(angle_vector_sum);

/* {count, sums}, in an array or in what made one; dim 0 with count 0 only. */
typedef struct State
{
	ArrayType *array;
	float8 *count;
	float8 *sums; /* (dim) */
	int dim;
} State;

static State
state_of(ArrayType *array)
{
	State state;

	if (ARR_NDIM(array) != 1 || ARR_HASNULL(array) ||
		ARR_ELEMTYPE(array) != FLOAT8OID || ARR_DIMS(array)[0] < 1 ||
		ARR_DIMS(array)[0] > ANGLE_VECTOR_MAX_DIMENSIONS + 1)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("invalid state of a vector aggregate"),
				errdetail("Expected a one-dimensional array of a count and at "
						  "most %d sums.",
						  ANGLE_VECTOR_MAX_DIMENSIONS));
	state.array = array;
	state.count = (float8 *) ARR_DATA_PTR(array);
	state.sums = state.count + 1;
	state.dim = ARR_DIMS(array)[0] - 1;
	return state;
}

static State
new_state(int dim)
{
	Size size = ARR_OVERHEAD_NONULLS(1) + sizeof(float8) * (Size) (dim + 1);
	ArrayType *array = palloc0(size);

	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->elemtype = FLOAT8OID;
	ARR_DIMS(array)[0] = dim + 1;
	ARR_LBOUND(array)[0] = 1;
	return state_of(array);
}

static void
check_state_dim(const State *state, int dim)
{
	if (state->dim != dim)
		ereport(ERROR, errcode(ERRCODE_DATA_EXCEPTION),
				errmsg("expected %d dimensions, not %d", state->dim, dim));
}

Datum
angle_vector_accum(PG_FUNCTION_ARGS)
{
	bool in_place = AggCheckCallContext(fcinfo, NULL) != 0;
	State state = state_of(in_place ? PG_GETARG_ARRAYTYPE_P(0)
									: PG_GETARG_ARRAYTYPE_P_COPY(0));
	const AngleVector *vector = PG_GETARG_ANGLE_VECTOR_P(1);

	angle_vector_prefetch_next(PG_GETARG_DATUM(1), vector);
	if (*state.count == 0)
		state = new_state(vector->dim);
	check_state_dim(&state, vector->dim);
	angle_elements_accumulate(state.sums, vector->x, (size_t) vector->dim);
	*state.count += 1;
	PG_RETURN_ARRAYTYPE_P(state.array);
}

Datum
angle_vector_combine(PG_FUNCTION_ARGS)
{
	State a = state_of(PG_GETARG_ARRAYTYPE_P(0));
	State b = state_of(PG_GETARG_ARRAYTYPE_P(1));
	State both;

	if (*a.count == 0)
		PG_RETURN_ARRAYTYPE_P(b.array);
	if (*b.count == 0)
		PG_RETURN_ARRAYTYPE_P(a.array);
	check_state_dim(&a, b.dim);
	both = new_state(a.dim);
	for (int i = 0; i <= a.dim; i++)
		both.count[i] = a.count[i] + b.count[i];
	PG_RETURN_ARRAYTYPE_P(both.array);
}

/* sums / divisor as a vector. */
static Datum
finish(const State *state, double divisor)
{
	AngleVector *vector = angle_vector_new(state->dim);

	if (angle_elements_narrow(vector->x, state->sums, divisor,
							  (size_t) state->dim) != ANGLE_ELEMENTS_IN_RANGE)
		float_overflow_error();
	PG_RETURN_ANGLE_VECTOR_P(vector);
}

Datum
angle_vector_avg(PG_FUNCTION_ARGS)
{
	State state = state_of(PG_GETARG_ARRAYTYPE_P(0));

	if (*state.count == 0)
		PG_RETURN_NULL();
	return finish(&state, *state.count);
}

Datum
angle_vector_sum(PG_FUNCTION_ARGS)
{
	State state = state_of(PG_GETARG_ARRAYTYPE_P(0));

	if (*state.count == 0)
		PG_RETURN_NULL();
	return finish(&state, 1);
}
