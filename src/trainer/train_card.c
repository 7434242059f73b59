#include "trainer/train_card.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/model/config.h"

static const char *
last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static void
write_head(FILE *out, const AngleCard *card)
{
	const AngleModelConfig *config = &card->trainee->hub.config;

	fprintf(
		out,
		"---\nlibrary_name: sentence-transformers\npipeline_tag: "
		"sentence-similarity\ntags:\n- sentence-transformers\n- "
		"sentence-similarity\n- feature-extraction\n- angle\n---\n\n# %s\n\n"
		"Sentence embeddings of %d dimensions, at most %d tokens, %s "
		"pooling; trained by angle from `%s`.\n\n",
		last_component(card->trainee->settings->output), config->dimensions,
		config->max_tokens, angle_pooling_name(config->pooling),
		last_component(card->trainee->settings->model));
	fprintf(out,
			"```python\nfrom sentence_transformers import SentenceTransformer\n"
			"\nmodel = SentenceTransformer(\"%s\")\nembeddings = "
			"model.encode([\"a text\", \"another\"])\n```\n\n"
			"```sh\nangle convert %s model.angle  # for PostgreSQL\n```\n\n",
			last_component(card->trainee->settings->output),
			last_component(card->trainee->settings->output));
}

static void
write_scores(FILE *out, const AngleCard *card)
{
	double before = 0;
	double after = 0;

	if (card->score_count == 0)
		return;
	fputs("## Scores\n\nOf labelled pairs Spearman × 100 of the cosine "
		  "similarity, all rows of a set as one sample; of retrieval sets "
		  "nDCG@10 × 100. The weights are those of the best mean.\n\n"
		  "| set | before | after |\n|---|---|---|\n",
		  out);
	for (int i = 0; i < card->score_count; i++)
	{
		fprintf(out, "| %s | %.2f | %.2f |\n", card->names[i], card->before[i],
				card->after[i]);
		before += card->before[i] / card->score_count;
		after += card->after[i] / card->score_count;
	}
	fprintf(out, "| mean | %.2f | %.2f |\n\n", before, after);
}

static void
write_data(FILE *out, const AngleCard *card)
{
	const AngleDatasetArguments *data = &card->trainee->settings->data;

	fputs("## Data\n\n| file | rows | columns | where | weight |\n"
		  "|---|---|---|---|---|\n",
		  out);
	for (int i = 0; i < data->count; i++)
	{
		const AngleDatasetSource *source = &data->sources[i];

		fprintf(
			out, "| %s | %llu | %s | %s | %g |\n", last_component(source->path),
			(unsigned long long) angle_dataset_rows(card->dataset, i),
			source->columns != NULL ? source->columns : "",
			source->where != NULL ? source->where : "",
			source->weight > 0 ? source->weight
							   : (double) angle_dataset_rows(card->dataset, i));
	}
	fputs("\n", out);
}

static void
write_training(FILE *out, const AngleCard *card)
{
	const AngleTrainSettings *s = card->trainee->settings;
	const AngleObjective *o = &card->trainee->objective;

	fprintf(out,
			"## Training\n\n```sh\n%s\n```\n\n%llu of %llu steps of %d × %d "
			"rows, %llu texts in %.0f s with %d threads.\n\n"
			"| setting | value |\n|---|---|\n",
			s->command, (unsigned long long) card->state->step,
			(unsigned long long) card->total_steps, s->accumulate, s->batch,
			(unsigned long long) card->state->texts, card->state->seconds,
			s->threads);
	fprintf(out,
			"| weights: cosine, in-batch, angle, hard negatives | %g, %g, %g, "
			"%g |\n| τ: cosine, in-batch, angle | %g, %g, %g |\n",
			o->cosine, o->in_batch, o->angle, o->negatives, o->cosine_tau,
			o->in_batch_tau, o->angle_tau);
	fprintf(out,
			"| learning rate, warm-up, weight decay, norm %s | %g, %g, %g, "
			"%g |\n| dropout: states, attention | %g, %g |\n| seed | %d |\n\n",
			s->normalize ? "of each step" : "limit", s->rate, s->warmup,
			s->decay, s->clip, card->trainee->hidden_dropout,
			card->trainee->attention_dropout, s->seed);
	if (o->view_count > 1)
		fputs("Trained at several lengths or layers: see the command.\n\n",
			  out);
	fputs("![Loss and score](" ANGLE_CHART_FILE ")\n\nEvery step is in "
		  "`" ANGLE_LOG_FILE "`.\n",
		  out);
}

AngleStatus
angle_card_write(const AngleCard *card, const char *path, AngleError *err)
{
	FILE *out = fopen(path, "we");
	bool failed;

	if (out == NULL)
		return angle_fail(err, ANGLE_IO_ERROR, "could not write \"%s\": %s",
						  path, strerror(errno));
	write_head(out, card);
	write_scores(out, card);
	write_data(out, card);
	write_training(out, card);
	failed = ferror(out) != 0;
	if (fclose(out) != 0 || failed)
		return angle_fail(err, ANGLE_IO_ERROR, "could not write \"%s\"", path);
	return ANGLE_OK;
}
