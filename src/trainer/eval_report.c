#include "trainer/eval_report.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"

/* The mean of one correlation over all sets. */
static AngleStsScores
sts_average(const AngleEvalReport *report)
{
	AngleStsScores sum = {0, 0};

	for (size_t i = 0; i < report->sts_count; i++)
	{
		sum.spearman += report->sts[i].scores.spearman;
		sum.pearson += report->sts[i].scores.pearson;
	}
	sum.spearman /= (double) report->sts_count;
	sum.pearson /= (double) report->sts_count;
	return sum;
}

/* ---- tables ------------------------------------------------------------- */

/* A column as wide as its heading, and as 5 digits. */
static int
width_of(const char *heading)
{
	int length = (int) strlen(heading);

	return length < 6 ? 6 : length;
}

static void
print_score(FILE *stream, const char *heading, double score)
{
	if (isnan(score))
		fprintf(stream, "  %*s", width_of(heading), "n/a");
	else
		fprintf(stream, "  %*.2f", width_of(heading), 100 * score);
}

static double
correlation(const AngleStsScores *scores, bool spearman)
{
	return spearman ? scores->spearman : scores->pearson;
}

static void
print_correlations(const AngleEvalReport *report, FILE *stream, bool spearman)
{
	AngleStsScores average = sts_average(report);

	fprintf(stream, "%-14s", spearman ? "Spearman x 100" : "Pearson x 100");
	for (size_t i = 0; i < report->sts_count; i++)
		print_score(stream, report->sts[i].name,
					correlation(&report->sts[i].scores, spearman));
	if (report->sts_count > 1)
		print_score(stream, "average", correlation(&average, spearman));
	fputc('\n', stream);
}

/* The form of the papers: a column for each set. */
static void
print_sts(const AngleEvalReport *report, FILE *stream)
{
	fprintf(stream, "\n%-14s", "");
	for (size_t i = 0; i < report->sts_count; i++)
		fprintf(stream, "  %*s", width_of(report->sts[i].name),
				report->sts[i].name);
	fprintf(stream, "%s\n", report->sts_count > 1 ? "  average" : "");
	print_correlations(report, stream, true);
	print_correlations(report, stream, false);
}

/* The length of the longest name, for the first column of a table. */
static int
name_width(const char *name, int width)
{
	int length = (int) strlen(name);

	return length > width ? length : width;
}

static void
print_classification(const AngleEvalReport *report, FILE *stream)
{
	int width = 5;

	for (size_t i = 0; i < report->classification_count; i++)
		width = name_width(report->classification[i].name, width);
	fprintf(stream,
			"\n%-*s      AP  accuracy  from      F1  from  precision  "
			"recall   pairs\n",
			width, "pairs");
	for (size_t i = 0; i < report->classification_count; i++)
	{
		const AngleClassificationResult *one = &report->classification[i];
		const AngleClassificationScores *s = &one->scores;

		fprintf(stream,
				"%-*s  %6.2f  %8.2f  %4.2f  %6.2f  %4.2f  %9.2f  %6.2f  %6zu\n",
				width, one->name, 100 * s->average_precision, 100 * s->accuracy,
				s->accuracy_threshold, 100 * s->f1, s->f1_threshold,
				100 * s->precision, 100 * s->recall, one->pairs);
	}
}

static void
print_retrieval(const AngleEvalReport *report, FILE *stream)
{
	int width = 9;

	for (size_t i = 0; i < report->retrieval_count; i++)
		width = name_width(report->retrieval[i].name, width);
	fprintf(stream,
			"\n%-*s  nDCG@10  nDCG@100    R@1   R@10  R@100  MRR@10  "
			"MAP@100  queries  documents\n",
			width, "retrieval");
	for (size_t i = 0; i < report->retrieval_count; i++)
	{
		const AngleRetrievalResult *one = &report->retrieval[i];
		const AngleRetrievalScores *s = &one->scores;

		fprintf(stream,
				"%-*s  %7.2f  %8.2f  %5.2f  %5.2f  %5.2f  %6.2f  %7.2f  %7zu  "
				"%9zu\n",
				width, one->name, 100 * s->ndcg_10, 100 * s->ndcg_100,
				100 * s->recall_1, 100 * s->recall_10, 100 * s->recall_100,
				100 * s->mrr_10, 100 * s->map_100, one->queries,
				one->documents);
	}
}

void
angle_eval_report_print(const AngleEvalReport *report, FILE *stream)
{
	fprintf(stream, "model %s, %zu dimensions, similarity %s\n", report->model,
			report->dimensions, report->similarity);
	if (report->sts_count > 0)
		print_sts(report, stream);
	if (report->classification_count > 0)
		print_classification(report, stream);
	if (report->retrieval_count > 0)
		print_retrieval(report, stream);
}

/* ---- JSON --------------------------------------------------------------- */

static void
set_score(json_t *object, const char *key, double score)
{
	json_object_set_new(object, key,
						isfinite(score) ? json_real(score) : json_null());
}

static void
set_count(json_t *object, const char *key, size_t count)
{
	json_object_set_new(object, key, json_integer((json_int_t) count));
}

/* A new object at the end of an array, with a name. */
static json_t *
append_named(json_t *array, const char *name)
{
	json_t *object = json_object();

	json_object_set_new(object, "name", json_string(name));
	json_array_append_new(array, object);
	return object;
}

static json_t *
sts_json(const AngleEvalReport *report)
{
	json_t *array = json_array();

	for (size_t i = 0; i < report->sts_count; i++)
	{
		const AngleStsResult *one = &report->sts[i];
		json_t *object = append_named(array, one->name);

		set_count(object, "pairs", one->pairs);
		set_score(object, "spearman", one->scores.spearman);
		set_score(object, "pearson", one->scores.pearson);
	}
	return array;
}

static json_t *
average_json(const AngleEvalReport *report)
{
	AngleStsScores average = sts_average(report);
	json_t *object = json_object();

	set_score(object, "spearman", average.spearman);
	set_score(object, "pearson", average.pearson);
	return object;
}

static json_t *
classification_json(const AngleEvalReport *report)
{
	json_t *array = json_array();

	for (size_t i = 0; i < report->classification_count; i++)
	{
		const AngleClassificationResult *one = &report->classification[i];
		const AngleClassificationScores *scores = &one->scores;
		json_t *object = append_named(array, one->name);

		set_count(object, "pairs", one->pairs);
		set_count(object, "positives", scores->positives);
		set_score(object, "average_precision", scores->average_precision);
		set_score(object, "accuracy", scores->accuracy);
		set_score(object, "accuracy_threshold", scores->accuracy_threshold);
		set_score(object, "f1", scores->f1);
		set_score(object, "f1_threshold", scores->f1_threshold);
		set_score(object, "precision", scores->precision);
		set_score(object, "recall", scores->recall);
	}
	return array;
}

static json_t *
retrieval_json(const AngleEvalReport *report)
{
	json_t *array = json_array();

	for (size_t i = 0; i < report->retrieval_count; i++)
	{
		const AngleRetrievalResult *one = &report->retrieval[i];
		const AngleRetrievalScores *scores = &one->scores;
		json_t *object = append_named(array, one->name);

		set_count(object, "queries", one->queries);
		set_count(object, "documents", one->documents);
		set_score(object, "ndcg@10", scores->ndcg_10);
		set_score(object, "ndcg@100", scores->ndcg_100);
		set_score(object, "recall@1", scores->recall_1);
		set_score(object, "recall@10", scores->recall_10);
		set_score(object, "recall@100", scores->recall_100);
		set_score(object, "mrr@10", scores->mrr_10);
		set_score(object, "map@100", scores->map_100);
	}
	return array;
}

AngleStatus
angle_eval_report_json(const AngleEvalReport *report, FILE *stream,
					   AngleError *err)
{
	json_t *root = json_object();
	char *text;

	json_object_set_new(root, "model", json_string(report->model));
	json_object_set_new(root, "similarity", json_string(report->similarity));
	set_count(root, "dimensions", report->dimensions);
	json_object_set_new(root, "sts", sts_json(report));
	if (report->sts_count > 0)
		json_object_set_new(root, "sts_average", average_json(report));
	json_object_set_new(root, "classification", classification_json(report));
	json_object_set_new(root, "retrieval", retrieval_json(report));
	text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
	json_decref(root);
	if (text == NULL)
		return angle_no_memory(err);
	fprintf(stream, "%s\n", text);
	free(text);
	return ANGLE_OK;
}
