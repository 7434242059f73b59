#include "core/quant/space.h"

#include <math.h>
#include <string.h>

#include "core/base/vector_sums.h"

/* out = in · factor − centre, in double and rounded once. */
static void
shift(const AngleSpace *space, const float *in, double factor, float *out)
{
	if (space->centre == NULL)
	{
		for (int i = 0; i < space->dims; i++)
			out[i] = (float) (in[i] * factor);
		return;
	}
	for (int i = 0; i < space->dims; i++)
		out[i] = (float) (in[i] * factor - space->centre[i]);
}

bool
angle_space_enter(const AngleSpace *space, const float *vector, float *point)
{
	double squared = angle_norm_squared(vector, space->dims);
	double norm;

	/* a sum of squares of floats cannot overflow a double */
	if (!isfinite(squared))
		return false;
	if (space->metric == ANGLE_METRIC_COSINE && squared == 0)
		return false;
	shift(space, vector,
		  space->metric == ANGLE_METRIC_COSINE ? 1 / sqrt(squared) : 1, point);
	norm = sqrt(angle_norm_squared(point, space->dims));
	if (norm > ANGLE_SPACE_FARTHEST)
	{
		for (int i = 0; i < space->dims; i++)
			point[i] = (float) (point[i] * (ANGLE_SPACE_FARTHEST / norm));
	}
	angle_rotation_apply(space->rotation, point);
	return true;
}

double
angle_space_distance(AngleMetric metric, double score)
{
	switch (metric)
	{
		case ANGLE_METRIC_COSINE:
			return fmax(score, 0) / 2;
		case ANGLE_METRIC_L2:
			return sqrt(fmax(score, 0));
		default:
			return score;
	}
}

double
angle_space_angular(double score)
{
	return 2 * asin(sqrt(fmin(fmax(score, 0), 4)) / 2);
}

double
angle_space_turned(double score, double ratio)
{
	return 1 - sqrt(2) * fabs(1 - score / 2) * ratio;
}

double
angle_space_turn(const float *query, int dims, float *turned)
{
	int half = (dims + 1) / 2;
	double before = angle_norm_squared(query, dims);
	double after = 0;

	for (int i = 0; i < half; i++)
	{
		double c = query[i];
		double d = half + i < dims ? query[half + i] : 0;

		turned[i] = (float) ((c - d) * sqrt(0.5));
		if (half + i < dims)
			turned[half + i] = (float) ((c + d) * sqrt(0.5));
	}
	after = angle_norm_squared(turned, dims);
	return before > 0 ? sqrt(after / before) : 0;
}
