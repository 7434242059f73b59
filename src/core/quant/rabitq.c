#include "core/quant/rabitq.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* What the factors are made of. */
typedef struct Sums
{
	double r_squared; /* ‖r‖² over all D */
	double r_dot_c;	  /* ⟨r, c⟩ over all D */
	double r_code;	  /* ⟨r, x̄⟩ */
	double c_code;	  /* ⟨c, x̄⟩ */
} Sums;

static Sums
add_up(int dims, int coded, const float *point, const float *centroid)
{
	Sums sums = {0, 0, 0, 0};

	for (int i = 0; i < dims; i++)
	{
		float r = point[i] - centroid[i];

		sums.r_squared += (double) r * r;
		sums.r_dot_c += (double) r * centroid[i];
		if (i < coded)
		{
			sums.r_code += (double) fabsf(r) / 2;
			sums.c_code += (r > 0 ? 0.5 : -0.5) * (double) centroid[i];
		}
	}
	return sums;
}

static void
write_bits(int dims, const float *point, const float *centroid, uint8_t *code)
{
	int coded = angle_coded_dims(dims);

	for (int byte = 0; byte < angle_code_size(dims); byte++)
	{
		int bits = 0;

		for (int i = byte * 8; i < byte * 8 + 8 && i < coded; i++)
			bits |= (point[i] - centroid[i] > 0) << i % 8;
		code[byte] = (uint8_t) bits;
	}
}

static float
clamp(double x)
{
	return (float) fmin(fmax(x, -FLT_MAX), FLT_MAX);
}

static AngleFactors
make_factors(AngleMetric metric, int dims, const Sums *sums)
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
	Sums sums = add_up(dims, angle_coded_dims(dims), point, centroid);

	write_bits(dims, point, centroid, code);
	*factors = make_factors(metric, dims, &sums);
}

AngleProbe
angle_rabitq_probe(AngleMetric metric, int dims, const float *query,
				   const float *centroid)
{
	double distance = 0;
	double product = 0;

	for (int i = 0; i < dims; i++)
	{
		double v = (double) query[i] - centroid[i];

		distance += v * v;
		product += (double) query[i] * centroid[i];
	}
	return (AngleProbe){
		clamp(metric == ANGLE_METRIC_INNER_PRODUCT ? -product : distance),
		clamp(sqrt(distance))};
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
