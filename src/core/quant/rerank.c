#include "core/quant/rerank.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/base/vector_sums.h"
#include "core/quant/quant_kernels.h"

/* Steps that are tried with 4 bits, from this share of the one that clips
 * nothing; with more bits the widest is the best to within 0.2 %. */
#define STEPS 16
#define NARROWEST 0.5

/* Values that are dealt with side by side, so that none waits for another. */
#define SIDES 8

/* The norm at which angle_space_enter() moves points, less roundings. */
#define MOVED 0x1.fffp61

/* 1/step of the grid that has the greatest cosine with point. */
static float
choose_grid(const float *point, int dims, float half, float greatest)
{
	const AngleQuantKernels *kernels = angle_quant_kernels();
	AngleGrid grid = {half / greatest, half, 0};
	float best = grid.inverse;
	double best_cosine = 0;

	for (int i = 0; half == 8 && i < STEPS; i++)
	{
		double share = 1 - (1 - NARROWEST) * i / STEPS;
		AngleGridSums sums;
		double cosine;

		grid.inverse = (float) (half / (greatest * share));
		sums = kernels->grid_sums(point, (size_t) dims, &grid);
		cosine = sums.point_code / sqrt(sums.code_code);
		if (cosine > best_cosine)
		{
			best_cosine = cosine;
			best = grid.inverse;
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

/* The level of coordinate i in a code of 6 or 7 bits: groups of 64 or 128 coordinates, the
 * last perhaps shorter, in 4 or 8 parts of as many; a part has the low bits of a byte
 * each, but the last, whose bits are the high ones of the other parts, two or one of
 * each. */
static int
parts_level(int bits, int dims, int i, const uint8_t *code)
{
	const int own = bits == 6 ? 3 : 7;
	const int whole = (own + 1) * 16;
	int group = i / whole;
	int size = dims - group * whole < whole ? dims - group * whole : whole;
	int part = (size + own) / (own + 1);
	const uint8_t *bytes = code + group * own * 16 + i % whole % part;
	int level = 0;

	if (i % whole / part < own)
		return bytes[i % whole / part * part] & ((1 << bits) - 1);
	for (int j = 0; j < own; j++)
		level |= bytes[j * part] >> bits << j * (8 - bits);
	return level;
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
	if (bits == 6)
		return (float) (parts_level(6, dims, i, code) - 32) + 0.5f;
	if (bits == 7)
		return (float) (parts_level(7, dims, i, code) - 64) + 0.5f;
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

static float
greatest_of(const float *x, int dims)
{
	float some[SIDES] = {0};
	float greatest = 0;
	int i = 0;

	for (; i + SIDES <= dims; i += SIDES)
		for (int k = 0; k < SIDES; k++)
			some[k] = fabsf(x[i + k]) > some[k] ? fabsf(x[i + k]) : some[k];
	for (int k = 0; k < SIDES; k++)
		greatest = some[k] > greatest ? some[k] : greatest;
	for (; i < dims; i++)
		greatest = fabsf(x[i]) > greatest ? fabsf(x[i]) : greatest;
	return greatest;
}

/* At least ‖o − s k‖, for what the kernel loses of its sum and in each rest. */
static float
rest_above(const AngleGridSums *sums, double norm)
{
	return round_up(sqrt(sums->rest_rest) * (1 + 0x1p-18) + 0x1p-22 * norm);
}

void
angle_rerank_encode(int dims, int bits, const float *point, uint8_t *code,
					AngleRerankFactors *factors)
{
	const AngleQuantKernels *kernels = angle_quant_kernels();
	size_t n = (size_t) dims;
	double norm = sqrt(angle_norm_squared(point, dims));
	float greatest = greatest_of(point, dims);
	AngleGrid grid = {0, (float) (1 << (bits - 1)), 0};
	AngleGridSums sums;

	*factors = (AngleRerankFactors){0, (float) norm, round_up(norm)};
	/* Below, a step would have lost its precision: ô is 0 then. */
	if (greatest < FLT_MIN * 0x1p24f)
	{
		memset(code, 0, angle_rerank_size(dims, bits));
		return;
	}
	grid.inverse = choose_grid(point, dims, grid.half, greatest);
	sums = kernels->grid_sums(point, n, &grid);
	grid.scale = (float) (sums.point_code / sums.code_code);
	sums = kernels->grid_sums(point, n, &grid);
	kernels->grid_write(point, n, &grid, bits, code);
	factors->scale = grid.scale;
	factors->error = rest_above(&sums, norm);
}

/* Decodes a whole group of a code of 6 bits: the loops are such that compilers make
 * vectors of them. */
static void
decode_group(const uint8_t *restrict code, float scale, float *restrict point)
{
	for (int part = 0; part < 3; part++)
		for (int i = 0; i < 16; i++)
			point[part * 16 + i] =
				scale * ((float) ((code[part * 16 + i] & 63) - 32) + 0.5f);
	for (int i = 0; i < 16; i++)
		point[48 + i] =
			scale * ((float) ((code[i] >> 6 | code[16 + i] >> 6 << 2 |
							   code[32 + i] >> 6 << 4) -
							  32) +
					 0.5f);
}

void
angle_rerank_decode(int dims, int bits, const uint8_t *code,
					const AngleRerankFactors *factors, float *point)
{
	int i = 0;

	for (; bits == 6 && i + 64 <= dims; i += 64)
		decode_group(code + i / 64 * 48, factors->scale, point + i);
	for (; i < dims; i++)
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
	q->norm = sqrt(angle_norm_squared(query, space->dims));
	q->sum = angle_sum(query, space->dims);
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
	if (q->bits == 6)
		return q->kernels->rerank6(code, q->query, n);
	if (q->bits == 7)
		return q->kernels->rerank7(code, q->query, n);
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

/* Roundings on average, of (‖o‖ + ‖q‖)²: of stored factors and in the kernel's sums. */
#define ROUNDING 0x1p-21

/* The estimate and what it is off by, from ⟨ô, q⟩. */
static void
estimate(const AngleRerankQuery *q, const AngleRerankFactors *factors,
		 double product, AngleRerankScore *score)
{
	const double norm = factors->norm, error = factors->error;
	const double squared = norm * norm, along = squared - error * error;
	const double sum = norm + q->norm;
	double rest; /* ‖u‖² */

	if (along > squared / 4)
		product *= squared / along;
	rest = squared > 0
			   ? fmax(q->norm * q->norm - product * product / squared, 0)
			   : q->norm * q->norm;
	score->off = sqrt(squared * error * error / fmax(along, squared / 4) *
					  rest / fmax(q->dims - 1, 1));
	if (q->metric == ANGLE_METRIC_INNER_PRODUCT)
		score->estimate = -product;
	else
	{
		score->estimate = squared + q->norm * q->norm - 2 * product;
		score->off *= 2;
	}
	score->off += ROUNDING * sum * sum;
}

double
angle_rerank_product(const AngleRerankQuery *q, const uint8_t *code,
					 float scale)
{
	return scale * (integer_product(q, code) + q->sum / 2);
}

AngleRerankScore
angle_rerank_score(const AngleRerankQuery *q, const uint8_t *code,
				   const AngleRerankFactors *factors)
{
	double norm = factors->norm;
	double product = angle_rerank_product(q, code, factors->scale);
	double bound = factors->error * across(q, factors, product);
	bool inner = q->metric == ANGLE_METRIC_INNER_PRODUCT;
	double middle =
		inner ? -product : norm * norm + q->norm * q->norm - 2 * product;
	AngleRerankScore score;

	bound = bound * (inner ? 1 : 2) +
			slack(q->metric, norm + q->norm, norm * q->norm);
	/* A point that was moved says nothing of how great a product was. */
	if (inner && (norm > MOVED || q->norm > MOVED))
		bound = INFINITY;
	estimate(q, factors, product, &score);
	score.lower = middle - bound;
	score.upper = middle + bound;
	score.estimate = fmin(fmax(score.estimate, score.lower), score.upper);
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
