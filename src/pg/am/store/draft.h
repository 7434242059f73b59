/*
 * A tree that takes shape beside that of the index, while others search and change this.
 * Nothing leads to it yet. Its pages are logged as they are written, and may be ones that were free.
 * What a crash leaves of it VACUUM finds: nodes as orphans, bodies by the number of their tree.
 */
#ifndef ANGLE_DRAFT_H
#define ANGLE_DRAFT_H

#include "utils/relcache.h"

#include "pg/am/store/page.h"

typedef struct AngleDraft
{
	Relation heap; /* the table, which says whether a free page may be used */
	uint32 tree;   /* its number, in bodies */
	AngleNodePointer root; /* once it is complete */
	uint32 height;
} AngleDraft;

#endif
