/* Retrieval sets, and how well a search by similarity finds what is relevant. */
#ifndef ANGLE_EVAL_RETRIEVAL_H
#define ANGLE_EVAL_RETRIEVAL_H

#include "core/base/executor.h"
#include "trainer/eval_encoder.h"

/* The files of a set, TSV or JSONL. Their columns have the names of BEIR or plain
 * ones: _id, doc_id or id, title (may be missing) and text; _id, query_id or id,
 * and text; query-id or query_id, corpus-id or doc_id, and score or relevance. */
typedef struct AngleRetrievalFiles
{
	const char *name; /* of the set */
	const char *corpus;
	const char *queries;
	const char *qrels;
} AngleRetrievalFiles;

typedef struct AngleJudgement
{
	size_t document;
	int relevance; /* 1 or more */
} AngleJudgement;

typedef struct AngleRetrievalQuery
{
	const char *id;
	AngleBytes text;
	const AngleJudgement *judgements; /* (judgement_count) */
	size_t judgement_count;			  /* at least 1 */
} AngleRetrievalQuery;

/* Queries without a relevant document are left out, as in BEIR. */
typedef struct AngleRetrievalSet
{
	const char *name;
	size_t document_count;
	const char **document_ids;	 /* (document_count) */
	const AngleBytes *documents; /* (document_count): title, space, text */
	size_t query_count;
	const AngleRetrievalQuery *queries; /* (query_count) */
} AngleRetrievalSet;

/* Reads the set at directory (corpus, queries and qrels of the split, see
 * docs/evaluation.md for their names).
 * Errors: ANGLE_NOT_FOUND, with the names that were looked for. */
ANGLE_MUST_CHECK AngleStatus angle_retrieval_find(const char *directory,
												  const char *split,
												  AngleArena *arena,
												  AngleRetrievalFiles *files,
												  AngleError *err);

/* Reads a set into arena.
 * Errors: ANGLE_CORRUPT also for an identifier that occurs twice and a judgement
 * of what does not exist; ANGLE_TOO_LARGE above 2³² documents. */
ANGLE_MUST_CHECK AngleStatus angle_retrieval_read(
	const AngleRetrievalFiles *files, const AngleCancel *cancel,
	AngleArena *arena, AngleRetrievalSet *set, AngleError *err);

typedef struct AngleRetrievalOptions
{
	AngleSimilarity similarity;
	const char *query_prompt; /* name or template; NULL: the model's default */
	const char *passage_prompt;
	AngleExecutor *executor; /* for the search; NULL: the calling thread */
} AngleRetrievalOptions;

/* Means over the queries, as trec_eval defines them; a document that has the
 * identifier of the query is not among the answers, as in BEIR. */
typedef struct AngleRetrievalScores
{
	double ndcg_10; /* gain: the relevance itself; discount: log2(1 + rank) */
	double ndcg_100;
	double recall_1;
	double recall_10;
	double recall_100;
	double mrr_10;
	double map_100;
} AngleRetrievalScores;

/* Searches exactly, all documents for each query. Of two documents as similar
 * the one that comes first in the corpus counts as nearer. Memory beside the set:
 * the embeddings of the queries and 100 answers for each, and of some thousand
 * documents at a time. */
ANGLE_MUST_CHECK AngleStatus angle_eval_retrieval(
	const AngleRetrievalSet *set, const AngleRetrievalOptions *options,
	AngleEvalEncoder *encoder, AngleRetrievalScores *scores, AngleError *err);

#endif
