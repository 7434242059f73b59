/* Embedding queries, positives and a corpus, and searching. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "trainer/interrupt.h"
#include "trainer/mining_parts.h"
#include "trainer/table.h"

/* Texts that are embedded and compared at a time. */
#define BLOCK ((size_t) 8192)

/* Of the positives of a query, so many find room beside its candidates; the ones
 * above may take the place of candidates of the last ranks. */
#define MOST_POSITIVES 64

/* ---- queries and positives ---------------------------------------------- */

static size_t
most_positives(const AngleMining *mining)
{
	size_t most = 0;

	for (size_t i = 0; i < mining->queries.count; i++)
	{
		size_t count = mining->first_row[i + 1] - mining->first_row[i];

		most = count > most ? count : most;
	}
	return most < MOST_POSITIVES ? most : MOST_POSITIVES;
}

static AngleStatus
embed_queries(AngleMining *mining, AngleError *err)
{
	AngleEvalEncoder *encoder = &mining->encoder->encoder;
	size_t count = mining->queries.count;
	float *vectors = angle_arena_alloc(mining->memory, count,
									   encoder->dimensions * sizeof(float));

	if (vectors == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(angle_eval_embed(encoder, mining->queries.texts, count,
							   mining->options->query_prompt, vectors, err));
	mining->nearest = (AngleNearest){
		.similarity = mining->options->similarity,
		.dimensions = encoder->dimensions,
		.queries = count,
		.most = (size_t) mining->options->rank_max + 1 + most_positives(mining),
		.executor = mining->encoder->request.executor,
	};
	return angle_nearest_start(&mining->nearest, vectors, mining->memory, err);
}

static int
by_positive(const void *a, const void *b, void *context)
{
	const AngleMiningRow *rows = context;
	uint32_t x = rows[*(const uint32_t *) a].positive;
	uint32_t y = rows[*(const uint32_t *) b].positive;

	return x < y ? -1 : x > y;
}

/* Compares the positives of a block with the queries of their rows, which order
 * (row_count) has sorted by positive; *next is the first row not yet done. */
static void
compare_rows(AngleMining *mining, const uint32_t *order, size_t *next,
			 const float *vectors, size_t first, size_t count)
{
	size_t width = mining->nearest.dimensions;

	for (; *next < mining->row_count; ++*next)
	{
		AngleMiningRow *row = &mining->rows[order[*next]];

		if (row->positive >= first + count)
			return;
		row->similarity =
			angle_similarity(mining->options->similarity,
							 mining->nearest.query_vectors + row->query * width,
							 vectors + (row->positive - first) * width, width);
	}
}

static AngleStatus
embed_positives(AngleMining *mining, float *vectors, AngleError *err)
{
	uint32_t *order =
		angle_arena_alloc(mining->memory, mining->row_count, sizeof(uint32_t));
	size_t count = mining->positives.count;
	size_t next = 0;

	if (order == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < mining->row_count; i++)
		order[i] = (uint32_t) i;
	qsort_r(order, mining->row_count, sizeof(*order), by_positive,
			mining->rows);
	for (size_t done = 0; done < count; done += BLOCK)
	{
		size_t block = count - done < BLOCK ? count - done : BLOCK;

		ANGLE_TRY(angle_eval_embed(
			&mining->encoder->encoder, mining->positives.texts + done, block,
			mining->options->passage_prompt, vectors, err));
		compare_rows(mining, order, &next, vectors, done, block);
		if (mining->options->corpus == NULL)
			angle_nearest_add(&mining->nearest, vectors, block, done);
	}
	return ANGLE_OK;
}

/* ---- the corpus --------------------------------------------------------- */

/* The corpus while it is read. */
typedef struct Corpus
{
	AngleArena *memory;
	AngleTable *table;
	size_t read;
} Corpus;

static AngleStatus
select_text(const AngleMining *mining, Corpus *corpus, AngleError *err)
{
	const char *name = mining->options->corpus_column;
	int column;

	name = name != NULL ? name : "text";
	column = angle_table_find(corpus->table, name);
	if (column >= 0)
		return angle_table_select(corpus->table, &column, 1, err);
	angle_fail(err, ANGLE_INVALID_ARGUMENT,
			   "file \"%s\": there is no column \"%s\"",
			   mining->options->corpus, name);
	angle_hint(err, "Name one with --corpus-column; its columns are: %s.",
			   angle_table_names(corpus->table));
	return ANGLE_INVALID_ARGUMENT;
}

static AngleStatus
open_corpus(const AngleMining *mining, Corpus *corpus, AngleError *err)
{
	*corpus = (Corpus){.memory = angle_arena_create(NULL)};
	if (corpus->memory == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(angle_table_open(mining->options->corpus, ANGLE_TABLE_DETECT,
							   angle_interrupt_cancel(), corpus->memory,
							   &corpus->table, err));
	return select_text(mining, corpus, err);
}

static void
close_corpus(Corpus *corpus)
{
	angle_table_close(corpus->table);
	angle_arena_destroy(corpus->memory);
}

static AngleStatus
next_text(Corpus *corpus, AngleBytes *text, bool *end, AngleError *err)
{
	const AngleField *fields;

	ANGLE_TRY(angle_table_next(corpus->table, &fields, err));
	*end = fields == NULL;
	if (*end)
		return ANGLE_OK;
	if (fields[0].is_list)
		return angle_table_fail(corpus->table, 0, err, ANGLE_CORRUPT,
								"a list where one value is needed");
	*text = fields[0].items[0];
	corpus->read++;
	return ANGLE_OK;
}

static AngleStatus
read_block(Corpus *corpus, AngleTextList *block, AngleArena *arena, bool *end,
		   AngleError *err)
{
	AngleBytes text;

	angle_arena_reset(arena);
	block->count = 0;
	*end = false;
	while (block->count < BLOCK)
	{
		ANGLE_TRY(next_text(corpus, &text, end, err));
		if (*end)
			break;
		ANGLE_TRY(angle_text_list_add(block, text, arena, err));
	}
	return ANGLE_OK;
}

static AngleStatus
search_blocks(AngleMining *mining, Corpus *corpus, float *vectors,
			  AngleTextList *block, AngleArena *arena, AngleError *err)
{
	bool end = false;

	while (!end)
	{
		size_t done = corpus->read;

		ANGLE_TRY(read_block(corpus, block, arena, &end, err));
		if (block->count == 0)
			break;
		ANGLE_TRY(angle_eval_embed(
			&mining->encoder->encoder, block->texts, block->count,
			mining->options->passage_prompt, vectors, err));
		angle_nearest_add(&mining->nearest, vectors, block->count, done);
	}
	return ANGLE_OK;
}

static AngleStatus
search_corpus(AngleMining *mining, float *vectors, AngleError *err)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleTextList block = {NULL, 0, 0};
	Corpus corpus;
	AngleStatus status = open_corpus(mining, &corpus, err);

	if (status == ANGLE_OK && arena == NULL)
		status = angle_no_memory(err);
	if (status == ANGLE_OK)
		status = search_blocks(mining, &corpus, vectors, &block, arena, err);
	close_corpus(&corpus);
	free(block.texts);
	angle_arena_destroy(arena);
	return status;
}

/* ---- the texts of what was found ---------------------------------------- */

static int
by_size(const void *a, const void *b)
{
	size_t x = *(const size_t *) a;
	size_t y = *(const size_t *) b;

	return x < y ? -1 : x > y;
}

/* The indexes of all neighbours, each once. */
static AngleStatus
list_found(AngleMining *mining, AngleError *err)
{
	const AngleNearest *nearest = &mining->nearest;
	size_t total = 0;
	size_t kept = 0;

	for (size_t i = 0; i < nearest->queries; i++)
		total += nearest->counts[i];
	mining->found =
		angle_arena_alloc(mining->memory, total + 1, sizeof(size_t));
	if (mining->found == NULL)
		return angle_no_memory(err);
	total = 0;
	for (size_t i = 0; i < nearest->queries; i++)
	{
		for (size_t j = 0; j < nearest->counts[i]; j++)
			mining->found[total++] =
				nearest->heaps[i * nearest->most + j].index;
	}
	qsort(mining->found, total, sizeof(size_t), by_size);
	for (size_t i = 0; i < total; i++)
	{
		if (i == 0 || mining->found[i] != mining->found[i - 1])
			mining->found[kept++] = mining->found[i];
	}
	mining->found_count = kept;
	mining->found_texts =
		angle_arena_zalloc(mining->memory, kept + 1, sizeof(AngleBytes));
	return mining->found_texts != NULL ? ANGLE_OK : angle_no_memory(err);
}

static AngleStatus
collect_texts(AngleMining *mining, Corpus *corpus, AngleError *err)
{
	for (size_t i = 0; i < mining->found_count; i++)
	{
		AngleBytes text = {NULL, 0};
		const char *copy;
		bool end = false;

		while (!end && corpus->read <= mining->found[i])
			ANGLE_TRY(next_text(corpus, &text, &end, err));
		if (end)
			return angle_fail(err, ANGLE_CORRUPT,
							  "file \"%s\" has changed: it has fewer rows than "
							  "before",
							  mining->options->corpus);
		copy = angle_arena_strdup(mining->memory, (const char *) text.data,
								  text.size);
		if (copy == NULL)
			return angle_no_memory(err);
		mining->found_texts[i] =
			(AngleBytes){(const uint8_t *) copy, text.size};
	}
	return ANGLE_OK;
}

static AngleStatus
read_found(AngleMining *mining, AngleError *err)
{
	Corpus corpus;
	AngleStatus status = list_found(mining, err);

	ANGLE_TRY(status);
	status = open_corpus(mining, &corpus, err);
	if (status == ANGLE_OK)
		status = collect_texts(mining, &corpus, err);
	close_corpus(&corpus);
	return status;
}

AngleBytes
angle_mining_text(const AngleMining *mining, size_t index)
{
	const size_t *place;

	if (mining->options->corpus == NULL)
		return mining->positives.texts[index];
	place = bsearch(&index, mining->found, mining->found_count, sizeof(size_t),
					by_size);
	return mining->found_texts[place - mining->found];
}

/* ---- all of it ---------------------------------------------------------- */

static AngleStatus
check_corpus(const AngleMining *mining, AngleError *err)
{
	const char *path = mining->options->corpus;
	struct stat st;

	/* what cannot be looked at fails when it is opened */
	if (path == NULL || (strcmp(path, "-") != 0 &&
						 (stat(path, &st) != 0 || S_ISREG(st.st_mode))))
		return ANGLE_OK;
	return angle_fail(err, ANGLE_INVALID_ARGUMENT,
					  "\"%s\" is no regular file: a corpus is read twice",
					  path);
}

AngleStatus
angle_mining_search(AngleMining *mining, AngleError *err)
{
	float *vectors =
		angle_arena_alloc(mining->memory, BLOCK,
						  mining->encoder->encoder.dimensions * sizeof(float));

	if (vectors == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(check_corpus(mining, err));
	ANGLE_TRY(embed_queries(mining, err));
	ANGLE_TRY(embed_positives(mining, vectors, err));
	if (mining->options->corpus != NULL)
		ANGLE_TRY(search_corpus(mining, vectors, err));
	angle_nearest_finish(&mining->nearest);
	return mining->options->corpus != NULL ? read_found(mining, err) : ANGLE_OK;
}
