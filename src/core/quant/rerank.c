#include "core/quant/rerank.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/quant/quant_kernels.h"

/* Steps that are tried with 4 bits, from this share of the one that clips
 * nothing; with more bits the widest is the best to within 0.2 %. */
#define STEPS 16
#define NARROWEST 0.5

/* The norm at which angle_space_enter() moves points, less roundings. */
#define MOVED 0x1.fffp61

/* Half the number of levels. */
static float
half_levels(int bits)
{
	return (float) (1 << (bits - 1));
}

/* kᵢ for the grid of step 1/inverse. */
static float
level(float x, float inverse, float half)
{
	float u = floorf(x * inverse);

	return fminf(fmaxf(u, -half), half - 1) + 0.5f;
}

typedef struct GridSums
{
	double point_code; /* ⟨o, k⟩ */
	double code_code;  /* ‖k‖² */
} GridSums;

static GridSums
measure_grid(const float *point, int dims, float inverse, float half)
{
	GridSums sums = {0, 0};

	for (int i = 0; i < dims; i++)
	{
		double k = level(point[i], inverse, half);

		sums.point_code += k * point[i];
		sums.code_code += k * k;
	}
	return sums;
}

/* 1/step of the grid that has the greatest cosine with point. */
static float
choose_grid(const float *point, int dims, int bits, float greatest)
{
	float half = half_levels(bits);
	float best = half / greatest;
	double best_cosine = 0;

	if (bits != 4)
		return best;
	for (int i = 0; i < STEPS; i++)
	{
		double share = 1 - (1 - NARROWEST) * i / STEPS;
		float inverse = (float) (half / (greatest * share));
		GridSums sums = measure_grid(point, dims, inverse, half);
		double cosine = sums.point_code / sqrt(sums.code_code);

		if (cosine > best_cosine)
		{
			best_cosine = cosine;
			best = inverse;
		}
	}
	return best;
}

/* Where coordinate i of a code of 4 bits is: groups of 32 coordinates, the last
 * perhaps shorter, whose first half is in low nibbles. */
static size_t
nibble_place(int dims, int i, int *shift)
{
	int group = i / 32;
	int size = dims - group * 32 < 32 ? dims - group * 32 : 32;
	int half = (size + 1) / 2;
	int place = i % 32;

	*shift = place < half ? 0 : 4;
	return (size_t) (group * 16 + (place < half ? place : place - half));
}

static void
store_level(int dims, int bits, int i, float k, uint8_t *code)
{
	int u = (int) (k - 0.5f);
	int shift;
	size_t place;

	if (bits == 16)
	{
		code[2 * i] = (uint8_t) u;
		code[2 * i + 1] = (uint8_t) ((unsigned) u >> 8);
		return;
	}
	if (bits == 8)
	{
		code[i] = (uint8_t) u;
		return;
	}
	place = nibble_place(dims, i, &shift);
	code[place] |= (uint8_t) ((u + 8) << shift);
}

static float
load_level(int dims, int bits, int i, const uint8_t *code)
{
	int shift;
	size_t place;

	if (bits == 16)
		return (float) (int16_t) (code[2 * i] | code[2 * i + 1] << 8) + 0.5f;
	if (bits == 8)
		return (float) (int8_t) code[i] + 0.5f;
	place = nibble_place(dims, i, &shift);
	return (float) ((code[place] >> shift & 15) - 8) + 0.5f;
}

/* The least float that is not below x ≥ 0. */
static float
round_up(double x)
{
	float rounded = (float) x;

	return (double) rounded < x ? nextafterf(rounded, INFINITY) : rounded;
}

static double
norm_of(const float *x, int dims)
{
	double sum = 0;

	for (int i = 0; i < dims; i++)
		sum += (double) x[i] * x[i];
	return sqrt(sum);
}

static float
greatest_of(const float *x, int dims)
{
	float greatest = 0;

	for (int i = 0; i < dims; i++)
		greatest = fmaxf(greatest, fabsf(x[i]));
	return greatest;
}

/* Writes the code; returns ‖o − s k‖. */
static double
write_code(int dims, int bits, const float *point, float inverse, float scale,
		   uint8_t *code)
{
	float half = half_levels(bits);
	double squared = 0;

	for (int i = 0; i < dims; i++)
	{
		float k = level(point[i], inverse, half);
		double rest = point[i] - (double) scale * k;

		squared += rest * rest;
		store_level(dims, bits, i, k, code);
	}
	return sqrt(squared);
}

void
angle_rerank_encode(int dims, int bits, const float *point, uint8_t *code,
					AngleRerankFactors *factors)
{
	double norm = norm_of(point, dims);
	float greatest = greatest_of(point, dims);
	float inverse;
	GridSums sums;

	memset(code, 0, angle_rerank_size(dims, bits));
	*factors = (AngleRerankFactors){0, (float) norm, round_up(norm)};
	/* Below, a step would have lost its precision: ô is 0 then. */
	if (greatest < FLT_MIN * 0x1p24f)
		return;
	inverse = choose_grid(point, dims, bits, greatest);
	sums = measure_grid(point, dims, inverse, half_levels(bits));
	factors->scale = (float) (sums.point_code / sums.code_code);
	factors->error =
		round_up(write_code(dims, bits, point, inverse, factors->scale, code));
}

void
angle_rerank_decode(int dims, int bits, const uint8_t *code,
					const AngleRerankFactors *factors, float *point)
{
	for (int i = 0; i < dims; i++)
		point[i] = factors->scale * load_level(dims, bits, i, code);
}

void
angle_rerank_query(AngleRerankQuery *q, const AngleSpace *space, int bits,
				   const float *query)
{
	q->metric = space->metric;
	q->dims = space->dims;
	q->bits = bits;
	q->query = query;
	q->norm = norm_of(query, space->dims);
	q->sum = 0;
	for (int i = 0; i < space->dims; i++)
		q->sum += query[i];
	q->kernels = angle_quant_kernels();
}

static double
integer_product(const AngleRerankQuery *q, const uint8_t *code)
{
	size_t n = (size_t) q->dims;

	if (q->bits == 16)
		return q->kernels->rerank16(code, q->query, n);
	if (q->bits == 8)
		return q->kernels->rerank8(code, q->query, n);
	return q->kernels->rerank4(code, q->query, n);
}

/* At least ‖w‖, the part of q that is orthogonal to ô. The kernel's rounding is
 * 2^-17 ‖ô‖‖q‖ at most, for |u| ≤ 2|k|. */
static double
across(const AngleRerankQuery *q, const AngleRerankFactors *factors,
	   double product)
{
	double norm = factors->norm;
	double error = factors->error;
	double along = norm * norm - error * error; /* ‖ô‖² */
	double squared = q->norm * q->norm;

	if (along > norm * norm / 4)
		squared =
			fmax(squared - product * product / along, 0) + 0x1p-15 * squared;
	return sqrt(squared);
}

/*
 * How far a score may be off beside what codes lose, for points whose norms
 * have the given sum and product. Of (‖o‖ + ‖q‖)²: 2^-17 for the rotation, 2^-18
 * for the kernel, 2^-22 for stored factors, 2^-17 for the operator of L2; of
 * ‖o‖‖q‖ for inner product the same parts, with 2^-18 for the operator. The
 * operators of cosine are off by 2^-16 at most in the score; in <^> they are by
 * 5 · 2^-18 in the angle, of which the last constant keeps the double. The term
 * with 2^-120 stands for what lies below float's range.
 */
static double
slack(AngleMetric metric, double sum, double product)
{
	if (metric == ANGLE_METRIC_INNER_PRODUCT)
		return 0x1p-15 * product + 0x1p-120 * sum;
	return 0x1p-15 * sum * sum + 0x1p-120 * sum +
		   (metric == ANGLE_METRIC_COSINE ? 0x1p-14 : 0);
}

AngleRerankScore
angle_rerank_score(const AngleRerankQuery *q, const uint8_t *code,
				   const AngleRerankFactors *factors)
{
	double norm = factors->norm;
	double product =
		factors->scale * (integer_product(q, code) + q->sum / 2); /* ⟨ô, q⟩ */
	double bound = factors->error * across(q, factors, product);
	bool inner = q->metric == ANGLE_METRIC_INNER_PRODUCT;
	AngleRerankScore score;

	bound = bound * (inner ? 1 : 2) +
			slack(q->metric, norm + q->norm, norm * q->norm);
	/* A point that was moved says nothing of how great a product was. */
	if (inner && (norm > MOVED || q->norm > MOVED))
		bound = INFINITY;
	score.estimate =
		inner ? -product : norm * norm + q->norm * q->norm - 2 * product;
	score.lower = score.estimate - bound;
	score.upper = score.estimate + bound;
	return score;
}

bool
angle_rerank_use(AngleRerankQuery *q, AngleIsa isa)
{
	const AngleQuantKernels *kernels = angle_quant_kernels_for(isa);

	if (kernels != NULL)
		q->kernels = kernels;
	return kernels != NULL;
}
