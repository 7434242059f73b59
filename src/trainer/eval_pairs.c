#include "trainer/eval_pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/correlation.h"
#include "trainer/row_reader.h"

/* ---- reading ------------------------------------------------------------ */

/* Pairs that grow. */
typedef struct Growing
{
	AngleArena *arena;
	AngleBytes *texts; /* (2 capacity): first, second */
	double *labels;	   /* (capacity) */
	size_t count;
	size_t capacity;
} Growing;

static AngleStatus
grow(Growing *pairs, AngleError *err)
{
	size_t capacity = pairs->capacity > 0 ? 2 * pairs->capacity : 1024;
	AngleBytes *texts =
		realloc(pairs->texts, capacity * 2 * sizeof(AngleBytes));
	double *labels = NULL;

	if (texts != NULL)
	{
		pairs->texts = texts;
		labels = realloc(pairs->labels, capacity * sizeof(double));
	}
	if (labels == NULL)
		return angle_no_memory(err);
	pairs->labels = labels;
	pairs->capacity = capacity;
	return ANGLE_OK;
}

static AngleStatus
add_pair(Growing *pairs, const AngleRow *row, AngleError *err)
{
	if (pairs->count == pairs->capacity)
		ANGLE_TRY(grow(pairs, err));
	for (size_t i = 0; i < 2; i++)
	{
		AngleBytes text = row->texts[i];
		const char *copy = angle_arena_strdup(
			pairs->arena, (const char *) text.data, text.size);

		if (copy == NULL)
			return angle_no_memory(err);
		pairs->texts[2 * pairs->count + i] =
			(AngleBytes){(const uint8_t *) copy, text.size};
	}
	pairs->labels[pairs->count++] = row->label;
	return ANGLE_OK;
}

static AngleStatus
read_rows(AngleRowReader *reader, Growing *pairs, AngleError *err)
{
	AngleRow row;
	bool end;

	for (;;)
	{
		ANGLE_TRY(angle_rows_next(reader, 0, &row, &end, err));
		if (end)
			return ANGLE_OK;
		ANGLE_TRY(add_pair(pairs, &row, err));
	}
}

/* Moves what has grown into arrays of the set. */
static AngleStatus
settle(const Growing *growing, AngleEvalPairs *pairs, AngleError *err)
{
	size_t count = growing->count;
	AngleBytes *first =
		angle_arena_alloc(growing->arena, count, sizeof(AngleBytes));
	AngleBytes *second =
		angle_arena_alloc(growing->arena, count, sizeof(AngleBytes));
	double *labels = angle_arena_alloc(growing->arena, count, sizeof(double));

	if (first == NULL || second == NULL || labels == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < count; i++)
	{
		first[i] = growing->texts[2 * i];
		second[i] = growing->texts[2 * i + 1];
		labels[i] = growing->labels[i];
	}
	pairs->count = count;
	pairs->first = first;
	pairs->second = second;
	pairs->labels = labels;
	return ANGLE_OK;
}

/* "sts12" for "data/sts12.tsv.xz". */
static const char *
set_name(const char *path, AngleArena *arena)
{
	static const char *const endings[] = {".xz", ".zst", ".tsv", ".jsonl"};
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	size_t length = strlen(name);

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
	{
		size_t ending = strlen(endings[i]);

		if (length > ending &&
			memcmp(name + length - ending, endings[i], ending) == 0)
			length -= ending;
	}
	return angle_arena_strdup(arena, name, length);
}

AngleStatus
angle_eval_pairs_read(const AngleDatasetSource *source,
					  const AngleCancel *cancel, AngleArena *arena,
					  AngleEvalPairs *pairs, AngleError *err)
{
	AngleDatasetSource labelled = *source;
	Growing growing = {.arena = arena};
	AngleRowReader *reader;
	AngleStatus status;

	labelled.shape = ANGLE_ROW_LABELLED;
	labelled.label_divisor = 0;
	pairs->name = set_name(source->path, arena);
	if (pairs->name == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(angle_rows_open(&labelled, 0, cancel, &reader, err));
	status = read_rows(reader, &growing, err);
	if (status == ANGLE_OK && growing.count == 0)
		status = angle_fail(err, ANGLE_CORRUPT, "file \"%s\" has no row",
							source->path);
	if (status == ANGLE_OK)
		status = settle(&growing, pairs, err);
	angle_rows_close(reader);
	free(growing.texts);
	free(growing.labels);
	return status;
}

/* ---- similarities ------------------------------------------------------- */

/* Fills similarities (count) of the pairs. */
static AngleStatus
measure(const AngleEvalPairs *pairs, const AngleEvalPairsOptions *options,
		AngleEvalEncoder *encoder, AngleArena *scratch, double *similarities,
		AngleError *err)
{
	size_t width = encoder->dimensions;
	AngleBytes *texts =
		angle_arena_alloc(scratch, 2 * pairs->count, sizeof(AngleBytes));
	float *vectors =
		angle_arena_alloc(scratch, 2 * pairs->count, width * sizeof(float));

	if (texts == NULL || vectors == NULL)
		return angle_no_memory(err);
	memcpy(texts, pairs->first, pairs->count * sizeof(AngleBytes));
	memcpy(texts + pairs->count, pairs->second,
		   pairs->count * sizeof(AngleBytes));
	ANGLE_TRY(angle_eval_embed(encoder, texts, 2 * pairs->count,
							   options->prompt, vectors, err));
	for (size_t i = 0; i < pairs->count; i++)
		similarities[i] =
			angle_similarity(options->similarity, vectors + i * width,
							 vectors + (pairs->count + i) * width, width);
	return ANGLE_OK;
}

/* ---- numbers as labels -------------------------------------------------- */

static AngleStatus
score_sts(const AngleEvalPairs *pairs, const AngleEvalPairsOptions *options,
		  AngleEvalEncoder *encoder, AngleArena *scratch,
		  AngleStsScores *scores, AngleError *err)
{
	double *similarities =
		angle_arena_alloc(scratch, pairs->count, sizeof(double));

	if (similarities == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(measure(pairs, options, encoder, scratch, similarities, err));
	scores->pearson = angle_pearson(similarities, pairs->labels, pairs->count);
	return angle_spearman(similarities, pairs->labels, pairs->count, scratch,
						  &scores->spearman, err);
}

AngleStatus
angle_eval_sts(const AngleEvalPairs *pairs,
			   const AngleEvalPairsOptions *options, AngleEvalEncoder *encoder,
			   AngleStsScores *scores, AngleError *err)
{
	AngleArena *scratch = angle_arena_create(NULL);
	AngleStatus status;

	if (scratch == NULL)
		return angle_no_memory(err);
	status = score_sts(pairs, options, encoder, scratch, scores, err);
	angle_arena_destroy(scratch);
	return status;
}

/* ---- yes and no as labels ----------------------------------------------- */

typedef struct Judged
{
	double similarity;
	bool is_positive;
} Judged;

static int
by_similarity(const void *a, const void *b)
{
	const Judged *x = a;
	const Judged *y = b;

	return x->similarity > y->similarity ? -1 : x->similarity < y->similarity;
}

/* Takes the rule that says yes to the first yes of count, of which right are
 * right, into the scores; threshold separates them from the rest. */
static void
consider_rule(size_t count, size_t yes, size_t right, double threshold,
			  AngleClassificationScores *scores)
{
	size_t wrong = yes - right;
	size_t missed = scores->positives - right;
	double accuracy = (double) (count - wrong - missed) / (double) count;
	double f1 = 2.0 * (double) right / (double) (yes + scores->positives);

	if (accuracy > scores->accuracy)
	{
		scores->accuracy = accuracy;
		scores->accuracy_threshold = threshold;
	}
	if (f1 > scores->f1)
	{
		scores->f1 = f1;
		scores->f1_threshold = threshold;
		scores->precision = (double) right / (double) yes;
		scores->recall = (double) right / (double) scores->positives;
	}
}

/* judged (count) is sorted, the most similar first; equals are taken at once. */
static void
score_sorted(const Judged *judged, size_t count,
			 AngleClassificationScores *scores)
{
	size_t right = 0;
	size_t yes = 0;

	while (yes < count)
	{
		double similarity = judged[yes].similarity;
		double threshold = similarity;
		size_t before = right;

		for (; yes < count && judged[yes].similarity == similarity; yes++)
			right += judged[yes].is_positive;
		if (yes < count)
			threshold = 0.5 * (similarity + judged[yes].similarity);
		scores->average_precision += (double) (right - before) /
									 (double) scores->positives *
									 ((double) right / (double) yes);
		consider_rule(count, yes, right, threshold, scores);
	}
}

static AngleStatus
check_sides(const AngleEvalPairs *pairs, const AngleEvalPairsOptions *options,
			size_t positives, AngleError *err)
{
	if (positives > 0 && positives < pairs->count)
		return ANGLE_OK;
	angle_fail(err, ANGLE_INVALID_ARGUMENT,
			   "set \"%s\": all labels are %s %g, so there is nothing to tell "
			   "apart",
			   pairs->name, positives > 0 ? "at least" : "below",
			   options->positive_label);
	angle_hint(err, "Say from which label on a pair is a positive one.");
	return ANGLE_INVALID_ARGUMENT;
}

static AngleStatus
score_classification(const AngleEvalPairs *pairs,
					 const AngleEvalPairsOptions *options,
					 AngleEvalEncoder *encoder, AngleArena *scratch,
					 AngleClassificationScores *scores, AngleError *err)
{
	double *similarities =
		angle_arena_alloc(scratch, pairs->count, sizeof(double));
	Judged *judged = angle_arena_alloc(scratch, pairs->count, sizeof(Judged));

	if (similarities == NULL || judged == NULL)
		return angle_no_memory(err);
	*scores = (AngleClassificationScores){0};
	for (size_t i = 0; i < pairs->count; i++)
		scores->positives += pairs->labels[i] >= options->positive_label;
	ANGLE_TRY(check_sides(pairs, options, scores->positives, err));
	ANGLE_TRY(measure(pairs, options, encoder, scratch, similarities, err));
	for (size_t i = 0; i < pairs->count; i++)
		judged[i] = (Judged){similarities[i],
							 pairs->labels[i] >= options->positive_label};
	qsort(judged, pairs->count, sizeof(Judged), by_similarity);
	score_sorted(judged, pairs->count, scores);
	return ANGLE_OK;
}

AngleStatus
angle_eval_classification(const AngleEvalPairs *pairs,
						  const AngleEvalPairsOptions *options,
						  AngleEvalEncoder *encoder,
						  AngleClassificationScores *scores, AngleError *err)
{
	AngleArena *scratch = angle_arena_create(NULL);
	AngleStatus status;

	if (scratch == NULL)
		return angle_no_memory(err);
	status =
		score_classification(pairs, options, encoder, scratch, scores, err);
	angle_arena_destroy(scratch);
	return status;
}
