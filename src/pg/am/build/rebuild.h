/*
 * How an index that has grown becomes like one that was built: from its rows another tree is built
 * beside the one that it has (store/draft.h), with bodies of its own, those of a leaf together.
 * What is inserted meanwhile is inserted there, too, and then the metapage leads to it.
 */
#ifndef ANGLE_REBUILD_H
#define ANGLE_REBUILD_H

#include "commands/vacuum.h"

#include "pg/am/store/index.h"

/* Builds the tree of an index of so many rows anew with so much memory, in the current memory
 * context; counts the nodes that went in stats. For VACUUM, which alone takes rows out of an
 * index, when it has done so. A tree that is a single leaf stays. */
void angle_rebuild(Relation index, Relation heap, AngleIndex *self, double rows,
				   Size memory, IndexBulkDeleteResult *stats);

#endif
