#include "core/model/config.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/base/utf8_check.h"
#include "core/model/fields.h"

#define MAX_PROMPTS 64
#define MAX_PROMPT_SIZE 8192 /* bytes of a name, prefix or suffix */
#define MAX_MODULE_WIDTH 65536
#define CONFIGURATION "configuration" /* how messages call the packed JSON */

static const AngleChoice architectures[] = {
	{"bert", ANGLE_ARCHITECTURE_BERT},
	{NULL, 0},
};

static const AngleChoice activations[] = {
	{"identity", ANGLE_ACTIVATION_IDENTITY},   {"gelu", ANGLE_ACTIVATION_GELU},
	{"gelu_tanh", ANGLE_ACTIVATION_GELU_TANH}, {"relu", ANGLE_ACTIVATION_RELU},
	{"tanh", ANGLE_ACTIVATION_TANH},		   {NULL, 0},
};

static const AngleChoice poolings[] = {
	{"cls", ANGLE_POOLING_CLS},			{"mean", ANGLE_POOLING_MEAN},
	{"cls_avg", ANGLE_POOLING_CLS_AVG}, {"last", ANGLE_POOLING_LAST},
	{"max", ANGLE_POOLING_MAX},			{NULL, 0},
};

static const AngleChoice quantizations[] = {
	{"f32", ANGLE_QUANTIZATION_F32},
	{"int8", ANGLE_QUANTIZATION_INT8},
	{NULL, 0},
};

static const AngleChoice module_kinds[] = {
	{"dense", ANGLE_MODULE_DENSE},
	{"normalize", ANGLE_MODULE_NORMALIZE},
	{NULL, 0},
};

/* The integer fields and their ranges. Sums and products of a few of them fit
 * into 64 bits with room to spare. */
typedef struct SizeField
{
	const char *key;
	size_t offset;
	int min;
	int max;
} SizeField;

#define SIZE_FIELD(name, min, max)                        \
	{                                                     \
#name, offsetof(AngleModelConfig, name), min, max \
	}

static const SizeField size_fields[] = {
	SIZE_FIELD(layers, 1, 256),
	SIZE_FIELD(hidden, 1, 16384),
	SIZE_FIELD(heads, 1, 1024),
	SIZE_FIELD(intermediate, 1, 65536),
	SIZE_FIELD(vocab, 1, 10000000),
	SIZE_FIELD(positions, 1, 1000000),
	SIZE_FIELD(type_vocab, 1, 1024),
	/* two special tokens and one of the text */
	SIZE_FIELD(max_tokens, 3, 1000000),
	SIZE_FIELD(dimensions, 1, 16000),
};

#define SIZE_FIELD_COUNT (sizeof(size_fields) / sizeof(size_fields[0]))

static int
get_size(const AngleModelConfig *config, const SizeField *field)
{
	int value;

	memcpy(&value, (const char *) config + field->offset, sizeof(value));
	return value;
}

static void
set_size(AngleModelConfig *config, const SizeField *field, int value)
{
	memcpy((char *) config + field->offset, &value, sizeof(value));
}

const char *
angle_architecture_name(AngleArchitecture architecture)
{
	return angle_choice_name(architectures, (int) architecture);
}

const char *
angle_activation_name(AngleActivation activation)
{
	return angle_choice_name(activations, (int) activation);
}

const char *
angle_pooling_name(AnglePooling pooling)
{
	return angle_choice_name(poolings, (int) pooling);
}

const char *
angle_quantization_name(AngleQuantization quantization)
{
	return angle_choice_name(quantizations, (int) quantization);
}

bool
angle_pooling_from_name(const char *name, AnglePooling *pooling)
{
	int value;

	if (!angle_choice_find(poolings, name, &value))
		return false;
	*pooling = (AnglePooling) value;
	return true;
}

bool
angle_quantization_from_name(const char *name, AngleQuantization *quantization)
{
	int value;

	if (!angle_choice_find(quantizations, name, &value))
		return false;
	*quantization = (AngleQuantization) value;
	return true;
}

const AnglePrompt *
angle_config_prompt(const AngleModelConfig *config, const char *name)
{
	for (int i = 0; i < config->prompt_count; i++)
	{
		if (strcmp(config->prompts[i].name, name) == 0)
			return &config->prompts[i];
	}
	return NULL;
}

/* ---- validation --------------------------------------------------------- */

static bool
choice_has(const AngleChoice *choices, int value)
{
	while (choices->name != NULL && choices->value != value)
		choices++;
	return choices->name != NULL;
}

static AngleStatus
validate_sizes(const AngleModelConfig *config, const char *where,
			   AngleError *err)
{
	for (size_t i = 0; i < SIZE_FIELD_COUNT; i++)
	{
		const SizeField *field = &size_fields[i];
		int value = get_size(config, field);

		if (value < field->min || value > field->max)
			return angle_fail(
				err, value < field->min ? ANGLE_CORRUPT : ANGLE_UNSUPPORTED,
				"%s: \"%s\" is %d, but must be from %d to %d", where,
				field->key, value, field->min, field->max);
	}
	if (config->hidden % config->heads != 0)
		return angle_fail(err, ANGLE_CORRUPT,
						  "%s: \"heads\" (%d) does not divide \"hidden\" (%d)",
						  where, config->heads, config->hidden);
	if (config->max_tokens > config->positions)
		return angle_fail(
			err, ANGLE_CORRUPT,
			"%s: \"max_tokens\" (%d) is greater than \"positions\" (%d)", where,
			config->max_tokens, config->positions);
	return ANGLE_OK;
}

static AngleStatus
validate_choices(const AngleModelConfig *config, const char *where,
				 AngleError *err)
{
	if (!choice_has(architectures, (int) config->architecture) ||
		!choice_has(quantizations, (int) config->quantization) ||
		!choice_has(poolings, (int) config->pooling))
		return angle_fail(err, ANGLE_UNSUPPORTED,
						  "%s: unknown architecture, quantization or pooling",
						  where);
	switch (config->activation)
	{
		case ANGLE_ACTIVATION_GELU:
		case ANGLE_ACTIVATION_GELU_TANH:
		case ANGLE_ACTIVATION_RELU:
			return ANGLE_OK;
		default:
			return angle_fail(
				err, ANGLE_UNSUPPORTED,
				"%s: activation \"%s\" is not supported in the layers", where,
				angle_activation_name(config->activation));
	}
}

static AngleStatus
validate_dense(const AngleModule *module, int width, const char *where,
			   AngleError *err)
{
	if (module->inputs != width)
		return angle_fail(err, ANGLE_CORRUPT,
						  "%s: a dense module takes %d inputs, but gets %d",
						  where, module->inputs, width);
	if (module->outputs < 1 || module->outputs > MAX_MODULE_WIDTH)
		return angle_fail(err, ANGLE_UNSUPPORTED,
						  "%s: a dense module has %d outputs, but must have "
						  "from 1 to %d",
						  where, module->outputs, MAX_MODULE_WIDTH);
	if (!choice_has(activations, (int) module->activation))
		return angle_fail(err, ANGLE_UNSUPPORTED,
						  "%s: unknown activation of a dense module", where);
	return ANGLE_OK;
}

static AngleStatus
validate_modules(const AngleModelConfig *config, const char *where,
				 AngleError *err)
{
	int width = config->hidden;

	if (config->module_count < 0 || config->module_count > ANGLE_MAX_MODULES)
		return angle_fail(err, ANGLE_UNSUPPORTED,
						  "%s: %d modules, more than %d", where,
						  config->module_count, ANGLE_MAX_MODULES);
	for (int i = 0; i < config->module_count; i++)
	{
		const AngleModule *module = &config->modules[i];

		if (!choice_has(module_kinds, (int) module->kind))
			return angle_fail(err, ANGLE_UNSUPPORTED, "%s: unknown module",
							  where);
		if (module->kind != ANGLE_MODULE_DENSE)
			continue;
		ANGLE_TRY(validate_dense(module, width, where, err));
		width = module->outputs;
	}
	if (config->dimensions != width)
		return angle_fail(err, ANGLE_CORRUPT,
						  "%s: \"dimensions\" is %d, but the modules give %d",
						  where, config->dimensions, width);
	return ANGLE_OK;
}

static AngleStatus
validate_prompts(const AngleModelConfig *config, const char *where,
				 AngleError *err)
{
	if (config->prompt_count < 0 || config->prompt_count > MAX_PROMPTS)
		return angle_fail(err, ANGLE_UNSUPPORTED,
						  "%s: %d prompts, more than %d", where,
						  config->prompt_count, MAX_PROMPTS);
	if (config->default_prompt < -1 ||
		config->default_prompt >= config->prompt_count)
		return angle_fail(err, ANGLE_CORRUPT,
						  "%s: the default prompt is not among the prompts",
						  where);
	for (int i = 0; i < config->prompt_count; i++)
	{
		const AnglePrompt *prompt = &config->prompts[i];

		if (prompt->name[0] == '\0')
			return angle_fail(err, ANGLE_CORRUPT, "%s: a prompt has no name",
							  where);
		if (angle_config_prompt(config, prompt->name) != prompt)
			return angle_fail(err, ANGLE_CORRUPT,
							  "%s: prompt \"%.64s\" is there twice", where,
							  prompt->name);
		if (strlen(prompt->name) > MAX_PROMPT_SIZE ||
			strlen(prompt->prefix) > MAX_PROMPT_SIZE ||
			strlen(prompt->suffix) > MAX_PROMPT_SIZE)
			return angle_fail(err, ANGLE_UNSUPPORTED,
							  "%s: prompt \"%.64s\" is longer than %d bytes",
							  where, prompt->name, MAX_PROMPT_SIZE);
	}
	return ANGLE_OK;
}

AngleStatus
angle_config_validate(const AngleModelConfig *config, const char *where,
					  AngleError *err)
{
	ANGLE_TRY(validate_sizes(config, where, err));
	ANGLE_TRY(validate_choices(config, where, err));
	if (!isfinite(config->norm_eps) || config->norm_eps <= 0)
		return angle_fail(err, ANGLE_CORRUPT,
						  "%s: \"norm_eps\" is %g, but must be positive", where,
						  (double) config->norm_eps);
	ANGLE_TRY(validate_modules(config, where, err));
	return validate_prompts(config, where, err);
}

/* ---- writing ------------------------------------------------------------ */

static json_t *
module_json(const AngleModule *module)
{
	if (module->kind == ANGLE_MODULE_NORMALIZE)
		return json_pack("{s:s}", "kind", "normalize");
	return json_pack("{s:s, s:i, s:i, s:b, s:s}", "kind", "dense", "inputs",
					 module->inputs, "outputs", module->outputs, "bias",
					 module->bias, "activation",
					 angle_activation_name(module->activation));
}

/* The next three return NULL when there is no memory. */
static json_t *
modules_json(const AngleModelConfig *config)
{
	json_t *array = json_array();
	int failed = 0;

	for (int i = 0; i < config->module_count; i++)
		failed |=
			json_array_append_new(array, module_json(&config->modules[i]));
	if (!failed)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *
prompts_json(const AngleModelConfig *config)
{
	json_t *array = json_array();
	int failed = 0;

	for (int i = 0; i < config->prompt_count; i++)
	{
		const AnglePrompt *prompt = &config->prompts[i];

		failed |= json_array_append_new(
			array, json_pack("{s:s, s:s, s:s}", "name", prompt->name, "prefix",
							 prompt->prefix, "suffix", prompt->suffix));
	}
	if (!failed)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *
config_json(const AngleModelConfig *config)
{
	const char *default_prompt =
		config->default_prompt < 0
			? NULL
			: config->prompts[config->default_prompt].name;
	json_t *root =
		json_pack("{s:s, s:s}", "architecture",
				  angle_architecture_name(config->architecture), "quantization",
				  angle_quantization_name(config->quantization));
	json_t *rest = json_pack(
		"{s:f, s:s, s:s, s:b, s:o, s:o, s:s?}", "norm_eps",
		(double) config->norm_eps, "activation",
		angle_activation_name(config->activation), "pooling",
		angle_pooling_name(config->pooling), "pool_prompt", config->pool_prompt,
		"modules", modules_json(config), "prompts", prompts_json(config),
		"default_prompt", default_prompt);
	int failed = 0;

	for (size_t i = 0; i < SIZE_FIELD_COUNT; i++)
		failed |= json_object_set_new(
			root, size_fields[i].key,
			json_integer(get_size(config, &size_fields[i])));
	failed |= json_object_update(root, rest);
	json_decref(rest);
	if (!failed)
		return root;
	json_decref(root);
	return NULL;
}

static bool
is_utf8(const char *text)
{
	return angle_utf8_check(angle_bytes_of(text), "", NULL, NULL) == ANGLE_OK;
}

static AngleStatus
check_utf8(const AngleModelConfig *config, AngleError *err)
{
	for (int i = 0; i < config->prompt_count; i++)
	{
		const AnglePrompt *prompt = &config->prompts[i];

		if (!is_utf8(prompt->name) || !is_utf8(prompt->prefix) ||
			!is_utf8(prompt->suffix))
			return angle_fail(err, ANGLE_CORRUPT,
							  CONFIGURATION ": prompt %d is not valid UTF-8",
							  i + 1);
	}
	return ANGLE_OK;
}

AngleStatus
angle_config_write(const AngleModelConfig *config, AngleArena *arena,
				   AngleBytes *json, AngleError *err)
{
	/* nine digits bring every float back */
	const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(9);
	json_t *root;
	size_t size;
	char *text;

	ANGLE_TRY(angle_config_validate(config, CONFIGURATION, err));
	ANGLE_TRY(check_utf8(config, err));
	root = config_json(config);
	if (root == NULL)
		return angle_no_memory(err);
	size = json_dumpb(root, NULL, 0, flags);
	text = angle_arena_alloc(arena, size, 1);
	if (text != NULL)
		json_dumpb(root, text, size, flags);
	json_decref(root);
	if (text == NULL || size == 0)
		return angle_no_memory(err);
	*json = (AngleBytes){(const uint8_t *) text, size};
	return ANGLE_OK;
}

/* ---- reading ------------------------------------------------------------ */

typedef struct Reading
{
	AngleModelConfig *config;
	AngleArena *arena;
} Reading;

static AngleStatus
read_choice(AngleFields fields, const char *key, const AngleChoice *choices,
			int *value, AngleError *err)
{
	if (!angle_fields_has(fields, key))
		return angle_fields_fail(fields, key, ANGLE_CORRUPT, err,
								 "must be a string");
	return angle_fields_choice(fields, key, choices, value, err);
}

static AngleStatus
read_flag(AngleFields fields, const char *key, bool *value, AngleError *err)
{
	if (!angle_fields_has(fields, key))
		return angle_fields_fail(fields, key, ANGLE_CORRUPT, err,
								 "must be true or false");
	return angle_fields_bool(fields, key, value, err);
}

static AngleStatus
read_scalars(AngleFields fields, AngleModelConfig *config, AngleError *err)
{
	double norm_eps = 0;
	int choice = 0;

	for (size_t i = 0; i < SIZE_FIELD_COUNT; i++)
	{
		const SizeField *field = &size_fields[i];
		int value = 0;

		ANGLE_TRY(angle_fields_int(fields, field->key, field->min, field->max,
								   &value, err));
		set_size(config, field, value);
	}
	ANGLE_TRY(angle_fields_real(fields, "norm_eps", &norm_eps, err));
	config->norm_eps = (float) norm_eps;
	ANGLE_TRY(read_flag(fields, "pool_prompt", &config->pool_prompt, err));
	ANGLE_TRY(read_choice(fields, "architecture", architectures, &choice, err));
	config->architecture = (AngleArchitecture) choice;
	ANGLE_TRY(read_choice(fields, "quantization", quantizations, &choice, err));
	config->quantization = (AngleQuantization) choice;
	ANGLE_TRY(read_choice(fields, "activation", activations, &choice, err));
	config->activation = (AngleActivation) choice;
	ANGLE_TRY(read_choice(fields, "pooling", poolings, &choice, err));
	config->pooling = (AnglePooling) choice;
	return ANGLE_OK;
}

static AngleStatus
read_module(AngleFields fields, AngleModule *module, AngleError *err)
{
	static const char *const dense_keys[] = {
		"kind", "inputs", "outputs", "bias", "activation", NULL,
	};
	static const char *const normalize_keys[] = {"kind", NULL};
	int choice = 0;

	ANGLE_TRY(read_choice(fields, "kind", module_kinds, &choice, err));
	*module = (AngleModule){.kind = (AngleModuleKind) choice};
	if (module->kind == ANGLE_MODULE_NORMALIZE)
		return angle_fields_exactly(fields, normalize_keys, err);
	ANGLE_TRY(angle_fields_exactly(fields, dense_keys, err));
	ANGLE_TRY(angle_fields_int(fields, "inputs", 1, MAX_MODULE_WIDTH,
							   &module->inputs, err));
	ANGLE_TRY(angle_fields_int(fields, "outputs", 1, MAX_MODULE_WIDTH,
							   &module->outputs, err));
	ANGLE_TRY(read_flag(fields, "bias", &module->bias, err));
	ANGLE_TRY(read_choice(fields, "activation", activations, &choice, err));
	module->activation = (AngleActivation) choice;
	return ANGLE_OK;
}

static AngleStatus
read_modules(AngleFields fields, AngleModelConfig *config, AngleError *err)
{
	const json_t *array;
	size_t count;

	ANGLE_TRY(angle_fields_child(fields, "modules", JSON_ARRAY, &array, err));
	count = json_array_size(array);
	if (count > ANGLE_MAX_MODULES)
		return angle_fields_fail(fields, "modules", ANGLE_UNSUPPORTED, err,
								 "has more than %d entries", ANGLE_MAX_MODULES);
	for (size_t i = 0; i < count; i++)
	{
		AngleFields entry = {json_array_get(array, i), fields.file};

		ANGLE_TRY(read_module(entry, &config->modules[i], err));
	}
	config->module_count = (int) count;
	return ANGLE_OK;
}

static AngleStatus
copy_string(AngleFields fields, const char *key, AngleArena *arena,
			const char **copy, AngleError *err)
{
	const char *value = NULL;

	ANGLE_TRY(angle_fields_string(fields, key, &value, err));
	if (value == NULL)
		return angle_fields_fail(fields, key, ANGLE_CORRUPT, err,
								 "must be a string");
	*copy = angle_arena_strdup(arena, value, strlen(value));
	return *copy != NULL ? ANGLE_OK : angle_no_memory(err);
}

static AngleStatus
read_prompt(AngleFields fields, AngleArena *arena, AnglePrompt *prompt,
			AngleError *err)
{
	static const char *const keys[] = {"name", "prefix", "suffix", NULL};

	ANGLE_TRY(angle_fields_exactly(fields, keys, err));
	ANGLE_TRY(copy_string(fields, "name", arena, &prompt->name, err));
	ANGLE_TRY(copy_string(fields, "prefix", arena, &prompt->prefix, err));
	return copy_string(fields, "suffix", arena, &prompt->suffix, err);
}

static AngleStatus
read_prompts(AngleFields fields, const Reading *reading, AngleError *err)
{
	const char *default_name = NULL;
	const json_t *array;
	AnglePrompt *prompts;
	size_t count;

	ANGLE_TRY(angle_fields_child(fields, "prompts", JSON_ARRAY, &array, err));
	count = json_array_size(array);
	if (count > MAX_PROMPTS)
		return angle_fields_fail(fields, "prompts", ANGLE_UNSUPPORTED, err,
								 "has more than %d entries", MAX_PROMPTS);
	prompts = angle_arena_zalloc(reading->arena, count, sizeof(*prompts));
	if (prompts == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(
		angle_fields_string(fields, "default_prompt", &default_name, err));
	reading->config->default_prompt = default_name == NULL ? -1 : (int) count;
	for (size_t i = 0; i < count; i++)
	{
		AngleFields entry = {json_array_get(array, i), fields.file};

		ANGLE_TRY(read_prompt(entry, reading->arena, &prompts[i], err));
		if (default_name != NULL && strcmp(prompts[i].name, default_name) == 0)
			reading->config->default_prompt = (int) i;
	}
	reading->config->prompts = prompts;
	reading->config->prompt_count = (int) count;
	return ANGLE_OK;
}

static AngleStatus
read_config(AngleFields fields, void *context, AngleError *err)
{
	static const char *const keys[] = {
		"architecture", "quantization",	  "layers",		 "hidden",
		"heads",		"intermediate",	  "vocab",		 "positions",
		"type_vocab",	"max_tokens",	  "dimensions",	 "norm_eps",
		"activation",	"pooling",		  "pool_prompt", "modules",
		"prompts",		"default_prompt", NULL,
	};
	const Reading *reading = context;

	ANGLE_TRY(angle_fields_exactly(fields, keys, err));
	ANGLE_TRY(read_scalars(fields, reading->config, err));
	ANGLE_TRY(read_modules(fields, reading->config, err));
	return read_prompts(fields, reading, err);
}

AngleStatus
angle_config_read(AngleBytes json, AngleArena *arena, AngleModelConfig *config,
				  AngleError *err)
{
	Reading reading = {config, arena};

	*config = (AngleModelConfig){.default_prompt = -1};
	ANGLE_TRY(angle_fields_read(json, CONFIGURATION, JSON_OBJECT, read_config,
								&reading, err));
	return angle_config_validate(config, CONFIGURATION, err);
}
