/* The phases of a build that pg_stat_progress_create_index shows. */
#ifndef ANGLE_PHASE_H
#define ANGLE_PHASE_H

/* PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE is 1. */
typedef enum AngleBuildPhase
{
	ANGLE_BUILD_SAMPLE = 2,
	ANGLE_BUILD_PARTITION,
	ANGLE_BUILD_SCAN,
	ANGLE_BUILD_SORT,
	ANGLE_BUILD_WRITE,
	ANGLE_BUILD_CALIBRATE,
} AngleBuildPhase;

#endif
