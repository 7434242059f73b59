/*
 * The pages of nodes: taken from those that are free or from behind the end of the file,
 * written, and given back. A leaf has one page. An inner node has several that lie
 * together; when it has gone, they stay together for another one, in a list that begins in
 * the metapage.
 *
 * Other free pages are found through the free space map, which is a hint only: whether one is
 * free is told by the page. It is one that was never written (all zero), one that says so,
 * or a leaf that went so long ago that no scan can hold a pointer to it. Who takes a page
 * says so there at once.
 */
#ifndef ANGLE_NODE_SEGMENT_H
#define ANGLE_NODE_SEGMENT_H

#include "pg/am/store/index.h"
#include "pg/am/store/node.h"

/* Takes the pages of a node; pointer->generation is what its head must have. recycle
 * is false where free ones must not be taken. Pages that are taken and not written
 * are found by VACUUM. Those of an inner node need the lock on the tree, or an
 * index that nobody else sees. */
AngleNodePointer
angle_segment_take(Relation index, const AngleLayout *layout,
				   AngleNodeKind kind, Relation heap, bool recycle);

/* The same of a build, without WAL. */
AngleNodePointer
angle_segment_take_unlogged(Relation index, const AngleLayout *layout,
							AngleNodeKind kind);

/* Puts the pages of the inner node at head, which went, into the list of those that are
 * free, if no scan can hold a pointer to it. Takes the lock on the tree. */
void angle_run_set_free(Relation index, Relation heap, BlockNumber head);

/* Appends so many pages to the file; nobody has said yet what they are. */
BlockNumber angle_pages_extend(Relation index, int count);

/* Gives back pages that were taken and are not needed. */
void angle_segment_give_back(Relation index, const AngleLayout *layout,
							 AngleNodeKind kind, AngleNodePointer node);

/* Makes a page that is locked free, logged. */
void angle_page_set_free(Relation index, Buffer buffer);

/* Writes the centroid of a child into a slot of the inner node at head that is not live,
 * logged. */
void angle_centroid_write(Relation index, const AngleLayout *layout,
						  BlockNumber head, int slot, const AngleChild *child);

/* Whether this page may be taken. */
bool angle_segment_is_free(Relation heap, Page page);

/* Whether a node that went is old enough for its pages to be used. */
bool angle_head_removable(Relation heap, Page head);

/* Marks the head page of a node that goes, in a record that the caller makes. */
void angle_head_set_gone(Page head);

/* Writes image to pages that were taken, logged, page by page. */
void
angle_segment_write(Relation index, BlockNumber head, const AngleImage *image);

/* The same without WAL: for builds, which log the whole file at their end. */
void angle_segment_write_unlogged(Relation index, BlockNumber head,
								  const AngleImage *image);

#endif
