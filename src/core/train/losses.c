#include "core/train/losses.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/train/double_rows.h"

/* The floor of a norm, as in torch.nn.functional.normalize. */
#define SHORTEST 1e-12

static double *
numbers(const AngleLossTerm *term, size_t count)
{
	return angle_arena_zalloc(term->scratch, count, sizeof(double));
}

static double
length_of(const double *x, size_t n)
{
	return fmax(sqrt(angle_row_dot(x, x, n)), SHORTEST);
}

/* ---- ranking ------------------------------------------------------------ */

/* A score with its place, ordered by the label. */
typedef struct Ranked
{
	double label;
	double score; /* τ s */
	size_t index;
} Ranked;

static int
by_label(const void *a, const void *b)
{
	const Ranked *x = a;
	const Ranked *y = b;

	if (x->label != y->label)
		return x->label < y->label ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* log(e^a + e^b), −∞ being the log of nothing. */
static double
log_add(double a, double b)
{
	double high = a > b ? a : b;
	double low = a > b ? b : a;

	return low == -INFINITY ? high : high + log1p(exp(low - high));
}

/* The end of the run of equal labels that starts at first. */
static size_t
run_end(const Ranked *ranked, size_t n, size_t first)
{
	size_t end = first + 1;

	while (end < n && ranked[end].label == ranked[first].label)
		end++;
	return end;
}

/* below[k] = log Σ exp(score) over the lower labels, above[k] = log Σ
 * exp(−score) over the higher ones. Returns log(1 + Σ over all pairs). */
static double
sum_pairs(const Ranked *ranked, size_t n, double *below, double *above)
{
	double sum = -INFINITY;
	double total = 0; /* log 1 */

	for (size_t first = 0, end; first < n; first = end)
	{
		end = run_end(ranked, n, first);
		for (size_t k = first; k < end; k++)
		{
			below[k] = sum;
			total = log_add(total, sum - ranked[k].score);
		}
		for (size_t k = first; k < end; k++)
			sum = log_add(sum, ranked[k].score);
	}
	sum = -INFINITY;
	for (size_t k = n, end = n; k-- > 0;)
	{
		if (k + 1 < n && ranked[k].label != ranked[k + 1].label)
		{
			for (; end > k + 1; end--)
				sum = log_add(sum, -ranked[end - 1].score);
		}
		above[k] = sum;
	}
	return total;
}

AngleStatus
angle_ranking_loss(const AngleLossTerm *term, const double *labels,
				   const double *scores, size_t n, double *dscores,
				   AngleError *err)
{
	Ranked *ranked = angle_arena_alloc(term->scratch, n, sizeof(Ranked));
	double *below = numbers(term, n);
	double *above = numbers(term, n);
	double total;

	if (ranked == NULL || below == NULL || above == NULL)
		return angle_no_memory(err);
	for (size_t k = 0; k < n; k++)
		ranked[k] = (Ranked){labels[k], term->tau * scores[k], k};
	qsort(ranked, n, sizeof(Ranked), by_label);
	total = sum_pairs(ranked, n, below, above);
	for (size_t k = 0; k < n; k++)
		dscores[ranked[k].index] += term->weight * term->tau *
									(exp(ranked[k].score + above[k] - total) -
									 exp(below[k] - ranked[k].score - total));
	*term->loss += term->weight * total;
	return ANGLE_OK;
}

/* ---- scores of pairs ---------------------------------------------------- */

AngleStatus
angle_cosine_loss(const AngleLossTerm *term, const AnglePairs *p,
				  const double *labels, AngleError *err)
{
	double *scores = numbers(term, p->n);
	double *dscores = numbers(term, p->n);
	size_t D = p->dimensions;

	if (scores == NULL || dscores == NULL)
		return angle_no_memory(err);
	for (size_t k = 0; k < p->n; k++)
	{
		const double *u = p->u.values + k * p->u.stride;
		const double *v = p->v.values + k * p->v.stride;

		scores[k] =
			angle_row_dot(u, v, D) / (length_of(u, D) * length_of(v, D));
	}
	ANGLE_TRY(angle_ranking_loss(term, labels, scores, p->n, dscores, err));
	/* ∂s/∂u = v/(‖u‖‖v‖) − s u/‖u‖² */
	for (size_t k = 0; k < p->n; k++)
	{
		const double *u = p->u.values + k * p->u.stride;
		const double *v = p->v.values + k * p->v.stride;
		double *du = p->u.gradients + k * p->u.stride;
		double *dv = p->v.gradients + k * p->v.stride;
		double lu = length_of(u, D);
		double lv = length_of(v, D);

		angle_row_add(du, dscores[k] / (lu * lv), v, D);
		angle_row_add(du, -dscores[k] * scores[k] / (lu * lu), u, D);
		angle_row_add(dv, dscores[k] / (lu * lv), u, D);
		angle_row_add(dv, -dscores[k] * scores[k] / (lv * lv), v, D);
	}
	return ANGLE_OK;
}

/* p = u·Jv / (‖u‖‖v‖), Jv = (c − d, c + d) for v = (c, d). */
static double
angle_score(const AnglePairs *p, size_t k)
{
	size_t half = p->dimensions / 2;
	const double *u = p->u.values + k * p->u.stride;
	const double *v = p->v.values + k * p->v.stride;
	double product = angle_row_dot(u, v, half) -
					 angle_row_dot(u, v + half, half) +
					 angle_row_dot(u + half, v, half) +
					 angle_row_dot(u + half, v + half, half);

	return product /
		   (length_of(u, p->dimensions) * length_of(v, p->dimensions));
}

/* Adds g ∂p/∂u and g ∂p/∂v, with Jᵀu = (a + b, b − a) for u = (a, b). */
static void
angle_gradient(const AnglePairs *p, size_t k, double score, double g)
{
	size_t half = p->dimensions / 2;
	const double *u = p->u.values + k * p->u.stride;
	const double *v = p->v.values + k * p->v.stride;
	double *du = p->u.gradients + k * p->u.stride;
	double *dv = p->v.gradients + k * p->v.stride;
	double lu = length_of(u, p->dimensions);
	double lv = length_of(v, p->dimensions);
	double both = g / (lu * lv);

	angle_row_add(du, both, v, half);
	angle_row_add(du, -both, v + half, half);
	angle_row_add(du + half, both, v, half);
	angle_row_add(du + half, both, v + half, half);
	angle_row_add(du, -g * score / (lu * lu), u, p->dimensions);
	angle_row_add(dv, both, u, half);
	angle_row_add(dv, both, u + half, half);
	angle_row_add(dv + half, both, u + half, half);
	angle_row_add(dv + half, -both, u, half);
	angle_row_add(dv, -g * score / (lv * lv), v, p->dimensions);
}

AngleStatus
angle_angle_loss(const AngleLossTerm *term, const AnglePairs *p,
				 const double *labels, AngleError *err)
{
	double *scores = numbers(term, p->n);
	double *signs = numbers(term, p->n);
	double *dscores = numbers(term, p->n);

	if (scores == NULL || signs == NULL || dscores == NULL)
		return angle_no_memory(err);
	for (size_t k = 0; k < p->n; k++)
	{
		double score = angle_score(p, k);

		scores[k] = fabs(score);
		signs[k] = score < 0 ? -1 : score > 0;
	}
	ANGLE_TRY(angle_ranking_loss(term, labels, scores, p->n, dscores, err));
	for (size_t k = 0; k < p->n; k++)
		angle_gradient(p, k, signs[k] * scores[k], signs[k] * dscores[k]);
	return ANGLE_OK;
}

/* ---- cross entropy ------------------------------------------------------ */

/* Vectors at length 1 one after another, and the gradients of these. */
typedef struct Unit
{
	size_t n;
	size_t D;
	double *values;	   /* (n, D) */
	double *gradients; /* (n, D) */
	double *lengths;   /* (n) */
} Unit;

static AngleStatus
make_unit(const AngleLossTerm *term, size_t n, size_t D, Unit *unit,
		  AngleError *err)
{
	*unit = (Unit){n, D, numbers(term, n * D), numbers(term, n * D),
				   numbers(term, n)};
	if (unit->values == NULL || unit->gradients == NULL ||
		unit->lengths == NULL)
		return angle_no_memory(err);
	return ANGLE_OK;
}

static void
set_unit(Unit *unit, size_t i, const double *x)
{
	double *row = unit->values + i * unit->D;

	unit->lengths[i] = length_of(x, unit->D);
	angle_row_add(row, 1 / unit->lengths[i], x, unit->D);
}

/* Adds the i-th gradient, brought back behind the division by the length. */
static void
return_unit(const Unit *unit, size_t i, double *dx)
{
	const double *x = unit->values + i * unit->D;
	const double *g = unit->gradients + i * unit->D;

	angle_row_add(dx, 1 / unit->lengths[i], g, unit->D);
	angle_row_add(dx, -angle_row_dot(x, g, unit->D) / unit->lengths[i], x,
				  unit->D);
}

/* scores[j] = τ x·rows[j], −∞ for j = skip. */
static void
score_row(double tau, const double *x, const Unit *rows, size_t skip,
		  double *scores)
{
	for (size_t j = 0; j < rows->n; j++)
		scores[j] =
			j == skip
				? -INFINITY
				: tau * angle_row_dot(x, rows->values + j * rows->D, rows->D);
}

/* Gives the gradient of scores (n) on to both sides of the products. */
static void
spread_row(double tau, const double *dscores, const double *x, double *dx,
		   const Unit *rows)
{
	for (size_t j = 0; j < rows->n; j++)
	{
		if (dscores[j] == 0)
			continue;
		angle_row_add(dx, tau * dscores[j], rows->values + j * rows->D,
					  rows->D);
		angle_row_add(rows->gradients + j * rows->D, tau * dscores[j], x,
					  rows->D);
	}
}

/* Cross entropy of scores with target, times weight; scores become their
 * gradient. */
static double
cross_entropy(double weight, size_t target, double *scores, size_t n)
{
	double own = scores[target];
	double loss = angle_row_softmax(scores, n) - own;

	for (size_t j = 0; j < n; j++)
		scores[j] *= weight;
	scores[target] -= weight;
	return weight * loss;
}

AngleStatus
angle_in_batch_loss(const AngleLossTerm *term, const AnglePairs *p,
					const double *labels, double positive_from, AngleError *err)
{
	double *scores = numbers(term, 2 * p->n);
	double weight = term->weight / (double) (2 * p->n);
	Unit unit;

	ANGLE_TRY(make_unit(term, 2 * p->n, p->dimensions, &unit, err));
	if (scores == NULL)
		return angle_no_memory(err);
	for (size_t k = 0; k < p->n; k++)
	{
		set_unit(&unit, 2 * k, p->u.values + k * p->u.stride);
		set_unit(&unit, 2 * k + 1, p->v.values + k * p->v.stride);
	}
	for (size_t i = 0; i < unit.n; i++)
	{
		const double *x = unit.values + i * unit.D;

		if (!(labels[i / 2] >= positive_from))
			continue;
		score_row(term->tau, x, &unit, i, scores);
		*term->loss += cross_entropy(weight, i ^ 1, scores, unit.n);
		spread_row(term->tau, scores, x, unit.gradients + i * unit.D, &unit);
	}
	for (size_t k = 0; k < p->n; k++)
	{
		return_unit(&unit, 2 * k, p->u.gradients + k * p->u.stride);
		return_unit(&unit, 2 * k + 1, p->v.gradients + k * p->v.stride);
	}
	return ANGLE_OK;
}

AngleStatus
angle_contrastive_loss(const AngleLossTerm *term, const AngleContrast *c,
					   AngleError *err)
{
	double *scores = numbers(term, c->groups * c->n);
	double weight = term->weight / (double) c->n;
	Unit queries;
	Unit targets;

	ANGLE_TRY(make_unit(term, c->n, c->dimensions, &queries, err));
	ANGLE_TRY(make_unit(term, c->groups * c->n, c->dimensions, &targets, err));
	if (scores == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < c->n; i++)
		set_unit(&queries, i, c->queries.values + i * c->queries.stride);
	for (size_t j = 0; j < targets.n; j++)
	{
		const AngleVectors *group = &c->targets[j / c->n];

		set_unit(&targets, j, group->values + j % c->n * group->stride);
	}
	for (size_t i = 0; i < c->n; i++)
	{
		const double *x = queries.values + i * queries.D;

		score_row(term->tau, x, &targets, SIZE_MAX, scores);
		*term->loss += cross_entropy(weight, i, scores, targets.n);
		spread_row(term->tau, scores, x, queries.gradients + i * queries.D,
				   &targets);
	}
	for (size_t i = 0; i < c->n; i++)
		return_unit(&queries, i, c->queries.gradients + i * c->queries.stride);
	for (size_t j = 0; j < targets.n; j++)
	{
		const AngleVectors *group = &c->targets[j / c->n];

		return_unit(&targets, j, group->gradients + j % c->n * group->stride);
	}
	return ANGLE_OK;
}

/* ---- distillation ------------------------------------------------------- */

void
angle_mse_loss(const AngleLossTerm *term, const AngleVectors *x,
			   const double *teacher, size_t n, size_t D)
{
	double scale = term->weight / (double) (n * D);

	for (size_t i = 0; i < n; i++)
	{
		for (size_t c = 0; c < D; c++)
		{
			double d = x->values[i * x->stride + c] - teacher[i * D + c];

			*term->loss += scale * d * d;
			x->gradients[i * x->stride + c] += 2 * scale * d;
		}
	}
}

/* One row's loss; the student's scores become their gradient. The teacher's
 * scores t (n) are used up, and n numbers behind them. */
static double
divergence(double weight, double *t, double *student, size_t n, size_t skip)
{
	double *difference = t + n;
	double above = 0;
	double student_log;
	double teacher_log;

	for (size_t j = 0; j < n; j++)
		difference[j] = j == skip ? 0 : t[j] - student[j];
	/* log p_T − log p_S = (T − log Z_T) − (S − log Z_S) */
	teacher_log = angle_row_softmax(t, n);
	student_log = angle_row_softmax(student, n);
	for (size_t j = 0; j < n; j++)
	{
		above += t[j] * (difference[j] - teacher_log + student_log);
		student[j] = weight * (student[j] - t[j]);
	}
	return weight * above;
}

AngleStatus
angle_similarity_loss(const AngleLossTerm *term, const AnglePairs *x,
					  const double *teacher, size_t teacher_dimensions,
					  AngleError *err)
{
	size_t n = x->n;
	double *scores = numbers(term, 3 * n);
	double *student = scores + 2 * n;
	Unit own;
	Unit taught;

	ANGLE_TRY(make_unit(term, n, x->dimensions, &own, err));
	ANGLE_TRY(make_unit(term, n, teacher_dimensions, &taught, err));
	if (scores == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < n; i++)
	{
		set_unit(&own, i, x->u.values + i * x->u.stride);
		set_unit(&taught, i, teacher + i * teacher_dimensions);
	}
	for (size_t i = 0; i < n; i++)
	{
		const double *row = own.values + i * own.D;

		score_row(term->tau, taught.values + i * taught.D, &taught, i, scores);
		score_row(term->tau, row, &own, i, student);
		*term->loss +=
			divergence(term->weight / (double) n, scores, student, n, i);
		spread_row(term->tau, student, row, own.gradients + i * own.D, &own);
	}
	for (size_t i = 0; i < n; i++)
		return_unit(&own, i, x->u.gradients + i * x->u.stride);
	return ANGLE_OK;
}

/* ---- compression --------------------------------------------------------- */

AngleStatus
angle_alignment_loss(const AngleLossTerm *term, const AngleVectors *x,
					 const double *t, size_t n, size_t D, AngleError *err)
{
	double weight = term->weight / (double) n;
	double *scores = numbers(term, 3 * D);
	double *own = scores + 2 * D;

	if (scores == NULL)
		return angle_no_memory(err);
	angle_mse_loss(term, x, t, n, D);
	for (size_t i = 0; i < n; i++)
	{
		for (size_t c = 0; c < D; c++)
		{
			scores[c] = term->tau * t[i * D + c];
			own[c] = term->tau * x->values[i * x->stride + c];
		}
		*term->loss += divergence(weight, scores, own, D, SIZE_MAX);
		for (size_t c = 0; c < D; c++)
			x->gradients[i * x->stride + c] += term->tau * own[c];
	}
	return ANGLE_OK;
}
