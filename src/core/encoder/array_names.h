/* The names of the arrays in a packed BERT model, for the code that writes them
 * and the code that looks them up (docs/model-format.md, "Arrays"). */
#ifndef ANGLE_ARRAY_NAMES_H
#define ANGLE_ARRAY_NAMES_H

#define ANGLE_ARRAY_TOKENIZER "tokenizer"
#define ANGLE_ARRAY_WORDS "embeddings.word"
#define ANGLE_ARRAY_POSITIONS "embeddings.position"
#define ANGLE_ARRAY_TOKEN_TYPE "embeddings.token_type"
#define ANGLE_ARRAY_NORM "embeddings.norm"

/* Take the layer's number. */
#define ANGLE_ARRAY_QKV "layer.%03d.qkv"
#define ANGLE_ARRAY_ATTENTION "layer.%03d.attention"
#define ANGLE_ARRAY_ATTENTION_NORM "layer.%03d.attention_norm"
#define ANGLE_ARRAY_INTERMEDIATE "layer.%03d.intermediate"
#define ANGLE_ARRAY_OUTPUT "layer.%03d.output"
#define ANGLE_ARRAY_OUTPUT_NORM "layer.%03d.output_norm"

/* Takes the module's number. */
#define ANGLE_ARRAY_MODULE "module.%03d"

/* A linear layer and a norm have several arrays each: name.part. */
#define ANGLE_PART_WEIGHT "weight"
#define ANGLE_PART_BIAS "bias"
#define ANGLE_PART_SCALE "scale"
#define ANGLE_PART_SUM "sum"
#define ANGLE_PART_OUTLIERS "outliers"
#define ANGLE_PART_OUTLIER_WEIGHT "outlier_weight"

#define ANGLE_ARRAY_NAME_SIZE 64

#endif
