/* A line on the terminal that shows how far long work is, how fast it goes and
 * when it will be done. Nothing is written when stderr is not a terminal, nor by
 * one that is all zeros because it was not started. */
#ifndef ANGLE_PROGRESS_H
#define ANGLE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct AngleProgress
{
	const char *label;
	const char *unit; /* what is counted, "lines"; NULL: bytes, as MB */
	bool shown;
	double started; /* seconds of a clock */
	double drawn;
} AngleProgress;

void angle_progress_start(AngleProgress *progress, const char *label,
						  const char *unit);

/* Draws at most ten times a second. fraction of the work that is done in
 * [0, 1], negative if unknown; count is what has been done. */
void
angle_progress_update(AngleProgress *progress, double fraction, uint64_t count);

/* Wipes the line, if there may be one, for a message that is to stand there; the
 * next update draws it again. */
void angle_progress_hide(void);

/* Leaves a last line with what was done, or nothing if the work failed. */
void
angle_progress_end(AngleProgress *progress, bool succeeded, uint64_t count);

#endif
