/* The encoder against transformers and sentence-transformers, on small models
 * in the layouts of the hub (test/golden/encoder.py). */
#include "test.h"
#include "golden.h"

/* What design asks of F32; measured: see the commit that last touched it. */
#define MAX_DIFFERENCE 2e-5
#define MIN_COSINE 0.999999

/* Random weights quantise worse than trained ones do (those reach 0.998), and
 * a sum of few products averages out less of the rounding. */
#define MIN_INT8_COSINE 0.99

#define MAX_WIDTH 64

static const char *const models[] = {
	"mixedbread-ai/mxbai-embed-large-v1",
	"WhereIsAI/UAE-Large-V1",
	"odunola/UAE-Large-VI",
	"karrar-alwaili/UAE-Large-V1",
	"SeanLee97/angle-roberta-wwm-base-zhnli-v1",
	"local/angle-config",
	"local/sharded",
	"local/bf16-vocab-only",
	"local/dense",
	"local/gelu-new",
};
#define MODEL_COUNT (sizeof(models) / sizeof(models[0]))

/* One of models[], with its goldens. */
typedef struct Subject
{
	const char *name;
	Golden golden;
	AngleArena *arena;
	AngleModel *model;
} Subject;

static bool
open_subject(const char *name, AngleQuantization quantization, Subject *subject)
{
	char directory[4096];
	char path[256];

	snprintf(directory, sizeof(directory), "%s/golden/encoder/%s", test_dir(),
			 name);
	snprintf(path, sizeof(path), "encoder/%s", name);
	*subject = (Subject){.name = name, .arena = angle_arena_create(NULL)};
	if (golden_read(path, &subject->golden))
		subject->model = golden_model(directory, quantization, subject->arena);
	return subject->model != NULL;
}

static void
close_subject(Subject *subject)
{
	golden_release(&subject->golden);
	angle_arena_destroy(subject->arena);
}

/* Runs check on every model, with its goldens. */
static void
for_each_model(AngleQuantization quantization, void (*check)(const Subject *))
{
	for (size_t i = 0; i < MODEL_COUNT; i++)
	{
		Subject subject;

		if (open_subject(models[i], quantization, &subject))
			check(&subject);
		close_subject(&subject);
	}
}

static void
check_embeddings(const Subject *subject)
{
	for (size_t i = 0; i < subject->golden.count; i++)
	{
		const GoldenCase *c = &subject->golden.cases[i];
		float out[MAX_WIDTH];
		GoldenDistance distance;

		REQUIRE(c->length <= MAX_WIDTH);
		if (!golden_embed(subject->model, c, out))
			return;
		distance = golden_distance(out, c->embedding, c->length);
		if (!(distance.maximum <= MAX_DIFFERENCE &&
			  distance.cosine >= MIN_COSINE))
			test_fail(__FILE__, __LINE__,
					  "%s, case %zu: differs by %.3g, cosine %.8f",
					  subject->name, i, distance.maximum, distance.cosine);
	}
}

TEST(encoder_golden_f32_equals_transformers)
{
	for_each_model(ANGLE_QUANTIZATION_F32, check_embeddings);
}

static void
check_case_ids(const Subject *subject, size_t number, AngleArena *arena)
{
	const GoldenCase *c = &subject->golden.cases[number];
	const AngleModelConfig *config = angle_model_config(subject->model);
	AnglePrompt prompt;
	AngleTokenizerInput input;
	AngleTokens tokens;
	AngleError err = {0};

	REQUIRE(angle_prompt_resolve(config, c->prompt, arena, &prompt, &err) ==
			ANGLE_OK);
	input = (AngleTokenizerInput){angle_bytes_of(prompt.prefix), c->text,
								  angle_bytes_of(prompt.suffix),
								  (size_t) config->max_tokens};
	REQUIRE(angle_tokenizer_encode(angle_model_tokenizer(subject->model),
								   &input, NULL, arena, &tokens,
								   &err) == ANGLE_OK);
	if (tokens.count != c->id_count ||
		memcmp(tokens.ids, c->ids, tokens.count * sizeof(*tokens.ids)) != 0)
		test_fail(__FILE__, __LINE__, "%s, case %zu: other ids (%zu, not %zu)",
				  subject->name, number, tokens.count, c->id_count);
}

static void
check_ids(const Subject *subject)
{
	AngleArena *arena = angle_arena_create(NULL);

	for (size_t i = 0; i < subject->golden.count; i++)
		check_case_ids(subject, i, arena);
	angle_arena_destroy(arena);
}

TEST(encoder_golden_ids_equal_tokenizers)
{
	for_each_model(ANGLE_QUANTIZATION_F32, check_ids);
}

static void
check_int8(const Subject *subject)
{
	for (size_t i = 0; i < subject->golden.count; i++)
	{
		const GoldenCase *c = &subject->golden.cases[i];
		float out[MAX_WIDTH];

		if (!golden_embed(subject->model, c, out))
			return;
		/* one component alone is 1 or −1: nothing to compare */
		if (c->length > 1 &&
			golden_distance(out, c->embedding, c->length).cosine <
				MIN_INT8_COSINE)
			test_fail(__FILE__, __LINE__, "%s, case %zu: cosine %.5f",
					  subject->name, i,
					  golden_distance(out, c->embedding, c->length).cosine);
	}
}

TEST(encoder_golden_int8_is_close)
{
	for_each_model(ANGLE_QUANTIZATION_INT8, check_int8);
}

/* ---- the same bits in any company ---------------------------------------- */

#define MAX_BATCH 64

/* The texts of the cases without prompt or dimensions, and what they give
 * alone. */
typedef struct Batch
{
	size_t count;
	int width;
	AngleBytes texts[MAX_BATCH];
	float alone[MAX_BATCH][MAX_WIDTH];
} Batch;

static bool
collect(const Subject *subject, Batch *batch)
{
	batch->count = 0;
	for (size_t i = 0; i < subject->golden.count; i++)
	{
		const GoldenCase *c = &subject->golden.cases[i];

		if (c->prompt != NULL || c->dimensions != 0 ||
			batch->count == MAX_BATCH)
			continue;
		if (!golden_embed(subject->model, c, batch->alone[batch->count]))
			return false;
		batch->width = c->length;
		batch->texts[batch->count++] = c->text;
	}
	return batch->count > 1;
}

/* Embeds the texts in the order (start + i · step) modulo their number. */
static void
check_order(const Subject *subject, const Batch *batch, size_t step,
			AngleExecutor *executor)
{
	AngleArena *scratch = angle_arena_create(NULL);
	AngleBytes texts[MAX_BATCH];
	float out[MAX_BATCH * MAX_WIDTH];
	AngleEmbedRequest request = {
		.texts = texts, .count = batch->count, .executor = executor};
	AngleError err = {0};

	for (size_t i = 0; i < batch->count; i++)
		texts[i] = batch->texts[(i * step + 3) % batch->count];
	if (angle_embed_texts(subject->model, &request, scratch, out, &err) !=
		ANGLE_OK)
		test_fail(__FILE__, __LINE__, "%s: %s", subject->name, err.message);
	for (size_t i = 0; i < batch->count && err.status == ANGLE_OK; i++)
	{
		if (memcmp(out + i * (size_t) batch->width,
				   batch->alone[(i * step + 3) % batch->count],
				   (size_t) batch->width * sizeof(float)) != 0)
			test_fail(__FILE__, __LINE__,
					  "%s: text %zu changes with step %zu, %d workers",
					  subject->name, i, step, angle_executor_workers(executor));
	}
	angle_arena_destroy(scratch);
}

static void
check_company(const Subject *subject)
{
	static Batch batch;
	AngleArena *arena = angle_arena_create(NULL);
	AngleExecutor *executor = NULL;

	REQUIRE(collect(subject, &batch));
	check_order(subject, &batch, 1, NULL);
	check_order(subject, &batch, batch.count - 1, NULL);
	/* every second text, some of them twice */
	check_order(subject, &batch, 2, NULL);
	REQUIRE(angle_executor_start(3, arena, &executor, NULL) == ANGLE_OK);
	check_order(subject, &batch, 1, executor);
	check_order(subject, &batch, batch.count - 1, executor);
	angle_executor_stop(executor);
	angle_arena_destroy(arena);
}

TEST(encoder_golden_neighbours_and_workers_change_no_bit_f32)
{
	for_each_model(ANGLE_QUANTIZATION_F32, check_company);
}

TEST(encoder_golden_neighbours_and_workers_change_no_bit_int8)
{
	for_each_model(ANGLE_QUANTIZATION_INT8, check_company);
}

/* ---- arguments ----------------------------------------------------------- */

static AngleStatus
embed_one(const AngleModel *model, AngleBytes text, const char *prompt,
		  int dimensions, AngleError *err)
{
	AngleEmbedRequest request = {
		.texts = &text, .count = 1, .prompt = prompt, .dimensions = dimensions};
	AngleArena *scratch = angle_arena_create(NULL);
	float out[MAX_WIDTH];
	AngleStatus status =
		angle_embed_dimensions(model, &request, &dimensions, err);

	if (status == ANGLE_OK)
		status = angle_embed_texts(model, &request, scratch, out, err);
	angle_arena_destroy(scratch);
	return status;
}

TEST(encoder_golden_bad_arguments_are_named)
{
	Subject subject;
	AngleBytes text = angle_bytes_of("a text");
	AngleBytes broken = {(const uint8_t *) "a\xffz", 3};
	char long_prompt[2048];
	AngleError err = {0};

	memset(long_prompt, '!', sizeof(long_prompt));
	strcpy(long_prompt + sizeof(long_prompt) - 7, "{text}");
	if (open_subject(models[0], ANGLE_QUANTIZATION_F32, &subject))
	{
		const AngleModel *model = subject.model;

		CHECK_INT(embed_one(model, text, "question", 0, &err),
				  ANGLE_INVALID_ARGUMENT);
		CHECK(strstr(err.message, "question") != NULL);
		CHECK(strstr(err.hint, "query") != NULL);
		CHECK(strstr(err.hint, "passage") != NULL);
		CHECK_INT(embed_one(model, text, long_prompt, 0, &err),
				  ANGLE_INVALID_ARGUMENT);
		CHECK_INT(embed_one(model, text, NULL, -1, &err),
				  ANGLE_INVALID_ARGUMENT);
		CHECK_INT(embed_one(model, text, NULL, 49, &err),
				  ANGLE_INVALID_ARGUMENT);
		CHECK_INT(embed_one(model, broken, NULL, 0, &err), ANGLE_INVALID_TEXT);
		CHECK_INT(embed_one(model, text, NULL, 48, &err), ANGLE_OK);
	}
	close_subject(&subject);
}

static bool
always(void *context)
{
	(void) context;
	return true;
}

TEST(encoder_golden_embedding_can_be_cancelled)
{
	AngleCancel cancel = {always, NULL};
	AngleBytes text = angle_bytes_of("a text");
	AngleEmbedRequest request = {.texts = &text, .count = 1, .cancel = &cancel};
	float out[MAX_WIDTH];
	AngleError err = {0};
	Subject subject;

	if (open_subject(models[1], ANGLE_QUANTIZATION_F32, &subject))
		CHECK_INT(angle_embed_texts(subject.model, &request, subject.arena, out,
									&err),
				  ANGLE_CANCELLED);
	close_subject(&subject);
}

/* ---- the repository with pytorch_model.bin only -------------------------- */

#define BIN_MODEL "SeanLee97/angle-bert-base-uncased-nli-en-v1"

TEST(encoder_golden_pickled_weights_are_left_to_convert)
{
	AnglePackOptions options = {.quantization = ANGLE_QUANTIZATION_F32};
	AngleArena *arena = angle_arena_create(NULL);
	FILE *stream = tmpfile();
	char directory[4096];
	AngleError err = {0};

	snprintf(directory, sizeof(directory), "%s/golden/encoder/%s", test_dir(),
			 BIN_MODEL);
	CHECK_INT(angle_pack_directory(directory, &options, stream, arena, &err),
			  ANGLE_NOT_FOUND);
	CHECK(strstr(err.hint, "angle convert") != NULL);
	fclose(stream);
	angle_arena_destroy(arena);
}

/* Its goldens, on the directory that `angle convert` has made of it: the
 * command line tests set ANGLE_CONVERTED_BIN to ORGANISATION/NAME below some
 * folder, because the name says how to pool. */
TEST(encoder_golden_converted_pickle_equals_transformers)
{
	const char *directory = getenv("ANGLE_CONVERTED_BIN");
	Subject subject = {.name = BIN_MODEL};

	if (directory == NULL)
	{
		test_skip("run by the command line tests");
		return;
	}
	subject.arena = angle_arena_create(NULL);
	if (golden_read("encoder/" BIN_MODEL, &subject.golden))
		subject.model =
			golden_model(directory, ANGLE_QUANTIZATION_F32, subject.arena);
	if (subject.model != NULL)
	{
		check_embeddings(&subject);
		check_ids(&subject);
	}
	close_subject(&subject);
}
