#include "core/train/objective.h"

#include <string.h>

#include "core/train/compression.h"

typedef struct Preset
{
	const char *name;
	double cosine;
	double in_batch;
	double angle;
	double angle_tau;
} Preset;

static const Preset presets[] = {
	{"angle-0.1", 1, 1, 1, 1},
	{"angle-0.5", 0, 30, 1, 20},
	{"angle-0.6", 0, 1, 0.02, 20},
	{"uae", 1, 35, 1, 1},
};

bool
angle_objective_preset(const char *name, AngleObjective *objective)
{
	for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++)
	{
		const Preset *preset = &presets[i];

		if (strcmp(preset->name, name) != 0)
			continue;
		*objective = (AngleObjective){
			.cosine = preset->cosine,
			.in_batch = preset->in_batch,
			.angle = preset->angle,
			.negatives = 1,
			.cosine_tau = 20,
			.in_batch_tau = 20,
			.angle_tau = preset->angle_tau,
			.compression = 1,
			.positive_from = 1,
			.similarity_tau = 20,
		};
		return true;
	}
	return false;
}

/* One view of a batch. */
typedef struct View
{
	const AngleObjective *objective;
	const AngleObjectiveBatch *batch;
	const AngleLossView *view;
	AngleArena *scratch;
	double *loss;
} View;

static AngleVectors
column(const View *v, size_t i)
{
	const AngleObjectiveBatch *b = v->batch;
	size_t first =
		((size_t) v->view->layer * b->rows * b->columns + i) * b->dimensions;

	return (AngleVectors){b->values + first, b->gradients + first,
						  b->columns * b->dimensions};
}

static AngleLossTerm
term(const View *v, double weight, double tau)
{
	return (AngleLossTerm){weight * v->view->weight, tau, v->scratch, v->loss};
}

static AngleStatus
rank_pairs(const View *v, const AnglePairs *pairs, const double *labels,
		   AngleError *err)
{
	const AngleObjective *o = v->objective;
	AngleLossTerm cosine = term(v, o->cosine, o->cosine_tau);
	AngleLossTerm angle = term(v, o->angle, o->angle_tau);

	if (o->cosine > 0)
		ANGLE_TRY(angle_cosine_loss(&cosine, pairs, labels, err));
	if (o->angle > 0)
		ANGLE_TRY(angle_angle_loss(&angle, pairs, labels, err));
	return ANGLE_OK;
}

static AngleStatus
labelled(const View *v, AngleError *err)
{
	const AngleObjective *o = v->objective;
	AnglePairs pairs = {v->batch->rows, v->view->dimensions, column(v, 0),
						column(v, 1)};
	AngleLossTerm in_batch = term(v, o->in_batch, o->in_batch_tau);

	ANGLE_TRY(rank_pairs(v, &pairs, v->batch->labels, err));
	if (o->in_batch > 0)
		ANGLE_TRY(angle_in_batch_loss(&in_batch, &pairs, v->batch->labels,
									  o->positive_from, err));
	return ANGLE_OK;
}

/* A copy of (q, p) of all rows, then of (q, n) of all rows for each negative. */
static AngleStatus
copy_pairs(const View *v, size_t n, AnglePairs *pairs, double **labels,
		   AngleError *err)
{
	const AngleObjectiveBatch *b = v->batch;
	size_t D = v->view->dimensions;
	double *numbers =
		angle_arena_zalloc(v->scratch, 4 * n * D + n, sizeof(double));

	if (numbers == NULL)
		return angle_no_memory(err);
	*pairs = (AnglePairs){n,
						  D,
						  {numbers, numbers + n * D, D},
						  {numbers + 2 * n * D, numbers + 3 * n * D, D}};
	*labels = numbers + 4 * n * D;
	for (size_t k = 0; k < n; k++)
	{
		AngleVectors query = column(v, 0);
		AngleVectors other = column(v, 1 + k / b->rows);
		size_t row = k % b->rows;

		memcpy(numbers + k * D, query.values + row * query.stride,
			   D * sizeof(double));
		memcpy(numbers + (2 * n + k) * D, other.values + row * other.stride,
			   D * sizeof(double));
		(*labels)[k] = k < b->rows ? 1 : 0;
	}
	return ANGLE_OK;
}

/* Adds the gradients of the copies to those of the batch. */
static void
return_pairs(const View *v, const AnglePairs *pairs)
{
	const AngleObjectiveBatch *b = v->batch;
	size_t D = v->view->dimensions;

	for (size_t k = 0; k < pairs->n; k++)
	{
		AngleVectors query = column(v, 0);
		AngleVectors other = column(v, 1 + k / b->rows);
		double *dq = query.gradients + k % b->rows * query.stride;
		double *dp = other.gradients + k % b->rows * other.stride;

		for (size_t c = 0; c < D; c++)
		{
			dq[c] += pairs->u.gradients[k * D + c];
			dp[c] += pairs->v.gradients[k * D + c];
		}
	}
}

/* (q, p) against (q, n). */
static AngleStatus
rank_negatives(const View *v, AngleError *err)
{
	const AngleObjectiveBatch *b = v->batch;
	AnglePairs pairs;
	double *labels = NULL;

	if (v->objective->cosine <= 0 && v->objective->angle <= 0)
		return ANGLE_OK;
	ANGLE_TRY(copy_pairs(v, b->rows * (b->columns - 1), &pairs, &labels, err));
	ANGLE_TRY(rank_pairs(v, &pairs, labels, err));
	return_pairs(v, &pairs);
	return ANGLE_OK;
}

static AngleStatus
contrast(const View *v, double weight, size_t groups, AngleError *err)
{
	AngleLossTerm t = term(v, weight, v->objective->in_batch_tau);
	AngleVectors *targets =
		angle_arena_alloc(v->scratch, groups, sizeof(AngleVectors));

	if (targets == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < groups; i++)
		targets[i] = column(v, 1 + i);
	return angle_contrastive_loss(&t,
								  &(AngleContrast){
									  .n = v->batch->rows,
									  .dimensions = v->view->dimensions,
									  .queries = column(v, 0),
									  .groups = groups,
									  .targets = targets,
								  },
								  err);
}

static AngleStatus
positive(const View *v, AngleError *err)
{
	const AngleObjective *o = v->objective;

	if (v->batch->columns == 2)
		return o->in_batch > 0 ? contrast(v, o->in_batch, 1, err) : ANGLE_OK;
	if (o->in_batch > 0)
		ANGLE_TRY(contrast(v, o->in_batch / 2, 1, err));
	if (o->negatives > 0)
		ANGLE_TRY(contrast(v, o->negatives / 2, v->batch->columns - 1, err));
	return rank_negatives(v, err);
}

/* All texts of the batch behind a layer. */
static AngleVectors
texts_of_layer(const AngleObjectiveBatch *b, size_t layer)
{
	size_t first = layer * b->rows * b->columns * b->dimensions;

	return (AngleVectors){b->values + first, b->gradients + first,
						  b->dimensions};
}

static AngleStatus
compress(const View *v, AngleError *err)
{
	const AngleObjectiveBatch *b = v->batch;
	AngleCompression shape = {b->rows * b->columns, b->dimensions,
							  v->view->dimensions};
	AngleVectors all = texts_of_layer(b, (size_t) v->view->layer);
	AngleLossTerm alignment = term(v, v->objective->compression, 1);
	double *target = angle_arena_alloc(v->scratch, shape.n * shape.components,
									   sizeof(double));

	if (target == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(angle_compression_target(&all, &shape, v->scratch, target, err));
	return angle_alignment_loss(&alignment, &all, target, shape.n,
								shape.components, err);
}

/* The losses to a teacher, behind the last layer. */
static AngleStatus
distill(const AngleObjective *o, const AngleObjectiveBatch *b,
		AngleArena *scratch, double *loss, AngleError *err)
{
	size_t n = b->rows * b->columns;
	AngleVectors all = texts_of_layer(b, (size_t) b->layers - 1);
	AnglePairs texts = {.n = n, .dimensions = b->dimensions, .u = all};
	AngleLossTerm mse = {o->mse, 1, scratch, loss};
	AngleLossTerm similarity = {o->similarity, o->similarity_tau, scratch,
								loss};

	if (b->teacher == NULL)
		return ANGLE_OK;
	if (o->mse > 0)
		angle_mse_loss(&mse, &all, b->teacher, n, b->dimensions);
	if (o->similarity > 0)
		ANGLE_TRY(angle_similarity_loss(&similarity, &texts, b->teacher,
										b->teacher_dimensions, err));
	return ANGLE_OK;
}

AngleStatus
angle_objective_compute(const AngleObjective *objective,
						const AngleObjectiveBatch *batch, AngleArena *scratch,
						double *loss, AngleError *err)
{
	size_t numbers = (size_t) batch->layers * batch->rows * batch->columns *
					 batch->dimensions;

	*loss = 0;
	memset(batch->gradients, 0, numbers * sizeof(double));
	for (int i = 0; i < objective->view_count; i++)
	{
		View v = {objective, batch, &objective->views[i], scratch, loss};

		ANGLE_TRY(batch->shape == ANGLE_OBJECTIVE_LABELLED ? labelled(&v, err)
														   : positive(&v, err));
		if (v.view->compress && objective->compression > 0)
			ANGLE_TRY(compress(&v, err));
	}
	return distill(objective, batch, scratch, loss, err);
}
