/* Where a checkpoint of BertModel keeps its weights. */
#ifndef ANGLE_BERT_SOURCE_H
#define ANGLE_BERT_SOURCE_H

#include "core/base/arena.h"
#include "core/base/status.h"
#include "core/model/config.h"
#include "core/model/tensor.h"

typedef struct AngleBertSource
{
	const AngleTensorList *list;
	const AngleModelConfig *config;
	const char *prefix; /* before every name: "", "bert.", … */
} AngleBertSource;

/* What is wanted of a tensor: (rows, columns), or (rows) where columns is 0. */
typedef struct AngleSourceShape
{
	size_t rows;
	size_t columns;
} AngleSourceShape;

/* Finds out the prefix. Errors: ANGLE_NOT_FOUND (no word embeddings). */
ANGLE_MUST_CHECK AngleStatus angle_bert_source_open(
	const AngleTensorList *list, const AngleModelConfig *config,
	AngleBertSource *source, AngleError *err);

/* The tensor "prefix" + name, which must have shape, as floats in arena. Norms
 * may be named by their older names, gamma and beta.
 * Errors: ANGLE_NOT_FOUND, ANGLE_CORRUPT; they name the file and the tensor. */
ANGLE_MUST_CHECK AngleStatus angle_bert_source_read(
	const AngleBertSource *source, const char *name, AngleSourceShape shape,
	AngleArena *arena, float **values, AngleError *err);

#endif
