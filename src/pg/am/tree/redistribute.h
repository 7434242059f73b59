/* Where the entries of nodes that are replaced go. */
#ifndef ANGLE_REDISTRIBUTE_H
#define ANGLE_REDISTRIBUTE_H

#include "pg/am/tree/replace.h"

/* So many entries new nodes get, if there are nodes enough: the next ones that come find
 * room in each. */
int angle_fill_most(const AngleLayout *layout, AngleNodeKind kind);

/* Chooses count new nodes for a replacement that was read, which can hold its entries:
 * 1 … old_count + 1, and if it is that, the first of the old nodes becomes two. There
 * may come out less, for no node is left empty but the only one. Entries may change their
 * places; the two entries of a row go to two nodes, if there are two, or the second one is
 * dropped. */
void angle_redistribute(AngleReplacement *replacement, int count);

#endif
