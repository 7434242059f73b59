/*
 * When a search has seen enough. Nodes are read by the distance of their centroids
 * until so many rows were seen, rows that fail a condition not counted: where one
 * row in ten passes, ten times as many leaves are read. The number depends on the
 * data, and is measured: for each target of recall, of the ten nearest of sampled
 * rows this share lies in the leaves that are read.
 *
 * Searches for more than thirty rows see more, by the square root of how many more
 * they ask for. (Not for more than ten: the executor asks for some rows more than it
 * gives out, to know that those are in order.)
 * docs/design/0009 compares it with a rule by distance.
 */
#ifndef ANGLE_STOP_H
#define ANGLE_STOP_H

#include "pg/am/page.h"

/* Neighbours that the rule is measured with. */
#define ANGLE_STOP_NEIGHBOURS 10

/* Rows that a search may ask for before it has to see more. */
#define ANGLE_STOP_ASKED 30.0

/* The targets for which a number of rows is stored, rising. */
extern const float angle_recall_targets[ANGLE_TARGETS];

/* The numbers where nothing was measured. */
void angle_stop_default(float *stop);

/* Rows to see for a target between 0 and 1, from what is stored. */
double angle_stop_rows(const float *stop, double target);

/* Rows to see before so many are given out. */
double angle_stop_due(double rows, double asked);

#endif
