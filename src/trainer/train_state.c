#include "trainer/train_state.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/model/fields.h"
#include "core/model/safetensors.h"
#include "trainer/output.h"

#define MOST_TENSORS 5

/* ---- writing ------------------------------------------------------------ */

static AngleTensor
floats(const char *name, const float *values, size_t count)
{
	return (AngleTensor){
		.name = name,
		.dtype = ANGLE_DTYPE_F32,
		.rank = 1,
		.shape = {(int64_t) count},
		.data = {(const uint8_t *) values, count * sizeof(float)},
	};
}

static AngleTensor
opaque(const char *name, AngleBytes bytes)
{
	return (AngleTensor){
		.name = name,
		.dtype = ANGLE_DTYPE_U8,
		.rank = 1,
		.shape = {(int64_t) bytes.size},
		.data = bytes,
	};
}

static AngleStatus
write_all(FILE *stream, AngleBytes bytes, const char *path, AngleError *err)
{
	if (bytes.size > 0 &&
		fwrite(bytes.data, 1, bytes.size, stream) != bytes.size)
		return angle_fail(err, ANGLE_IO_ERROR, "could not write \"%s\": %s",
						  path, strerror(errno));
	return ANGLE_OK;
}

static AngleStatus
write_tensors(const AngleTensor *tensors, size_t count, AngleArena *arena,
			  const AngleOutput *output, AngleError *err)
{
	AngleBytes header;

	ANGLE_TRY(angle_safetensors_header(tensors, count, arena, &header, err));
	ANGLE_TRY(write_all(output->stream, header, output->path, err));
	for (size_t i = 0; i < count; i++)
		ANGLE_TRY(
			write_all(output->stream, tensors[i].data, output->path, err));
	return ANGLE_OK;
}

static AngleStatus
write_file(const AngleTrainee *trainee, const char *name,
		   const AngleTensor *tensors, size_t count, AngleError *err)
{
	AngleArena *arena = trainee->losses;
	AngleOutput output;
	AngleStatus status;
	const char *path;

	ANGLE_TRY(
		angle_path_join(arena, trainee->settings->folder, name, &path, err));
	ANGLE_TRY(angle_output_begin(path, ANGLE_OUTPUT_FILE, ANGLE_OVERWRITE_ALLOW,
								 arena, &output, err));
	status = write_tensors(tensors, count, arena, &output, err);
	if (status != ANGLE_OK)
	{
		angle_output_discard(&output);
		return status;
	}
	return angle_output_commit(&output, err);
}

/* What must be the same for a run to go on: text, to say so and to compare. */
static const char *
describe(const AngleTrainee *trainee, AngleArena *arena)
{
	const AngleTrainSettings *s = trainee->settings;
	const AngleObjective *o = &trainee->objective;
	char text[2048];
	size_t length = (size_t) snprintf(
		text, sizeof(text),
		"batch %d, accumulate %d, total steps %llu, max tokens %zu, rate %.9g, "
		"decay %.9g, clip %.9g%s, warm-up %.9g, dropout %.9g %.9g, seed %d, "
		"weights %.9g %.9g %.9g %.9g, tau %.9g %.9g %.9g, positive from %.9g, "
		"teacher %.9g %.9g %.9g, compression %.9g, views",
		s->batch, s->accumulate,
		(unsigned long long) trainee->optimizer->options.total_steps,
		trainee->max_tokens, s->rate, s->decay, s->clip,
		s->normalize ? " always" : "", s->warmup, trainee->hidden_dropout,
		trainee->attention_dropout, s->seed, o->cosine, o->in_batch, o->angle,
		o->negatives, o->cosine_tau, o->in_batch_tau, o->angle_tau,
		o->positive_from, o->mse, o->similarity, o->similarity_tau,
		o->compression);

	for (int i = 0; i < o->view_count && length + 32 < sizeof(text); i++)
		length +=
			(size_t) snprintf(text + length, sizeof(text) - length, " %d:%zu",
							  o->views[i].layer, o->views[i].dimensions);
	return angle_arena_strdup(arena, text, length);
}

static AngleStatus
write_state(const AngleTrainee *trainee, const AngleTrainState *state,
			AngleBytes *bytes, AngleError *err)
{
	const char *settings = describe(trainee, trainee->losses);
	json_t *json = json_pack(
		"{s:i, s:s, s:I, s:I, s:f, s:f, s:I, s:i, s:I, s:I}", "version", 1,
		"settings", settings != NULL ? settings : "", "step",
		(json_int_t) state->step, "texts", (json_int_t) state->texts, "seconds",
		state->seconds, "best", isfinite(state->best) ? state->best : -1e300,
		"best_step", (json_int_t) state->best_step, "stale", state->stale,
		"judged", (json_int_t) state->judged, "logged",
		(json_int_t) state->logged);
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	char *copy = text != NULL
					 ? angle_arena_strdup(trainee->losses, text, strlen(text))
					 : NULL;

	if (copy != NULL)
		*bytes = angle_bytes_of(copy);
	free(text);
	json_decref(json);
	return copy != NULL ? ANGLE_OK : angle_no_memory(err);
}

AngleStatus
angle_train_save(const AngleTrainee *trainee, const AngleDataset *dataset,
				 const AngleTrainState *state, AngleError *err)
{
	const AngleOptimizer *optimizer = trainee->optimizer;
	size_t count = trainee->model->count;
	AngleTensor tensors[MOST_TENSORS];
	AngleBytes data = {0};
	AngleBytes own = {0};

	angle_arena_reset(trainee->losses);
	ANGLE_TRY(angle_dataset_save(dataset, trainee->losses, &data, err));
	ANGLE_TRY(write_state(trainee, state, &own, err));
	tensors[0] = floats("first", optimizer->first, count);
	tensors[1] = floats("second", optimizer->second, count);
	tensors[2] = floats("values", trainee->model->values, count);
	tensors[3] = opaque("dataset", data);
	tensors[4] = opaque("state", own);
	return write_file(trainee, ANGLE_CHECKPOINT_FILE, tensors, MOST_TENSORS,
					  err);
}

AngleStatus
angle_train_save_best(const AngleTrainee *trainee, AngleError *err)
{
	AngleTensor values =
		floats("values", trainee->model->values, trainee->model->count);

	angle_arena_reset(trainee->losses);
	return write_file(trainee, ANGLE_BEST_FILE, &values, 1, err);
}

/* ---- reading ------------------------------------------------------------ */

typedef struct Reader
{
	AngleTrainee *trainee;
	AngleTensorList list;
} Reader;

static AngleStatus
find(const Reader *reader, const char *name, AngleDtype dtype,
	 AngleBytes *bytes, AngleError *err)
{
	const AngleTensor *tensor = angle_tensors_find(&reader->list, name);

	if (tensor == NULL || tensor->dtype != dtype)
		return angle_fail(err, ANGLE_CORRUPT,
						  "file \"%s\" is no checkpoint: \"%s\" is missing",
						  reader->list.path, name);
	*bytes = tensor->data;
	return ANGLE_OK;
}

static AngleStatus
read_floats(const Reader *reader, const char *name, float *out, AngleError *err)
{
	size_t size = reader->trainee->model->count * sizeof(float);
	AngleBytes bytes = {0};

	ANGLE_TRY(find(reader, name, ANGLE_DTYPE_F32, &bytes, err));
	if (bytes.size != size)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "file \"%s\" is of another model", reader->list.path);
	memcpy(out, bytes.data, size);
	return ANGLE_OK;
}

/* The fields of the JSON, integers read as doubles. */
typedef struct Saved
{
	const char *settings; /* of this run */
	double step;
	double texts;
	double best_step;
	double logged;
	double judged;
	AngleTrainState *state;
} Saved;

static AngleStatus
read_fields(AngleFields fields, void *context, AngleError *err)
{
	Saved *saved = context;
	const char *settings = "";

	ANGLE_TRY(angle_fields_string(fields, "settings", &settings, err));
	if (strcmp(settings, saved->settings) != 0)
	{
		angle_fail(err, ANGLE_INVALID_ARGUMENT,
				   "the checkpoint is of a run with other settings");
		angle_hint(err, "Give the options of that run, or --restart.");
		return ANGLE_INVALID_ARGUMENT;
	}
	ANGLE_TRY(angle_fields_real(fields, "step", &saved->step, err));
	ANGLE_TRY(angle_fields_real(fields, "texts", &saved->texts, err));
	ANGLE_TRY(angle_fields_real(fields, "best_step", &saved->best_step, err));
	ANGLE_TRY(angle_fields_real(fields, "logged", &saved->logged, err));
	ANGLE_TRY(angle_fields_real(fields, "judged", &saved->judged, err));
	ANGLE_TRY(
		angle_fields_real(fields, "seconds", &saved->state->seconds, err));
	ANGLE_TRY(angle_fields_real(fields, "best", &saved->state->best, err));
	return angle_fields_int(fields, "stale", 0, 1000000000,
							&saved->state->stale, err);
}

static AngleStatus
read_state(const Reader *reader, AngleTrainState *state, AngleError *err)
{
	Saved saved = {
		.settings = describe(reader->trainee, reader->trainee->losses),
		.state = state,
	};
	AngleBytes json = {0};

	if (saved.settings == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(find(reader, "state", ANGLE_DTYPE_U8, &json, err));
	ANGLE_TRY(angle_fields_read(json, reader->list.path, JSON_OBJECT,
								read_fields, &saved, err));
	/* each is exact in a double, or the file is not ours */
	if (!(saved.step >= 0 && saved.step < 0x1p53 && saved.texts >= 0 &&
		  saved.texts < 0x1p53 && saved.best_step >= 0 &&
		  saved.best_step < 0x1p53 && saved.logged >= 0 &&
		  saved.logged < 0x1p53 && saved.judged >= 0 && saved.judged < 0x1p53))
		return angle_fail(err, ANGLE_CORRUPT,
						  "file \"%s\" has numbers that no run can have",
						  reader->list.path);
	state->step = (uint64_t) saved.step;
	state->texts = (uint64_t) saved.texts;
	state->best_step = (uint64_t) saved.best_step;
	state->logged = (uint64_t) saved.logged;
	state->judged = (uint64_t) saved.judged;
	if (state->best < -1e299)
		state->best = -INFINITY;
	return ANGLE_OK;
}

static AngleStatus
open_reader(AngleTrainee *trainee, const char *name, Reader *reader,
			AngleBytes *bytes, AngleError *err)
{
	const char *path;

	angle_arena_reset(trainee->losses);
	reader->trainee = trainee;
	ANGLE_TRY(angle_path_join(trainee->losses, trainee->settings->folder, name,
							  &path, err));
	ANGLE_TRY(angle_file_map(path, bytes, err));
	return angle_safetensors_read(*bytes, path, trainee->losses, &reader->list,
								  err);
}

static AngleStatus
restore_from(const Reader *reader, AngleDataset *dataset,
			 AngleTrainState *state, AngleError *err)
{
	AngleTrainee *trainee = reader->trainee;
	AngleBytes data = {0};

	ANGLE_TRY(read_state(reader, state, err));
	ANGLE_TRY(read_floats(reader, "first", trainee->optimizer->first, err));
	ANGLE_TRY(read_floats(reader, "second", trainee->optimizer->second, err));
	ANGLE_TRY(read_floats(reader, "values", trainee->model->values, err));
	ANGLE_TRY(find(reader, "dataset", ANGLE_DTYPE_U8, &data, err));
	ANGLE_TRY(angle_dataset_restore(dataset, data, err));
	trainee->optimizer->step = state->step;
	angle_trainable_repack(trainee->model, trainee->executor);
	return ANGLE_OK;
}

AngleStatus
angle_train_restore(AngleTrainee *trainee, AngleDataset *dataset,
					AngleTrainState *state, AngleError *err)
{
	AngleBytes bytes = {0};
	Reader reader;
	AngleStatus status =
		open_reader(trainee, ANGLE_CHECKPOINT_FILE, &reader, &bytes, err);

	if (status == ANGLE_OK)
		status = restore_from(&reader, dataset, state, err);
	angle_file_unmap(&bytes);
	return status;
}

AngleStatus
angle_train_restore_best(AngleTrainee *trainee, AngleError *err)
{
	AngleBytes bytes = {0};
	Reader reader;
	AngleStatus status =
		open_reader(trainee, ANGLE_BEST_FILE, &reader, &bytes, err);

	if (status == ANGLE_OK)
		status = read_floats(&reader, "values", trainee->model->values, err);
	angle_file_unmap(&bytes);
	if (status == ANGLE_OK)
		angle_trainable_repack(trainee->model, trainee->executor);
	return status;
}
