/*
 * The datum of the type angle_vector. Memory, text and binary form are those of
 * pgvector's type "vector", so that data and clients carry over.
 *
 * Every datum has 1 to ANGLE_VECTOR_MAX_DIMENSIONS elements, all finite: who
 * makes one checks that, and who reads one may count on it.
 */
#ifndef ANGLE_VECTOR_H
#define ANGLE_VECTOR_H

#include "core/vector/parse.h"
#include "fmgr.h"
#include "pg/pg_compat.h"

typedef struct AngleVector
{
	int32 vl_len_; /* varlena header, for VARSIZE only */
	int16 dim;
	int16 unused; /* zero */
	float4 x[FLEXIBLE_ARRAY_MEMBER];
} AngleVector;

#define ANGLE_VECTOR_SIZE(dim) \
	(offsetof(AngleVector, x) + sizeof(float4) * (size_t) (dim))

/* These detoast: the result is aligned and plain. */
#define DatumGetAngleVector(datum) angle_vector_detoast(datum)
#define PG_GETARG_ANGLE_VECTOR_P(n) DatumGetAngleVector(PG_GETARG_DATUM(n))
#define PG_RETURN_ANGLE_VECTOR_P(vector) PG_RETURN_POINTER(vector)

/* datum itself where it is plain, otherwise a copy in the current context. */
AngleVector *angle_vector_detoast(Datum datum);

/* Of a scan: lets the processor fetch the vector of the next row while this one is
 * worked on. A heap page fills from its end, so that the next row lies before this
 * one; where that is wrong, nothing is lost but a few instructions. datum is what
 * vector was made of: a copy, detoasted, has no such neighbour. */
void angle_vector_prefetch_next(Datum datum, const AngleVector *vector);

/* Allocates a vector in the current context, its elements not filled. Raises
 * an error unless 1 ≤ dim ≤ ANGLE_VECTOR_MAX_DIMENSIONS. */
AngleVector *angle_vector_new(int dim);

/* Raises an error if an element is NaN or infinite. */
void angle_vector_check_finite(const AngleVector *vector);

/* Raises an error unless typmod is −1 or dim. */
void angle_vector_check_typmod(int dim, int32 typmod);

/* Raises an error unless u and v have the same number of dimensions. */
void angle_vector_check_same_dim(const AngleVector *u, const AngleVector *v);

#endif
