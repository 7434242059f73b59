/* modules.json of sentence-transformers and the files of its modules. */
#include <stddef.h>
#include <string.h>

#include "core/model/fields.h"
#include "core/model/hub_parts.h"

/* Classes by the last component of their dotted names. */
typedef enum ModuleClass
{
	CLASS_TRANSFORMER,
	CLASS_POOLING,
	CLASS_DENSE,
	CLASS_NORMALIZE,
} ModuleClass;

static const AngleChoice classes[] = {
	{"Transformer", CLASS_TRANSFORMER},
	{"Pooling", CLASS_POOLING},
	{"Dense", CLASS_DENSE},
	{"Normalize", CLASS_NORMALIZE},
	{NULL, 0},
};

static const AngleChoice activations[] = {
	{"Identity", ANGLE_ACTIVATION_IDENTITY},
	{"Tanh", ANGLE_ACTIVATION_TANH},
	{"ReLU", ANGLE_ACTIVATION_RELU},
	{"GELU", ANGLE_ACTIVATION_GELU},
	{NULL, 0},
};

typedef struct Reading
{
	AngleArena *arena;
	AngleHubModules *modules;
} Reading;

static const char *
last_component(const char *dotted)
{
	const char *dot = strrchr(dotted, '.');

	return dot != NULL ? dot + 1 : dotted;
}

/* Whether path stays inside the directory: names with single slashes between
 * them, none of which starts with a dot. */
static bool
is_inner_path(const char *path)
{
	if (*path == '\0')
		return true;
	for (const char *name = path; name != NULL;)
	{
		const char *slash = strchr(name, '/');

		if (*name == '.' || *name == '/' || *name == '\0')
			return false;
		name = slash != NULL ? slash + 1 : NULL;
	}
	return true;
}

static AngleStatus
read_path(AngleFields entry, AngleArena *arena, const char **copy,
		  AngleError *err)
{
	const char *path = "";

	ANGLE_TRY(angle_fields_string(entry, "path", &path, err));
	if (!is_inner_path(path))
		return angle_fields_fail(entry, "path", ANGLE_CORRUPT, err,
								 "is \"%.128s\", not a folder of the model",
								 path);
	*copy = angle_arena_strdup(arena, path, strlen(path));
	return *copy != NULL ? ANGLE_OK : angle_no_memory(err);
}

static AngleStatus
read_class(AngleFields entry, ModuleClass *class, AngleError *err)
{
	const char *type = NULL;
	int value;

	ANGLE_TRY(angle_fields_string(entry, "type", &type, err));
	if (type == NULL)
		return angle_fields_fail(entry, "type", ANGLE_CORRUPT, err,
								 "is missing");
	if (!angle_choice_find(classes, last_component(type), &value))
		return angle_fields_fail(
			entry, "type", ANGLE_UNSUPPORTED, err,
			"is \"%.128s\", a module that is not supported", type);
	*class = (ModuleClass) value;
	return ANGLE_OK;
}

/* Adds a module after pooling. */
static AngleStatus
add_step(AngleFields entry, ModuleClass class, const char *path,
		 AngleHubModules *modules, AngleError *err)
{
	if (modules->count == ANGLE_MAX_MODULES)
		return angle_fields_fail(entry, "type", ANGLE_UNSUPPORTED, err,
								 "is of one module more than the %d supported",
								 ANGLE_MAX_MODULES);
	modules->kinds[modules->count] =
		class == CLASS_DENSE ? ANGLE_MODULE_DENSE : ANGLE_MODULE_NORMALIZE;
	modules->folders[modules->count++] = path;
	return ANGLE_OK;
}

static AngleStatus
read_module(AngleFields entry, size_t index, const Reading *reading,
			AngleError *err)
{
	AngleHubModules *modules = reading->modules;
	const char *path;
	ModuleClass class = CLASS_TRANSFORMER;

	ANGLE_TRY(read_class(entry, &class, err));
	ANGLE_TRY(read_path(entry, reading->arena, &path, err));
	if ((class == CLASS_TRANSFORMER) != (index == 0) ||
		(class == CLASS_POOLING) != (index == 1))
		return angle_fail(err, ANGLE_UNSUPPORTED,
						  "file \"%s\" must list Transformer first, Pooling "
						  "second, and neither again",
						  entry.file);
	if (class == CLASS_TRANSFORMER)
		modules->transformer = path;
	else if (class == CLASS_POOLING)
		modules->pooling = path;
	else
		return add_step(entry, class, path, modules, err);
	return ANGLE_OK;
}

static AngleStatus
read_modules(AngleFields fields, void *context, AngleError *err)
{
	size_t count = json_array_size(fields.value);

	for (size_t i = 0; i < count; i++)
	{
		AngleFields entry = {json_array_get(fields.value, i), fields.file};

		ANGLE_TRY(read_module(entry, i, context, err));
	}
	return ANGLE_OK;
}

AngleStatus
angle_hub_read_modules(AngleBytes json, const char *file, AngleArena *arena,
					   AngleHubModules *modules, AngleError *err)
{
	Reading reading = {arena, modules};

	*modules = (AngleHubModules){.transformer = ""};
	return angle_fields_read(json, file, JSON_ARRAY, read_modules, &reading,
							 err);
}

/* ---- files of the modules ----------------------------------------------- */

/* Newer modules can be told to work on something else than the embedding. */
static AngleStatus
check_names(AngleFields fields, AngleError *err)
{
	static const char *const keys[] = {"module_input_name",
									   "module_output_name"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
	{
		const char *name = "sentence_embedding";

		ANGLE_TRY(angle_fields_string(fields, keys[i], &name, err));
		if (strcmp(name, "sentence_embedding") != 0)
			return angle_fields_fail(fields, keys[i], ANGLE_UNSUPPORTED, err,
									 "is \"%.64s\", but only "
									 "\"sentence_embedding\" is supported",
									 name);
	}
	return ANGLE_OK;
}

static AngleStatus
read_dense(AngleFields fields, void *context, AngleError *err)
{
	AngleModule *module = context;
	const char *class = "Tanh";
	bool residual = false;
	int activation;

	ANGLE_TRY(check_names(fields, err));
	ANGLE_TRY(angle_fields_bool(fields, "use_residual", &residual, err));
	if (residual)
		return angle_fields_fail(fields, "use_residual", ANGLE_UNSUPPORTED, err,
								 "is true, which is not supported");
	ANGLE_TRY(angle_fields_int(fields, "in_features", 1, 65536, &module->inputs,
							   err));
	ANGLE_TRY(angle_fields_int(fields, "out_features", 1, 65536,
							   &module->outputs, err));
	if (module->inputs == 0 || module->outputs == 0)
		return angle_fields_fail(
			fields, module->inputs == 0 ? "in_features" : "out_features",
			ANGLE_CORRUPT, err, "is missing");
	ANGLE_TRY(angle_fields_bool(fields, "bias", &module->bias, err));
	ANGLE_TRY(angle_fields_string(fields, "activation_function", &class, err));
	if (!angle_choice_find(activations, last_component(class), &activation))
		return angle_fields_fail(
			fields, "activation_function", ANGLE_UNSUPPORTED, err,
			"is \"%.128s\", which is not supported", class);
	module->activation = (AngleActivation) activation;
	return ANGLE_OK;
}

AngleStatus
angle_hub_read_dense(AngleBytes json, const char *file, AngleModule *module,
					 AngleError *err)
{
	*module = (AngleModule){.kind = ANGLE_MODULE_DENSE, .bias = true};
	return angle_fields_read(json, file, JSON_OBJECT, read_dense, module, err);
}

static AngleStatus
read_normalize(AngleFields fields, void *context, AngleError *err)
{
	(void) context;
	return check_names(fields, err);
}

AngleStatus
angle_hub_read_normalize(AngleBytes json, const char *file, AngleError *err)
{
	return angle_fields_read(json, file, JSON_OBJECT, read_normalize, NULL,
							 err);
}
