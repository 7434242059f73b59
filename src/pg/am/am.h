/*
 * The functions of the access method that PostgreSQL calls, by file; their
 * contracts are those of the chapter "Index Access Method Interface Definition".
 */
#ifndef ANGLE_AM_H
#define ANGLE_AM_H

#include "access/amapi.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"

/* handler.c: makes the options known to the server, once. */
void angle_am_define_options(void);

/* unread.c: from now on plans leave out distances that nobody reads. Once. */
void angle_am_watch_plans(void);

/* scan/limit.c: from now on scans know of a LIMIT above them. Once. */
void angle_am_watch_limits(void);

/* build/build.c */
IndexBuildResult *angle_build(Relation heap, Relation index, IndexInfo *info);
void angle_buildempty(Relation index);

/* tree/insert.c */
bool angle_insert(Relation index, Datum *values, bool *isnull, ItemPointer tid,
				  Relation heap, IndexUniqueCheck unique, bool unchanged,
				  IndexInfo *info);

/* vacuum.c */
IndexBulkDeleteResult *
angle_bulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
				 IndexBulkDeleteCallback callback, void *state);
IndexBulkDeleteResult *
angle_vacuumcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats);

/* cost.c */
void angle_costestimate(struct PlannerInfo *root, struct IndexPath *path,
						double loop_count, Cost *startup_cost, Cost *total_cost,
						Selectivity *selectivity, double *correlation,
						double *pages);

/* scan/scan.c */
IndexScanDesc angle_beginscan(Relation index, int keys, int orders);
void angle_rescan(IndexScanDesc scan, ScanKey keys, int n_keys, ScanKey orders,
				  int n_orders);
bool angle_gettuple(IndexScanDesc scan, ScanDirection direction);
void angle_endscan(IndexScanDesc scan);

#endif
