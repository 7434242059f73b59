/* Reading the rows that negatives are sought for. */
#include <stdlib.h>
#include <string.h>

#include "trainer/interrupt.h"
#include "trainer/mining_parts.h"
#include "trainer/row_reader.h"

AngleStatus
angle_text_list_add(AngleTextList *list, AngleBytes text, AngleArena *arena,
					AngleError *err)
{
	const char *copy =
		angle_arena_strdup(arena, (const char *) text.data, text.size);

	if (list->count == list->capacity)
	{
		size_t capacity = list->capacity > 0 ? 2 * list->capacity : 1024;
		AngleBytes *texts = realloc(list->texts, capacity * sizeof(AngleBytes));

		if (texts == NULL)
			return angle_no_memory(err);
		list->texts = texts;
		list->capacity = capacity;
	}
	if (copy == NULL)
		return angle_no_memory(err);
	list->texts[list->count++] =
		(AngleBytes){(const uint8_t *) copy, text.size};
	return ANGLE_OK;
}

/* Makes the texts of a list distinct, in the order in which they first occur;
 * places (count) become those of the texts that were at each place. */
static AngleStatus
make_distinct(AngleTextList *list, uint32_t *places, AngleError *err)
{
	AngleTextIndex index;
	size_t kept = 0;

	ANGLE_TRY(angle_text_index_build(&index, list->texts, list->count, err));
	for (size_t i = 0; i < list->count; i++)
	{
		size_t first = (size_t) angle_text_index_find(&index, list->texts[i]);

		places[i] = first < i ? places[first] : (uint32_t) kept++;
	}
	angle_text_index_free(&index);
	/* the first of each moves down, never over one that is still needed */
	kept = 0;
	for (size_t i = 0; i < list->count; i++)
	{
		if (places[i] == kept)
			list->texts[kept++] = list->texts[i];
	}
	list->count = kept;
	return ANGLE_OK;
}

static AngleStatus
read_texts(AngleMining *mining, AngleRowReader *reader, AngleError *err)
{
	AngleRow row;
	bool end;

	for (;;)
	{
		ANGLE_TRY(angle_rows_next(reader, 0, &row, &end, err));
		if (end)
			break;
		ANGLE_TRY(angle_text_list_add(&mining->queries, row.texts[0],
									  mining->memory, err));
		ANGLE_TRY(angle_text_list_add(&mining->positives, row.texts[1],
									  mining->memory, err));
	}
	mining->row_count = mining->queries.count;
	if (mining->row_count == 0)
		return angle_fail(err, ANGLE_CORRUPT, "file \"%s\" has no row",
						  mining->options->source.path);
	return ANGLE_OK;
}

static AngleStatus
make_rows(AngleMining *mining, AngleError *err)
{
	size_t count = mining->row_count;
	uint32_t *places =
		angle_arena_alloc(mining->memory, count, sizeof(uint32_t));

	mining->rows =
		angle_arena_zalloc(mining->memory, count, sizeof(*mining->rows));
	if (mining->rows == NULL || places == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(make_distinct(&mining->queries, places, err));
	for (size_t i = 0; i < count; i++)
		mining->rows[i].query = places[i];
	ANGLE_TRY(make_distinct(&mining->positives, places, err));
	for (size_t i = 0; i < count; i++)
		mining->rows[i].positive = places[i];
	return ANGLE_OK;
}

/* Counting sort of the rows by their query. */
static AngleStatus
group_rows(AngleMining *mining, AngleError *err)
{
	size_t queries = mining->queries.count;
	uint32_t *next;

	mining->by_query =
		angle_arena_alloc(mining->memory, mining->row_count, sizeof(uint32_t));
	mining->first_row =
		angle_arena_zalloc(mining->memory, queries + 1, sizeof(uint32_t));
	next = angle_arena_alloc(mining->memory, queries + 1, sizeof(uint32_t));
	if (mining->by_query == NULL || mining->first_row == NULL || next == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < mining->row_count; i++)
		mining->first_row[mining->rows[i].query + 1]++;
	for (size_t i = 0; i < queries; i++)
		mining->first_row[i + 1] += mining->first_row[i];
	memcpy(next, mining->first_row, queries * sizeof(uint32_t));
	for (size_t i = 0; i < mining->row_count; i++)
		mining->by_query[next[mining->rows[i].query]++] = (uint32_t) i;
	return ANGLE_OK;
}

AngleStatus
angle_mining_read(AngleMining *mining, AngleError *err)
{
	AngleDatasetSource source = mining->options->source;
	AngleRowReader *reader;
	AngleStatus status;

	source.shape = ANGLE_ROW_POSITIVE;
	ANGLE_TRY(angle_rows_open(&source, mining->options->seed,
							  angle_interrupt_cancel(), &reader, err));
	status = read_texts(mining, reader, err);
	angle_rows_close(reader);
	ANGLE_TRY(status);
	ANGLE_TRY(make_rows(mining, err));
	return group_rows(mining, err);
}
