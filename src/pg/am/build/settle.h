/*
 * What comes at the end of a build. Rows were clustered partition by partition, and lists
 * that got too many gave some away, so a row near a border may lie in a list that is not
 * its nearest. Here it goes there, and gets its second entry: in another of the leaves near it,
 * chosen by SOAR's loss (core/ann/kmeans.h), so that a search finds the row which misses the
 * first. Rows say what they wish (wishes.h), and get it when all have.
 *
 * Several processes do this together: they take some leaves at a time, and put entries into
 * any. A leaf that was read says so (ANGLE_NODE_SETTLED): who moves a first entry there
 * notes the row's wish; where it does not, who reads the leaf. One that has no more leaves to read
 * does not wait for the others, who are at their last ones.
 */
#ifndef ANGLE_SETTLE_H
#define ANGLE_SETTLE_H

#include "port/atomics.h"

#include "pg/am/build/tree_writer.h"

/* Of one process. next and own count leaves as they are given. */
typedef struct AngleSettling
{
	Relation index;
	const AngleIndex *self;
	bool logged; /* changes of pages are */
	pg_atomic_uint32
		*next;	/* of all processes: the first that nobody has taken */
	uint32 own; /* the first of a turn that was taken, if there is one */
	bool has_own;
} AngleSettling;

/* Leaves that so much memory, of one process, is enough for: all that are looked at
 * together. */
int angle_settle_most(const AngleLayout *layout, Size memory);

/* Looks at the rows of leaves, from first on of all that the index has, which nobody else
 * sees yet and which have first entries only; first is a multiple of angle_settle_most(). All
 * processes are given the same leaves in the same order, and so the same parts one after
 * another. */
void angle_settle_part(AngleSettling *settling, const AngleChild *leaves,
					   uint32 first, int count);

/* Ends it, once all processes have dealt with all parts; next is 0 again. */
void angle_settle_end(const AngleSettling *settling,
					  const AngleNodePointer *leaves, uint32 count);

/* All of it by one process, which has so much memory: the leaves are those that have been
 * written. */
void angle_settle(const AngleTreeWriter *writer, Size memory);

#endif
