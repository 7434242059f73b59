/*
 * Vectors that a table stores out of line (TOAST), from about 500 dimensions on.
 *
 * PostgreSQL looks each of them up in an index, and then chunk by chunk. But a
 * table that is read in order has its chunks in order, too: those of the next
 * row follow those of this one. So they are looked for there first, which is a
 * guess that is verified: a chunk says which value it is of.
 */
#ifndef ANGLE_VECTOR_TOAST_H
#define ANGLE_VECTOR_TOAST_H

#include "pg/type/vector.h"

/* The vector that external stands for, allocated in the current context: what
 * pg_detoast_datum() returns, in less time when external is the next row's. Of
 * external: VARATT_IS_EXTERNAL_ONDISK(). */
AngleVector *angle_vector_fetch(struct varlena *external);

#endif
