/*
 * Segments: taken from those that are free or from behind the end of the file,
 * written, and given back.
 *
 * Free segments are found through the free space map, which knows them by their
 * head page and is a hint only: whether one is free is told by its head page. It
 * is one that was never written (all zero), or that of a node that went so long
 * ago that no scan can hold a pointer to it.
 */
#ifndef ANGLE_NODE_SEGMENT_H
#define ANGLE_NODE_SEGMENT_H

#include "pg/am/index.h"
#include "pg/am/node.h"

/* Takes a segment; pointer->generation is what its new head must have. recycle
 * is false where free ones must not be taken. A segment that is taken and not written
 * is found by VACUUM. Needs the lock on the tree, or an
 * index that nobody else sees. */
AngleNodePointer angle_segment_take(Relation index, const AngleLayout *layout,
									Relation heap, bool recycle);

/* Whether the segment with this head page may be taken. */
bool angle_segment_free(Relation heap, Page head);

/* Marks the head page of a node that goes, in a record that the caller makes. */
void angle_head_set_gone(Page head);

/* Writes image to a segment, logged, page by page. */
void
angle_segment_write(Relation index, BlockNumber head, const AngleImage *image);

/* The same without WAL: for builds, which log the whole file at their end. */
void angle_segment_write_unlogged(Relation index, BlockNumber head,
								  const AngleImage *image);

/* The head page of segment i, and how many there are, the last one perhaps cut
 * short by a crash. */
static inline BlockNumber
angle_segment_head(const AngleLayout *layout, BlockNumber i)
{
	return 1 + i * layout->pages;
}

BlockNumber angle_segment_count(Relation index, const AngleLayout *layout);

#endif
