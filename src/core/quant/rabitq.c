#include "core/quant/rabitq.h"

#include <float.h>
#include <math.h>
#include <stddef.h>

#include "core/quant/quant_kernels.h"

/* Sums over all D in the first two, over the K that are coded in the others, and
 * the code. */
static AngleResidual
measure(int dims, const float *point, const float *centroid, uint8_t *code)
{
	const AngleQuantKernels *kernels = angle_quant_kernels();
	size_t coded = (size_t) angle_coded_dims(dims);
	size_t size = (size_t) angle_code_size(dims);
	AngleResidual sums = kernels->residual(point, centroid, coded, code);

	for (size_t byte = (coded + 15) / 16 * 2; byte < size; byte++)
		code[byte] = 0;
	if (coded < (size_t) dims)
	{
		AngleResidual tail = kernels->residual(point + coded, centroid + coded,
											   (size_t) dims - coded, NULL);

		sums.r_squared += tail.r_squared;
		sums.r_dot_c += tail.r_dot_c;
	}
	return sums;
}

static float
clamp(double x)
{
	return (float) fmin(fmax(x, -FLT_MAX), FLT_MAX);
}

static AngleFactors
make_factors(AngleMetric metric, int dims, const AngleResidual *sums)
{
	double weight = metric == ANGLE_METRIC_INNER_PRODUCT ? 1 : 2;
	double start =
		metric == ANGLE_METRIC_INNER_PRODUCT ? -sums->r_dot_c : sums->r_squared;
	double ratio;
	double spread;
	AngleFactors factors;

	/* A point on the centroid, or only its uncoded coordinates are off it: the
	 * code says nothing of r, whose inner product is anything up to ‖r‖‖q−c‖. */
	if (!(sums->r_code > 0))
		return (AngleFactors){clamp(start), 0,
							  clamp(weight * sqrt(sums->r_squared))};
	ratio = sums->r_squared / sums->r_code;
	spread = ratio / sums->r_code * angle_coded_dims(dims) / 4 - 1;
	factors.add = clamp(start + weight * ratio * sums->c_code);
	factors.rescale = clamp(-weight * ratio);
	factors.error =
		clamp(weight * sqrt(sums->r_squared) * ANGLE_RABITQ_EPSILON *
			  sqrt(fmax(spread, 0) / (dims > 1 ? dims - 1 : 1)));
	return factors;
}

void
angle_rabitq_encode(AngleMetric metric, int dims, const float *point,
					const float *centroid, uint8_t *code, AngleFactors *factors)
{
	AngleResidual sums = measure(dims, point, centroid, code);

	*factors = make_factors(metric, dims, &sums);
}

AngleProbe
angle_rabitq_probe_at(double score, double squared)
{
	return (AngleProbe){clamp(score), clamp(sqrt(squared))};
}

AngleProbe
angle_rabitq_probe(AngleMetric metric, int dims, const float *query,
				   const float *centroid)
{
	const AngleQuantKernels *kernels = angle_quant_kernels();
	size_t n = (size_t) dims;
	double squared = kernels->squared_distance(query, centroid, n);

	if (metric != ANGLE_METRIC_INNER_PRODUCT)
		return angle_rabitq_probe_at(squared, squared);
	return angle_rabitq_probe_at(-kernels->product(query, centroid, n),
								 squared);
}

AngleProbe
angle_rabitq_probe_stored(AngleMetric metric, int dims, const float *query,
						  const AngleBfloat *centroid)
{
	const AngleQuantKernels *kernels = angle_quant_kernels();
	size_t n = (size_t) dims;
	double squared = kernels->squared_distance_stored(query, centroid, n);

	if (metric != ANGLE_METRIC_INNER_PRODUCT)
		return angle_rabitq_probe_at(squared, squared);
	return angle_rabitq_probe_at(-kernels->product_stored(query, centroid, n),
								 squared);
}

double
angle_rabitq_estimate(int dims, const uint8_t *code,
					  const AngleFactors *factors, AngleProbe probe,
					  const float *query)
{
	int coded = angle_coded_dims(dims);
	double product = 0;

	for (int i = 0; i < coded; i++)
		product += (code[i / 8] >> i % 8 & 1 ? 0.5 : -0.5) * (double) query[i];
	return (double) factors->add + probe.add + factors->rescale * product;
}
