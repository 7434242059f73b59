/* The leaves of a build in a file: where they are, then their centroids. */
#include "postgres.h"

#include <fcntl.h>

#include "storage/buffile.h"

#include "pg/am/build/leaf_file.h"

#define NAME "leaves"

struct AngleLeafFile
{
	BufFile *file;
	Size centroid; /* bytes of one */
	uint32 count;
};

void
angle_leaf_file_write(SharedFileSet *files, const AngleLayout *layout,
					  const AngleChild *leaves, uint32 count)
{
	BufFile *file = BufFileCreateFileSet(&files->fs, NAME);

	for (uint32 i = 0; i < count; i++)
		BufFileWrite(file, (void *) &leaves[i].pointer,
					 sizeof(AngleNodePointer));
	for (uint32 i = 0; i < count; i++)
		BufFileWrite(file, leaves[i].centroid, layout->centroid_size);
	BufFileExportFileSet(file);
	BufFileClose(file);
}

AngleLeafFile *
angle_leaf_file_open(SharedFileSet *files, const AngleLayout *layout,
					 uint32 count)
{
	AngleLeafFile *file = palloc(sizeof(AngleLeafFile));

	file->file = BufFileOpenFileSet(&files->fs, NAME, O_RDONLY, false);
	file->centroid = layout->centroid_size;
	file->count = count;
	return file;
}

static void
read_at(AngleLeafFile *file, off_t offset, void *to, Size size)
{
	if (BufFileSeek(file->file, 0, offset, SEEK_SET) != 0 ||
		BufFileRead(file->file, to, size) != size)
		ereport(ERROR, errcode_for_file_access(),
				errmsg("could not read the list of leaves"));
}

AngleNodePointer *
angle_leaf_file_pointers(AngleLeafFile *file)
{
	const Size size = file->count * sizeof(AngleNodePointer);
	AngleNodePointer *pointers = palloc_extended(size, MCXT_ALLOC_HUGE);

	read_at(file, 0, pointers, size);
	return pointers;
}

AngleChild *
angle_leaf_file_read(AngleLeafFile *file, uint32 first, int count)
{
	AngleChild *leaves =
		palloc_extended(count * sizeof(AngleChild), MCXT_ALLOC_HUGE);
	char *centroids = palloc_extended(count * file->centroid, MCXT_ALLOC_HUGE);
	AngleNodePointer *pointers = angle_leaf_file_pointers(file);

	read_at(file,
			(off_t) file->count * sizeof(AngleNodePointer) +
				(off_t) first * file->centroid,
			centroids, count * file->centroid);
	for (int i = 0; i < count; i++)
		leaves[i] =
			(AngleChild){pointers[first + i], ANGLE_NODE_LEAF,
						 (AngleBfloat *) (centroids + i * file->centroid)};
	pfree(pointers);
	return leaves;
}

void
angle_leaf_file_free(AngleChild *leaves)
{
	pfree(leaves[0].centroid);
	pfree(leaves);
}

void
angle_leaf_file_close(AngleLeafFile *file)
{
	BufFileClose(file->file);
	pfree(file);
}
