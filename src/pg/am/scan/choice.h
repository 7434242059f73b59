/* The leaves of an index in the order of the distance of their centroids, by its directory. */
#ifndef ANGLE_CHOICE_H
#define ANGLE_CHOICE_H

#include "pg/am/scan/directory.h"
#include "pg/am/scan/query.h"

/* A leaf, and what its codes need. */
typedef struct AngleLeaf
{
	AngleNodePointer node;
	AngleProbe probe;
	double distance; /* of its centroid, nearly; 0 where that does not matter */
} AngleLeaf;

typedef struct AngleChoice AngleChoice;

/* In the current memory context; query and directory must stay. Leaves come in any order
 * where nearest is false. */
AngleChoice *angle_choice_make(AngleQuery *query,
							   const AngleDirectory *directory, bool nearest);

/* Fills leaf with the next one; false if there is none left. About as many as are expected
 * will be asked for in all, or more; the number may rise. */
bool angle_choice_next(AngleChoice *choice, double expected, AngleLeaf *leaf);

/* Leaves that a scan has to expect, of so many, to come to those of a group than which this share
 * of all groups is nearer: 0 where any scan does. */
double angle_choice_reach(double leaves, double share);

/* The leaf that is next, or that comes so many behind it, if that is known already; else
 * NULL. */
const AngleLeaf *angle_choice_peek(const AngleChoice *choice, uint32 ahead);

#endif
