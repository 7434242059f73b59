/* angle inspect: what a model is. One description is made as JSON and printed
 * for a person or as it is. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "core/base/file.h"
#include "core/encoder/hub_tokenizer.h"
#include "core/encoder/model.h"
#include "trainer/command.h"
#include "trainer/interrupt.h"
#include "trainer/model_source.h"
#include "trainer/model_weights.h"

typedef struct Arguments
{
	const char *path;
	bool json;
	bool arrays;
} Arguments;

/* ---- the description ---------------------------------------------------- */

static json_t *
describe_modules(const AngleModelConfig *config)
{
	json_t *modules = json_array();

	for (int i = 0; i < config->module_count; i++)
	{
		const AngleModule *module = &config->modules[i];
		json_t *description;

		if (module->kind == ANGLE_MODULE_NORMALIZE)
			description = json_pack("{s:s}", "kind", "normalize");
		else
			description =
				json_pack("{s:s, s:i, s:i, s:b, s:s}", "kind", "dense",
						  "inputs", module->inputs, "outputs", module->outputs,
						  "bias", module->bias, "activation",
						  angle_activation_name(module->activation));
		json_array_append_new(modules, description);
	}
	return modules;
}

static json_t *
describe_prompts(const AngleModelConfig *config)
{
	json_t *prompts = json_object();

	for (int i = 0; i < config->prompt_count; i++)
	{
		const AnglePrompt *prompt = &config->prompts[i];

		json_object_set_new(
			prompts, prompt->name,
			json_sprintf("%s{text}%s", prompt->prefix, prompt->suffix));
	}
	return prompts;
}

static void
describe_config(json_t *about, const AngleModelConfig *config)
{
	json_t *described = json_pack(
		"{s:s, s:i, s:i, s:i, s:i, s:s, s:i, s:i, s:s, s:b}", "architecture",
		angle_architecture_name(config->architecture), "layers", config->layers,
		"hidden", config->hidden, "heads", config->heads, "intermediate",
		config->intermediate, "activation",
		angle_activation_name(config->activation), "dimensions",
		config->dimensions, "max_tokens", config->max_tokens, "pooling",
		angle_pooling_name(config->pooling), "pool_prompt",
		config->pool_prompt);

	json_object_update(about, described);
	json_decref(described);
	json_object_set_new(about, "modules", describe_modules(config));
	json_object_set_new(about, "prompts", describe_prompts(config));
	json_object_set_new(
		about, "default_prompt",
		config->default_prompt < 0
			? json_null()
			: json_string(config->prompts[config->default_prompt].name));
}

static json_t *
describe_array(const char *name, const char *type, const int64_t *shape,
			   int rank, size_t bytes)
{
	json_t *sizes = json_array();

	for (int i = 0; i < rank; i++)
		json_array_append_new(sizes, json_integer(shape[i]));
	return json_pack("{s:s, s:s, s:o, s:I}", "name", name, "type", type,
					 "shape", sizes, "bytes", (json_int_t) bytes);
}

/* ---- packed files ------------------------------------------------------- */

static const char *
packed_type_name(AnglePackedType type)
{
	switch (type)
	{
		case ANGLE_PACKED_BYTES:
			return "bytes";
		case ANGLE_PACKED_F32:
			return "F32";
		case ANGLE_PACKED_I32:
			return "I32";
		case ANGLE_PACKED_I8:
			return "I8";
		case ANGLE_PACKED_I8_PANEL:
			return "I8 panel";
		case ANGLE_PACKED_F32_PANEL:
			return "F32 panel";
	}
	return "?";
}

static json_t *
describe_packed_arrays(const AnglePackedFile *file)
{
	json_t *arrays = json_array();

	for (size_t i = 0; i < file->count; i++)
	{
		const AnglePackedArray *array = &file->arrays[i];
		const int64_t shape[] = {array->rows, array->columns};

		json_array_append_new(
			arrays, describe_array(array->name, packed_type_name(array->type),
								   shape, 2, array->data.size));
	}
	return arrays;
}

static AngleStatus
describe_image(const Arguments *arguments, AngleBytes image, json_t *about,
			   AngleArena *arena, AngleError *err)
{
	const AngleModelConfig *config;
	AnglePackedFile file;
	AngleModel *model;

	ANGLE_TRY(angle_packed_open(image, ANGLE_PACKED_CHECK_CONTENT,
								angle_interrupt_cancel(), arena, &file, err));
	ANGLE_TRY(angle_model_open(image, ANGLE_PACKED_CHECK_HEADER, NULL, arena,
							   &model, err));
	config = angle_model_config(model);
	json_object_set_new(about, "format", json_string("packed"));
	json_object_set_new(about, "bytes", json_integer((json_int_t) image.size));
	json_object_set_new(about, "checksum", json_string("verified"));
	json_object_set_new(
		about, "quantization",
		json_string(angle_quantization_name(config->quantization)));
	json_object_set_new(
		about, "parameters",
		json_integer((json_int_t) angle_model_parameters(model)));
	json_object_set_new(about, "vocabulary",
						json_integer((json_int_t) angle_tokenizer_vocab_size(
							angle_model_tokenizer(model))));
	describe_config(about, config);
	if (arguments->arrays)
		json_object_set_new(about, "arrays", describe_packed_arrays(&file));
	return ANGLE_OK;
}

static AngleStatus
describe_packed(const Arguments *arguments, json_t *about, AngleArena *arena,
				AngleError *err)
{
	AngleBytes image;
	AngleStatus status;

	ANGLE_TRY(angle_file_map(arguments->path, &image, err));
	status = describe_image(arguments, image, about, arena, err);
	if (status != ANGLE_OK)
		angle_prefix(err, "file \"%s\"", arguments->path);
	angle_file_unmap(&image);
	return status;
}

/* ---- model directories -------------------------------------------------- */

static void
describe_weights(const Arguments *arguments, json_t *about,
				 const AngleWeights *weights)
{
	size_t count;
	const AngleTensor *tensors = angle_weights_tensors(weights, &count);
	json_t *arrays = json_array();
	json_int_t parameters = 0;
	json_int_t bytes = 0;

	for (size_t i = 0; i < count; i++)
	{
		const AngleTensor *tensor = &tensors[i];

		parameters += (json_int_t) angle_tensor_elements(tensor);
		bytes += (json_int_t) tensor->data.size;
		json_array_append_new(
			arrays,
			describe_array(tensor->name, angle_dtype_name(tensor->dtype),
						   tensor->shape, tensor->rank, tensor->data.size));
	}
	json_object_set_new(about, "bytes", json_integer(bytes));
	json_object_set_new(about, "parameters", json_integer(parameters));
	if (arguments->arrays)
		json_object_set(about, "arrays", arrays);
	json_decref(arrays);
}

/* The tokenizer is built, because that is what tells whether it can be. */
static AngleStatus
describe_tokenizer(json_t *about, const AngleHubModel *hub, AngleArena *arena,
				   AngleError *err)
{
	AngleTokenizer *tokenizer;
	AngleBytes image;

	ANGLE_TRY(angle_hub_tokenizer(hub, arena, &image, &tokenizer, err));
	json_object_set_new(
		about, "vocabulary",
		json_integer((json_int_t) angle_tokenizer_vocab_size(tokenizer)));
	return ANGLE_OK;
}

static AngleStatus
describe_hub(json_t *about, const char *directory, AngleArena *arena,
			 AngleError *err)
{
	const AngleHubOptions options = {NULL, NULL};
	AngleHubModel hub = {.directory = NULL};
	AngleStatus status = angle_hub_open(directory, &options, arena, &hub, err);

	if (status == ANGLE_OK)
		status = describe_tokenizer(about, &hub, arena, err);
	if (status == ANGLE_OK)
		describe_config(about, &hub.config);
	angle_hub_close(&hub);
	return status;
}

static AngleStatus
describe_directory(const Arguments *arguments, json_t *about, AngleArena *arena,
				   AngleError *err)
{
	AngleWeights *weights;
	AngleStatus status;

	ANGLE_TRY(angle_weights_open(arguments->path, arena, &weights, err));
	json_object_set_new(
		about, "format",
		json_string(angle_weights_format(arguments->path) == ANGLE_WEIGHTS_TORCH
						? "directory, pytorch_model.bin"
						: "directory, safetensors"));
	describe_weights(arguments, about, weights);
	status = describe_hub(about, arguments->path, arena, err);
	angle_weights_close(weights);
	return status;
}

/* ---- output for a person ------------------------------------------------ */

/* One line: strings and numbers as they are, lists and objects in short. */
static void
print_value(const json_t *value)
{
	char *text;

	if (json_is_null(value))
		printf("none");
	else if ((json_is_array(value) && json_array_size(value) == 0) ||
			 (json_is_object(value) && json_object_size(value) == 0))
		printf("none");
	else
	{
		/* escapes whatever a terminal would take for a command */
		text = json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS);
		if (text == NULL)
			return;
		if (json_is_string(value) && strlen(text) >= 2)
			printf("%.*s", (int) strlen(text) - 2, text + 1);
		else
			printf("%s", text);
		free(text);
	}
}

static void
print_arrays(const json_t *arrays)
{
	const json_t *array;
	size_t i;

	printf("\n%-10s %14s  %-16s %s\n", "type", "bytes", "shape", "array");
	json_array_foreach(arrays, i, array)
	{
		char *shape = json_dumps(json_object_get(array, "shape"), JSON_COMPACT);

		printf("%-10s %14lld  %-16s ",
			   json_string_value(json_object_get(array, "type")),
			   (long long) json_integer_value(json_object_get(array, "bytes")),
			   shape != NULL ? shape : "");
		print_value(json_object_get(array, "name"));
		putchar('\n');
		free(shape);
	}
}

static void
print_text(json_t *about)
{
	const char *key;
	json_t *value;

	json_object_foreach(about, key, value)
	{
		if (strcmp(key, "arrays") == 0)
			continue;
		printf("%-16s", key);
		print_value(value);
		putchar('\n');
	}
	if (json_object_get(about, "arrays") != NULL)
		print_arrays(json_object_get(about, "arrays"));
}

/* ---- the command -------------------------------------------------------- */

static void
read_arguments(int argc, char **argv, Arguments *arguments)
{
	static const struct option options[] = {
		{"arrays", no_argument, NULL, 'a'},
		{"help", no_argument, NULL, ANGLE_OPTION_HELP},
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	const AngleCommand *command = &angle_inspect_command;
	int option;

	*arguments = (Arguments){.path = NULL};
	while ((option = angle_command_option(command, argc, argv, options)) != -1)
	{
		arguments->arrays |= option == 'a';
		arguments->json |= option == 'j';
	}
	if (argc - optind != 1)
		angle_usage_error(command, "one PATH is needed");
	arguments->path = argv[optind];
}

static AngleStatus
run(int argc, char **argv, AngleArena *arena, AngleError *err)
{
	Arguments arguments;
	AngleStatus status;
	json_t *about;

	read_arguments(argc, argv, &arguments);
	about = json_pack("{s:s%}", "path", arguments.path, strlen(arguments.path));
	if (about == NULL)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT, "the path is not UTF-8");
	status = angle_source_is_directory(arguments.path)
				 ? describe_directory(&arguments, about, arena, err)
				 : describe_packed(&arguments, about, arena, err);
	if (status == ANGLE_OK && arguments.json)
	{
		json_dumpf(about, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	else if (status == ANGLE_OK)
		print_text(about);
	json_decref(about);
	return status;
}

const AngleCommand angle_inspect_command = {
	"inspect",
	"[OPTION]… PATH",
	"show what a packed file or a model directory holds",
	"PATH is a packed file, whose checksum is verified, or a model directory.\n\n"
	"Options:\n"
	"  --arrays  list the arrays or tensors too\n"
	"  --json    print JSON, with the same names\n"
	"  --help    this text\n",
	NULL,
	run,
};
