/* The way of a scan through the leaves: the nearest first. */
#ifndef ANGLE_ROUTE_H
#define ANGLE_ROUTE_H

#include "pg/am/scan/choice.h"

typedef struct AngleRoute AngleRoute;

/* In the current memory context. Without a directory the tree below root is
 * walked. Leaves come in any order where nearest is false. */
AngleRoute *angle_route_make(Relation index, AngleQuery *query,
							 const AngleDirectory *directory,
							 AngleNodePointer root, bool nearest);

/* Says that about so many leaves will be asked for in all. */
void angle_route_expect(AngleRoute *route, double leaves);

/* Fills leaf; false if there is none left. */
bool angle_route_next(AngleRoute *route, AngleLeaf *leaf);

/* The leaf that is next, or that comes so many behind it, if that is known already; else
 * NULL. */
const AngleLeaf *angle_route_peek(const AngleRoute *route, uint32 ahead);

#endif
