/* What the backward pass does to rows between its products, and the optimiser. */
#include "core/train/isa_backward.h"
#include "core/train/reals.h"

/* Sums of g = dy · weight and of g n over one row. */
static void
row_sums(const AngleLayerNormBackward *b, size_t t, AngleReal *sum,
		 AngleReal *product)
{
	Reals s = {0};
	Reals p = {0};

	for (size_t c = 0; c < b->stride; c += LANES)
	{
		Reals g = load(b->dy + t * b->stride + c) * load(b->weight + c);

		s += g;
		p += g * load(b->normalized + t * b->stride + c);
	}
	*sum = sum_lanes(s);
	*product = sum_lanes(p);
}

void
ANGLE_KERNEL(angle_layernorm_backward)(const AngleLayerNormBackward *b)
{
	for (size_t t = 0; t < b->rows; t++)
	{
		AngleReal sum;
		AngleReal product;

		row_sums(b, t, &sum, &product);
		sum /= (AngleReal) b->width;
		product /= (AngleReal) b->width;
		for (size_t c = 0; c < b->stride; c += LANES)
		{
			Reals dy = load(b->dy + t * b->stride + c);
			Reals n = load(b->normalized + t * b->stride + c);

			store(b->dweight + c, load(b->dweight + c) + dy * n);
			store(b->dbias + c, load(b->dbias + c) + dy);
			store(b->dx + t * b->stride + c,
				  (dy * load(b->weight + c) - sum - n * product) * b->rstd[t]);
		}
		for (size_t c = b->width; c < b->stride; c++)
			b->dx[t * b->stride + c] = 0;
	}
}

/* ---- activations -------------------------------------------------------- */

/* d/dx x Φ(x) = Φ(x) + x φ(x). */
void
ANGLE_KERNEL(angle_gelu_backward)(AngleReal *x, AngleReal *dy, size_t n)
{
	const AngleReal root = (AngleReal) 0.70710678118654752440; /* √½ */
	const AngleReal peak = (AngleReal) 0.39894228040143267794; /* φ(0) */
	const AngleReal half = (AngleReal) 0.5;

	for (size_t i = 0; i < n; i += LANES)
	{
		Reals v = load(x + i);
		Reals below = (verf(v * root) + 1) * half;
		Reals density = vexp(v * v * -half) * peak;

		store(x + i, v * below);
		store(dy + i, load(dy + i) * (below + v * density));
	}
}

/* With t = tanh(u), u = √(2/π)(x + 0.044715 x³):
 * d/dx x(1 + t)/2 = (1 + t)/2 + x(1 − t²)u'/2. */
void
ANGLE_KERNEL(angle_gelu_tanh_backward)(AngleReal *x, AngleReal *dy, size_t n)
{
	const AngleReal scale = (AngleReal) 0.79788456080286535588; /* √(2/π) */
	const AngleReal cubic = (AngleReal) 0.044715;
	const AngleReal half = (AngleReal) 0.5;

	for (size_t i = 0; i < n; i += LANES)
	{
		Reals v = load(x + i);
		Reals t = vtanh((v * v * v * cubic + v) * scale);
		Reals slope = (v * v * (3 * cubic) + 1) * scale;
		Reals below = (t + 1) * half;

		store(x + i, v * below);
		store(dy + i, load(dy + i) * (below + v * (1 - t * t) * slope * half));
	}
}

void
ANGLE_KERNEL(angle_relu_backward)(AngleReal *x, AngleReal *dy, size_t n)
{
	for (size_t i = 0; i < n; i += LANES)
	{
		Reals on = vpositive(load(x + i));

		store(x + i, load(x + i) * on);
		store(dy + i, load(dy + i) * on);
	}
}

void
ANGLE_KERNEL(angle_tanh_backward)(AngleReal *x, AngleReal *dy, size_t n)
{
	for (size_t i = 0; i < n; i += LANES)
	{
		Reals t = vtanh(load(x + i));

		store(x + i, t);
		store(dy + i, load(dy + i) * (1 - t * t));
	}
}

/* ---- sums and the optimiser --------------------------------------------- */

void
ANGLE_KERNEL(angle_add)(AngleReal *x, const AngleReal *y, size_t n)
{
	for (size_t i = 0; i < n; i += LANES)
		store(x + i, load(x + i) + load(y + i));
}

/* Numbers that are added in AngleReal before a double takes the sum. */
#define PIECE 1024

double
ANGLE_KERNEL(angle_squares)(const AngleReal *x, size_t n)
{
	double total = 0;

	for (size_t first = 0; first < n; first += PIECE)
	{
		size_t end = n - first < PIECE ? n : first + PIECE;
		Reals sum = {0};

		for (size_t i = first; i < end; i += LANES)
			sum += load(x + i) * load(x + i);
		total += (double) sum_lanes(sum);
	}
	return total;
}

/* Sums that run side by side, for compilers to make vectors of. */
#define CHAINS 16

double
ANGLE_KERNEL(angle_dot)(const double *a, const double *b, size_t n)
{
	double sum[CHAINS] = {0};
	double total = 0;
	size_t i = 0;

	for (; i + CHAINS <= n; i += CHAINS)
	{
		for (int k = 0; k < CHAINS; k++)
			sum[k] += a[i + k] * b[i + k];
	}
	for (; i < n; i++)
		total += a[i] * b[i];
	for (int k = 0; k < CHAINS; k++)
		total += sum[k];
	return total;
}

void
ANGLE_KERNEL(angle_add_scaled)(double *y, double a, const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] += a * x[i];
}

void
ANGLE_KERNEL(angle_adam)(const AngleAdamStep *s)
{
	AngleReal root = (AngleReal) (1 / sqrt((double) s->correction2));
	AngleReal rate = s->rate / s->correction1;
	AngleReal kept = 1 - s->rate * s->decay;

	for (size_t i = 0; i < s->n; i += LANES)
	{
		Reals g = load(s->gradient + i) * s->gradient_scale;
		Reals m = load(s->first + i);
		Reals v = load(s->second + i) * s->beta2 + g * g * (1 - s->beta2);

		m += (g - m) * (1 - s->beta1);
		store(s->first + i, m);
		store(s->second + i, v);
		store(s->value + i, load(s->value + i) * kept -
								m * rate / (vsqrt(v) * root + s->epsilon));
	}
}
