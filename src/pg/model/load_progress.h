/* What pg_stat_progress_copy and angle_stat_progress_load show of a model that
 * is on its way into the database. */
#ifndef ANGLE_LOAD_PROGRESS_H
#define ANGLE_LOAD_PROGRESS_H

#include <stdint.h>

/* Known to the view by their numbers. */
typedef enum AngleLoadPhase
{
	ANGLE_LOAD_PACKING = 1,
	ANGLE_LOAD_STORING = 2,
	ANGLE_LOAD_RECEIVING = 3,
	ANGLE_LOAD_CHECKING = 4,
} AngleLoadPhase;

void angle_progress_start(AngleLoadPhase phase);

/* Cannot fail; total may be 0 where it is unknown. */
void angle_progress_report(int64_t done, int64_t total);

void angle_progress_end(void);

#endif
