/* The pass of a build over the table: rows become points, which are handed on in
 * batches. */
#ifndef ANGLE_SCAN_H
#define ANGLE_SCAN_H

#include "pg/am/scan/calibrate.h"
#include "pg/am/store/index.h"

typedef struct AngleBuildScan
{
	Relation index;
	const AngleIndex *self;
	MemoryContext scratch;	   /* of one row */
	AngleReservoir *reservoir; /* that is shown every point; or NULL */
	double rows;			   /* that have a place in the index */
	AngleRowSet batch;
	AngleRow row; /* scratch */

	/* Takes the rows of the batch, which is empty afterwards. */
	void (*take)(void *context, const AngleRowSet *batch);
	void *context;
} AngleBuildScan;

/* Makes room for a batch of so many bytes and most rows at most, in the current
 * memory context. index, self and scratch are set. */
void angle_build_scan_begin(AngleBuildScan *scan, Size size, int most);

/* An IndexBuildCallback, whose state is the AngleBuildScan. */
void angle_build_scan_row(Relation index, ItemPointer tid, Datum *values,
						  bool *isnull, bool alive, void *state);

/* Hands on the last rows; frees the batch. */
void angle_build_scan_end(AngleBuildScan *scan);

#endif
