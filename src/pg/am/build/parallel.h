/* A build by several processes. */
#ifndef ANGLE_PARALLEL_H
#define ANGLE_PARALLEL_H

#include "nodes/execnodes.h"

#include "pg/am/build/phase.h"
#include "pg/am/build/tree_writer.h"

typedef struct AngleParallelBuild
{
	Relation heap;
	Relation index;
	IndexInfo *info;
	AngleMeta
		*meta; /* with dimensions; gets root, height, rows and stop rule */
	const AngleClusters *clusters; /* the partitions, at least one */
	AngleTreeWriter *writer;	   /* of this process */
	int workers;				   /* to be launched beside this process */
	Size budget;				   /* bytes, of all processes together */
	void (*report)(AngleBuildPhase phase); /* that begins */
	double heap_rows;					   /* result: rows of the table */
} AngleParallelBuild;

/* Reads the table, writes the tree and measures the stop rule. False if there is no shared memory for it;
 * then nothing has happened. If no worker can be launched, this process does all. */
bool angle_build_parallel(AngleParallelBuild *build);

#endif
