/*
 * What a model is, apart from its weights: read from the JSON files of a hub
 * directory, stored as JSON in the packed file.
 */
#ifndef ANGLE_CONFIG_H
#define ANGLE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/status.h"

typedef enum AngleArchitecture
{
	ANGLE_ARCHITECTURE_BERT, /* BertModel: post-norm, absolute positions */
} AngleArchitecture;

typedef enum AngleActivation
{
	ANGLE_ACTIVATION_IDENTITY,
	ANGLE_ACTIVATION_GELU,		/* x Φ(x), by erf */
	ANGLE_ACTIVATION_GELU_TANH, /* gelu_new, gelu_pytorch_tanh */
	ANGLE_ACTIVATION_RELU,
	ANGLE_ACTIVATION_TANH,
} AngleActivation;

/* How the states of the tokens become one vector. */
typedef enum AnglePooling
{
	ANGLE_POOLING_CLS,	   /* the first token */
	ANGLE_POOLING_MEAN,	   /* the mean of all tokens */
	ANGLE_POOLING_CLS_AVG, /* (first + mean) / 2 */
	ANGLE_POOLING_LAST,	   /* the last token */
	ANGLE_POOLING_MAX,	   /* the greatest value of each component */
} AnglePooling;

typedef enum AngleQuantization
{
	ANGLE_QUANTIZATION_F32,
	ANGLE_QUANTIZATION_INT8,
} AngleQuantization;

/* A step after pooling, in sentence-transformers' sense. */
typedef enum AngleModuleKind
{
	ANGLE_MODULE_DENSE,		/* activation(W x + b) */
	ANGLE_MODULE_NORMALIZE, /* x / ‖x‖ */
} AngleModuleKind;

typedef struct AngleModule
{
	AngleModuleKind kind;
	/* of ANGLE_MODULE_DENSE only */
	int inputs;
	int outputs;
	bool bias;
	AngleActivation activation;
} AngleModule;

#define ANGLE_MAX_MODULES 8

/* A named template: prefix + text + suffix. */
typedef struct AnglePrompt
{
	const char *name;
	const char *prefix;
	const char *suffix;
} AnglePrompt;

typedef struct AngleModelConfig
{
	AngleArchitecture architecture;
	AngleQuantization quantization; /* of the weights in a packed file */
	int layers;
	int hidden; /* width of the token states */
	int heads;	/* divides hidden */
	int intermediate;
	int vocab;
	int positions;	/* rows of the position table */
	int type_vocab; /* rows of the token type table; row 0 is used */
	float norm_eps;
	AngleActivation activation;

	int max_tokens; /* special tokens included; at most positions */
	AnglePooling pooling;
	bool pool_prompt; /* whether the prompt's tokens take part in pooling */
	int module_count;
	AngleModule modules[ANGLE_MAX_MODULES];
	int dimensions; /* of the embedding, after the modules */

	int prompt_count;
	const AnglePrompt *prompts; /* (prompt_count) */
	int default_prompt;			/* index into prompts, or −1 for none */
} AngleModelConfig;

/* Whether every field is in range and the fields agree with each other: what
 * the encoder relies on. where names the source in messages.
 * Errors: ANGLE_CORRUPT, ANGLE_UNSUPPORTED. */
ANGLE_MUST_CHECK AngleStatus angle_config_validate(
	const AngleModelConfig *config, const char *where, AngleError *err);

/* The JSON of the packed file (docs/model-format.md, "Configuration"), in
 * arena, without a NUL. */
ANGLE_MUST_CHECK AngleStatus angle_config_write(const AngleModelConfig *config,
												AngleArena *arena,
												AngleBytes *json,
												AngleError *err);

/* Reads and validates it; unknown keys are refused. Strings lie in arena. */
ANGLE_MUST_CHECK AngleStatus angle_config_read(AngleBytes json,
											   AngleArena *arena,
											   AngleModelConfig *config,
											   AngleError *err);

/* "bert"; "gelu", …; "cls", …; "f32", "int8". */
const char *angle_architecture_name(AngleArchitecture architecture);
const char *angle_activation_name(AngleActivation activation);
const char *angle_pooling_name(AnglePooling pooling);
const char *angle_quantization_name(AngleQuantization quantization);

/* The inverse, for options and files; false if name is none of them. */
bool angle_pooling_from_name(const char *name, AnglePooling *pooling);
bool
angle_quantization_from_name(const char *name, AngleQuantization *quantization);

/* The prompt called name, or NULL. */
const AnglePrompt *
angle_config_prompt(const AngleModelConfig *config, const char *name);

#endif
