/*
 * Writes the nodes of a tree bottom up, for a build, without WAL, or as a draft: leaves from rows
 * that are in memory, then inner nodes over them until one is left.
 */
#ifndef ANGLE_TREE_WRITER_H
#define ANGLE_TREE_WRITER_H

#include "core/ann/kmeans.h"
#include "pg/am/store/body.h"
#include "pg/am/store/node.h"
#include "pg/am/store/row_set.h"

typedef struct AngleTreeWriter
{
	Relation index;
	const AngleIndex *self;
	const AngleDraft *draft; /* NULL: a build */
	AngleImage *image;
	AngleBodyWriter *bodies;
	AngleRow row;
	MemoryContext scratch; /* of one call */
	AngleChild *children;  /* written and not yet below a node */
	int count;
	int capacity;
	MemoryContext level; /* of their centroids, … */
	char *centroids;	 /* … of which there is room here … */
	int room;			 /* … for so many */
	int height;
	void (*progress)(void *context, int rows); /* rows that were written */
	void *progress_context;
} AngleTreeWriter;

/* In the current memory context. */
AngleTreeWriter *angle_tree_writer_make(Relation index, const AngleIndex *self,
										const AngleDraft *draft);

/* Clusters the rows and writes them as leaves. */
void angle_tree_write_rows(AngleTreeWriter *writer, const AngleRowSet *rows);

/* Forgets the leaves that were written: another process adopts them. */
void angle_tree_forget(AngleTreeWriter *writer);

/* Writes what is still in memory: for who does not finish the tree. */
void angle_tree_flush(AngleTreeWriter *writer);

/* Takes over a node that another process has written; copies the centroid. */
void angle_tree_adopt(AngleTreeWriter *writer, const AngleChild *child);

/* Writes the nodes above; returns the root. Without any rows it is an empty
 * leaf. */
AngleNodePointer angle_tree_finish(AngleTreeWriter *writer);

#endif
