/* How the tree shrinks: nodes that have few entries become fewer. */
#ifndef ANGLE_MERGE_H
#define ANGLE_MERGE_H

#include "commands/vacuum.h"

#include "pg/am/store/index.h"

/* What VACUUM has counted: the entries of the leaf at each block. */
typedef struct AngleTally
{
	BlockNumber blocks;
	uint16 *rows; /* (blocks); ANGLE_TALLY_NONE: no leaf of the tree */
	bool merge;	  /* whether some leaf has so few that it should be merged */
} AngleTally;

#define ANGLE_TALLY_NONE UINT16_MAX

/* A tally without leaves, in the current memory context. */
void angle_tally_init(AngleTally *tally, BlockNumber blocks);

/* Notes the entries of the leaf at head; behind the blocks of the tally it does
 * nothing. */
void angle_tally_note(AngleTally *tally, const AngleLayout *layout,
					  BlockNumber head, int rows);

/* Merges what has become tiny, as the tally has it; counts the nodes that went in stats. For VACUUM, after it has cleaned the leaves. */
void angle_merge(Relation index, Relation heap, const AngleIndex *self,
				 AngleTally *tally, IndexBulkDeleteResult *stats);

#endif
