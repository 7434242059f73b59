/* What `angle train` was asked for. */
#ifndef ANGLE_TRAIN_SETTINGS_H
#define ANGLE_TRAIN_SETTINGS_H

#include "core/train/objective.h"
#include "trainer/dataset_arguments.h"
#include "trainer/output.h"

#define ANGLE_MAX_EVALUATIONS 32
#define ANGLE_MAX_LENGTHS 16

/* What becomes of a run that was stopped in the same place. */
typedef enum AngleTrainStart
{
	ANGLE_TRAIN_NEW,	 /* it is in the way: an error */
	ANGLE_TRAIN_RESUME,	 /* it goes on */
	ANGLE_TRAIN_RESTART, /* it is forgotten */
} AngleTrainStart;

/* A set that is measured during training. */
typedef struct AngleTrainEvaluation
{
	const char *path; /* a file of labelled pairs, or a retrieval set */
	const char
		*split; /* of the retrieval set; NULL: these are labelled pairs */
} AngleTrainEvaluation;

typedef struct AngleTrainSettings
{
	const char *model;	/* a hub directory */
	const char *output; /* the directory to make */
	const char *folder; /* of the run, beside output, until it is complete */
	AngleOverwrite overwrite;
	AngleTrainStart start;
	const char *command; /* as it was typed, for the model card */

	AngleDatasetArguments data;
	AngleMixture mixture;
	AngleMixtureUnit unit;
	AngleTrainEvaluation evaluations[ANGLE_MAX_EVALUATIONS];
	int evaluation_count;
	const char *evaluation_prompt; /* of labelled pairs */

	const char *preset;
	AngleObjective objective; /* without views, which follow from the next */
	int lengths[ANGLE_MAX_LENGTHS]; /* beside the whole embedding */
	int length_count;
	int elastic; /* length at which every layer is trained; 0: none is */
	const char *teacher; /* a model, or NULL */

	int batch;		/* rows */
	int mini_batch; /* rows that are encoded at once; 0: the batch */
	int accumulate; /* batches of a step */
	double epochs;
	int steps;		/* 0: what the epochs make */
	int max_tokens; /* 0: the model's */
	double rate;
	double decay;
	double clip;
	bool normalize; /* every gradient to the norm clip */
	double warmup;	/* part of all steps */
	double dropout; /* negative: the model's own */
	int seed;
	int threads;
	int eval_steps; /* 0: a tenth of all steps */
	int save_steps; /* 0: the same */
	int patience;	/* evaluations without a better score; 0: no limit */
} AngleTrainSettings;

#endif
