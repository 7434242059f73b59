#include "trainer/mining.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "trainer/mining_parts.h"

/* Negatives of one row. */
typedef struct Chosen
{
	AngleBytes *texts; /* (rank_max) */
	size_t count;
} Chosen;

/* ---- choosing ----------------------------------------------------------- */

static bool
is_answer(const AngleMining *mining, uint32_t query, AngleBytes text)
{
	if (angle_bytes_equal(text, mining->queries.texts[query]))
		return true;
	for (uint32_t i = mining->first_row[query];
		 i < mining->first_row[query + 1]; i++)
	{
		uint32_t positive = mining->rows[mining->by_query[i]].positive;

		if (angle_bytes_equal(text, mining->positives.texts[positive]))
			return true;
	}
	return false;
}

static bool
is_known(const AngleBytes *texts, size_t count, AngleBytes text)
{
	for (size_t i = 0; i < count; i++)
	{
		if (angle_bytes_equal(texts[i], text))
			return true;
	}
	return false;
}

static bool
is_within(const AngleMiningOptions *options, double similarity, double positive)
{
	return similarity <= positive - options->margin &&
		   similarity <= positive - options->relative_margin * fabs(positive) &&
		   similarity >= options->score_min && similarity <= options->score_max;
}

/* The candidates of a row that are within the bounds, the nearest first. ranked
 * (rank_max) is for the texts of all ranks. */
static void
list_candidates(const AngleMining *mining, const AngleMiningRow *row,
				AngleBytes *ranked, Chosen *chosen)
{
	const AngleMiningOptions *options = mining->options;
	const AngleNearest *nearest = &mining->nearest;
	const AngleNeighbour *found = nearest->heaps + row->query * nearest->most;
	size_t rank = 0;

	chosen->count = 0;
	for (size_t i = 0;
		 i < nearest->counts[row->query] && rank < (size_t) options->rank_max;
		 i++)
	{
		AngleBytes text = angle_mining_text(mining, found[i].index);

		/* positives are distinct already */
		if (is_answer(mining, row->query, text) ||
			(options->corpus != NULL && is_known(ranked, rank, text)))
			continue;
		ranked[rank++] = text;
		if (rank >= (size_t) options->rank_min &&
			is_within(options, found[i].similarity, row->similarity))
			chosen->texts[chosen->count++] = text;
	}
}

/* Cuts the candidates down to the wanted number: the first ones, or a random
 * selection in random order (Fisher and Yates's shuffle, its first steps). */
static void
cut(const AngleMiningOptions *options, AngleRng *rng, Chosen *chosen)
{
	size_t wanted = (size_t) options->negatives;

	if (chosen->count < wanted)
		return;
	for (size_t i = 0; i < wanted && options->choice == ANGLE_MINING_RANDOM;
		 i++)
	{
		size_t other = i + angle_rng_below(rng, chosen->count - i);
		AngleBytes text = chosen->texts[i];

		chosen->texts[i] = chosen->texts[other];
		chosen->texts[other] = text;
	}
	chosen->count = wanted;
}

/* ---- writing ------------------------------------------------------------ */

static AngleStatus
write_field(FILE *stream, AngleBytes text, char end, AngleError *err)
{
	for (size_t i = 0; i < text.size; i++)
	{
		if (text.data[i] != '\t' && text.data[i] != '\n' &&
			text.data[i] != '\r')
			continue;
		angle_fail(err, ANGLE_INVALID_ARGUMENT,
				   "the text \"%.*s\" has a tab or a line break and does not "
				   "fit into TSV",
				   text.size < 100 ? (int) text.size : 100,
				   (const char *) text.data);
		angle_hint(err, "Write JSONL with --format jsonl.");
		return ANGLE_INVALID_ARGUMENT;
	}
	fwrite(text.data, 1, text.size, stream);
	putc(end, stream);
	return ANGLE_OK;
}

static void
write_header(const AngleMiningOptions *options, FILE *stream)
{
	if (options->format != ANGLE_MINING_TSV)
		return;
	fputs("query\tpositive", stream);
	for (int i = 1; i <= options->negatives; i++)
		fprintf(stream, "\tnegative_%d", i);
	fputc('\n', stream);
}

static json_t *
json_text(AngleBytes text)
{
	return json_stringn((const char *) text.data, text.size);
}

static AngleStatus
write_json(FILE *stream, AngleBytes query, AngleBytes positive,
		   const Chosen *chosen, AngleError *err)
{
	json_t *list = json_array();
	json_t *root;
	char *line;

	for (size_t i = 0; i < chosen->count; i++)
		json_array_append_new(list, json_text(chosen->texts[i]));
	root = json_pack("{s:o, s:o, s:o}", "query", json_text(query), "positive",
					 json_text(positive), "negatives", list);
	line = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	if (line == NULL)
		return angle_no_memory(err);
	fprintf(stream, "%s\n", line);
	free(line);
	return ANGLE_OK;
}

static AngleStatus
write_row(const AngleMining *mining, const AngleMiningRow *row,
		  const Chosen *chosen, FILE *stream, AngleError *err)
{
	AngleBytes query = mining->queries.texts[row->query];
	AngleBytes positive = mining->positives.texts[row->positive];

	if (mining->options->format == ANGLE_MINING_JSONL)
		return write_json(stream, query, positive, chosen, err);
	ANGLE_TRY(write_field(stream, query, '\t', err));
	ANGLE_TRY(write_field(stream, positive, '\t', err));
	for (size_t i = 0; i < chosen->count; i++)
		ANGLE_TRY(write_field(stream, chosen->texts[i],
							  i + 1 < chosen->count ? '\t' : '\n', err));
	return ANGLE_OK;
}

static AngleStatus
write_rows(const AngleMining *mining, FILE *stream, AngleMiningCounts *counts,
		   AngleError *err)
{
	size_t most = (size_t) mining->options->rank_max;
	AngleBytes *ranked =
		angle_arena_alloc(mining->memory, most, sizeof(AngleBytes));
	Chosen chosen = {
		angle_arena_alloc(mining->memory, most, sizeof(AngleBytes)), 0};
	AngleRng rng;

	if (ranked == NULL || chosen.texts == NULL)
		return angle_no_memory(err);
	angle_rng_seed(&rng, mining->options->seed);
	write_header(mining->options, stream);
	for (size_t i = 0; i < mining->row_count; i++)
	{
		list_candidates(mining, &mining->rows[i], ranked, &chosen);
		cut(mining->options, &rng, &chosen);
		if (chosen.count < (size_t) mining->options->negatives)
			continue;
		ANGLE_TRY(write_row(mining, &mining->rows[i], &chosen, stream, err));
		counts->written++;
	}
	counts->rows = mining->row_count;
	return ANGLE_OK;
}

AngleStatus
angle_mine(const AngleMiningOptions *options, AngleModelEncoder *encoder,
		   FILE *stream, AngleMiningCounts *counts, AngleError *err)
{
	AngleMining mining = {.options = options,
						  .encoder = encoder,
						  .memory = angle_arena_create(NULL)};
	AngleStatus status;

	if (mining.memory == NULL)
		return angle_no_memory(err);
	*counts = (AngleMiningCounts){0, 0};
	status = angle_mining_read(&mining, err);
	if (status == ANGLE_OK)
		status = angle_mining_search(&mining, err);
	if (status == ANGLE_OK)
		status = write_rows(&mining, stream, counts, err);
	free(mining.queries.texts);
	free(mining.positives.texts);
	angle_arena_destroy(mining.memory);
	return status;
}
