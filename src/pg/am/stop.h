/*
 * When a list is looked into. A node is as near as
 *
 *     key = ‖q − c‖² + ρ² − λ ‖q − c‖ ρ            (L2, cosine)
 *     key = −⟨q, c⟩ − λ ‖q‖ ρ                       (inner product)
 *
 * where c is its centroid and ρ its spread. A row is given out when no node has
 * a smaller key. With λ = 0 the key is the mean score of the node's rows. In D
 * dimensions the scores of rows scatter around it by about 2 ‖q − c‖ ρ/√D, so a λ
 * below 2 (for which the key is the least score that a row at the distance ρ
 * can have) finds nearly all neighbours. In few dimensions it can take more, for rows
 * are further than ρ from their centroid. So it depends on the data, and is measured: for each target of recall the smallest λ with which so many
 * neighbours of sampled rows came in time.
 */
#ifndef ANGLE_STOP_H
#define ANGLE_STOP_H

#include "core/quant/rabitq.h"
#include "pg/am/page.h"

/* The targets for which a λ is stored, rising. */
extern const float angle_recall_targets[ANGLE_TARGETS];

/* λ where nothing was measured. */
void angle_stop_default(float *stop);

/* λ for a target between 0 and 1, from what is stored. */
double angle_stop_lambda(const float *stop, double target);

/* The key; norm is ‖q‖. */
static inline double
angle_stop_key(AngleMetric metric, AngleProbe probe, double spread, double norm,
			   double lambda)
{
	if (metric == ANGLE_METRIC_INNER_PRODUCT)
		return probe.add - lambda * norm * spread;
	return probe.add + spread * spread - lambda * probe.error * spread;
}

#endif
