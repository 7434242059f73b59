/* The second pass of a build: partitions become lists. */
#ifndef ANGLE_WRITE_H
#define ANGLE_WRITE_H

#include "pg/am/build/sort.h"
#include "pg/am/build/tree_writer.h"

/* Reads partition after partition from a source, and writes it; takes size bytes for the
 * rows, which have bodies or not. One that is larger is written in parts. */
void angle_build_write(AngleTreeWriter *writer, AngleRowSource source,
					   void *context, Size size, bool bodies);

#endif
