/* The record of a training run: a line of JSON for each step and each evaluation,
 * and a drawing of both. */
#ifndef ANGLE_TRAIN_LOG_H
#define ANGLE_TRAIN_LOG_H

#include <stdint.h>
#include <stdio.h>

#include "core/base/arena.h"
#include "core/base/status.h"

/* One step: {"step", "loss", "rate", "norm", "texts", "seconds"}. */
typedef struct AngleLogStep
{
	uint64_t step;
	double loss;
	double rate;	/* of learning */
	double norm;	/* of the gradient, before the limit */
	uint64_t texts; /* so far */
	double seconds; /* so far */
} AngleLogStep;

/* One evaluation: {"step", "score", "scores": {NAME: …}}. */
typedef struct AngleLogScores
{
	uint64_t step;
	double score; /* the mean */
	int count;
	const char *const *names; /* (count) */
	const double *scores;	  /* (count) */
} AngleLogScores;

/* Opens the log at path for writing behind its first kept bytes; what follows
 * them is cut off. Errors: ANGLE_IO_ERROR. */
ANGLE_MUST_CHECK AngleStatus angle_log_open(const char *path, uint64_t kept,
											FILE **log, AngleError *err);

ANGLE_MUST_CHECK AngleStatus angle_log_step(FILE *log, const AngleLogStep *step,
											AngleError *err);
ANGLE_MUST_CHECK AngleStatus angle_log_scores(FILE *log,
											  const AngleLogScores *scores,
											  AngleError *err);

/* Draws the log at path into an SVG file at chart: the loss, averaged over
 * hundredths of the run, and the scores, each with an axis of its own.
 * Errors: ANGLE_IO_ERROR, ANGLE_CORRUPT (no such log), ANGLE_NO_MEMORY. */
ANGLE_MUST_CHECK AngleStatus angle_log_draw(const char *path, const char *chart,
											AngleArena *arena, AngleError *err);

#endif
