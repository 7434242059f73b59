#include "trainer/train_sets.h"

#include <math.h>

#include "trainer/interrupt.h"
#include "trainer/model_encoder.h"

static AngleStatus
read_set(const AngleTrainEvaluation *evaluation, AngleArena *arena,
		 AngleTrainSet *set, AngleError *err)
{
	AngleRetrievalFiles files;

	set->is_retrieval = evaluation->split != NULL;
	if (set->is_retrieval)
	{
		ANGLE_TRY(angle_retrieval_find(evaluation->path, evaluation->split,
									   arena, &files, err));
		set->name = files.name;
		return angle_retrieval_read(&files, angle_interrupt_cancel(), arena,
									&set->retrieval, err);
	}
	ANGLE_TRY(angle_eval_pairs_read(
		&(AngleDatasetSource){.path = evaluation->path,
							  .shape = ANGLE_ROW_LABELLED,
							  .empty = ANGLE_EMPTY_KEEP},
		angle_interrupt_cancel(), arena, &set->pairs, err));
	set->name = set->pairs.name;
	return ANGLE_OK;
}

AngleStatus
angle_train_sets_read(const AngleTrainSettings *settings, AngleArena *arena,
					  AngleTrainSet **sets, AngleError *err)
{
	size_t count = (size_t) settings->evaluation_count;

	*sets = angle_arena_zalloc(arena, count + 1, sizeof(AngleTrainSet));
	if (*sets == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < count; i++)
		ANGLE_TRY(read_set(&settings->evaluations[i], arena, &(*sets)[i], err));
	return ANGLE_OK;
}

static AngleStatus
measure_pairs(const AngleTrainSet *set, AngleTrainee *trainee, double *score,
			  AngleError *err)
{
	AngleEvalEncoder encoder = angle_trainee_encoder(trainee);
	AngleEvalPairsOptions how = {
		.similarity = ANGLE_SIMILARITY_COSINE,
		.prompt = trainee->settings->evaluation_prompt,
	};
	AngleStsScores sts;

	ANGLE_TRY(angle_eval_sts(&set->pairs, &how, &encoder, &sts, err));
	*score = isnan(sts.spearman) ? 0 : 100 * sts.spearman;
	return ANGLE_OK;
}

static AngleStatus
measure_retrieval(const AngleTrainSet *set, AngleTrainee *trainee,
				  double *score, AngleError *err)
{
	AngleEvalEncoder encoder = angle_trainee_encoder(trainee);
	const AngleModel *model = &trainee->model->model;
	AngleRetrievalOptions how = {
		.similarity = ANGLE_SIMILARITY_COSINE,
		.query_prompt = angle_model_query_prompt(model),
		.passage_prompt = angle_model_passage_prompt(model),
		.executor = trainee->executor,
	};
	AngleRetrievalScores scores;

	ANGLE_TRY(
		angle_eval_retrieval(&set->retrieval, &how, &encoder, &scores, err));
	*score = 100 * scores.ndcg_10;
	return ANGLE_OK;
}

AngleStatus
angle_train_set_measure(const AngleTrainSet *set, AngleTrainee *trainee,
						double *score, AngleError *err)
{
	return set->is_retrieval ? measure_retrieval(set, trainee, score, err)
							 : measure_pairs(set, trainee, score, err);
}
