/*
 * The state of a scan, for scan.c, for leaves.c, which reads leaves into it, and for wanted.c,
 * which says how many.
 */
#ifndef ANGLE_STATE_H
#define ANGLE_STATE_H

#include "pg/am/scan/limit.h"
#include "pg/am/scan/row_distance.h"
#include "pg/am/scan/rows.h"
#include "pg/am/store/body.h"
#include "pg/am/store/keys.h"
#include "pg/am/store/stop.h"

typedef struct AngleScan
{
	MemoryContext memory;		/* of one run; reset by rescan */
	MemoryContextCallback ends; /* of memory: closes directory */
	AngleDirectory *directory;	/* or NULL */
	AngleIndex *self;
	AngleMeta meta; /* of the index when the run began */
	AngleQuery *query;
	AngleFilter *filter;
	AngleLimit *limit; /* or NULL */
	bool started;
	AngleRoute *route;
	bool more; /* whether there are leaves that were not read */
	AngleRows rows;
	uint32 ahead; /* rows known by their codes whose bodies were asked for */

	AngleRowDistance *table; /* NULL until it is needed */
	Relation visited;		 /* it, if visits are looked for ahead; else NULL */
	AngleQueue
		ready; /* rows whose distance is known: distances, places of items */
	AngleQueue late; /* rows that come last */
	double given;	 /* the distance of the last row that was given out … */
	double count; /* … and how many were, or were dropped by the filter … */
	double dropped; /* … so many */
	double wanted;	/* rows that will have to be given, about; 0: not known */
	bool looking;	/* they are to be tested before any is given */
	int probes; /* leaves to be read before the first row; 0: by the stop rule */
	AngleAhead next_leaf;	/* what is read of the leaf that comes next */
	const AngleLeaf *later; /* one that comes after it, or NULL */
	AngleStop stop;			/* what was read */
	AngleStopRule rule;
	double nearest;	  /* rows that are not to be missed now … */
	double due;		  /* … and what is to be seen for them, where all pass */
	bool exact;		  /* read all */
	bool once;		  /* all is read, and rows come by their first entries */
	float *estimates; /* (capacity) */
	float *keys;	  /* (capacity) */
	uint16 *passing; /* (capacity / ANGLE_BLOCK): rows of a leaf that pass … */
	uint16 *near;	 /* … and those that are near, a bit each */
	double *distances; /* (capacity) */
	AnglePageReader reader;
	char *copy; /* (BLCKSZ): of a leaf's head page, for filters; or NULL */
	Oid type;	/* of the ordering operator's result */
} AngleScan;

/* Rows that are taken to be wanted where that is not known. */
#define ANGLE_ROWS_WANTED 10

/* Notes how many rows are wanted at first. */
void angle_scan_want(AngleScan *self);

/* How many rows are read for so many of the nearest, about. */
double angle_scan_rows_for(const AngleScan *self, double nearest);

/* Says how many leaves will be read before the first row is given out, about. */
void angle_scan_expect(AngleScan *self);

/* What the planner thinks of a filter may be far off, and decides how much is read: so some rows are
 * tested before all of that is. None is given out meanwhile, for as much is read for the first
 * as for the last. Once they are tested, this thinks of it anew. */
void angle_scan_look_at_filter(AngleScan *self);

/* The nearest rows that are not to be missed as the next ones are given out. */
double angle_scan_nearest(const AngleScan *self);

/* Reads the next leaf, if there is one, and takes the rows of it that are near. */
void angle_scan_leaf(Relation index, AngleScan *self);

/* Reads the leaves again of which rows were left out, and takes more of them. */
void angle_scan_widen(Relation index, AngleScan *self);

/* Where all of the index is read: takes rows of the leaf at place from (floor, slot) on. */
void angle_scan_expand(Relation index, AngleScan *self, uint32 place,
					   double floor, int slot);

/* Fills key with what the body of a row says; false if VACUUM has taken the row since its
 * entry was read. */
bool angle_scan_body(Relation index, AngleScan *self, AngleLeafEntry *entry,
					 AngleRowKey *key);

#endif
