/* Second entries on their way from leaf to leaf. What is known of leaves may be old: an entry is put into
 * a leaf that is still there, by the lock on that alone, for nobody else takes rows away. A scan
 * that misses an entry which moves finds the row by the first one. For VACUUM. */
#ifndef ANGLE_MOVE_SECOND_H
#define ANGLE_MOVE_SECOND_H

#include "pg/am/tree/leaf_pass.h"
#include "pg/am/tree/second.h"

/* Which slot an entry gets in a leaf whose page this is and that is locked; capacity if it has
 * no room. */
typedef int (*AngleSecondSlot)(void *context, Page page);

/* The entry of a row. */
typedef struct AngleMove
{
	const AngleLeafPass *pass;
	const AngleRow *row;
	const float *point; /* (dims) */
	AngleSecondSlot choose;
	void *context;
} AngleMove;

/* The slot of an entry of the row with this body; capacity if there is none. */
int
angle_entry_find(const AngleLayout *layout, Page page, AngleBodyPointer body);

/* Whether the leaf at a place of the pass still has an entry of the row. */
bool angle_entry_is_at(const AngleLeafPass *pass, uint32 place,
					   AngleBodyPointer body);

/* Locks the leaf at a place and finds the second entry of the row there, in slot; InvalidBuffer
 * if it is not there any more. */
Buffer angle_second_find(const AngleLeafPass *pass, uint32 place,
						 AngleBodyPointer body, int *slot);

/* Puts the entry into the leaf at place to, if that is there, is not locked, has no entry of the row and
 * has room, and takes it out of slot of the page in from, which is locked, unless that is
 * invalid. */
bool angle_second_move(const AngleMove *move, uint32 to, Buffer from, int slot);

#endif
