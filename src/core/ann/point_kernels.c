/* Compiled once for each instruction set; ANGLE_ISA is the suffix of the table that this
 * file defines. */
#include "core/ann/point_kernels.h"
#include "core/tensor/kernels.h"
#include "core/tensor/simd.h"

/* Sums that run side by side, and so wait for none. */
#define SUMS 32

/* Which of a panel's scores are above limit: a bit for each. */
static inline uint32_t
above(const float *scores, float limit)
{
#if LANES == 16
	return _mm512_cmp_ps_mask(_mm512_loadu_ps(scores), _mm512_set1_ps(limit),
							  _CMP_GT_OQ);
#elif LANES == 8
	const __m256 limits = _mm256_set1_ps(limit);
	const __m256 low =
		_mm256_cmp_ps(_mm256_loadu_ps(scores), limits, _CMP_GT_OQ);
	const __m256 high =
		_mm256_cmp_ps(_mm256_loadu_ps(scores + 8), limits, _CMP_GT_OQ);

	return (uint32_t) _mm256_movemask_ps(low) |
		   (uint32_t) _mm256_movemask_ps(high) << 8;
#else
	Ints any = {0};
	uint64_t halves[2];
	uint32_t bits = 0;

	for (int i = 0; i < ANGLE_PANEL; i += LANES)
		any |= load(scores + i) > splat(limit);
	memcpy(halves, &any, sizeof(halves));
	for (int i = 0; (halves[0] | halves[1]) != 0 && i < ANGLE_PANEL; i++)
		bits |= (uint32_t) (scores[i] > limit) << i;
	return bits;
#endif
}

/* Puts id into the n best by falling score; it belongs there. */
static inline void
insert(float score, uint32_t id, int n, float *best, uint32_t *ids)
{
	int place = n - 1;

	for (; place > 0 && score > best[place - 1]; place--)
	{
		best[place] = best[place - 1];
		ids[place] = ids[place - 1];
	}
	best[place] = score;
	ids[place] = id;
}

#if LANES == 16
/* The best in a register: a place is made for a score by expanding the others around it. */
static void
take_best_few(const float *scores, size_t count, uint32_t first, int n,
			  float *best, uint32_t *ids)
{
	const __mmask16 lanes = (__mmask16) ((1u << n) - 1);
	const __m512i last = _mm512_set1_epi32(n - 1);
	__m512 sorted = _mm512_maskz_loadu_ps(lanes, best);
	__m512i names = _mm512_maskz_loadu_epi32(lanes, ids);
	__m512 limit = _mm512_permutexvar_ps(last, sorted);

	for (size_t c = 0; c < count; c += ANGLE_PANEL)
	{
		uint32_t bits =
			_mm512_cmp_ps_mask(_mm512_loadu_ps(scores + c), limit, _CMP_GT_OQ);

		for (; bits != 0; bits &= bits - 1)
		{
			const size_t i = c + (size_t) __builtin_ctz(bits);
			const __m512 score = _mm512_set1_ps(scores[i]);
			/* the first ones: plus one they are the place behind them, if that is
			 * behind the last one the score is no longer among the best */
			const __mmask16 before =
				_mm512_mask_cmp_ps_mask(lanes, sorted, score, _CMP_GE_OQ);
			const __mmask16 others = _knot_mask16(_kadd_mask16(before, 1));

			sorted = _mm512_mask_expand_ps(score, others, sorted);
			names = _mm512_mask_expand_epi32(
				_mm512_set1_epi32((int) (first + (uint32_t) i)), others, names);
			limit = _mm512_permutexvar_ps(last, sorted);
		}
	}
	_mm512_mask_storeu_ps(best, lanes, sorted);
	_mm512_mask_storeu_epi32(ids, lanes, names);
}
#endif

static void
take_best(const float *scores, size_t count, uint32_t first, int n, float *best,
		  uint32_t *ids)
{
#if LANES == 16
	if (n <= LANES)
	{
		take_best_few(scores, count, first, n, best, ids);
		return;
	}
#endif
	for (size_t c = 0; c < count; c += ANGLE_PANEL)
	{
		uint32_t bits = above(scores + c, best[n - 1]);

		for (; bits != 0; bits &= bits - 1)
		{
			const size_t i = c + (size_t) __builtin_ctz(bits);

			if (scores[i] > best[n - 1])
				insert(scores[i], first + (uint32_t) i, n, best, ids);
		}
	}
}

static void
add(double *restrict sum, const float *restrict x, size_t n, double factor)
{
	for (size_t d = 0; d < n; d++)
		sum[d] += factor * (double) x[d];
}

/* The body of a function: returns the sum of TERM over d, from 0 to before n. */
#define SUM(n, TERM)                                             \
	float sums[SUMS] = {0};                                      \
	double sum = 0;                                              \
	size_t first = 0;                                            \
	for (; first + SUMS <= (n); first += SUMS)                   \
		for (size_t k = 0, d = first; k < SUMS; d = first + ++k) \
			sums[k] += (TERM);                                   \
	for (size_t k = 0; k < SUMS; k++)                            \
		sum += (double) sums[k];                                 \
	for (size_t d = first; d < (n); d++)                         \
		sum += (double) (TERM);                                  \
	return sum

static double
product(const float *x, const float *y, size_t n)
{
	SUM(n, x[d] * y[d]);
}

static double
squared_distance(const float *x, const float *y, size_t n)
{
	SUM(n, (x[d] - y[d]) * (x[d] - y[d]));
}

static double
residual_product(const float *x, const float *a, const float *b, size_t n)
{
	SUM(n, (x[d] - a[d]) * (x[d] - b[d]));
}

const AnglePointKernels ANGLE_KERNEL(angle_point_kernels) = {
	.best = take_best,
	.add = add,
	.product = product,
	.squared_distance = squared_distance,
	.residual_product = residual_product,
};
