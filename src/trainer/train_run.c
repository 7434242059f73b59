#include "trainer/train_run.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "trainer/interrupt.h"
#include "trainer/progress.h"
#include "trainer/train_card.h"
#include "trainer/train_export.h"
#include "trainer/train_log.h"
#include "trainer/train_sets.h"
#include "trainer/train_state.h"

/* Steps over which the loss on the terminal is averaged, roughly. */
#define SMOOTHING 50

/* Between checkpoints, which are twelve bytes for each weight. */
#define LEAST_SAVE_STEPS 100

typedef struct Run
{
	const AngleTrainSettings *settings;
	AngleArena *arena;
	AngleTrainee trainee;
	AngleDataset *dataset;
	AngleTrainState state;
	uint64_t total_steps;
	uint64_t eval_steps;
	uint64_t save_steps;
	AngleTrainSet *sets; /* (evaluation_count) */
	const char *names[ANGLE_MAX_EVALUATIONS];
	double before[ANGLE_MAX_EVALUATIONS]; /* × 100 */
	double scores[ANGLE_MAX_EVALUATIONS]; /* the last ones */
	FILE *log;
	double started; /* seconds of a clock */
	double loss;	/* smoothed */
	AngleProgress progress;
	char label[64];
} Run;

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double) time.tv_sec + 1e-9 * (double) time.tv_nsec;
}

static void
path_in(char path[PATH_MAX], const char *folder, const char *name)
{
	/* the settings' paths are short enough for every name */
	snprintf(path, PATH_MAX, "%.*s/%s", PATH_MAX - 64, folder, name);
}

/* ---- evaluation --------------------------------------------------------- */

static AngleStatus
read_sets(Run *run, AngleError *err)
{
	ANGLE_TRY(
		angle_train_sets_read(run->settings, run->arena, &run->sets, err));
	for (int i = 0; i < run->settings->evaluation_count; i++)
		run->names[i] = run->sets[i].name;
	return ANGLE_OK;
}

/* Fills scores and returns their mean in *mean. */
static AngleStatus
measure(Run *run, double *scores, double *mean, AngleError *err)
{
	int count = run->settings->evaluation_count;

	*mean = 0;
	for (int i = 0; i < count; i++)
	{
		ANGLE_TRY(angle_train_set_measure(&run->sets[i], &run->trainee,
										  &scores[i], err));
		*mean += scores[i] / count;
	}
	return ANGLE_OK;
}

static AngleStatus
log_scores(Run *run, double mean, AngleError *err)
{
	return angle_log_scores(run->log,
							&(AngleLogScores){
								.step = run->state.step,
								.score = mean,
								.count = run->settings->evaluation_count,
								.names = run->names,
								.scores = run->scores,
							},
							err);
}

/* A line for a person who reads stderr in a file; the bar is for the terminal. */
static void
tell(const Run *run, const char *what, double value)
{
	angle_progress_hide();
	fprintf(stderr, "step %llu of %llu: loss %.4f%s%s",
			(unsigned long long) run->state.step,
			(unsigned long long) run->total_steps, run->loss,
			what != NULL ? ", " : "", what != NULL ? what : "");
	if (what != NULL)
		fprintf(stderr, " %.2f", value);
	fputc('\n', stderr);
}

static AngleStatus
evaluate(Run *run, AngleError *err)
{
	double mean;

	if (run->settings->evaluation_count == 0)
	{
		run->state.judged = run->state.step;
		tell(run, NULL, 0);
		return ANGLE_OK;
	}
	ANGLE_TRY(measure(run, run->scores, &mean, err));
	ANGLE_TRY(log_scores(run, mean, err));
	run->state.judged = run->state.step;
	tell(run, "score", mean);
	run->state.stale++;
	if (mean > run->state.best)
	{
		run->state.best = mean;
		run->state.best_step = run->state.step;
		run->state.stale = 0;
		ANGLE_TRY(angle_train_save_best(&run->trainee, err));
	}
	return ANGLE_OK;
}

/* ---- steps -------------------------------------------------------------- */

/* One step from so many batches; *end when the data ends before it. */
static AngleStatus
learn(Run *run, bool *end, double *loss, AngleError *err)
{
	*loss = 0;
	for (int part = 0; part < run->settings->accumulate; part++)
	{
		AngleDatasetBatch batch;
		double one;

		ANGLE_TRY(angle_dataset_next(run->dataset, &batch, err));
		*end = batch.rows == 0;
		if (*end)
			return ANGLE_OK;
		ANGLE_TRY(angle_trainee_learn(&run->trainee, &batch, part, &one, err));
		*loss += one / run->settings->accumulate;
		run->state.texts += batch.rows * batch.columns;
	}
	return ANGLE_OK;
}

static void
show(Run *run, double loss)
{
	double share = run->state.step < SMOOTHING
					   ? 1.0 / (double) (run->state.step + 1)
					   : 1.0 / SMOOTHING;

	run->loss += share * (loss - run->loss);
	snprintf(run->label, sizeof(run->label), "loss %.4f", run->loss);
	angle_progress_update(&run->progress,
						  (double) (run->state.step + 1) /
							  (double) run->total_steps,
						  run->state.texts);
}

static AngleStatus
one_step(Run *run, bool *end, AngleError *err)
{
	double rate = angle_optimizer_rate(&run->trainee.optimizer->options,
									   run->trainee.optimizer->step);
	double loss;
	double norm;

	ANGLE_TRY(learn(run, end, &loss, err));
	if (*end)
		return ANGLE_OK;
	show(run, loss);
	norm = angle_trainee_step(&run->trainee);
	if (!isfinite(norm))
	{
		angle_fail(err, ANGLE_INVALID_ARGUMENT,
				   "step %llu: the gradient is not finite",
				   (unsigned long long) run->state.step + 1);
		angle_hint(err, "Lower --learning-rate or --clip.");
		return ANGLE_INVALID_ARGUMENT;
	}
	run->state.step++;
	return angle_log_step(
		run->log,
		&(AngleLogStep){
			.step = run->state.step,
			.loss = loss,
			.rate = rate,
			.norm = norm,
			.texts = run->state.texts,
			.seconds = run->state.seconds + now() - run->started,
		},
		err);
}

static AngleStatus
save(Run *run, AngleError *err)
{
	double time = now();

	run->state.seconds += time - run->started;
	run->started = time;
	run->state.logged = (uint64_t) ftello(run->log);
	return angle_train_save(&run->trainee, run->dataset, &run->state, err);
}

static bool
is_due(const Run *run, uint64_t every)
{
	return run->state.step % every == 0 || run->state.step == run->total_steps;
}

static bool
is_stale(const Run *run)
{
	return run->settings->patience > 0 &&
		   run->state.stale >= run->settings->patience;
}

/* Saves what has been learned, whether the step or its evaluation was stopped. */
static AngleStatus
stop(Run *run, AngleError *err)
{
	ANGLE_TRY(save(run, err));
	angle_progress_hide();
	fprintf(stderr,
			"stopped after step %llu of %llu; --resume goes on from there\n",
			(unsigned long long) run->state.step,
			(unsigned long long) run->total_steps);
	return angle_fail_cancelled(err);
}

/* What is due after a step: an evaluation, a checkpoint, or the end because a
 * signal has come. A run that was stopped in the middle of an evaluation begins
 * with it when it goes on. */
static AngleStatus
follow_step(Run *run, AngleError *err)
{
	AngleStatus status = ANGLE_OK;

	if (is_due(run, run->eval_steps) && run->state.judged != run->state.step)
		status = evaluate(run, err);
	if (status == ANGLE_CANCELLED || angle_cancelled(angle_interrupt_cancel()))
		return stop(run, err);
	ANGLE_TRY(status);
	return is_due(run, run->save_steps) ? save(run, err) : ANGLE_OK;
}

static AngleStatus
train(Run *run, AngleError *err)
{
	bool end = false;

	if (run->state.step > 0)
		ANGLE_TRY(follow_step(run, err));
	while (run->state.step < run->total_steps && !is_stale(run))
	{
		ANGLE_TRY(one_step(run, &end, err));
		if (end)
			break;
		ANGLE_TRY(follow_step(run, err));
	}
	return ANGLE_OK;
}

/* ---- the model ---------------------------------------------------------- */

static AngleStatus
copy_into(const Run *run, const char *directory, const char *name,
		  AngleError *err)
{
	char from[PATH_MAX];
	char to[PATH_MAX];

	path_in(from, run->settings->folder, name);
	path_in(to, directory, name);
	if (rename(from, to) != 0)
		return angle_fail(err, ANGLE_IO_ERROR,
						  "could not move \"%s\" to \"%s\": %s", from, to,
						  strerror(errno));
	return ANGLE_OK;
}

static AngleStatus
write_card(Run *run, const char *directory, AngleError *err)
{
	char path[PATH_MAX];

	path_in(path, directory, "README.md");
	return angle_card_write(
		&(AngleCard){
			.trainee = &run->trainee,
			.dataset = run->dataset,
			.state = &run->state,
			.total_steps = run->total_steps,
			.score_count = run->settings->evaluation_count,
			.names = run->names,
			.before = run->before,
			.after = run->scores,
		},
		path, err);
}

static AngleStatus
write_model(Run *run, const char *directory, AngleError *err)
{
	char log[PATH_MAX];
	char chart[PATH_MAX];
	double mean;

	if (isfinite(run->state.best))
	{
		ANGLE_TRY(angle_train_restore_best(&run->trainee, err));
		ANGLE_TRY(measure(run, run->scores, &mean, err));
	}
	ANGLE_TRY(angle_train_export(&run->trainee, directory, err));
	path_in(log, run->settings->folder, ANGLE_LOG_FILE);
	path_in(chart, directory, ANGLE_CHART_FILE);
	angle_arena_reset(run->trainee.losses);
	ANGLE_TRY(angle_log_draw(log, chart, run->trainee.losses, err));
	ANGLE_TRY(write_card(run, directory, err));
	return copy_into(run, directory, ANGLE_LOG_FILE, err);
}

static AngleStatus
finish(Run *run, AngleError *err)
{
	const AngleTrainSettings *settings = run->settings;
	AngleOutput output;
	AngleStatus status;

	ANGLE_TRY(angle_output_begin(settings->output, ANGLE_OUTPUT_DIRECTORY,
								 settings->overwrite, run->arena, &output,
								 err));
	status = write_model(run, output.temporary, err);
	if (status != ANGLE_OK)
	{
		angle_output_discard(&output);
		return status;
	}
	ANGLE_TRY(angle_output_commit(&output, err));
	angle_remove_directory(settings->folder);
	return ANGLE_OK;
}

/* ---- the beginning ------------------------------------------------------ */

static AngleStatus
open_dataset(Run *run, AngleError *err)
{
	const AngleTrainSettings *settings = run->settings;
	AngleDatasetOptions options = {
		.sources = settings->data.sources,
		.source_count = settings->data.count,
		.mixture = settings->mixture,
		.unit = settings->unit,
		.batch_rows = (size_t) settings->batch,
		.seed = (uint64_t) settings->seed,
		.cancel = angle_interrupt_cancel(),
	};

	for (int i = 0; i < settings->data.count; i++)
	{
		if (strcmp(settings->data.sources[i].path, "-") == 0)
			options.passes = 1;
	}
	return angle_dataset_open(&options, run->arena, &run->dataset, err);
}

/* Steps of the whole run, and after how many of them something is due. */
static AngleStatus
count_steps(Run *run, AngleError *err)
{
	const AngleTrainSettings *settings = run->settings;
	double rows = (double) angle_dataset_total_rows(run->dataset);
	double each = (double) settings->batch * settings->accumulate;
	uint64_t tenth;

	run->total_steps = settings->steps > 0
						   ? (uint64_t) settings->steps
						   : (uint64_t) ceil(rows * settings->epochs / each);
	if (run->total_steps == 0)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "the number of rows is not known, so \"--steps\" is "
						  "needed");
	tenth = (run->total_steps + 9) / 10;
	run->eval_steps =
		settings->eval_steps > 0 ? (uint64_t) settings->eval_steps : tenth;
	run->save_steps = settings->save_steps > 0 ? (uint64_t) settings->save_steps
					  : tenth < LEAST_SAVE_STEPS ? LEAST_SAVE_STEPS
												 : tenth;
	return ANGLE_OK;
}

/* Whether the output can be written: better known now than after the training. */
static AngleStatus
try_output(const Run *run, AngleError *err)
{
	AngleOutput output;

	ANGLE_TRY(angle_output_begin(run->settings->output, ANGLE_OUTPUT_DIRECTORY,
								 run->settings->overwrite, run->arena, &output,
								 err));
	angle_output_discard(&output);
	return ANGLE_OK;
}

/* Forgets the folder of a run that failed before its first checkpoint. */
static void
leave_folder(const AngleTrainSettings *settings)
{
	char path[PATH_MAX];

	path_in(path, settings->folder, ANGLE_CHECKPOINT_FILE);
	if (access(path, F_OK) != 0)
		angle_remove_directory(settings->folder);
}

/* Makes the folder of the run, or sees that there is one to go on with. */
static AngleStatus
enter_folder(const AngleTrainSettings *settings, AngleError *err)
{
	char path[PATH_MAX];
	bool there;

	path_in(path, settings->folder, ANGLE_CHECKPOINT_FILE);
	there = access(path, F_OK) == 0;
	if (settings->start == ANGLE_TRAIN_RESUME && !there)
		return angle_fail(err, ANGLE_NOT_FOUND,
						  "there is no checkpoint \"%s\" to resume from", path);
	if (settings->start == ANGLE_TRAIN_NEW && there)
	{
		angle_fail(err, ANGLE_INVALID_ARGUMENT,
				   "\"%s\" holds a run that was stopped", settings->folder);
		angle_hint(err, "--resume goes on with it, --restart forgets it.");
		return ANGLE_INVALID_ARGUMENT;
	}
	if (settings->start != ANGLE_TRAIN_RESUME)
		angle_remove_directory(settings->folder);
	if (mkdir(settings->folder, 0777) != 0 && errno != EEXIST)
		return angle_fail(err, ANGLE_IO_ERROR,
						  "could not create directory \"%s\": %s",
						  settings->folder, strerror(errno));
	return ANGLE_OK;
}

/* The scores before training, which a resumed run measures before it goes on: the
 * model is then still that which training starts from. */
static AngleStatus
begin(Run *run, AngleError *err)
{
	char path[PATH_MAX];
	double mean;

	run->state.best = -INFINITY;
	ANGLE_TRY(measure(run, run->before, &mean, err));
	ANGLE_TRY(angle_trainee_start(&run->trainee, run->total_steps, err));
	ANGLE_TRY(enter_folder(run->settings, err));
	if (run->settings->start == ANGLE_TRAIN_RESUME)
		ANGLE_TRY(
			angle_train_restore(&run->trainee, run->dataset, &run->state, err));
	path_in(path, run->settings->folder, ANGLE_LOG_FILE);
	ANGLE_TRY(angle_log_open(path, run->state.logged, &run->log, err));
	memcpy(run->scores, run->before, sizeof(run->before));
	if (run->settings->evaluation_count > 0 && run->state.step == 0)
	{
		ANGLE_TRY(log_scores(run, mean, err));
		fprintf(stderr, "before training: score %.2f\n", mean);
	}
	return ANGLE_OK;
}

static AngleStatus
run_all(Run *run, AngleError *err)
{
	const AngleTrainSettings *settings = run->settings;
	AngleStatus status;

	ANGLE_TRY(try_output(run, err));
	ANGLE_TRY(open_dataset(run, err));
	ANGLE_TRY(count_steps(run, err));
	ANGLE_TRY(read_sets(run, err));
	ANGLE_TRY(angle_trainee_open(&run->trainee, settings, run->arena, err));
	ANGLE_TRY(begin(run, err));
	angle_progress_start(&run->progress, run->label, "texts");
	run->started = now();
	status = train(run, err);
	angle_progress_end(&run->progress, status == ANGLE_OK, run->state.texts);
	run->state.seconds += now() - run->started;
	return status == ANGLE_OK ? finish(run, err) : status;
}

AngleStatus
angle_train_run(const AngleTrainSettings *settings, AngleArena *arena,
				AngleError *err)
{
	Run *run = angle_arena_zalloc(arena, 1, sizeof(*run));
	AngleStatus status;

	if (run == NULL)
		return angle_no_memory(err);
	run->settings = settings;
	run->arena = arena;
	status = run_all(run, err);
	if (run->log != NULL)
		fclose(run->log);
	if (status != ANGLE_OK && run->log != NULL)
		leave_folder(settings);
	angle_trainee_close(&run->trainee);
	angle_dataset_close(run->dataset);
	return status;
}
