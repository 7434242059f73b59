#include "gradient.h"

#include <math.h>

#define STEP 1e-5

double
gradient_error(GradientFunction function, void *context, double *x,
			   const double *analytic, size_t n)
{
	double difference = 0;
	double norm = 0;

	for (size_t i = 0; i < n; i++)
	{
		double kept = x[i];
		double high;
		double low;
		double numeric;

		x[i] = kept + STEP;
		high = function(context);
		x[i] = kept - STEP;
		low = function(context);
		x[i] = kept;
		numeric = (high - low) / (2 * STEP);
		difference += (analytic[i] - numeric) * (analytic[i] - numeric);
		norm += numeric * numeric;
	}
	return sqrt(difference) / fmax(sqrt(norm), 1e-12);
}
