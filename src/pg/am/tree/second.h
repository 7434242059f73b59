/* The second entry of a row, which makes it easier to find, not findable: it goes to a
 * leaf that has room and that nobody has locked, or nowhere. */
#ifndef ANGLE_SECOND_H
#define ANGLE_SECOND_H

#include "pg/am/store/node.h"

/* Of the leaves nearest to a point one. */
typedef struct AngleNearLeaf
{
	AngleNodePointer node;
	const float *centroid; /* (dims) */
	double far;			   /* of it from the point, squared */
} AngleNearLeaf;

#define ANGLE_NEAR_LEAVES 8

typedef struct AngleSecond
{
	Relation index;
	const AngleIndex *self;
	/* leaves that it may go to, by SOAR's loss */
	AngleNearLeaf leaves[ANGLE_NEAR_LEAVES];
	int count;
	/* that which was locked */
	AngleNearLeaf leaf;
	Buffer head;
	int slot; /* free, or that of another second entry, which gives way */
} AngleSecond;

/* A free slot of the leaf that node leads to, whose page is locked; −1 if it is not
 * there any more, capacity if it is full. */
int angle_leaf_free_slot(const AngleLayout *layout, Page page,
						 AngleNodePointer node);

/* Chooses leaves for the second entry of a row whose first one is in near[0]: near (count) are
 * those nearest to point (dims), ANGLE_NEAR_LEAVES at most. */
void angle_second_choose(AngleSecond *second, const AngleNearLeaf *near,
						 int count, const float *point);

/* Finds one of them with room that nobody has locked, and locks it: to wait with another head
 * locked could be for ever. False if there is none. */
bool angle_second_lock(AngleSecond *second);

/* Puts the entry of row, whose code and factors stay as they are, into the leaf that was locked,
 * whose page this is. */
void angle_second_put(const AngleSecond *second, const AngleRow *row,
					  const float *point, Page page);

#endif
