/* config.json of transformers, and the single keys of other files. */
#include <string.h>

#include "core/model/fields.h"
#include "core/model/hub_parts.h"

static const AngleChoice activations[] = {
	{"gelu", ANGLE_ACTIVATION_GELU},
	{"gelu_new", ANGLE_ACTIVATION_GELU_TANH},
	{"gelu_pytorch_tanh", ANGLE_ACTIVATION_GELU_TANH},
	{"relu", ANGLE_ACTIVATION_RELU},
	{NULL, 0},
};

/* The classes that transformers builds around BertModel; what they add to it
 * is left aside. Custom code has other names, such as JinaBertModel. */
static bool
is_bert_class(const char *name)
{
	return strncmp(name, "BertFor", 7) == 0 || strcmp(name, "BertModel") == 0;
}

static AngleStatus
check_classes(AngleFields fields, AngleError *err)
{
	const json_t *classes;
	const json_t *class;
	size_t i;

	ANGLE_TRY(
		angle_fields_child(fields, "architectures", JSON_ARRAY, &classes, err));
	json_array_foreach((json_t *) classes, i, class)
	{
		const char *name = json_string_value(class);

		if (name == NULL)
			return angle_fields_fail(fields, "architectures", ANGLE_CORRUPT,
									 err, "must be an array of strings");
		if (!is_bert_class(name))
			return angle_fields_fail(fields, "architectures", ANGLE_UNSUPPORTED,
									 err, "names \"%.64s\", not a BertModel",
									 name);
	}
	return ANGLE_OK;
}

static AngleStatus
check_architecture(AngleFields fields, AngleModelConfig *config,
				   AngleError *err)
{
	const char *type = NULL;

	ANGLE_TRY(angle_fields_string(fields, "model_type", &type, err));
	if (type == NULL)
		return angle_fields_fail(fields, "model_type", ANGLE_CORRUPT, err,
								 "is missing");
	if (strcmp(type, "bert") != 0)
		return angle_fields_fail(fields, "model_type", ANGLE_UNSUPPORTED, err,
								 "is \"%.64s\", but only \"bert\" is supported",
								 type);
	config->architecture = ANGLE_ARCHITECTURE_BERT;
	return check_classes(fields, err);
}

/* Refuses what would change the forward pass. */
static AngleStatus
check_variant(AngleFields fields, AngleError *err)
{
	static const char *const flags[] = {"is_decoder", "add_cross_attention"};
	const char *position = "absolute";

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
	{
		bool flag = false;

		ANGLE_TRY(angle_fields_bool(fields, flags[i], &flag, err));
		if (flag)
			return angle_fields_fail(fields, flags[i], ANGLE_UNSUPPORTED, err,
									 "is true, which is not supported");
	}
	ANGLE_TRY(
		angle_fields_string(fields, "position_embedding_type", &position, err));
	if (strcmp(position, "absolute") != 0)
		return angle_fields_fail(fields, "position_embedding_type",
								 ANGLE_UNSUPPORTED, err,
								 "is \"%.64s\", but only \"absolute\" is "
								 "supported",
								 position);
	if (angle_fields_has(fields, "quantization_config"))
		return angle_fields_fail(fields, "quantization_config",
								 ANGLE_UNSUPPORTED, err,
								 "means quantized weights, which are not "
								 "supported");
	return ANGLE_OK;
}

/* The ranges that matter are angle_config_validate()'s. */
static AngleStatus
read_shape(AngleFields fields, AngleModelConfig *config, AngleError *err)
{
	const struct
	{
		const char *key;
		int *value;
		int absent;
	} sizes[] = {
		{"num_hidden_layers", &config->layers, 12},
		{"hidden_size", &config->hidden, 768},
		{"num_attention_heads", &config->heads, 12},
		{"intermediate_size", &config->intermediate, 3072},
		{"vocab_size", &config->vocab, 30522},
		{"max_position_embeddings", &config->positions, 512},
		{"type_vocab_size", &config->type_vocab, 2},
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		*sizes[i].value = sizes[i].absent;
		ANGLE_TRY(angle_fields_int(fields, sizes[i].key, 1, 10000000,
								   sizes[i].value, err));
	}
	return ANGLE_OK;
}

static AngleStatus
read_config(AngleFields fields, void *context, AngleError *err)
{
	AngleModelConfig *config = context;
	int activation = ANGLE_ACTIVATION_GELU;
	double norm_eps = 1e-12;

	ANGLE_TRY(check_architecture(fields, config, err));
	ANGLE_TRY(check_variant(fields, err));
	ANGLE_TRY(read_shape(fields, config, err));
	ANGLE_TRY(angle_fields_choice(fields, "hidden_act", activations,
								  &activation, err));
	config->activation = (AngleActivation) activation;
	ANGLE_TRY(angle_fields_real(fields, "layer_norm_eps", &norm_eps, err));
	config->norm_eps = (float) norm_eps;
	if (!(norm_eps > 0 && norm_eps < 1) || config->norm_eps <= 0)
		return angle_fields_fail(fields, "layer_norm_eps", ANGLE_CORRUPT, err,
								 "is %g, but must be between 0 and 1",
								 norm_eps);
	return ANGLE_OK;
}

AngleStatus
angle_hub_read_config(AngleBytes json, const char *file,
					  AngleModelConfig *config, AngleError *err)
{
	return angle_fields_read(json, file, JSON_OBJECT, read_config, config, err);
}

/* ---- single keys -------------------------------------------------------- */

typedef struct Limit
{
	const char *key;
	int *value;
} Limit;

static AngleStatus
read_limit(AngleFields fields, void *context, AngleError *err)
{
	const Limit *limit = context;
	double number = *limit->value;

	ANGLE_TRY(angle_fields_real(fields, limit->key, &number, err));
	if (number > 1e9)
		return ANGLE_OK;
	return angle_fields_int(fields, limit->key, 3, 1000000000, limit->value,
							err);
}

AngleStatus
angle_hub_read_limit(AngleBytes json, const char *file, const char *key,
					 int *limit, AngleError *err)
{
	Limit context = {key, limit};

	return angle_fields_read(json, file, JSON_OBJECT, read_limit, &context,
							 err);
}

static AngleStatus
read_lower_case(AngleFields fields, void *context, AngleError *err)
{
	return angle_fields_bool(fields, "do_lower_case", context, err);
}

AngleStatus
angle_hub_read_lower_case(AngleBytes json, const char *file, bool *value,
						  AngleError *err)
{
	return angle_fields_read(json, file, JSON_OBJECT, read_lower_case, value,
							 err);
}
