/*
 * When a search has seen enough. Leaves are read by the distance of their centroids
 * until enough rows were seen, those of leaves that are far counting more: where d_i is
 * the distance of the leaf that was read last, squared and with its spread (index.h), d_0
 * that of the first and m the mean of the first eight, all rows that were seen count
 *
 *     exp(min(4.5 (d_i − d_0)/m, 3))
 *
 * times. So a query with few leaves around it reads few. Compared with counting
 * rows alone this takes a fifth to a quarter of the leaves off for text embeddings, and a
 * half for data in clusters; where no list is near anything it makes no difference
 * (docs/design/0014). Under the inner product, where distances may be negative, rows count
 * once.
 *
 * How many rows are enough depends on the data, and is measured: for each target of
 * recall, of the ten nearest of sampled rows this share lies in the leaves that are read.
 * The same for the ten nearest of a tenth of all rows, chosen at random, which are about
 * every tenth of the hundred nearest; of a hundredth; and of √10 times these parts. So it
 * is known what k nearest rows need, and where a share s passes a condition, its ten nearest
 * are about the 10/s nearest of all. Between these, and beyond, what is to be seen rises by
 * a power: from ten to a hundred by that of 0.6 for text embeddings, where the nearest rows
 * are hardly nearer than others by that of 1.1 and more.
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

/* What is to be seen for one target. */
typedef struct AngleStopRule
{
	double seen[ANGLE_SCALES]; /* the logarithms */
} AngleStopRule;

/* The rule for a target between 0 and 1. */
AngleStopRule angle_stop_rule(const AngleMeta *meta, double target);

/* Rows to be seen, counted as above, before this share of so many nearest is found; and
 * those that a search has read then, on average. */
double angle_stop_due(const AngleStopRule *rule, double nearest);
double angle_stop_read(const AngleMeta *meta, double target, double nearest);

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
static inline double
angle_stop_seen(const AngleStop *stop)
{
	return stop->rows * stop->weight;
}

/* Which share of the rows passes, by those that were seen: more than 0. */
static inline double
angle_stop_share(const AngleStop *stop)
{
	return stop->passed < stop->rows ? (stop->passed + 0.5) / stop->rows : 1;
}

#endif
