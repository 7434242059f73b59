#include "core/train/optimizer.h"

#include <math.h>

#include "core/tensor/kernels.h"
#include "core/train/backward_kernels.h"

/* Numbers of a task: much more than it costs to hand one out. */
#define PIECE ((size_t) 1 << 16)

/* A run of parameters that decay alike. */
typedef struct AnglePiece
{
	size_t offset;
	size_t n; /* a multiple of ANGLE_PANEL */
	AngleDecay decay;
	double squares; /* of their gradients */
} AnglePiece;

typedef struct Step
{
	AngleOptimizer *optimizer;
	const float *gradients;
	AngleAdamStep numbers; /* what all pieces share */
} Step;

/* Adds the pieces of [first, end). */
static void
add_pieces(AngleOptimizer *optimizer, size_t first, size_t end,
		   AngleDecay decay)
{
	for (; first < end; first += PIECE)
		optimizer->pieces[optimizer->piece_count++] = (AnglePiece){
			.offset = first,
			.n = end - first < PIECE ? end - first : PIECE,
			.decay = decay,
		};
}

/* Parameters that follow each other and decay alike, and the padding behind
 * them, are one run; padding precedes every change. */
static void
make_pieces(AngleOptimizer *optimizer)
{
	const AngleTrainable *model = optimizer->model;
	size_t first = 0;

	for (size_t i = 1; i <= model->parameter_count; i++)
	{
		bool last = i == model->parameter_count;
		AngleDecay decay = model->parameters[i - 1].decay;
		size_t end = last ? model->count : model->parameters[i].offset;

		if (!last && model->parameters[i].decay == decay)
			continue;
		add_pieces(optimizer, first, end, decay);
		first = end;
	}
}

AngleStatus
angle_optimizer_create(AngleTrainable *model,
					   const AngleOptimizerOptions *options, AngleArena *arena,
					   AngleOptimizer **result, AngleError *err)
{
	AngleOptimizer *optimizer =
		angle_arena_zalloc(arena, 1, sizeof(*optimizer));

	if (optimizer == NULL)
		return angle_no_memory(err);
	optimizer->options = *options;
	optimizer->model = model;
	optimizer->first = angle_arena_zalloc(arena, model->count, sizeof(float));
	optimizer->second = angle_arena_zalloc(arena, model->count, sizeof(float));
	optimizer->pieces =
		angle_arena_alloc(arena, model->count / PIECE + model->parameter_count,
						  sizeof(AnglePiece));
	if (optimizer->first == NULL || optimizer->second == NULL ||
		optimizer->pieces == NULL)
		return angle_no_memory(err);
	make_pieces(optimizer);
	*result = optimizer;
	return ANGLE_OK;
}

double
angle_optimizer_rate(const AngleOptimizerOptions *options, uint64_t step)
{
	uint64_t warmup = options->warmup_steps;
	uint64_t total = options->total_steps;

	if (step < warmup)
		return options->rate * (double) step / (double) warmup;
	if (total == 0)
		return options->rate;
	if (step >= total)
		return 0;
	return options->rate * (double) (total - step) /
		   (double) (total > warmup ? total - warmup : 1);
}

static void
measure_piece(void *context, size_t index, int worker)
{
	const Step *step = context;
	AnglePiece *piece = &step->optimizer->pieces[index];

	(void) worker;
	piece->squares = angle_backward_kernels()->squares(
		step->gradients + piece->offset, piece->n);
}

static void
step_piece(void *context, size_t index, int worker)
{
	const Step *step = context;
	AngleOptimizer *optimizer = step->optimizer;
	const AnglePiece *piece = &optimizer->pieces[index];
	AngleAdamStep numbers = step->numbers;

	(void) worker;
	numbers.n = piece->n;
	numbers.value = optimizer->model->values + piece->offset;
	numbers.gradient = step->gradients + piece->offset;
	numbers.first = optimizer->first + piece->offset;
	numbers.second = optimizer->second + piece->offset;
	numbers.decay =
		piece->decay == ANGLE_DECAY ? (float) optimizer->options.decay : 0.0f;
	angle_backward_kernels()->adam(&numbers);
}

static double
norm_of(AngleOptimizer *optimizer, Step *step, AngleExecutor *executor)
{
	double total = 0;

	angle_executor_run(executor, optimizer->piece_count, measure_piece, step);
	for (size_t i = 0; i < optimizer->piece_count; i++)
		total += optimizer->pieces[i].squares;
	return sqrt(total);
}

static float
scale_for(const AngleOptimizerOptions *options, double norm)
{
	/* the 1e-6 is that of torch.nn.utils.clip_grad_norm_ */
	double scale = options->clip / (norm + 1e-6);

	return options->clip > 0 && (scale < 1 || options->normalize)
			   ? (float) scale
			   : 1.0f;
}

double
angle_optimizer_step(AngleOptimizer *optimizer, const float *gradients,
					 AngleExecutor *executor)
{
	const AngleOptimizerOptions *o = &optimizer->options;
	Step step = {.optimizer = optimizer, .gradients = gradients};
	double norm = norm_of(optimizer, &step, executor);
	double count = (double) optimizer->step + 1;

	if (!isfinite(norm))
		return norm;
	step.numbers = (AngleAdamStep){
		.gradient_scale = scale_for(o, norm),
		.rate = (float) angle_optimizer_rate(o, optimizer->step),
		.beta1 = (float) o->beta1,
		.beta2 = (float) o->beta2,
		.epsilon = (float) o->epsilon,
		.correction1 = (float) (1 - pow(o->beta1, count)),
		.correction2 = (float) (1 - pow(o->beta2, count)),
	};
	angle_executor_run(executor, optimizer->piece_count, step_piece, &step);
	optimizer->step++;
	angle_trainable_repack(optimizer->model, executor);
	return norm;
}
