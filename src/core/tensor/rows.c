/* What is done to the rows of activations between the products. */
#include <math.h>

#include "core/tensor/isa_kernels.h"
#include "core/tensor/rounder.h"
#include "core/tensor/simd.h"
#include "core/tensor/vmath.h"

typedef uint8_t Bytes __attribute__((vector_size(LANES)));

/* Σ (x − mean)² over the first width values; the padding is left out. */
static float
sum_of_squares(const float *x, size_t width, float mean)
{
	Floats sum = {0};
	size_t c = 0;
	float rest = 0.0f;

	for (; c + LANES <= width; c += LANES)
	{
		Floats d = load(x + c) - mean;

		sum += d * d;
	}
	for (; c < width; c++)
		rest += (x[c] - mean) * (x[c] - mean);
	return sum_lanes(sum) + rest;
}

/* x += residual, and the sum of the row. */
static float
add_and_sum(float *x, const float *residual, size_t width, size_t stride)
{
	Floats sum = {0};

	for (size_t c = width; c < stride; c++)
		x[c] = 0.0f;
	for (size_t c = 0; c < stride; c += LANES)
	{
		Floats v = load(x + c);

		if (residual != NULL)
			v += load(residual + c);
		store(x + c, v);
		sum += v;
	}
	return sum_lanes(sum);
}

void
ANGLE_KERNEL(angle_layernorm)(const AngleLayerNorm *n)
{
	for (size_t t = 0; t < n->rows; t++)
	{
		float *x = n->x + t * n->stride;
		const float *residual =
			n->residual != NULL ? n->residual + t * n->stride : NULL;
		float mean =
			add_and_sum(x, residual, n->width, n->stride) / (float) n->width;
		float variance = sum_of_squares(x, n->width, mean) / (float) n->width;
		float rstd = 1.0f / sqrtf(variance + n->epsilon);

		for (size_t c = 0; c < n->stride; c += LANES)
		{
			Floats normalized = (load(x + c) - mean) * rstd;

			if (n->normalized != NULL)
				store(n->normalized + t * n->stride + c, normalized);
			store(x + c, normalized * load(n->weight + c) + load(n->bias + c));
		}
		if (n->mean != NULL)
			n->mean[t] = mean;
		if (n->rstd != NULL)
			n->rstd[t] = rstd;
	}
}

void
ANGLE_KERNEL(angle_drop)(const AngleDropRows *d)
{
	for (size_t t = 0; t < d->rows; t++)
	{
		AngleDropoutRow row = angle_dropout_row(d->dropout, d->names[t], 0);
		float *x = d->x + t * d->stride;

		for (size_t c = 0; c < angle_padded(d->width); c += LANES)
			store(x + c, vdrop(&row, c, load(x + c)));
	}
}

void
ANGLE_KERNEL(angle_gelu)(float *x, size_t n)
{
	for (size_t i = 0; i < n; i += LANES)
	{
		Floats v = load(x + i);

		store(x + i, v * 0.5f * (verf(v * 0.707106781f) + 1.0f));
	}
}

void
ANGLE_KERNEL(angle_gelu_tanh)(float *x, size_t n)
{
	for (size_t i = 0; i < n; i += LANES)
	{
		Floats v = load(x + i);
		Floats inner = (v * v * v * 0.044715f + v) * 0.797884561f;

		store(x + i, v * 0.5f * (vtanh(inner) + 1.0f));
	}
}

void
ANGLE_KERNEL(angle_relu)(float *x, size_t n)
{
	for (size_t i = 0; i < n; i += LANES)
		store(x + i, vmax(load(x + i), splat(0.0f)));
}

void
ANGLE_KERNEL(angle_tanh)(float *x, size_t n)
{
	for (size_t i = 0; i < n; i += LANES)
		store(x + i, vtanh(load(x + i)));
}

/* The least and the greatest of zero and the row's values. */
static void
range_of(const float *x, size_t width, float *least, float *greatest)
{
	Floats low = {0};
	Floats high = {0};
	size_t c = 0;

	for (; c + LANES <= width; c += LANES)
	{
		low = vmin(low, load(x + c));
		high = vmax(high, load(x + c));
	}
	*greatest = max_lanes(high);
	*least = -max_lanes(-low);
	for (; c < width; c++)
	{
		*greatest = x[c] > *greatest ? x[c] : *greatest;
		*least = x[c] < *least ? x[c] : *least;
	}
}

static uint8_t
quantize_one(float x, float inverse, int32_t zero)
{
	float sum = x * inverse + ANGLE_ROUNDER;
	uint32_t bits;

	memcpy(&bits, &sum, sizeof(bits));
	return (uint8_t) (bits + (uint32_t) zero);
}

/* q = round(x / scale) + zero; the narrowing conversion keeps the low byte. */
static void
quantize_row(const AngleQuantize *job, const float *x, uint8_t *q,
			 float inverse, int32_t zero)
{
	size_t c = 0;

	for (; c + LANES <= job->width; c += LANES)
	{
		Ints bits = (Ints) (load(x + c) * inverse + ANGLE_ROUNDER) + zero;
		Bytes low = __builtin_convertvector(bits, Bytes);

		memcpy(q + c, &low, sizeof(low));
	}
	for (; c < job->width; c++)
		q[c] = quantize_one(x[c], inverse, zero);
	memset(q + c, zero, job->q_stride - c);
}

static void
quantize(const AngleQuantize *job, size_t t, const float *x)
{
	float least;
	float greatest;
	float scale;
	float zero;

	range_of(x, job->width, &least, &greatest);
	/* a step that keeps the rounded ends inside 0…255 */
	scale = (greatest - least) / 254.0f;
	if (!(scale > 1e-30f))
		scale = 1e-30f;
	/* out of range only where a damaged model has made infinities */
	zero = nearbyintf(-least / scale);
	job->scale[t] = scale;
	job->zero[t] = zero >= 0.0f && zero <= 255.0f ? (int32_t) zero : 0;
	quantize_row(job, x, job->q + t * job->q_stride, 1.0f / scale,
				 job->zero[t]);
}

static void
quantize_without_outliers(const AngleQuantize *job, size_t t, float *x)
{
	float *outlier = job->outlier + t * ANGLE_OUTLIERS;

	for (int i = 0; i < ANGLE_OUTLIERS; i++)
		outlier[i] = x[job->outliers[i]];
	for (int i = 0; i < ANGLE_OUTLIERS; i++)
		x[job->outliers[i]] = 0.0f;
	quantize(job, t, x);
	for (int i = 0; i < ANGLE_OUTLIERS; i++)
		x[job->outliers[i]] = outlier[i];
}

void
ANGLE_KERNEL(angle_quantize)(const AngleQuantize *job)
{
	for (size_t t = 0; t < job->rows; t++)
	{
		float *x = job->x + t * job->x_stride;

		if (job->outliers != NULL)
			quantize_without_outliers(job, t, x);
		else
			quantize(job, t, x);
	}
}

static void
residual(const float *x, const float *origin, size_t width, float *out)
{
	size_t c = 0;

	for (; c + LANES <= width; c += LANES)
		store(out + c, load(x + c) - load(origin + c));
	for (; c < width; c++)
		out[c] = x[c] - origin[c];
}

void
ANGLE_KERNEL(angle_residuals)(const AngleResiduals *r)
{
	for (size_t t = 0; t < r->rows; t++)
	{
		size_t row = r->order != NULL ? r->order[t] : t;

		residual(r->x + row * r->x_stride, r->origin, r->width,
				 r->out + t * r->out_stride);
	}
}
