/* The making and checking of vectors. */
#include "postgres.h"

#include "core/base/prefetch.h"
#include "core/vector/elements.h"
#include "pg/type/vector.h"
#include "pg/type/vector_toast.h"

/* What may lie between two vectors: the header of a row and small columns. */
#define ROW_OVERHEAD 64

/* Vectors in a row that lie elsewhere than behind the one before: the first one of a page
 * does in any scan, more do where an index says what is next. */
#define STRAYS 2

AngleVector *
angle_vector_detoast(Datum datum)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);

	if (!VARATT_IS_EXTENDED(value))
		return (AngleVector *) value;
	if (VARATT_IS_EXTERNAL_ONDISK(value))
		return angle_vector_fetch(value);
	return (AngleVector *) pg_detoast_datum(value);
}

void
angle_vector_prefetch_next(Datum datum, const AngleVector *vector)
{
	static uintptr_t last;
	static int strays;
	const Size size = VARSIZE(vector) + ROW_OVERHEAD;

	strays = last - (uintptr_t) vector <= 2 * size ? 0 : strays + 1;
	last = (uintptr_t) vector;
	if (strays <= STRAYS && DatumGetPointer(datum) == (Pointer) vector)
		angle_prefetch_before(vector, size);
}

AngleVector *
angle_vector_new(int dim)
{
	AngleVector *vector;

	if (dim < 1)
		ereport(ERROR, errcode(ERRCODE_DATA_EXCEPTION),
				errmsg("vector must have at least 1 dimension"));
	if (dim > ANGLE_VECTOR_MAX_DIMENSIONS)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("vector cannot have more than %d dimensions",
					   ANGLE_VECTOR_MAX_DIMENSIONS));
	vector = palloc(ANGLE_VECTOR_SIZE(dim));
	SET_VARSIZE(vector, ANGLE_VECTOR_SIZE(dim));
	vector->dim = (int16) dim;
	vector->unused = 0;
	return vector;
}

void
angle_vector_check_finite(const AngleVector *vector)
{
	size_t n = (size_t) vector->dim;
	size_t i = angle_elements_find_non_finite(vector->x, n);

	if (i < n)
		ereport(ERROR, errcode(ERRCODE_DATA_EXCEPTION),
				errmsg("NaN and infinity are not allowed in a vector"),
				errdetail("Element %d is not finite.", (int) i + 1));
}

void
angle_vector_check_typmod(int dim, int32 typmod)
{
	if (typmod != -1 && typmod != dim)
		ereport(ERROR, errcode(ERRCODE_DATA_EXCEPTION),
				errmsg("expected %d dimensions, not %d", typmod, dim));
}

void
angle_vector_check_same_dim(const AngleVector *u, const AngleVector *v)
{
	if (u->dim != v->dim)
		ereport(
			ERROR, errcode(ERRCODE_DATA_EXCEPTION),
			errmsg("different vector dimensions %d and %d", u->dim, v->dim));
}
