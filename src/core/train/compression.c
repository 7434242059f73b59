#include "core/train/compression.h"

#include <math.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/train/double_rows.h"

#define POWER_ITERATIONS 2
#define JACOBI_SWEEPS 30
#define SEED 42

typedef struct Decomposition
{
	size_t D;
	size_t k;
	double *matrix;		/* (D, D): A */
	double *transposed; /* (D, D) */
	double *basis;		/* (k, D), orthonormal rows; in the end Uᵀ */
	double *image;		/* (k, D) */
	double *gram;		/* (k, k) */
	double *rotation;	/* (k, k) */
	double *values;		/* (k), squares of the singular values */
} Decomposition;

static AngleStatus
make(Decomposition *d, AngleArena *scratch, AngleError *err)
{
	size_t D = d->D;
	size_t k = d->k;
	double *numbers = angle_arena_zalloc(
		scratch, 2 * D * D + 2 * k * D + 2 * k * k + k, sizeof(double));

	if (numbers == NULL)
		return angle_no_memory(err);
	d->matrix = numbers;
	d->transposed = d->matrix + D * D;
	d->basis = d->transposed + D * D;
	d->image = d->basis + k * D;
	d->gram = d->image + k * D;
	d->rotation = d->gram + k * k;
	d->values = d->rotation + k * k;
	return ANGLE_OK;
}

/* out (rows, n) = a (rows, inner) b (inner, n) */
static void
multiply(const double *a, const double *b, size_t rows, size_t inner, size_t n,
		 double *out)
{
	memset(out, 0, rows * n * sizeof(double));
	for (size_t i = 0; i < rows; i++)
		for (size_t l = 0; l < inner; l++)
			angle_row_add(out + i * n, a[i * inner + l], b + l * n, n);
}

/* A and its transpose. */
static void
make_matrix(Decomposition *d, const AngleVectors *x, size_t n)
{
	size_t D = d->D;
	double scale = 1 / sqrt((double) D);

	for (size_t i = 0; i < n; i++)
	{
		const double *row = x->values + i * x->stride;

		for (size_t c = 0; c < D; c++)
			angle_row_add(d->matrix + c * D, scale * row[c], row, D);
	}
	for (size_t c = 0; c < D; c++)
		(void) angle_row_softmax(d->matrix + c * D, D);
	for (size_t r = 0; r < D; r++)
		for (size_t c = 0; c < D; c++)
			d->transposed[c * D + r] = d->matrix[r * D + c];
}

/* Makes the rows of the basis orthonormal; one that depends on those before it
 * becomes 0. Twice is enough (Kahan and Parlett). */
static void
orthonormalise(Decomposition *d)
{
	size_t D = d->D;

	for (size_t i = 0; i < d->k; i++)
	{
		double *row = d->basis + i * D;
		double before = sqrt(angle_row_dot(row, row, D));
		double length;

		for (int again = 0; again < 2; again++)
			for (size_t j = 0; j < i; j++)
				angle_row_add(row, -angle_row_dot(row, d->basis + j * D, D),
							  d->basis + j * D, D);
		length = sqrt(angle_row_dot(row, row, D));
		for (size_t c = 0; c < D; c++)
			row[c] = length > 1e-12 * before ? row[c] / length : 0;
	}
}

/* The basis becomes that of the rows of basis × matrix. */
static void
iterate(Decomposition *d, const double *matrix)
{
	multiply(d->basis, matrix, d->k, d->D, d->D, d->image);
	memcpy(d->basis, d->image, d->k * d->D * sizeof(double));
	orthonormalise(d);
}

static void
find_basis(Decomposition *d)
{
	AngleRng rng;

	angle_rng_seed(&rng, SEED);
	for (size_t i = 0; i < d->k * d->D; i++)
		d->basis[i] = (double) angle_rng_normal(&rng);
	iterate(d, d->transposed);
	for (int i = 0; i < POWER_ITERATIONS; i++)
	{
		iterate(d, d->matrix);
		iterate(d, d->transposed);
	}
}

/* Turns rows p and q of a matrix (any, n) by an angle. */
static void
turn_rows(double *matrix, size_t n, size_t p, size_t q, double c, double s)
{
	for (size_t i = 0; i < n; i++)
	{
		double a = matrix[p * n + i];
		double b = matrix[q * n + i];

		matrix[p * n + i] = c * a - s * b;
		matrix[q * n + i] = s * a + c * b;
	}
}

/* Jacobi's rotation that makes gram[p][q] 0. */
static void
rotate(Decomposition *d, size_t p, size_t q)
{
	size_t k = d->k;
	double *g = d->gram;
	double theta = (g[q * k + q] - g[p * k + p]) / (2 * g[p * k + q]);
	double t = copysign(1 / (fabs(theta) + hypot(theta, 1)), theta);
	double c = 1 / hypot(t, 1);
	double s = t * c;

	turn_rows(g, k, p, q, c, s);
	for (size_t i = 0; i < k; i++)
	{
		double a = g[i * k + p];
		double b = g[i * k + q];

		g[i * k + p] = c * a - s * b;
		g[i * k + q] = s * a + c * b;
	}
	turn_rows(d->rotation, k, p, q, c, s);
}

/* The eigenvalues of gram become the values, the eigenvectors the rows of
 * rotation. */
static void
diagonalise(Decomposition *d)
{
	size_t k = d->k;
	double total = 0;
	double off = INFINITY;

	for (size_t i = 0; i < k; i++)
	{
		d->rotation[i * k + i] = 1;
		total += d->gram[i * k + i];
	}
	for (int sweep = 0; sweep < JACOBI_SWEEPS && off > 0; sweep++)
	{
		off = 0;
		for (size_t p = 0; p + 1 < k; p++)
			for (size_t q = p + 1; q < k; q++)
				if (fabs(d->gram[p * k + q]) > 1e-14 * total)
				{
					off += 1;
					rotate(d, p, q);
				}
	}
	for (size_t i = 0; i < k; i++)
		d->values[i] = fmax(d->gram[i * k + i], 0);
}

static void
exchange(double *a, double *b)
{
	double kept = *a;

	*a = *b;
	*b = kept;
}

/* Value i and its eigenvector change places with the greatest of those behind. */
static void
bring_greatest(Decomposition *d, size_t i)
{
	size_t k = d->k;
	size_t best = i;

	for (size_t j = i + 1; j < k; j++)
		if (d->values[j] > d->values[best])
			best = j;
	exchange(&d->values[i], &d->values[best]);
	for (size_t c = 0; c < k; c++)
		exchange(&d->rotation[i * k + c], &d->rotation[best * k + c]);
}

/* Row i of Uᵀ, of length 1, becomes that of (U S)ᵀ. */
static void
scale_row(Decomposition *d, size_t i)
{
	double *row = d->image + i * d->D;
	size_t most = 0;
	double scale;

	for (size_t c = 1; c < d->D; c++)
		if (fabs(row[c]) > fabs(row[most]))
			most = c;
	scale = copysign(sqrt(d->values[i]), row[most]);
	for (size_t c = 0; c < d->D; c++)
		row[c] *= scale;
}

/* image becomes (U S)ᵀ. Where Q is the basis, Q A has the singular values of A,
 * and with the eigenvectors V of Q A (Q A)ᵀ as rows, Uᵀ is V Q. */
static void
decompose(Decomposition *d)
{
	size_t k = d->k;

	find_basis(d);
	multiply(d->basis, d->matrix, k, d->D, d->D, d->image);
	for (size_t i = 0; i < k; i++)
		for (size_t j = 0; j < k; j++)
			d->gram[i * k + j] =
				angle_row_dot(d->image + i * d->D, d->image + j * d->D, d->D);
	diagonalise(d);
	for (size_t i = 0; i < k; i++)
		bring_greatest(d, i);
	multiply(d->rotation, d->basis, k, k, d->D, d->image);
	for (size_t i = 0; i < k; i++)
		scale_row(d, i);
}

AngleStatus
angle_compression_target(const AngleVectors *x, const AngleCompression *shape,
						 AngleArena *scratch, double *target, AngleError *err)
{
	size_t k = shape->components;
	Decomposition d = {.D = shape->dimensions, .k = k};

	ANGLE_TRY(make(&d, scratch, err));
	make_matrix(&d, x, shape->n);
	decompose(&d);
	for (size_t i = 0; i < shape->n; i++)
		for (size_t j = 0; j < k; j++)
			target[i * k + j] = angle_row_dot(x->values + i * x->stride,
											  d.image + j * d.D, d.D);
	return ANGLE_OK;
}
