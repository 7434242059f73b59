/* A build by several processes. */
#ifndef ANGLE_PARALLEL_H
#define ANGLE_PARALLEL_H

#include "nodes/execnodes.h"

#include "pg/am/build/tree_writer.h"

typedef struct AngleParallelBuild
{
	Relation heap;
	Relation index;
	IndexInfo *info;
	const AngleMeta *meta;		   /* with dimensions */
	const AngleClusters *clusters; /* the partitions, at least one */
	AngleTreeWriter *writer;	   /* of this process: gets all lists */
	int workers;				   /* to be launched beside this process */
	Size budget;				   /* bytes, of all processes together */
	void (*begin_writing)(void);   /* called between the passes */
	double heap_rows;			   /* result: rows of the table */
	double rows;				   /* result: rows that are in lists */
} AngleParallelBuild;

/* Reads the table and writes the lists. False if there is no shared memory for it;
 * then nothing has happened. If no worker can be launched, this process does all. */
bool angle_build_parallel(AngleParallelBuild *build);

#endif
