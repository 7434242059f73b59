#include "trainer/eval_retrieval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/nearest.h"

#define DEPTH 100

/* Documents that are embedded and compared at a time. */
#define BLOCK 8192

/* ---- searching ---------------------------------------------------------- */

/* What one evaluation works with. */
typedef struct Search
{
	const AngleRetrievalSet *set;
	const AngleRetrievalOptions *options;
	AngleEvalEncoder *encoder;
	AngleArena *memory;
	AngleNearest nearest;
} Search;

static AngleStatus
embed_queries(Search *search, AngleError *err)
{
	size_t count = search->set->query_count;
	size_t width = search->encoder->dimensions;
	AngleBytes *texts =
		angle_arena_alloc(search->memory, count, sizeof(AngleBytes));
	float *vectors =
		angle_arena_alloc(search->memory, count, width * sizeof(float));

	if (texts == NULL || vectors == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < count; i++)
		texts[i] = search->set->queries[i].text;
	ANGLE_TRY(angle_eval_embed(search->encoder, texts, count,
							   search->options->query_prompt, vectors, err));
	search->nearest = (AngleNearest){
		.similarity = search->options->similarity,
		.dimensions = width,
		.queries = count,
		/* one more: a document like the query may have to go */
		.most = DEPTH + 1,
		.executor = search->options->executor,
	};
	return angle_nearest_start(&search->nearest, vectors, search->memory, err);
}

static AngleStatus
search_documents(Search *search, AngleError *err)
{
	const AngleRetrievalSet *set = search->set;
	size_t most = set->document_count < BLOCK ? set->document_count : BLOCK;
	float *vectors = angle_arena_alloc(
		search->memory, most, search->encoder->dimensions * sizeof(float));

	if (vectors == NULL)
		return angle_no_memory(err);
	for (size_t done = 0; done < set->document_count; done += BLOCK)
	{
		size_t left = set->document_count - done;
		size_t count = left < BLOCK ? left : BLOCK;

		ANGLE_TRY(angle_eval_embed(search->encoder, set->documents + done,
								   count, search->options->passage_prompt,
								   vectors, err));
		angle_nearest_add(&search->nearest, vectors, count, done);
	}
	angle_nearest_finish(&search->nearest);
	return ANGLE_OK;
}

/* ---- scores of one query ------------------------------------------------ */

/* The relevance of each answer, and of the documents that are relevant. */
typedef struct Answers
{
	int gains[DEPTH]; /* (count) 0: not relevant */
	size_t count;
	const int *ideal; /* (relevant) the greatest first */
	size_t relevant;
} Answers;

static int
relevance_of(const AngleRetrievalQuery *query, size_t document)
{
	size_t low = 0;
	size_t high = query->judgement_count;

	while (low < high)
	{
		size_t middle = (low + high) / 2;

		if (query->judgements[middle].document < document)
			low = middle + 1;
		else
			high = middle;
	}
	return low < query->judgement_count &&
				   query->judgements[low].document == document
			   ? query->judgements[low].relevance
			   : 0;
}

static double
dcg(const int *gains, size_t count, size_t depth)
{
	double sum = 0;

	for (size_t i = 0; i < count && i < depth; i++)
		sum += gains[i] / log2((double) i + 2);
	return sum;
}

static double
ndcg(const Answers *answers, size_t depth)
{
	return dcg(answers->gains, answers->count, depth) /
		   dcg(answers->ideal, answers->relevant, depth);
}

static double
recall(const Answers *answers, size_t depth)
{
	size_t found = 0;

	for (size_t i = 0; i < answers->count && i < depth; i++)
		found += answers->gains[i] > 0;
	return (double) found / (double) answers->relevant;
}

static double
reciprocal_rank(const Answers *answers, size_t depth)
{
	for (size_t i = 0; i < answers->count && i < depth; i++)
	{
		if (answers->gains[i] > 0)
			return 1.0 / (double) (i + 1);
	}
	return 0;
}

static double
average_precision(const Answers *answers, size_t depth)
{
	size_t found = 0;
	double sum = 0;

	for (size_t i = 0; i < answers->count && i < depth; i++)
	{
		if (answers->gains[i] == 0)
			continue;
		found++;
		sum += (double) found / (double) (i + 1);
	}
	return sum / (double) answers->relevant;
}

static void
add_scores(const Answers *answers, double share, AngleRetrievalScores *scores)
{
	scores->ndcg_10 += share * ndcg(answers, 10);
	scores->ndcg_100 += share * ndcg(answers, 100);
	scores->recall_1 += share * recall(answers, 1);
	scores->recall_10 += share * recall(answers, 10);
	scores->recall_100 += share * recall(answers, 100);
	scores->mrr_10 += share * reciprocal_rank(answers, 10);
	scores->map_100 += share * average_precision(answers, 100);
}

static int
descending(const void *a, const void *b)
{
	int x = *(const int *) a;
	int y = *(const int *) b;

	return x > y ? -1 : x < y;
}

/* Scores what was found for a query; ideal has room for its judgements. */
static void
score_query(const Search *search, size_t index, int *ideal,
			AngleRetrievalScores *scores)
{
	const AngleRetrievalSet *set = search->set;
	const AngleRetrievalQuery *query = &set->queries[index];
	const AngleNeighbour *found =
		search->nearest.heaps + index * search->nearest.most;
	Answers answers = {.ideal = ideal, .relevant = query->judgement_count};

	for (size_t i = 0; i < query->judgement_count; i++)
		ideal[i] = query->judgements[i].relevance;
	qsort(ideal, query->judgement_count, sizeof(int), descending);
	for (size_t i = 0;
		 i < search->nearest.counts[index] && answers.count < DEPTH; i++)
	{
		if (strcmp(set->document_ids[found[i].index], query->id) == 0)
			continue;
		answers.gains[answers.count++] = relevance_of(query, found[i].index);
	}
	add_scores(&answers, 1.0 / (double) set->query_count, scores);
}

/* ---- evaluation --------------------------------------------------------- */

static AngleStatus
score_queries(const Search *search, AngleRetrievalScores *scores,
			  AngleError *err)
{
	const AngleRetrievalSet *set = search->set;
	size_t most = 0;
	int *ideal;

	for (size_t i = 0; i < set->query_count; i++)
	{
		if (set->queries[i].judgement_count > most)
			most = set->queries[i].judgement_count;
	}
	ideal = angle_arena_alloc(search->memory, most, sizeof(int));
	if (ideal == NULL)
		return angle_no_memory(err);
	*scores = (AngleRetrievalScores){0};
	for (size_t i = 0; i < set->query_count; i++)
		score_query(search, i, ideal, scores);
	return ANGLE_OK;
}

AngleStatus
angle_eval_retrieval(const AngleRetrievalSet *set,
					 const AngleRetrievalOptions *options,
					 AngleEvalEncoder *encoder, AngleRetrievalScores *scores,
					 AngleError *err)
{
	Search search = {.set = set,
					 .options = options,
					 .encoder = encoder,
					 .memory = angle_arena_create(NULL)};
	AngleStatus status;

	if (search.memory == NULL)
		return angle_no_memory(err);
	status = embed_queries(&search, err);
	if (status == ANGLE_OK)
		status = search_documents(&search, err);
	if (status == ANGLE_OK)
		status = score_queries(&search, scores, err);
	angle_arena_destroy(search.memory);
	return status;
}
