/*
 * Values that a table stores out of line, read in any order.
 *
 * PostgreSQL opens the TOAST table and its index, and makes a scan of it, for each value.
 * That is half of what a value takes; a reader does it once.
 */
#ifndef ANGLE_TOAST_READER_H
#define ANGLE_TOAST_READER_H

#include "access/genam.h"
#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

typedef struct AngleToastReader
{
	MemoryContext memory; /* of what is below */
	Relation table;		  /* NULL: nothing is open */
	Relation *indexes;	  /* (index_count), of which one is read */
	int index_count;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	SnapshotData space; /* of the scan's snapshot, or unused */
} AngleToastReader;

/* A reader of the values of one table, in the current memory context, which opens nothing
 * yet. */
AngleToastReader *angle_toast_reader_make(void);

/* The value that external stands for, in the current memory context: what pg_detoast_datum()
 * returns. external: VARATT_IS_EXTERNAL_ONDISK(). No page stays pinned. */
struct varlena *
angle_toast_read(AngleToastReader *reader, struct varlena *external);

/* Closes what is open; the memory is the context's. */
void angle_toast_reader_end(AngleToastReader *reader);

#endif
