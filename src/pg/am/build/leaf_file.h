/* A temporary file by which the processes of a build tell each other of all leaves. */
#ifndef ANGLE_LEAF_FILE_H
#define ANGLE_LEAF_FILE_H

#include "storage/sharedfileset.h"

#include "pg/am/store/node.h"

/* Writes it; then others may read it. */
void angle_leaf_file_write(SharedFileSet *files, const AngleLayout *layout,
						   const AngleChild *leaves, uint32 count);

typedef struct AngleLeafFile AngleLeafFile;

/* Opens one of so many leaves. */
AngleLeafFile *angle_leaf_file_open(SharedFileSet *files,
									const AngleLayout *layout, uint32 count);

/* Where all leaves are (count). */
AngleNodePointer *angle_leaf_file_pointers(AngleLeafFile *file);

/* Some of them with their centroids: (count), from first on. Freed by
 * angle_leaf_file_free(). */
AngleChild *angle_leaf_file_read(AngleLeafFile *file, uint32 first, int count);
void angle_leaf_file_free(AngleChild *leaves);

void angle_leaf_file_close(AngleLeafFile *file);

#endif
