/*
 * Which inputs of the linear layers are outliers: much greater than the others
 * for nearly all tokens. No texts are needed to find them, for they are a
 * property of the weights: random tokens go through the model in F32, layer
 * after layer as these are packed, and the inputs with the greatest root mean
 * square are it (docs/design/0006-int8-with-outliers.md).
 */
#ifndef ANGLE_CALIBRATION_H
#define ANGLE_CALIBRATION_H

#include "core/base/arena.h"
#include "core/encoder/bert_source.h"

/* The parts of a layer, in the order in which tokens go through them. */
typedef enum AngleLayerPart
{
	ANGLE_LAYER_NO_PART,
	ANGLE_LAYER_QKV,
	ANGLE_LAYER_ATTENTION,
	ANGLE_LAYER_ATTENTION_NORM,
	ANGLE_LAYER_INTERMEDIATE,
	ANGLE_LAYER_OUTPUT,
	ANGLE_LAYER_OUTPUT_NORM
} AngleLayerPart;

typedef struct AngleCalibration AngleCalibration;

/* Weights of one part of a layer. */
typedef struct AngleCalibrationStep
{
	AngleLayerPart part;
	size_t rows;		 /* N, or C of a norm */
	size_t columns;		 /* K of a linear layer */
	const float *weight; /* (N, K), row-major, or (padded C) */
	const float *bias;	 /* (padded N), or (padded C) */
} AngleCalibrationStep;

/* Embeds random tokens. The result lies in arena; scratch is for the tables.
 * Errors: of angle_bert_source_read(). */
ANGLE_MUST_CHECK AngleStatus angle_calibration_start(
	const AngleBertSource *source, AngleArena *arena, AngleArena *scratch,
	AngleCalibration **calibration, AngleError *err);

/* The outliers (ANGLE_OUTLIERS) among the inputs of the part that comes next,
 * a linear layer with that many. Where there are fewer inputs, some repeat. */
void angle_calibration_outliers(const AngleCalibration *calibration,
								AngleLayerPart part, size_t inputs,
								int32_t *outliers);

/* Takes the tokens through the next part. */
ANGLE_MUST_CHECK AngleStatus angle_calibration_advance(
	AngleCalibration *calibration, const AngleCalibrationStep *step,
	AngleArena *scratch, AngleError *err);

#endif
