/*
 * The visits of the table that the executor will make for the rows of a batch. A row of a
 * large table is on a page that is in no cache of the processor, and finding it means to
 * follow one pointer after another; so it is done ahead, in two steps.
 */
#ifndef ANGLE_SCAN_VISITS_H
#define ANGLE_SCAN_VISITS_H

#include "storage/buf.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"

/* Whether visits of this table are of pages of its file; heap may be NULL. */
bool angle_visits_known(Relation heap);

/* First: finds the page, or has it read; returns where it is, InvalidBuffer if not in
 * memory yet. */
Buffer angle_visit_page(Relation heap, ItemPointer tid);

/* Second: asks the processor for the row, if page is still there. */
void angle_visit_row(Buffer page, ItemPointer tid);

#endif
