/* Where the entries of nodes that are replaced go. */
#ifndef ANGLE_REDISTRIBUTE_H
#define ANGLE_REDISTRIBUTE_H

#include "pg/am/tree/replace.h"

/* So many entries new nodes get, if there are nodes enough: the next ones that come find
 * room in each. */
int angle_fill_most(const AngleLayout *layout, AngleNodeKind kind);

/* Chooses count new nodes, which can hold the entries, for a replacement that was read:
 * at most two for each old one, and those with most entries become two where there are more
 * new ones than old ones. None gets more than most by choice, if count of them can hold what
 * there is. Of rows the first entries decide where nodes are, and second ones go to
 * nodes that have room, other ones than their rows' first entries, or are dropped. There may
 * come out less, for no node is left empty but the only one. Entries may change their
 * places. */
void angle_redistribute(AngleReplacement *replacement, int count, int most);

#endif
