/*
 * What the inner nodes of an index say, in the memory of a backend: of every leaf
 * where it is, and codes of its centroid. A scan finds the groups near the query, of their
 * leaves those that are nearest by rough codes, and looks at the fine codes of these.
 *
 * Leaves whose parent is the same are a group (group.h). A group is read anew when its node
 * has changed, the list of groups when the tree has: the metapage counts both.
 * So the pointers of a directory are those that a scan would find which reads the
 * inner nodes at the time of the look at the metapage.
 */
#ifndef ANGLE_DIRECTORY_H
#define ANGLE_DIRECTORY_H

#include "pg/am/scan/group.h"

typedef struct AngleDirectory
{
	AngleIndex *self;
	int users; /* scans, and the list of the backend's directories */
	int groups;
	int capacity;
	AngleGroup **group;
	AngleGroup *top; /* of the groups' centres */
	int leaves;
	int slots;			/* of all groups */
	Buffer *recent;		/* (blocks): where the pages of the index were last */
	BlockNumber blocks; /* of the index when the directory was read */
	Size size;			/* bytes */
	/* private */
	Size refused; /* so much was too little: nothing is kept of it; else 0 */
	Oid relation;
	uint32 file;
	uint32 changes;
	uint64 used; /* when last */
	bool stale;
	struct AngleDirectory *next;
} AngleDirectory;

/* The directory of an index whose metapage was read just now, to be closed by the
 * caller; NULL where it takes more than those that scans use leave of angle.directory_memory, the
 * most that all of a backend take: then scans walk the tree. */
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

#endif
