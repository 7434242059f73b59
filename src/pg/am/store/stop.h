/*
 * When a search has seen enough. Leaves are read by the distance of their centroids
 * until enough rows were seen, those of leaves that are far counting more: where
 * d_i is the distance of the leaf that was read last, squared, d_0 that of the first and
 * m the mean of the first eight, all rows that were seen count
 *
 *     exp(min(3.5 (d_i − d_0)/m, 3))
 *
 * times. So a query with few leaves around it reads few. Compared with counting
 * rows alone this takes a fifth to a quarter of the leaves off for text embeddings, and a
 * half for data in clusters; where no list is near anything it makes no difference
 * (docs/design/0014). Under the inner product, where distances may be negative, rows count
 * once.
 *
 * How many rows are enough depends on the data, and is measured: for each target of
 * recall, of the ten nearest of sampled rows this share lies in the leaves that are read.
 *
 * For the k nearest rows (k/10)^0.6 times as many must be seen: text embeddings need 3.5
 * times for 100, 15 times for 1,000. And where a share s of the rows passes a condition, the
 * ten nearest of those are about the 10/s nearest of all.
 */
#ifndef ANGLE_STOP_H
#define ANGLE_STOP_H

#include "core/quant/space.h"
#include "pg/am/store/page.h"

/* Neighbours that the rule is measured with. */
#define ANGLE_STOP_NEIGHBOURS 10

/* The targets for which a number of rows is stored, rising. */
extern const float angle_recall_targets[ANGLE_TARGETS];

/* Fills in what is to be seen and read where nothing was measured. */
void angle_stop_default(AngleMeta *meta);

/* Rows for a target between 0 and 1: to see, counted as above, before a search for ten
 * stops, and those that it has read then, on average. */
double angle_stop_enough(const AngleMeta *meta, double target);
double angle_stop_read(const AngleMeta *meta, double target);

/* How many times as many must be seen before so many rows are given out, of which so many
 * are wanted, 0 if that is not known: the executor asks for some rows more than it gives
 * out, to know that those are in order. */
double angle_stop_due(double asked, double wanted);

/* How many times as many are read where so many rows are wanted and this share passes. */
double angle_stop_due_read(double wanted, double share);

/* What a search has seen. */
typedef struct AngleStop
{
	bool weighs;
	int leaves;
	double nearest; /* d_0 */
	double sum;		/* of the first distances */
	double weight;	/* of rows; never falls */
	double rows;
	double passed; /* rows of them that pass the conditions */
} AngleStop;

void angle_stop_begin(AngleStop *stop, AngleMetric metric);

/* Notes a leaf that was read, the distance of its centroid and its rows. */
void angle_stop_note(AngleStop *stop, double distance, int rows, int passed);

/* What is to be compared with how many are enough. */
double angle_stop_seen(const AngleStop *stop);

#endif
