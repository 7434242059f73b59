/*
 * Visits of the table, first by the scan, for distances, then by the executor. A row of a
 * large table is on a page that is in no cache of the processor, and the server's table of
 * buffers is three such places away from it. So a backend remembers in which buffers it
 * has met pages, and each visit is prepared ahead in three steps, of which only the last
 * waits for anything: it gives the page to the table's access method, pinned, which need
 * not look for it then.
 */
#ifndef ANGLE_VISITS_H
#define ANGLE_VISITS_H

#include "access/genam.h"
#include "storage/buf.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"

/* Whether visits of this table are of pages of its file; heap may be NULL. The functions
 * below are for such tables. */
bool angle_visits_known(Relation heap);

/* Before all: asks the processor for where the page of a row that may be visited was. */
void angle_visit_perhaps(Relation heap, ItemPointer tid);

/* First: asks the processor for what the second step reads. */
void angle_visit_soon(Relation heap, ItemPointer tid);

/* Second: finds the page, or has it read, and asks the processor for the row; returns where
 * the page is, InvalidBuffer if it is not in memory yet. */
Buffer angle_visit_next(Relation heap, ItemPointer tid);

/* Third: pins the page, if it is still there; else the access method looks for it. */
void angle_visit_now(IndexScanDesc scan, ItemPointer tid, Buffer page);

/* The third step alone, for a row that was visited before. */
void angle_visit_again(IndexScanDesc scan, ItemPointer tid);

#endif
