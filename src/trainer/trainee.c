#include "trainer/trainee.h"

#include <math.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/encoder/embedder.h"
#include "core/model/fields.h"
#include "core/tensor/dropout.h"
#include "trainer/export.h"
#include "trainer/interrupt.h"
#include "trainer/model_source.h"

/* A prompt of the data, by its address, and what it stands for. */
typedef struct AngleKnownPrompt
{
	const char *argument;
	AnglePrompt prompt;
	struct AngleKnownPrompt *next;
} AngleKnownPrompt;

/* ---- opening ------------------------------------------------------------ */

typedef struct Rates
{
	double hidden;
	double attention;
} Rates;

static AngleStatus
read_rates(AngleFields fields, void *context, AngleError *err)
{
	Rates *rates = context;

	ANGLE_TRY(
		angle_fields_real(fields, "hidden_dropout_prob", &rates->hidden, err));
	return angle_fields_real(fields, "attention_probs_dropout_prob",
							 &rates->attention, err);
}

/* The settings' dropout, or that of config.json. */
static AngleStatus
find_dropout(AngleTrainee *trainee, AngleError *err)
{
	double asked = trainee->settings->dropout;
	Rates rates = {asked, asked};
	AngleBytes json;
	const char *path;
	AngleStatus status;

	if (asked < 0)
	{
		rates = (Rates){0, 0};
		ANGLE_TRY(angle_path_join(trainee->arena, trainee->hub.directory,
								  "config.json", &path, err));
		ANGLE_TRY(angle_file_map(path, &json, err));
		status =
			angle_fields_read(json, path, JSON_OBJECT, read_rates, &rates, err);
		angle_file_unmap(&json);
		ANGLE_TRY(status);
	}
	if (!(rates.hidden >= 0 && rates.hidden < 1 && rates.attention >= 0 &&
		  rates.attention < 1))
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "the rate of dropout must be at least 0 and below 1");
	trainee->hidden_dropout = rates.hidden;
	trainee->attention_dropout = rates.attention;
	return ANGLE_OK;
}

static AngleStatus
add_view(AngleTrainee *trainee, int layer, int dimensions, double weight,
		 AngleError *err)
{
	AngleObjective *objective = &trainee->objective;
	int own = trainee->hub.config.dimensions;

	if (dimensions > own)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "the model's embeddings have %d dimensions, not %d",
						  own, dimensions);
	if (objective->angle > 0 && dimensions % 2 != 0)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "the angle objective needs an even number of "
						  "dimensions, not %d",
						  dimensions);
	if (objective->view_count == ANGLE_MAX_VIEWS)
		return angle_fail(err, ANGLE_TOO_LARGE,
						  "there are too many layers and dimensions to train");
	objective->views[objective->view_count++] =
		(AngleLossView){layer, (size_t) dimensions, weight, false};
	return ANGLE_OK;
}

/* A layer's first components, which learn the principal ones of all. */
static AngleStatus
add_elastic_view(AngleTrainee *trainee, int layer, double weight,
				 AngleError *err)
{
	AngleObjective *objective = &trainee->objective;

	ANGLE_TRY(
		add_view(trainee, layer, trainee->settings->elastic, weight, err));
	objective->views[objective->view_count - 1].compress = true;
	return ANGLE_OK;
}

/* Every layer but the last at the short length, the lower the more (Li et al.
 * 2024, "Espresso Sentence Embeddings", eq. 2). */
static AngleStatus
add_elastic_views(AngleTrainee *trainee, AngleError *err)
{
	int layers = trainee->hub.config.layers;

	trainee->layers =
		angle_arena_alloc(trainee->arena, (size_t) layers, sizeof(int));
	if (trainee->layers == NULL)
		return angle_no_memory(err);
	trainee->layer_count = layers;
	for (int i = 0; i < layers; i++)
		trainee->layers[i] = i + 1;
	for (int i = 1; i < layers; i++)
		ANGLE_TRY(add_elastic_view(trainee, i - 1,
								   1 / ((1 + log(i)) * (layers - 1)), err));
	return add_elastic_view(trainee, layers - 1, 1, err);
}

static AngleStatus
make_objective(AngleTrainee *trainee, AngleError *err)
{
	const AngleTrainSettings *settings = trainee->settings;
	int last;

	trainee->objective = settings->objective;
	if (settings->elastic > 0)
		ANGLE_TRY(add_elastic_views(trainee, err));
	last = trainee->layer_count > 0 ? trainee->layer_count - 1 : 0;
	ANGLE_TRY(add_view(trainee, last, trainee->hub.config.dimensions, 1, err));
	for (int i = 0; i < settings->length_count; i++)
		ANGLE_TRY(add_view(trainee, last, settings->lengths[i], 1, err));
	return ANGLE_OK;
}

static AngleStatus
open_teacher(AngleTrainee *trainee, AngleError *err)
{
	const AngleTrainSettings *settings = trainee->settings;
	const AnglePackOptions packing = {.quantization = ANGLE_QUANTIZATION_F32,
									  .cancel = angle_interrupt_cancel()};

	if (settings->teacher == NULL)
		return ANGLE_OK;
	ANGLE_TRY(angle_source_map(settings->teacher, &packing, trainee->arena,
							   &trainee->teacher_image, err));
	ANGLE_TRY(angle_model_open(
		trainee->teacher_image, ANGLE_PACKED_CHECK_CONTENT,
		angle_interrupt_cancel(), trainee->arena, &trainee->teacher, err));
	if (settings->objective.mse > 0 &&
		angle_model_config(trainee->teacher)->dimensions !=
			trainee->hub.config.dimensions)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "the teacher has %d dimensions and the model %d, so "
						  "their difference says nothing",
						  angle_model_config(trainee->teacher)->dimensions,
						  trainee->hub.config.dimensions);
	return ANGLE_OK;
}

static AngleStatus
open_hub(AngleTrainee *trainee, AngleError *err)
{
	const AngleTrainSettings *settings = trainee->settings;

	if (angle_export_needed(settings->model))
	{
		angle_fail(err, ANGLE_UNSUPPORTED,
				   "the weights in \"%s\" are in the format of torch.save()",
				   settings->model);
		angle_hint(err, "Convert them first: angle convert --format "
						"safetensors.");
		return ANGLE_UNSUPPORTED;
	}
	ANGLE_TRY(angle_hub_open(settings->model, &(AngleHubOptions){0},
							 trainee->arena, &trainee->hub, err));
	trainee->max_tokens = (size_t) trainee->hub.config.max_tokens;
	if (settings->max_tokens > trainee->hub.config.max_tokens)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "the model takes %d tokens, not %d",
						  trainee->hub.config.max_tokens, settings->max_tokens);
	if (settings->max_tokens > 0)
		trainee->max_tokens = (size_t) settings->max_tokens;
	return ANGLE_OK;
}

AngleStatus
angle_trainee_open(AngleTrainee *trainee, const AngleTrainSettings *settings,
				   AngleArena *arena, AngleError *err)
{
	AngleEngineOptions options;

	*trainee = (AngleTrainee){.settings = settings,
							  .arena = arena,
							  .scratch = angle_arena_create(NULL),
							  .losses = angle_arena_create(NULL)};
	if (trainee->scratch == NULL || trainee->losses == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(open_hub(trainee, err));
	ANGLE_TRY(find_dropout(trainee, err));
	ANGLE_TRY(make_objective(trainee, err));
	ANGLE_TRY(open_teacher(trainee, err));
	ANGLE_TRY(angle_trainable_open(&trainee->hub, arena, &trainee->model, err));
	ANGLE_TRY(angle_executor_start(settings->threads, arena, &trainee->executor,
								   err));
	options = (AngleEngineOptions){
		.executor = trainee->executor,
		.hidden_dropout = (float) trainee->hidden_dropout,
		.attention_dropout = (float) trainee->attention_dropout,
		.layers = trainee->layers,
		.layer_count = trainee->layer_count,
	};
	return angle_engine_create(trainee->model, &options, arena,
							   &trainee->engine, err);
}

AngleStatus
angle_trainee_start(AngleTrainee *trainee, uint64_t total_steps,
					AngleError *err)
{
	const AngleTrainSettings *settings = trainee->settings;
	AngleOptimizerOptions options = {
		.rate = settings->rate,
		.decay = settings->decay,
		.beta1 = 0.9,
		.beta2 = 0.999,
		.epsilon = 1e-8,
		.clip = settings->clip,
		.normalize = settings->normalize,
		.warmup_steps = (uint64_t) (settings->warmup * (double) total_steps),
		.total_steps = total_steps,
	};

	return angle_optimizer_create(trainee->model, &options, trainee->arena,
								  &trainee->optimizer, err);
}

void
angle_trainee_close(AngleTrainee *trainee)
{
	angle_engine_destroy(trainee->engine);
	angle_executor_stop(trainee->executor);
	angle_hub_close(&trainee->hub);
	angle_file_unmap(&trainee->teacher_image);
	angle_arena_destroy(trainee->scratch);
	angle_arena_destroy(trainee->losses);
}

/* ---- tokens ------------------------------------------------------------- */

/* The prompt of a text; its strings last as long as the run. */
static AngleStatus
find_prompt(AngleTrainee *trainee, const char *argument, AnglePrompt *prompt,
			AngleError *err)
{
	AngleKnownPrompt *known = trainee->prompts;

	*prompt = (AnglePrompt){"", "", ""};
	if (argument == NULL)
		return ANGLE_OK;
	while (known != NULL && strcmp(known->argument, argument) != 0)
		known = known->next;
	if (known == NULL)
	{
		known = angle_arena_zalloc(trainee->arena, 1, sizeof(*known));
		if (known == NULL)
			return angle_no_memory(err);
		known->argument =
			angle_arena_strdup(trainee->arena, argument, strlen(argument));
		ANGLE_TRY(angle_prompt_resolve(&trainee->hub.config, argument,
									   trainee->arena, &known->prompt, err));
		known->next = trainee->prompts;
		trainee->prompts = known;
	}
	*prompt = known->prompt;
	return ANGLE_OK;
}

static AngleStatus
tokenize(AngleTrainee *trainee, const AngleDatasetText *text, uint64_t name,
		 AngleTrainText *out, AngleError *err)
{
	AnglePrompt prompt;
	AngleTokens tokens;

	ANGLE_TRY(find_prompt(trainee, text->prompt, &prompt, err));
	ANGLE_TRY(angle_tokenizer_encode(
		trainee->model->model.tokenizer,
		&(AngleTokenizerInput){.prefix = angle_bytes_of(prompt.prefix),
							   .text = text->text,
							   .suffix = angle_bytes_of(prompt.suffix),
							   .max_tokens = trainee->max_tokens},
		NULL, trainee->scratch, &tokens, err));
	*out = (AngleTrainText){
		.ids = tokens.ids,
		.count = tokens.count,
		.prompt_count = prompt.prefix[0] != '\0' ? tokens.prompt_count : 0,
		.name = name,
	};
	return ANGLE_OK;
}

/* ---- a batch ------------------------------------------------------------ */

/* The numbers of one batch; layers × texts × dimensions. */
typedef struct Lesson
{
	AngleTrainee *trainee;
	const AngleDatasetBatch *batch;
	size_t texts;
	size_t layers;
	size_t D;
	AngleTrainText *tokens; /* (texts) */
	float *embeddings;
	double *values;
	double *gradients;
	float *chunk; /* of a mini-batch */
	uint64_t seed;
} Lesson;

static AngleStatus
prepare(Lesson *lesson, AngleError *err)
{
	AngleArena *arena = lesson->trainee->scratch;
	size_t numbers = lesson->layers * lesson->texts * lesson->D;

	lesson->tokens =
		angle_arena_alloc(arena, lesson->texts, sizeof(AngleTrainText));
	lesson->embeddings = angle_arena_alloc(arena, numbers, sizeof(float));
	lesson->chunk = angle_arena_alloc(arena, numbers, sizeof(float));
	lesson->values = angle_arena_alloc(arena, numbers, sizeof(double));
	lesson->gradients = angle_arena_alloc(arena, numbers, sizeof(double));
	if (lesson->tokens == NULL || lesson->embeddings == NULL ||
		lesson->chunk == NULL || lesson->values == NULL ||
		lesson->gradients == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < lesson->texts; i++)
		ANGLE_TRY(tokenize(lesson->trainee, &lesson->batch->texts[i], i,
						   &lesson->tokens[i], err));
	return ANGLE_OK;
}

/* Copies texts [first, first + n) between all of the batch and a chunk of it. */
static void
copy_chunk(const Lesson *lesson, size_t first, size_t n, float *chunk,
		   float *all, bool into_chunk)
{
	for (size_t l = 0; l < lesson->layers; l++)
	{
		float *part = all + (l * lesson->texts + first) * lesson->D;
		float *copy = chunk + l * n * lesson->D;

		memcpy(into_chunk ? copy : part, into_chunk ? part : copy,
			   n * lesson->D * sizeof(float));
	}
}

/* Texts that are encoded at once: whole rows. */
static size_t
chunk_texts(const Lesson *lesson)
{
	size_t rows = (size_t) lesson->trainee->settings->mini_batch;

	return rows == 0 || rows >= lesson->batch->rows
			   ? lesson->texts
			   : rows * lesson->batch->columns;
}

static AngleStatus
encode(const Lesson *lesson, size_t first, size_t n, float *out,
	   AngleError *err)
{
	return angle_engine_forward(lesson->trainee->engine, lesson->tokens + first,
								n, lesson->seed, out, err);
}

static AngleStatus
encode_all(const Lesson *lesson, AngleError *err)
{
	size_t most = chunk_texts(lesson);

	for (size_t first = 0; first < lesson->texts; first += most)
	{
		size_t n = lesson->texts - first < most ? lesson->texts - first : most;

		ANGLE_TRY(encode(lesson, first, n, lesson->chunk, err));
		copy_chunk(lesson, first, n, lesson->chunk, lesson->embeddings, false);
	}
	return ANGLE_OK;
}

/* Where the batch was cut, each part is encoded once more, under the same masks,
 * for what its backward pass needs: GradCache (Gao et al. 2021, alg. 1). */
static AngleStatus
backward_all(const Lesson *lesson, AngleError *err)
{
	size_t most = chunk_texts(lesson);

	for (size_t first = 0; first < lesson->texts; first += most)
	{
		size_t n = lesson->texts - first < most ? lesson->texts - first : most;

		if (most < lesson->texts)
			ANGLE_TRY(encode(lesson, first, n, lesson->chunk, err));
		copy_chunk(lesson, first, n, lesson->chunk, lesson->embeddings, true);
		ANGLE_TRY(
			angle_engine_backward(lesson->trainee->engine, lesson->chunk, err));
	}
	return ANGLE_OK;
}

static AngleStatus
ask_teacher(const Lesson *lesson, AngleObjectiveBatch *batch, AngleError *err)
{
	AngleTrainee *trainee = lesson->trainee;
	AngleArena *arena = trainee->losses;
	AngleBytes *texts;
	double *vectors;
	float *out;
	size_t D;

	if (trainee->teacher == NULL)
		return ANGLE_OK;
	D = (size_t) angle_model_config(trainee->teacher)->dimensions;
	texts = angle_arena_alloc(arena, lesson->texts, sizeof(AngleBytes));
	out = angle_arena_alloc(arena, lesson->texts * D, sizeof(float));
	vectors = angle_arena_alloc(arena, lesson->texts * D, sizeof(double));
	if (texts == NULL || out == NULL || vectors == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < lesson->texts; i++)
		texts[i] = lesson->batch->texts[i].text;
	ANGLE_TRY(angle_embed_texts(trainee->teacher,
								&(AngleEmbedRequest){
									.texts = texts,
									.count = lesson->texts,
									.executor = trainee->executor,
								},
								arena, out, err));
	for (size_t i = 0; i < lesson->texts * D; i++)
		vectors[i] = (double) out[i];
	batch->teacher = vectors;
	batch->teacher_dimensions = D;
	return ANGLE_OK;
}

/* From the embeddings their gradients, in their place, and the loss. */
static AngleStatus
judge(Lesson *lesson, double *loss, AngleError *err)
{
	AngleTrainee *trainee = lesson->trainee;
	const AngleDatasetBatch *b = lesson->batch;
	size_t numbers = lesson->layers * lesson->texts * lesson->D;
	double share = 1.0 / trainee->settings->accumulate;
	double *labels =
		angle_arena_zalloc(trainee->losses, b->rows, sizeof(double));
	AngleObjectiveBatch batch = {
		.shape = b->labels != NULL ? ANGLE_OBJECTIVE_LABELLED
								   : ANGLE_OBJECTIVE_POSITIVE,
		.rows = b->rows,
		.columns = b->columns,
		.layers = (int) lesson->layers,
		.dimensions = lesson->D,
		.labels = labels,
		.values = lesson->values,
		.gradients = lesson->gradients,
	};

	if (labels == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; b->labels != NULL && i < b->rows; i++)
		labels[i] = (double) b->labels[i];
	for (size_t i = 0; i < numbers; i++)
		lesson->values[i] = (double) lesson->embeddings[i];
	ANGLE_TRY(ask_teacher(lesson, &batch, err));
	ANGLE_TRY(angle_objective_compute(&trainee->objective, &batch,
									  trainee->losses, loss, err));
	for (size_t i = 0; i < numbers; i++)
		lesson->embeddings[i] = (float) (lesson->gradients[i] * share);
	return ANGLE_OK;
}

AngleStatus
angle_trainee_learn(AngleTrainee *trainee, const AngleDatasetBatch *batch,
					int part, double *loss, AngleError *err)
{
	Lesson lesson = {
		.trainee = trainee,
		.batch = batch,
		.texts = batch->rows * batch->columns,
		.layers = trainee->layer_count > 0 ? (size_t) trainee->layer_count : 1,
		.D = (size_t) trainee->hub.config.dimensions,
		.seed = angle_dropout_mix((uint64_t) trainee->settings->seed << 32 |
								  (uint64_t) part) ^
				angle_dropout_mix(trainee->optimizer->step + 1),
	};

	angle_arena_reset(trainee->scratch);
	angle_arena_reset(trainee->losses);
	ANGLE_TRY(prepare(&lesson, err));
	ANGLE_TRY(encode_all(&lesson, err));
	ANGLE_TRY(judge(&lesson, loss, err));
	return backward_all(&lesson, err);
}

double
angle_trainee_step(AngleTrainee *trainee)
{
	double norm = angle_optimizer_step(trainee->optimizer,
									   angle_engine_gradients(trainee->engine),
									   trainee->executor);

	angle_engine_clear(trainee->engine);
	return norm;
}

/* ---- evaluation --------------------------------------------------------- */

static AngleStatus
embed(void *context, const AngleBytes *texts, size_t count, const char *prompt,
	  float *out, AngleError *err)
{
	AngleTrainee *trainee = context;

	angle_arena_reset(trainee->losses);
	return angle_embed_texts(&trainee->model->model,
							 &(AngleEmbedRequest){
								 .texts = texts,
								 .count = count,
								 .prompt = prompt,
								 .executor = trainee->executor,
								 .cancel = angle_interrupt_cancel(),
							 },
							 trainee->losses, out, err);
}

AngleEvalEncoder
angle_trainee_encoder(AngleTrainee *trainee)
{
	return (AngleEvalEncoder){
		.embed = embed,
		.context = trainee,
		.dimensions = (size_t) trainee->hub.config.dimensions,
		.cancel = angle_interrupt_cancel(),
	};
}
