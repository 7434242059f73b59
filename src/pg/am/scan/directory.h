/*
 * What the inner nodes of an index say, in the memory of a backend: of every leaf
 * where it is, its centroid, and a code of it. A scan finds the nearest leaves by
 * estimates from the codes and looks at the centroids of those.
 *
 * Leaves whose parent is the same are a group. A group is read anew when its node
 * has changed, the list of groups when the tree has: the metapage counts both.
 * So the pointers of a directory are those that a scan would find which reads the
 * inner nodes at the time of the look at the metapage.
 */
#ifndef ANGLE_DIRECTORY_H
#define ANGLE_DIRECTORY_H

#include "pg/am/store/node.h"

typedef struct AngleGroup
{
	/* what was read; block is InvalidBlockNumber where the root is a leaf */
	BlockNumber block;
	uint32 generation;
	uint32 changes;
	int users;				  /* directories that have it */
	Size size;				  /* bytes */
	int count;				  /* leaves */
	int slots;				  /* count rounded up to whole blocks of codes */
	AngleNodePointer *leaves; /* (count) */
	AngleBfloat *centroids;	  /* (count, dims) */
	AngleBfloat *centre;	  /* (dims): the mean of the centroids, about */
	uint8 *codes;	/* of the centroids, relative to centre, in blocks */
	float *add;		/* (slots); infinite behind count */
	float *rescale; /* (slots) */
} AngleGroup;

typedef struct AngleDirectory
{
	AngleIndex *self;
	int users; /* scans, and the list of the backend's directories */
	int groups;
	int capacity;
	AngleGroup **group;
	int *first; /* (groups + 1): the number of a group's first leaf; a block of
				 * codes has 16 numbers, whether leaves have them or not */
	int leaves;
	Buffer *recent;		/* (blocks): where the pages of the index were last */
	BlockNumber blocks; /* of the index when the directory was read */
	Size size;			/* bytes */
	/* private */
	Oid relation;
	uint32 file;
	uint32 changes;
	uint64 used; /* when last */
	bool stale;
	struct AngleDirectory *next;
} AngleDirectory;

/* The directory of an index whose metapage was read just now, to be closed by the
 * caller; NULL where it would take more than angle.directory_memory, which is what all of
 * a backend take at most: then scans walk the tree. */
AngleDirectory *angle_directory_open(Relation index, const AngleMeta *meta);
void angle_directory_close(AngleDirectory *directory);

/* Where a page was last, to be asked for and kept up to date; NULL: that is not known. */
static inline Buffer *
angle_directory_recent(const AngleDirectory *directory, BlockNumber block)
{
	return directory != NULL && block < directory->blocks
			   ? &directory->recent[block]
			   : NULL;
}

/* The group of the leaf with this number. */
static inline int
angle_directory_group(const AngleDirectory *directory, int number)
{
	int low = 0, high = directory->groups - 1;

	while (low < high)
	{
		int middle = (low + high + 1) / 2;

		if (directory->first[middle] <= number)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

#endif
