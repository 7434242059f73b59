/* What training minimises: the weighted sum of losses over a batch, perhaps at
 * several lengths of the embedding and behind several layers. */
#ifndef ANGLE_OBJECTIVE_H
#define ANGLE_OBJECTIVE_H

#include <stdbool.h>

#include "core/train/losses.h"

#define ANGLE_MAX_VIEWS 64

/* A prefix of the embeddings behind one of the layers. */
typedef struct AngleLossView
{
	int layer; /* index into the layers of the batch */
	size_t dimensions;
	double weight;
	bool
		compress; /* whether they learn the principal components of the whole */
} AngleLossView;

typedef struct AngleObjective
{
	double cosine; /* weights of the losses */
	double in_batch;
	double angle;
	double negatives; /* of the contrast with hard negatives */
	double cosine_tau;
	double in_batch_tau;
	double angle_tau;
	double compression;	  /* of the alignment with principal components */
	double positive_from; /* a pair is positive with at least this label */
	/* to a teacher, of the whole embedding behind the last layer */
	double mse;
	double similarity;
	double similarity_tau;
	int view_count;
	AngleLossView views[ANGLE_MAX_VIEWS];
} AngleObjective;

/* What a row of texts is. */
typedef enum AngleObjectiveShape
{
	ANGLE_OBJECTIVE_LABELLED, /* two texts and a label */
	ANGLE_OBJECTIVE_POSITIVE, /* a query, its positive and perhaps negatives */
} AngleObjectiveShape;

typedef struct AngleObjectiveBatch
{
	AngleObjectiveShape shape;
	size_t rows;
	size_t columns; /* texts of a row */
	int layers;
	size_t dimensions;
	const double *labels;  /* (rows) of ANGLE_OBJECTIVE_LABELLED */
	const double *values;  /* (layers, rows, columns, dimensions) */
	double *gradients;	   /* the same, overwritten */
	const double *teacher; /* (rows, columns, teacher_dimensions) or NULL */
	size_t teacher_dimensions;
} AngleObjectiveBatch;

/* The published weights, by the name of a release: "angle-0.1", "angle-0.5",
 * "angle-0.6", "uae"; false if name is none of them. */
bool angle_objective_preset(const char *name, AngleObjective *objective);

/* Sets *loss and batch's gradients.
 * labelled:  cosine L_cos + in_batch L_ibn + angle L_angle
 * positive:  in_batch L_con(q, p)
 * negatives: (in_batch L_con(q, p) + negatives L_con(q, p, n…))/2 + angle L_angle
 *            + cosine L_cos, these over (q, p) labelled 1 and (q, n) labelled 0
 * and for each view that learns them compression L_alignment to the principal
 * components (compression.h), which are constants to the gradient.
 * Errors: ANGLE_NO_MEMORY. */
ANGLE_MUST_CHECK AngleStatus angle_objective_compute(
	const AngleObjective *objective, const AngleObjectiveBatch *batch,
	AngleArena *scratch, double *loss, AngleError *err);

#endif
