/* Entries of nodes in memory, on their way into other nodes. */
#ifndef ANGLE_ENTRIES_H
#define ANGLE_ENTRIES_H

#include "pg/am/store/bits.h"
#include "pg/am/store/node.h"

typedef struct AngleEntries
{
	Relation index;
	const AngleIndex *self;
	int count;
	int capacity;
	bool first_only; /* of rows those entries that are second are passed over */
	/* sets of bodies by number, or NULL; first entries are passed over: */
	const AngleBits *alone; /* of bodies not among these */
	const AngleBits *known; /* of those among these */
	float *points;		  /* (capacity, dims): rows, or centroids of children */
	AngleRow *rows;		  /* (capacity) of leaves */
	AngleChild *children; /* (capacity) of inner nodes */
	AnglePageReader reader;
} AngleEntries;

/* Rows of leaves that are read, and assigned to lists, together: ANGLE_ASSIGN_BATCH at most, several times
 * what a leaf has, and vectors of some 16 MB. */
int angle_entries_batch(const AngleLayout *layout);

/* Room for so many entries, in the current memory context. */
void angle_entries_init(AngleEntries *entries, Relation index,
						const AngleIndex *self, int capacity);

/* Frees what was made by these calls, entries itself excepted. */
void angle_entries_free(AngleEntries *entries);

/* Adds the entries of a node, whose head the caller has locked, rows with what their
 * bodies say. All nodes are of
 * one kind, and their entries not more than there is room for. */
void angle_entries_read(AngleEntries *entries, Buffer head);

/* Adds one of them, that in a slot of a leaf, with what the row's body says. */
void angle_entries_read_slot(AngleEntries *entries, Buffer head, int slot);

/* Puts entry i into image, which is a node of the entries' kind; a row is coded
 * relative to centroid (dims), as it is stored. */
void angle_entries_put(const AngleEntries *entries, int i,
					   const float *centroid, AngleImage *image);

/* Fills stored with centroid (dims), and centroid with what is stored. */
void angle_centroid_store(const AngleLayout *layout, float *centroid,
						  AngleBfloat *stored);

#endif
