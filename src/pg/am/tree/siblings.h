/* The children of one inner node, and which of them are near to one another. */
#ifndef ANGLE_SIBLINGS_H
#define ANGLE_SIBLINGS_H

#include "pg/am/store/node.h"

typedef struct AngleSibling
{
	AngleNodePointer node;
	AngleNodeKind kind;
	int slot; /* in the parent */
	/* when it was looked at: entries, and of them those that are not second ones */
	int count;
	int firsts;
	float *centroid; /* (dims) */
	double far;		 /* from the one that was asked for last */
	bool gone;		 /* the caller's note that it has been replaced */
} AngleSibling;

typedef struct AngleSiblings
{
	Relation index;
	const AngleIndex *self;
	AngleNodePointer parent;
	int count;
	AngleSibling *all; /* (count) */
} AngleSiblings;

/* Reads the children of parent, but for their entries, in the current memory context;
 * false if it is no inner node any more. Needs the lock on the tree. */
bool angle_siblings_read(AngleSiblings *siblings);

/* Calls visit for root, if it is an inner node, and for each inner node below it, parents before
 * their children. siblings are those of that node as it is then, and are freed when all below it
 * were visited. The lock on the tree is held while a node is read, not in calls. */
void angle_siblings_walk(Relation index, const AngleIndex *self,
						 AngleNodePointer root,
						 void (*visit)(void *context, AngleSiblings *siblings),
						 void *context);

/* Looks at the head of one for its entries; returns how many. */
int angle_sibling_look(const AngleSiblings *siblings, AngleSibling *sibling);

/* Those nearest to one, of its kind and not gone, the nearest first, into near (most);
 * returns how many. */
int angle_siblings_near(AngleSiblings *siblings, const AngleSibling *one,
						AngleSibling **near, int most);

#endif
