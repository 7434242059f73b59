/*
 * Values that a table stores out of line, put together from their chunks.
 *
 * A chunk says by itself which value it is of and which of its chunks. A value's OID is
 * unique in its TOAST table among all rows that are there, dead ones included: what fits is
 * what is wanted, however it was found.
 */
#ifndef ANGLE_TOAST_VALUE_H
#define ANGLE_TOAST_VALUE_H

#include "access/htup.h"
#include "utils/rel.h"

enum
{
	ANGLE_TOAST_ID = 1,
	ANGLE_TOAST_NUMBER,
	ANGLE_TOAST_DATA
};

/* A value of which the first bytes are there. */
typedef struct AngleToastValue
{
	Relation table; /* the TOAST table */
	Oid id;
	uint32 size; /* in the table, without the header */
	uint32 done; /* bytes that are there */
	struct varlena *whole;
} AngleToastValue;

/* Begins the value that external stands for, which VARATT_IS_EXTERNAL_ONDISK() and is not
 * compressed, in the current memory context. Its table is open. */
AngleToastValue
angle_toast_begin(const struct varlena *external, Relation table);

/* Takes a chunk if it is the one that comes next; returns whether it is. Whether it is
 * visible is the caller's to know. */
bool angle_toast_take(AngleToastValue *value, HeapTuple chunk);

/* The value if it is whole; else NULL, and what is there is freed. */
struct varlena *angle_toast_end(AngleToastValue *value);

#endif
