#include "core/train/pooling_backward.h"

#include <math.h>

static void
add_scaled(const AnglePoolBackward *p, size_t token, AngleReal scale)
{
	AngleReal *row = p->drows + token * p->stride;

	for (size_t c = 0; c < p->width; c++)
		row[c] += p->dout[c] * scale;
}

static void
spread_mean(const AnglePoolBackward *p, AngleReal scale)
{
	for (size_t t = p->skip; t < p->count; t++)
		add_scaled(p, t, scale / (AngleReal) (p->count - p->skip));
}

static void
spread_max(const AnglePoolBackward *p)
{
	for (size_t c = 0; c < p->width; c++)
	{
		size_t best = p->skip;

		for (size_t t = p->skip + 1; t < p->count; t++)
		{
			if (p->rows[t * p->stride + c] > p->rows[best * p->stride + c])
				best = t;
		}
		p->drows[best * p->stride + c] += p->dout[c];
	}
}

void
angle_pool_tokens_backward(const AnglePoolBackward *p)
{
	switch (p->pooling)
	{
		case ANGLE_POOLING_CLS:
			add_scaled(p, 0, 1);
			break;
		case ANGLE_POOLING_LAST:
			add_scaled(p, p->count - 1, 1);
			break;
		case ANGLE_POOLING_MEAN:
			spread_mean(p, 1);
			break;
		case ANGLE_POOLING_MAX:
			spread_max(p);
			break;
		case ANGLE_POOLING_CLS_AVG:
			add_scaled(p, 0, (AngleReal) 0.5);
			spread_mean(p, (AngleReal) 0.5);
			break;
	}
}

void
angle_normalize_backward(size_t n, const AngleReal *x, AngleReal *dy)
{
	double squares = 0;
	double product = 0;
	double length;

	for (size_t i = 0; i < n; i++)
	{
		squares += (double) x[i] * (double) x[i];
		product += (double) x[i] * (double) dy[i];
	}
	length = sqrt(squares);
	for (size_t i = 0; i < n; i++)
		dy[i] = length <= 1e-12
					? 0
					: (AngleReal) (((double) dy[i] -
									(double) x[i] * product / squares) /
								   length);
}
