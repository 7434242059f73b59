/*
 * Compiled once for each instruction set, in the vector extensions of gcc and
 * clang: V floats or W doubles to a register. ANGLE_ISA is the suffix of the
 * table that this file defines.
 *
 * Every kernel runs over full registers, four at a time so that the additions
 * of one do not wait for those of another; what is left is read as the last
 * full register of the vector, of which the lanes already seen are cleared.
 * Only vectors shorter than a register are copied.
 */
#include "core/distance/sums.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/distance/tables.h"

#if defined(__AVX512F__)
#define REGISTER 64
#elif defined(__AVX2__)
#define REGISTER 32
#else
#define REGISTER 16
#endif

#define V (REGISTER / 4)
#define W (REGISTER / 8)

typedef float Floats __attribute__((vector_size(REGISTER)));
typedef int32_t Ints __attribute__((vector_size(REGISTER)));
typedef double Doubles __attribute__((vector_size(REGISTER)));
typedef int64_t Longs __attribute__((vector_size(REGISTER)));
typedef float HalfFloats __attribute__((vector_size(REGISTER / 2)));
typedef float FloatQuad __attribute__((vector_size(16)));
typedef double DoublePair __attribute__((vector_size(16)));

/* Elements that are summed in float before the sum goes to a double. */
#define BLOCK ((size_t) 32 * 4 * V)

/*
 * Makes the compiler compute a vector and hold it in a register. Where one is
 * used three times gcc 12 otherwise reads its memory three times, and a load
 * that straddles two cache lines, as most of an unaligned vector's do, is dear:
 * dot_norms for AVX-512 takes 81 ns without this and 50 ns with it at n = 768.
 */
#if defined(__x86_64__)
#define KEEP(vector) __asm__("" : "+v"(vector))
#elif defined(__aarch64__)
#define KEEP(vector) __asm__("" : "+w"(vector))
#else
#define KEEP(vector) __asm__("" : "+m"(vector))
#endif

#define INLINE static inline __attribute__((always_inline))

/* ---- registers ---- */

INLINE Floats
load(const float *p)
{
	Floats x;

	memcpy(&x, p, sizeof(x));
	return x;
}

/* The last rest (below V) of the n floats at p; the other lanes are zero. */
INLINE Floats
load_rest(const float *p, size_t n, size_t rest)
{
	static const int32_t ones[2 * V] = {[V... 2 * V - 1] = -1};
	Floats x = {0};
	Ints mask;

	if (n < V)
	{
		memcpy(&x, p + n - rest, rest * sizeof(float));
		return x;
	}
	memcpy(&mask, ones + rest, sizeof(mask));
	return (Floats) ((Ints) load(p + n - V) & mask);
}

/* W floats as doubles. */
INLINE Doubles
load_wide(const float *p)
{
	HalfFloats x;

	memcpy(&x, p, sizeof(x));
	return __builtin_convertvector(x, Doubles);
}

INLINE Doubles
load_rest_wide(const float *p, size_t n, size_t rest)
{
	HalfFloats x = {0};

	memcpy(&x, p + n - rest, rest * sizeof(float));
	return __builtin_convertvector(x, Doubles);
}

INLINE float
add_lanes(Floats x)
{
	FloatQuad part[V / 4];

	memcpy(part, &x, sizeof(x));
	for (int width = V / 8; width > 0; width /= 2)
	{
		for (int i = 0; i < width; i++)
			part[i] += part[i + width];
	}
	return (part[0][0] + part[0][2]) + (part[0][1] + part[0][3]);
}

INLINE double
add_lanes_wide(Doubles x)
{
	DoublePair part[W / 2];

	memcpy(part, &x, sizeof(x));
	for (int width = W / 4; width > 0; width /= 2)
	{
		for (int i = 0; i < width; i++)
			part[i] += part[i + width];
	}
	return part[0][0] + part[0][1];
}

/* ---- sums of one term ---- */

typedef Floats (*Term)(Floats u, Floats v);
typedef Doubles (*TermWide)(Doubles u, Doubles v);

INLINE double
sum_block(Term term, const float *u, const float *v, size_t n)
{
	Floats a = {0};
	Floats b = {0};
	Floats c = {0};
	Floats d = {0};
	size_t i = 0;

	for (; i + 4 * V <= n; i += 4 * V)
	{
		a += term(load(u + i), load(v + i));
		b += term(load(u + i + V), load(v + i + V));
		c += term(load(u + i + 2 * V), load(v + i + 2 * V));
		d += term(load(u + i + 3 * V), load(v + i + 3 * V));
	}
	for (; i + V <= n; i += V)
		a += term(load(u + i), load(v + i));
	if (i < n)
		b += term(load_rest(u, n, n - i), load_rest(v, n, n - i));
	return add_lanes((a + b) + (c + d));
}

INLINE double
sum_terms(Term term, const float *u, const float *v, size_t n)
{
	double sum = 0;

	for (; n > BLOCK; u += BLOCK, v += BLOCK, n -= BLOCK)
		sum += sum_block(term, u, v, BLOCK);
	return sum + sum_block(term, u, v, n);
}

INLINE double
sum_terms_wide(TermWide term, const float *u, const float *v, size_t n)
{
	Doubles a = {0};
	Doubles b = {0};
	size_t i = 0;

	for (; i + 2 * W <= n; i += 2 * W)
	{
		a += term(load_wide(u + i), load_wide(v + i));
		b += term(load_wide(u + i + W), load_wide(v + i + W));
	}
	for (; i + W <= n; i += W)
		a += term(load_wide(u + i), load_wide(v + i));
	if (i < n)
		b += term(load_rest_wide(u, n, n - i), load_rest_wide(v, n, n - i));
	return add_lanes_wide(a + b);
}

INLINE Floats
product(Floats u, Floats v)
{
	return u * v;
}

INLINE Floats
squared_difference(Floats u, Floats v)
{
	return (u - v) * (u - v);
}

INLINE Doubles
squared_difference_wide(Doubles u, Doubles v)
{
	return (u - v) * (u - v);
}

INLINE Floats
absolute_difference(Floats u, Floats v)
{
	return (Floats) ((Ints) (u - v) & INT32_MAX);
}

INLINE Doubles
absolute_difference_wide(Doubles u, Doubles v)
{
	return (Doubles) ((Longs) (u - v) & INT64_MAX);
}

static double
dot(const float *u, const float *v, size_t n)
{
	return sum_terms(product, u, v, n);
}

static double
l2_squared(const float *u, const float *v, size_t n)
{
	return sum_terms(squared_difference, u, v, n);
}

static double
l2_squared_wide(const float *u, const float *v, size_t n)
{
	return sum_terms_wide(squared_difference_wide, u, v, n);
}

static double
l1(const float *u, const float *v, size_t n)
{
	return sum_terms(absolute_difference, u, v, n);
}

static double
l1_wide(const float *u, const float *v, size_t n)
{
	return sum_terms_wide(absolute_difference_wide, u, v, n);
}

/* ---- sums of several terms ---- */

typedef struct DotNormsLanes
{
	Floats dot;
	Floats u_squared;
	Floats v_squared;
} DotNormsLanes;

INLINE void
add_dot_norms(DotNormsLanes *lanes, Floats u, Floats v)
{
	KEEP(u);
	KEEP(v);
	lanes->dot += u * v;
	lanes->u_squared += u * u;
	lanes->v_squared += v * v;
}

INLINE void
add_dot_norms_block(AngleDotNorms *sums, const float *u, const float *v,
					size_t n)
{
	DotNormsLanes a = {{0}, {0}, {0}};
	DotNormsLanes b = {{0}, {0}, {0}};
	size_t i = 0;

	for (; i + 2 * V <= n; i += 2 * V)
	{
		add_dot_norms(&a, load(u + i), load(v + i));
		add_dot_norms(&b, load(u + i + V), load(v + i + V));
	}
	if (i + V <= n)
	{
		add_dot_norms(&a, load(u + i), load(v + i));
		i += V;
	}
	if (i < n)
		add_dot_norms(&b, load_rest(u, n, n - i), load_rest(v, n, n - i));
	sums->dot += add_lanes(a.dot + b.dot);
	sums->u_squared += add_lanes(a.u_squared + b.u_squared);
	sums->v_squared += add_lanes(a.v_squared + b.v_squared);
}

static AngleDotNorms
dot_norms(const float *u, const float *v, size_t n)
{
	AngleDotNorms sums = {0, 0, 0};

	/* two registers at a time: half the elements for the same lane sums */
	for (; n > BLOCK / 2; u += BLOCK / 2, v += BLOCK / 2, n -= BLOCK / 2)
		add_dot_norms_block(&sums, u, v, BLOCK / 2);
	add_dot_norms_block(&sums, u, v, n);
	return sums;
}

static AngleDotNorms
dot_norms_wide(const float *u, const float *v, size_t n)
{
	Doubles dot = {0};
	Doubles u_squared = {0};
	Doubles v_squared = {0};

	for (size_t i = 0; i < n; i += W)
	{
		bool full = n - i >= W;
		Doubles x = full ? load_wide(u + i) : load_rest_wide(u, n, n - i);
		Doubles y = full ? load_wide(v + i) : load_rest_wide(v, n, n - i);

		dot += x * y;
		u_squared += x * x;
		v_squared += y * y;
	}
	return (AngleDotNorms){add_lanes_wide(dot), add_lanes_wide(u_squared),
						   add_lanes_wide(v_squared)};
}

static AngleChords
chords_wide(const float *u, double su, const float *v, double sv, size_t n)
{
	Doubles difference = {0};
	Doubles sum = {0};

	for (size_t i = 0; i < n; i += W)
	{
		bool full = n - i >= W;
		Doubles x = full ? load_wide(u + i) : load_rest_wide(u, n, n - i);
		Doubles y = full ? load_wide(v + i) : load_rest_wide(v, n, n - i);

		/* both products rounded, lest a fused subtraction of one make a
		 * difference between equal vectors */
		x *= su;
		y *= sv;
		KEEP(x);
		KEEP(y);
		difference += (x - y) * (x - y);
		sum += (x + y) * (x + y);
	}
	return (AngleChords){add_lanes_wide(difference), add_lanes_wide(sum)};
}

/* ---- the table ---- */

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

const AngleDistanceKernels JOIN(angle_distance_kernels_, ANGLE_ISA) = {
	.dot = dot,
	.l2_squared = l2_squared,
	.l1 = l1,
	.dot_norms = dot_norms,
	.l2_squared_wide = l2_squared_wide,
	.l1_wide = l1_wide,
	.dot_norms_wide = dot_norms_wide,
	.chords_wide = chords_wide,
};
