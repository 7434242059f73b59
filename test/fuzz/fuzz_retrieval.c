/* Any bytes as the files of a retrieval set, each cut off by a byte 0x1e: corpus,
 * queries, judgements. They are refused, or give a set that can be evaluated, with
 * scores between 0 and 1. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "trainer/eval_retrieval.h"

#define SEPARATOR 0x1e
#define FILES 3
#define DIMENSIONS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

/* Vectors that only the text decides. */
static AngleStatus
embed(void *context, const AngleBytes *texts, size_t count, const char *prompt,
	  float *out, AngleError *err)
{
	(void) context;
	(void) prompt;
	(void) err;
	for (size_t i = 0; i < count * DIMENSIONS; i++)
	{
		AngleBytes text = texts[i / DIMENSIONS];
		uint64_t hash =
			XXH3_64bits_withSeed(text.data, text.size, i % DIMENSIONS);

		out[i] = (float) (hash % 201) / 100 - 1;
	}
	return ANGLE_OK;
}

static void
check_set(const AngleRetrievalSet *set)
{
	require(set->query_count > 0 && set->document_count > 0);
	for (size_t i = 0; i < set->query_count; i++)
	{
		const AngleRetrievalQuery *query = &set->queries[i];

		require(query->judgement_count > 0);
		for (size_t j = 0; j < query->judgement_count; j++)
			require(query->judgements[j].document < set->document_count &&
					query->judgements[j].relevance > 0 &&
					(j == 0 || query->judgements[j - 1].document <
								   query->judgements[j].document));
	}
}

static void
check_scores(const AngleRetrievalScores *scores)
{
	const double all[] = {scores->ndcg_10,	  scores->ndcg_100,
						  scores->recall_1,	  scores->recall_10,
						  scores->recall_100, scores->mrr_10,
						  scores->map_100};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		require(isfinite(all[i]) && all[i] >= 0 && all[i] <= 1 + 1e-9);
}

static void
read_set(const AngleRetrievalFiles *files, AngleArena *arena)
{
	AngleRetrievalOptions how = {.similarity = ANGLE_SIMILARITY_COSINE};
	AngleEvalEncoder encoder = {.embed = embed, .dimensions = DIMENSIONS};
	AngleRetrievalScores scores;
	AngleRetrievalSet set;
	AngleError err = {.message = ""};

	if (angle_retrieval_read(files, NULL, arena, &set, &err) != ANGLE_OK)
	{
		require(err.message[0] != '\0');
		return;
	}
	check_set(&set);
	require(angle_eval_retrieval(&set, &how, &encoder, &scores, &err) ==
			ANGLE_OK);
	check_scores(&scores);
}

/* A file in memory with the bytes before the next separator, which are consumed. */
static int
cut_file(const uint8_t **data, size_t *size)
{
	const uint8_t *stop = *size > 0 ? memchr(*data, SEPARATOR, *size) : NULL;
	size_t used = stop != NULL ? (size_t) (stop - *data) : *size;
	int fd = memfd_create("set", MFD_CLOEXEC);

	require(fd >= 0 && write(fd, *data, used) == (ssize_t) used);
	used += stop != NULL;
	*data += used;
	*size -= used;
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AngleArena *arena = angle_arena_create(NULL);
	char paths[FILES][64];
	int files[FILES];

	for (int i = 0; i < FILES; i++)
	{
		files[i] = cut_file(&data, &size);
		snprintf(paths[i], sizeof(paths[i]), "/proc/self/fd/%d", files[i]);
	}
	read_set(&(AngleRetrievalFiles){.name = "set",
									.corpus = paths[0],
									.queries = paths[1],
									.qrels = paths[2]},
			 arena);
	for (int i = 0; i < FILES; i++)
		close(files[i]);
	angle_arena_destroy(arena);
	return 0;
}
