/* Reading retrieval sets. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trainer/eval_retrieval.h"
#include "trainer/table.h"
#include "trainer/text_index.h"

#define MAX_RELEVANCE 1000000

/* A file of a set while it is read. */
typedef struct Source
{
	AngleTable *table;
	AngleArena *memory; /* of the table */
	const char *path;
} Source;

/* ---- files -------------------------------------------------------------- */

/* The first of some names that exists in directory, with any ending. */
static AngleStatus
find_file(const char *directory, const char *stem, AngleArena *arena,
		  const char **path, AngleError *err)
{
	static const char *const endings[] = {".tsv", ".jsonl"};
	static const char *const compressions[] = {"", ".xz", ".zst"};
	char name[4096];

	for (size_t i = 0; *path == NULL && i < 6; i++)
	{
		snprintf(name, sizeof(name), "%s/%s%s%s", directory, stem,
				 endings[i / 3], compressions[i % 3]);
		if (access(name, F_OK) != 0)
			continue;
		*path = angle_arena_strdup(arena, name, strlen(name));
		if (*path == NULL)
			return angle_no_memory(err);
	}
	return ANGLE_OK;
}

static AngleStatus
need_file(const char *directory, const char *what, const char *path,
		  AngleError *err)
{
	if (path != NULL)
		return ANGLE_OK;
	angle_fail(err, ANGLE_NOT_FOUND, "directory \"%s\" has no %s", directory,
			   what);
	angle_hint(err,
			   "A set has corpus, queries and qrels/SPLIT or qrels.SPLIT, each "
			   ".tsv or .jsonl, or such a file with .xz or .zst behind it.");
	return ANGLE_NOT_FOUND;
}

/* "scifact" for "data/scifact/". */
static const char *
directory_name(const char *directory, AngleArena *arena)
{
	size_t stop = strlen(directory);
	size_t start;

	while (stop > 1 && directory[stop - 1] == '/')
		stop--;
	start = stop;
	while (start > 0 && directory[start - 1] != '/')
		start--;
	return angle_arena_strdup(arena, directory + start, stop - start);
}

AngleStatus
angle_retrieval_find(const char *directory, const char *split,
					 AngleArena *arena, AngleRetrievalFiles *files,
					 AngleError *err)
{
	char stem[300];

	*files = (AngleRetrievalFiles){.name = directory_name(directory, arena)};
	if (files->name == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(find_file(directory, "corpus", arena, &files->corpus, err));
	ANGLE_TRY(find_file(directory, "queries", arena, &files->queries, err));
	snprintf(stem, sizeof(stem), "qrels/%s", split);
	ANGLE_TRY(find_file(directory, stem, arena, &files->qrels, err));
	snprintf(stem, sizeof(stem), "qrels.%s", split);
	ANGLE_TRY(find_file(directory, stem, arena, &files->qrels, err));
	ANGLE_TRY(need_file(directory, "corpus", files->corpus, err));
	ANGLE_TRY(need_file(directory, "queries", files->queries, err));
	snprintf(stem, sizeof(stem), "qrels of the split \"%.200s\"", split);
	return need_file(directory, stem, files->qrels, err);
}

static AngleStatus
open_source(Source *source, const char *path, const AngleCancel *cancel,
			AngleError *err)
{
	*source = (Source){.memory = angle_arena_create(NULL), .path = path};
	if (source->memory == NULL)
		return angle_no_memory(err);
	return angle_table_open(path, ANGLE_TABLE_DETECT, cancel, source->memory,
							&source->table, err);
}

static void
close_source(Source *source)
{
	angle_table_close(source->table);
	angle_arena_destroy(source->memory);
}

/* The column that has one of these names; −1 if it may be missing. */
static int
find_column(const Source *source, const char *const *names)
{
	int column = -1;

	while (*names != NULL && column < 0)
		column = angle_table_find(source->table, *names++);
	return column;
}

static AngleStatus
select_columns(const Source *source, const char *const names[][5], int count,
			   AngleError *err)
{
	int columns[3];

	for (int i = 0; i < count; i++)
	{
		columns[i] = find_column(source, names[i]);
		if (columns[i] >= 0)
			continue;
		angle_fail(err, ANGLE_CORRUPT, "file \"%s\" has no column \"%s\"",
				   source->path, names[i][0]);
		angle_hint(err, "Its columns are: %s.",
				   angle_table_names(source->table));
		return ANGLE_CORRUPT;
	}
	return angle_table_select(source->table, columns, count, err);
}

static AngleStatus
next_row(const Source *source, int count, const AngleField **fields,
		 AngleError *err)
{
	ANGLE_TRY(angle_table_next(source->table, fields, err));
	for (int i = 0; *fields != NULL && i < count; i++)
	{
		if ((*fields)[i].is_list)
			return angle_table_fail(source->table, i, err, ANGLE_CORRUPT,
									"a list where one value is needed");
	}
	return ANGLE_OK;
}

/* ---- texts with identifiers --------------------------------------------- */

/* Texts that grow. */
typedef struct Texts
{
	AngleArena *arena;
	AngleBytes *ids;
	AngleBytes *texts;
	size_t count;
	size_t capacity;
} Texts;

static AngleStatus
grow(Texts *texts, AngleError *err)
{
	size_t capacity = texts->capacity > 0 ? 2 * texts->capacity : 1024;
	AngleBytes *ids = realloc(texts->ids, capacity * sizeof(AngleBytes));
	AngleBytes *all = NULL;

	if (ids != NULL)
	{
		texts->ids = ids;
		all = realloc(texts->texts, capacity * sizeof(AngleBytes));
	}
	if (all == NULL)
		return angle_no_memory(err);
	texts->texts = all;
	texts->capacity = capacity;
	return ANGLE_OK;
}

/* "title text" in arena, or the one of them that is not empty. */
static AngleStatus
join(AngleArena *arena, AngleBytes title, AngleBytes text, AngleBytes *joined,
	 AngleError *err)
{
	size_t space = title.size > 0 && text.size > 0;
	size_t size = title.size + space + text.size;
	uint8_t *copy = angle_arena_alloc(arena, size + 1, 1);

	if (copy == NULL)
		return angle_no_memory(err);
	if (title.size > 0)
		memcpy(copy, title.data, title.size);
	if (space > 0)
		copy[title.size] = ' ';
	if (text.size > 0)
		memcpy(copy + title.size + space, text.data, text.size);
	copy[size] = '\0';
	*joined = (AngleBytes){copy, size};
	return ANGLE_OK;
}

/* Reads rows of an identifier, a text and, if there are three, a title. */
static AngleStatus
read_texts(const Source *source, int columns, Texts *texts, AngleError *err)
{
	const AngleBytes nothing = {NULL, 0};

	for (;;)
	{
		const AngleField *fields;

		ANGLE_TRY(next_row(source, columns, &fields, err));
		if (fields == NULL)
			return ANGLE_OK;
		if (texts->count == texts->capacity)
			ANGLE_TRY(grow(texts, err));
		ANGLE_TRY(join(texts->arena, nothing, fields[0].items[0],
					   &texts->ids[texts->count], err));
		ANGLE_TRY(join(texts->arena,
					   columns == 3 ? fields[2].items[0] : nothing,
					   fields[1].items[0], &texts->texts[texts->count], err));
		texts->count++;
	}
}

static AngleStatus
check_unique(const char *path, const Texts *texts, const AngleTextIndex *index,
			 AngleError *err)
{
	for (size_t i = 0; i < texts->count; i++)
	{
		if (angle_text_index_find(index, texts->ids[i]) != (int64_t) i)
			return angle_fail(err, ANGLE_CORRUPT,
							  "file \"%s\": the identifier \"%s\" occurs twice",
							  path, (const char *) texts->ids[i].data);
	}
	return ANGLE_OK;
}

static AngleStatus
read_text_source(Source *source, Texts *texts, AngleError *err)
{
	static const char *const names[][5] = {
		{"_id", "doc_id", "query_id", "id"}, {"text"}, {"title"}};
	int columns = find_column(source, names[2]) >= 0 ? 3 : 2;

	ANGLE_TRY(select_columns(source, names, columns, err));
	return read_texts(source, columns, texts, err);
}

static AngleStatus
read_text_file(const char *path, const AngleCancel *cancel, Texts *texts,
			   AngleTextIndex *index, AngleError *err)
{
	Source source;
	AngleStatus status = open_source(&source, path, cancel, err);

	if (status == ANGLE_OK)
		status = read_text_source(&source, texts, err);
	close_source(&source);
	ANGLE_TRY(status);
	ANGLE_TRY(angle_text_index_build(index, texts->ids, texts->count, err));
	return check_unique(path, texts, index, err);
}

/* ---- judgements --------------------------------------------------------- */

typedef struct Qrel
{
	size_t query;
	AngleJudgement judgement;
} Qrel;

/* What reading a set works with. */
typedef struct Reading
{
	Texts documents;
	Texts queries;
	AngleTextIndex document_index;
	AngleTextIndex query_index;
	Qrel *qrels;
	size_t qrel_count;
	size_t qrel_capacity;
} Reading;

static AngleStatus
find_id(const Source *source, int column, const AngleTextIndex *index,
		AngleBytes id, size_t *place, AngleError *err)
{
	int64_t found = angle_text_index_find(index, id);
	int length = id.size < 100 ? (int) id.size : 100;

	if (found < 0)
		return angle_table_fail(source->table, column, err, ANGLE_CORRUPT,
								"there is no %s \"%.*s\"",
								column == 0 ? "query" : "document", length,
								(const char *) id.data);
	*place = (size_t) found;
	return ANGLE_OK;
}

static AngleStatus
read_relevance(const Source *source, AngleBytes text, int *relevance,
			   AngleError *err)
{
	char copy[32] = "";
	char *end;
	double number;

	if (text.size < sizeof(copy) && text.size > 0)
		memcpy(copy, text.data, text.size);
	number = strtod(copy, &end);
	if (end == copy || *end != '\0' || number != floor(number) ||
		fabs(number) > MAX_RELEVANCE)
		return angle_table_fail(source->table, 2, err, ANGLE_CORRUPT,
								"the relevance is not a whole number");
	*relevance = (int) number;
	return ANGLE_OK;
}

static AngleStatus
add_qrel(Reading *reading, Qrel qrel, AngleError *err)
{
	if (reading->qrel_count == reading->qrel_capacity)
	{
		size_t capacity =
			reading->qrel_capacity > 0 ? 2 * reading->qrel_capacity : 1024;
		Qrel *qrels = realloc(reading->qrels, capacity * sizeof(Qrel));

		if (qrels == NULL)
			return angle_no_memory(err);
		reading->qrels = qrels;
		reading->qrel_capacity = capacity;
	}
	reading->qrels[reading->qrel_count++] = qrel;
	return ANGLE_OK;
}

/* A relevance of 0 or less says that the document is not relevant. */
static AngleStatus
read_qrels(const Source *source, Reading *reading, AngleError *err)
{
	for (;;)
	{
		const AngleField *fields;
		Qrel qrel = {0};

		ANGLE_TRY(next_row(source, 3, &fields, err));
		if (fields == NULL)
			return ANGLE_OK;
		ANGLE_TRY(find_id(source, 0, &reading->query_index, fields[0].items[0],
						  &qrel.query, err));
		ANGLE_TRY(find_id(source, 1, &reading->document_index,
						  fields[1].items[0], &qrel.judgement.document, err));
		ANGLE_TRY(read_relevance(source, fields[2].items[0],
								 &qrel.judgement.relevance, err));
		if (qrel.judgement.relevance > 0)
			ANGLE_TRY(add_qrel(reading, qrel, err));
	}
}

static AngleStatus
read_qrel_file(const char *path, const AngleCancel *cancel, Reading *reading,
			   AngleError *err)
{
	static const char *const names[][5] = {
		{"query-id", "query_id"},
		{"corpus-id", "doc_id"},
		{"score", "relevance"},
	};
	Source source;
	AngleStatus status = open_source(&source, path, cancel, err);

	if (status == ANGLE_OK)
		status = select_columns(&source, names, 3, err);
	if (status == ANGLE_OK)
		status = read_qrels(&source, reading, err);
	close_source(&source);
	return status;
}

static int
by_query_and_document(const void *a, const void *b)
{
	const Qrel *x = a;
	const Qrel *y = b;

	if (x->query != y->query)
		return x->query < y->query ? -1 : 1;
	if (x->judgement.document != y->judgement.document)
		return x->judgement.document < y->judgement.document ? -1 : 1;
	return 0;
}

/* ---- the set ------------------------------------------------------------ */

static AngleStatus
add_query(const Reading *reading, const Qrel *qrels, size_t count,
		  AngleArena *arena, AngleRetrievalQuery *query, AngleError *err)
{
	AngleJudgement *judgements =
		angle_arena_alloc(arena, count, sizeof(*judgements));
	size_t place = qrels[0].query;

	if (judgements == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < count; i++)
	{
		judgements[i] = qrels[i].judgement;
		if (i > 0 && judgements[i].document == judgements[i - 1].document)
			return angle_fail(
				err, ANGLE_CORRUPT,
				"there are two judgements of document \"%s\" for query \"%s\"",
				(const char *) reading->documents.ids[judgements[i].document]
					.data,
				(const char *) reading->queries.ids[place].data);
	}
	*query = (AngleRetrievalQuery){
		.id = (const char *) reading->queries.ids[place].data,
		.text = reading->queries.texts[place],
		.judgements = judgements,
		.judgement_count = count,
	};
	return ANGLE_OK;
}

static AngleStatus
group_qrels(const Reading *reading, AngleArena *arena, AngleRetrievalSet *set,
			AngleError *err)
{
	AngleRetrievalQuery *queries =
		angle_arena_alloc(arena, reading->qrel_count + 1, sizeof(*queries));
	size_t stop;

	if (queries == NULL)
		return angle_no_memory(err);
	qsort(reading->qrels, reading->qrel_count, sizeof(Qrel),
		  by_query_and_document);
	for (size_t start = 0; start < reading->qrel_count; start = stop)
	{
		const Qrel *first = &reading->qrels[start];

		stop = start;
		while (stop < reading->qrel_count &&
			   reading->qrels[stop].query == first->query)
			stop++;
		ANGLE_TRY(add_query(reading, first, stop - start, arena,
							&queries[set->query_count++], err));
	}
	set->queries = queries;
	return ANGLE_OK;
}

static AngleStatus
copy_documents(const Reading *reading, AngleArena *arena,
			   AngleRetrievalSet *set, AngleError *err)
{
	size_t count = reading->documents.count;
	AngleBytes *documents =
		angle_arena_alloc(arena, count + 1, sizeof(AngleBytes));

	set->document_ids = angle_arena_alloc(arena, count + 1, sizeof(char *));
	if (documents == NULL || set->document_ids == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < count; i++)
	{
		documents[i] = reading->documents.texts[i];
		set->document_ids[i] = (const char *) reading->documents.ids[i].data;
	}
	set->documents = documents;
	set->document_count = count;
	return ANGLE_OK;
}

static AngleStatus
read_set(const AngleRetrievalFiles *files, const AngleCancel *cancel,
		 Reading *reading, AngleRetrievalSet *set, AngleError *err)
{
	AngleArena *arena = reading->documents.arena;

	ANGLE_TRY(read_text_file(files->corpus, cancel, &reading->documents,
							 &reading->document_index, err));
	ANGLE_TRY(read_text_file(files->queries, cancel, &reading->queries,
							 &reading->query_index, err));
	ANGLE_TRY(read_qrel_file(files->qrels, cancel, reading, err));
	if (reading->qrel_count == 0)
		return angle_fail(err, ANGLE_CORRUPT,
						  "file \"%s\": no document is relevant for any query",
						  files->qrels);
	ANGLE_TRY(copy_documents(reading, arena, set, err));
	return group_qrels(reading, arena, set, err);
}

AngleStatus
angle_retrieval_read(const AngleRetrievalFiles *files,
					 const AngleCancel *cancel, AngleArena *arena,
					 AngleRetrievalSet *set, AngleError *err)
{
	Reading reading = {.documents = {.arena = arena},
					   .queries = {.arena = arena}};
	AngleStatus status;

	*set = (AngleRetrievalSet){.name = files->name};
	status = read_set(files, cancel, &reading, set, err);
	angle_text_index_free(&reading.document_index);
	angle_text_index_free(&reading.query_index);
	free(reading.documents.ids);
	free(reading.documents.texts);
	free(reading.queries.ids);
	free(reading.queries.texts);
	free(reading.qrels);
	return status;
}
