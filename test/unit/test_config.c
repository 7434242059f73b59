#include "test.h"
#include "core/model/config.h"

static const AnglePrompt prompts[] = {
	{"query", "Represent: ", ""},
	{"stern", "\"", "\" in one word:\xe2\x80\xa6"},
};

static AngleModelConfig
sample(void)
{
	return (AngleModelConfig){
		.quantization = ANGLE_QUANTIZATION_INT8,
		.layers = 6,
		.hidden = 384,
		.heads = 12,
		.intermediate = 1536,
		.vocab = 30522,
		.positions = 512,
		.type_vocab = 2,
		.norm_eps = 1e-12f,
		.activation = ANGLE_ACTIVATION_GELU_TANH,
		.max_tokens = 256,
		.pooling = ANGLE_POOLING_CLS_AVG,
		.pool_prompt = true,
		.module_count = 2,
		.modules = {{ANGLE_MODULE_DENSE, 384, 100, true, ANGLE_ACTIVATION_TANH},
					{.kind = ANGLE_MODULE_NORMALIZE}},
		.dimensions = 100,
		.prompt_count = 2,
		.prompts = prompts,
		.default_prompt = 1,
	};
}

static void
check_same(const AngleModelConfig *a, const AngleModelConfig *b)
{
	CHECK_INT(a->architecture, b->architecture);
	CHECK_INT(a->quantization, b->quantization);
	CHECK_INT(a->layers, b->layers);
	CHECK_INT(a->hidden, b->hidden);
	CHECK_INT(a->heads, b->heads);
	CHECK_INT(a->intermediate, b->intermediate);
	CHECK_INT(a->vocab, b->vocab);
	CHECK_INT(a->positions, b->positions);
	CHECK_INT(a->type_vocab, b->type_vocab);
	CHECK(a->norm_eps == b->norm_eps);
	CHECK_INT(a->activation, b->activation);
	CHECK_INT(a->max_tokens, b->max_tokens);
	CHECK_INT(a->pooling, b->pooling);
	CHECK_INT(a->pool_prompt, b->pool_prompt);
	CHECK_INT(a->module_count, b->module_count);
	CHECK_INT(a->modules[0].kind, b->modules[0].kind);
	CHECK_INT(a->modules[0].inputs, b->modules[0].inputs);
	CHECK_INT(a->modules[0].outputs, b->modules[0].outputs);
	CHECK_INT(a->modules[0].bias, b->modules[0].bias);
	CHECK_INT(a->modules[0].activation, b->modules[0].activation);
	CHECK_INT(a->modules[1].kind, b->modules[1].kind);
	CHECK_INT(a->dimensions, b->dimensions);
	CHECK_INT(a->prompt_count, b->prompt_count);
	CHECK_INT(a->default_prompt, b->default_prompt);
}

TEST(config_survives_writing_and_reading)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleModelConfig config = sample();
	AngleModelConfig back;
	AngleBytes json;

	REQUIRE(angle_config_write(&config, arena, &json, NULL) == ANGLE_OK);
	REQUIRE(angle_config_read(json, arena, &back, NULL) == ANGLE_OK);
	check_same(&config, &back);
	REQUIRE(back.prompt_count == 2);
	for (int i = 0; i < 2; i++)
	{
		CHECK_STR(back.prompts[i].name, prompts[i].name);
		CHECK_STR(back.prompts[i].prefix, prompts[i].prefix);
		CHECK_STR(back.prompts[i].suffix, prompts[i].suffix);
	}
	angle_arena_destroy(arena);
}

TEST(config_brings_every_norm_eps_back)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleModelConfig config = sample();
	AngleModelConfig back;
	AngleBytes json;

	for (float eps = 1.1e-37f; eps < 1; eps *= 3.7f)
	{
		config.norm_eps = eps;
		REQUIRE(angle_config_write(&config, arena, &json, NULL) == ANGLE_OK);
		REQUIRE(angle_config_read(json, arena, &back, NULL) == ANGLE_OK);
		CHECK(back.norm_eps == eps);
	}
	angle_arena_destroy(arena);
}

/* One field of the sample out of range, and what the message must name. */
static void
check_refused(const AngleModelConfig *config, const char *part)
{
	AngleError err;

	if (angle_config_validate(config, "x", &err) == ANGLE_OK)
		test_fail(__FILE__, __LINE__, "accepted a wrong %s", part);
	else if (strstr(err.message, part) == NULL)
		test_fail(__FILE__, __LINE__, "\"%s\" does not name %s", err.message,
				  part);
}

#define REFUSED(field, value, part)        \
	do                                     \
	{                                      \
		AngleModelConfig wrong = sample(); \
		wrong.field = (value);             \
		check_refused(&wrong, part);       \
	} while (0)

TEST(config_refuses_sizes_out_of_range)
{
	AngleModelConfig config = sample();

	CHECK_INT(angle_config_validate(&config, "x", NULL), ANGLE_OK);
	REFUSED(layers, 0, "layers");
	REFUSED(layers, 257, "layers");
	REFUSED(hidden, -384, "hidden");
	REFUSED(hidden, 16385, "hidden");
	REFUSED(heads, 0, "heads");
	REFUSED(heads, 7, "heads");
	REFUSED(intermediate, 65537, "intermediate");
	REFUSED(vocab, 10000001, "vocab");
	REFUSED(positions, 1000001, "positions");
	REFUSED(positions, 255, "max_tokens");
	REFUSED(type_vocab, 0, "type_vocab");
	REFUSED(max_tokens, 2, "max_tokens");
	REFUSED(max_tokens, 513, "max_tokens");
	REFUSED(dimensions, 0, "dimensions");
	REFUSED(dimensions, 384, "dimensions");
}

TEST(config_refuses_contradictions)
{
	REFUSED(norm_eps, 0, "norm_eps");
	REFUSED(norm_eps, -1, "norm_eps");
	REFUSED(norm_eps, NAN, "norm_eps");
	REFUSED(norm_eps, INFINITY, "norm_eps");
	REFUSED(activation, ANGLE_ACTIVATION_TANH, "tanh");
	REFUSED(activation, (AngleActivation) 99, "activation");
	REFUSED(pooling, (AnglePooling) 99, "pooling");
	REFUSED(architecture, (AngleArchitecture) 1, "architecture");
	REFUSED(quantization, (AngleQuantization) -1, "quantization");
	REFUSED(module_count, ANGLE_MAX_MODULES + 1, "modules");
	REFUSED(module_count, -1, "modules");
	REFUSED(modules[0].inputs, 100, "inputs");
	REFUSED(modules[0].outputs, 0, "outputs");
	REFUSED(modules[0].activation, (AngleActivation) 99, "activation");
	REFUSED(modules[1].kind, (AngleModuleKind) 99, "module");
	REFUSED(default_prompt, 2, "default prompt");
	REFUSED(default_prompt, -2, "default prompt");
	REFUSED(prompt_count, -1, "prompts");
	REFUSED(prompt_count, 65, "prompts");
}

TEST(config_refuses_wrong_prompts)
{
	static char endless[10000];
	AnglePrompt wrong[2] = {{"a", "", ""}, {"a", "", ""}};
	AngleModelConfig config = sample();
	AngleArena *arena = angle_arena_create(NULL);
	AngleBytes json;
	AngleError err;

	memset(endless, 'x', sizeof(endless) - 1);
	config.prompts = wrong;
	check_refused(&config, "\"a\" is there twice");
	wrong[1].name = "";
	check_refused(&config, "no name");
	wrong[1] = (AnglePrompt){"b", "", endless};
	check_refused(&config, "\"b\"");
	wrong[1].suffix = "\xff";
	CHECK_INT(angle_config_write(&config, arena, &json, &err), ANGLE_CORRUPT);
	CHECK(strstr(err.message, "prompt 2 is not valid UTF-8") != NULL);
	angle_arena_destroy(arena);
}

/* Replaces the first occurrence of from in json and reads the result. */
static AngleStatus
read_changed(const char *json, const char *from, const char *to,
			 AngleError *err)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleModelConfig config;
	const char *place = strstr(json, from);
	char text[4096];
	AngleStatus status = ANGLE_OK;

	if (place == NULL)
		test_fail(__FILE__, __LINE__, "no %s in the JSON", from);
	else
	{
		snprintf(text, sizeof(text), "%.*s%s%s", (int) (place - json), json, to,
				 place + strlen(from));
		status = angle_config_read(angle_bytes_of(text), arena, &config, err);
	}
	angle_arena_destroy(arena);
	return status;
}

TEST(config_json_is_read_strictly)
{
	static const struct
	{
		const char *from;
		const char *to;
		const char *named;
	} cases[] = {
		{"\"layers\":6,", "", "layers"},
		{"\"layers\":6,", "\"layers\":6,\"more\":1,", "unknown"},
		{"\"layers\":6,", "\"layers\":6,\"layers\":6,", "duplicate"},
		{"\"layers\":6", "\"layers\":6.5", "layers"},
		{"\"layers\":6", "\"layers\":\"6\"", "layers"},
		{"\"layers\":6", "\"layers\":null", "layers"},
		{"\"layers\":6", "\"layers\":99999999999999999999", "layers"},
		{"\"vocab\":30522", "\"vocab\":1e300", "vocab"},
		{"\"gelu_tanh\"", "\"swish\"", "swish"},
		{"\"gelu_tanh\"", "3", "activation"},
		{"\"bert\"", "\"llama\"", "llama"},
		{"\"pool_prompt\":true", "\"pool_prompt\":1", "pool_prompt"},
		{"{\"kind\":\"normalize\"}", "7", "kind"},
		{"{\"kind\":\"normalize\"}", "{\"kind\":\"lstm\"}", "lstm"},
		{"\"kind\":\"normalize\"", "\"kind\":\"normalize\",\"x\":1", "unknown"},
		{"\"bias\":true", "\"bias\":null", "bias"},
		{"\"prefix\":\"Rep", "\"prefix\":\"\\u0000Rep", "JSON"},
		{"\"default_prompt\":\"stern\"", "\"default_prompt\":\"mild\"",
		 "default prompt"},
		{"{", "[", "JSON"},
	};
	AngleArena *arena = angle_arena_create(NULL);
	AngleModelConfig config = sample();
	AngleError err;
	AngleBytes json;
	char text[4096];

	REQUIRE(angle_config_write(&config, arena, &json, NULL) == ANGLE_OK);
	snprintf(text, sizeof(text), "%.*s", (int) json.size, json.data);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		err.message[0] = '\0';
		if (read_changed(text, cases[i].from, cases[i].to, &err) == ANGLE_OK)
			test_fail(__FILE__, __LINE__, "accepted %s", cases[i].to);
		else if (strstr(err.message, cases[i].named) == NULL)
			test_fail(__FILE__, __LINE__, "\"%s\" does not name %s",
					  err.message, cases[i].named);
	}
	angle_arena_destroy(arena);
}

TEST(config_names_have_inverses)
{
	AngleQuantization quantization;
	AnglePooling pooling;

	for (int i = ANGLE_POOLING_CLS; i <= ANGLE_POOLING_MAX; i++)
	{
		const char *name = angle_pooling_name((AnglePooling) i);

		CHECK(angle_pooling_from_name(name, &pooling));
		CHECK_INT(pooling, i);
	}
	CHECK(!angle_pooling_from_name("average", &pooling));
	CHECK(angle_quantization_from_name("int8", &quantization));
	CHECK_INT(quantization, ANGLE_QUANTIZATION_INT8);
	CHECK(!angle_quantization_from_name("int4", &quantization));
	CHECK_STR(angle_architecture_name(ANGLE_ARCHITECTURE_BERT), "bert");
	CHECK_STR(angle_activation_name(ANGLE_ACTIVATION_GELU), "gelu");
}

TEST(config_finds_prompts_by_name)
{
	AngleModelConfig config = sample();

	CHECK(angle_config_prompt(&config, "stern") == &prompts[1]);
	CHECK(angle_config_prompt(&config, "passage") == NULL);
}
