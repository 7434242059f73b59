#include "trainer/table.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/utf8_check.h"
#include "trainer/line_reader.h"

#define MAX_COLUMNS 4096
#define NAMES_SIZE 160

struct AngleTable
{
	char *path;
	const AngleCancel *cancel;
	AngleTableSyntax syntax;
	AngleLineReader reader;
	AngleArena *arena;
	AngleArena *row; /* the items of one row */
	uint64_t line;	 /* of the last row */
	const char **names;
	int name_count;
	char names_text[NAMES_SIZE];
	AngleBytes *cells;	/* (name_count) of a row of TSV */
	const int *columns; /* (column_count) the selection */
	int column_count;
	AngleField *fields; /* (column_count) */
	json_t *object;		/* the row of JSONL */
	bool is_pending;	/* it was read for the header and not yet given */
};

/* ---- messages ----------------------------------------------------------- */

static void
add_place(const AngleTable *table, const char *column, AngleError *err)
{
	if (column != NULL)
		angle_prefix(err, "file \"%s\", line %llu, column \"%s\"",
					 table->reader.name, (unsigned long long) table->line,
					 column);
	else
		angle_prefix(err, "file \"%s\", line %llu", table->reader.name,
					 (unsigned long long) table->line);
}

AngleStatus
angle_table_fail(const AngleTable *table, int column, AngleError *err,
				 AngleStatus status, const char *format, ...)
{
	char text[384];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	angle_fail(err, status, "%s", text);
	add_place(table, column < 0 ? NULL : table->names[table->columns[column]],
			  err);
	return status;
}

/* ---- lines -------------------------------------------------------------- */

static bool
is_blank(AngleBytes line)
{
	return line.size == 0 || (line.size == 1 && line.data[0] == '\r');
}

/* The next line without what some editors put around it; *end behind the last. */
static AngleStatus
read_line(AngleTable *table, AngleBytes *line, bool *end, AngleError *err)
{
	ANGLE_TRY(angle_lines_next(&table->reader, line, end, err));
	if (*end)
		return ANGLE_OK;
	table->line = table->reader.line;
	if (table->line == 1 && line->size >= 3 &&
		memcmp(line->data, "\xEF\xBB\xBF", 3) == 0)
		*line = (AngleBytes){line->data + 3, line->size - 3};
	if (line->size > 0 && line->data[line->size - 1] == '\r')
		line->size--;
	return ANGLE_OK;
}

/* ---- TSV ---------------------------------------------------------------- */

/* Cuts line at its tabs into cells (at most most) and counts all of them. */
static size_t
split(AngleBytes line, AngleBytes *cells, size_t most)
{
	const uint8_t *end = line.data + line.size;
	const uint8_t *start = line.data;
	size_t count = 0;

	for (;;)
	{
		const uint8_t *tab =
			start < end ? memchr(start, '\t', (size_t) (end - start)) : NULL;
		const uint8_t *stop = tab != NULL ? tab : end;

		if (count < most)
			cells[count] = (AngleBytes){start, (size_t) (stop - start)};
		count++;
		if (tab == NULL)
			return count;
		start = tab + 1;
	}
}

/* Says in which column the line is not UTF-8. */
static AngleStatus
fail_encoding(const AngleTable *table, AngleError *err)
{
	const char *column = NULL;

	for (int i = table->name_count - 1; i >= 0; i--)
	{
		if (angle_utf8_check(table->cells[i], "text", NULL, err) != ANGLE_OK)
			column = table->names[i];
	}
	add_place(table, column, err);
	return ANGLE_INVALID_TEXT;
}

static AngleStatus
split_row(AngleTable *table, AngleBytes line, AngleError *err)
{
	size_t count = split(line, table->cells, (size_t) table->name_count);

	if (count != (size_t) table->name_count)
		return angle_table_fail(table, -1, err, ANGLE_CORRUPT,
								"%zu fields where the header has %d", count,
								table->name_count);
	if (angle_utf8_check(line, "line", NULL, err) != ANGLE_OK)
		return fail_encoding(table, err);
	for (int i = 0; i < table->column_count; i++)
		table->fields[i] =
			(AngleField){.items = &table->cells[table->columns[i]], .count = 1};
	return ANGLE_OK;
}

/* Empty lines may stand at the end of a file only: in between, one is a row that
 * got lost. */
static AngleStatus
check_rest_is_blank(AngleTable *table, AngleError *err)
{
	uint64_t first = table->line;
	AngleBytes line;
	bool end;

	for (;;)
	{
		ANGLE_TRY(read_line(table, &line, &end, err));
		if (end)
			return ANGLE_OK;
		if (!is_blank(line))
			break;
	}
	table->line = first;
	return angle_table_fail(table, -1, err, ANGLE_CORRUPT, "the line is empty");
}

static AngleStatus
next_tsv(AngleTable *table, bool *end, AngleError *err)
{
	AngleBytes line;

	ANGLE_TRY(read_line(table, &line, end, err));
	if (*end)
		return ANGLE_OK;
	if (table->name_count > 1 && is_blank(line))
	{
		*end = true;
		return check_rest_is_blank(table, err);
	}
	return split_row(table, line, err);
}

/* ---- JSONL -------------------------------------------------------------- */

static AngleStatus
parse_object(AngleTable *table, AngleBytes line, AngleError *err)
{
	json_error_t error;

	json_decref(table->object);
	table->object = json_loadb((const char *) line.data, line.size,
							   JSON_REJECT_DUPLICATES, &error);
	if (table->object == NULL &&
		json_error_code(&error) == json_error_out_of_memory)
		return angle_no_memory(err);
	if (table->object == NULL)
		return angle_table_fail(table, -1, err, ANGLE_CORRUPT,
								"not valid JSON at byte %d: %s", error.position,
								error.text);
	if (!json_is_object(table->object))
		return angle_table_fail(table, -1, err, ANGLE_CORRUPT,
								"the line holds no object");
	return ANGLE_OK;
}

/* Reads the next object; lines that are empty do not count. */
static AngleStatus
read_object(AngleTable *table, bool *end, AngleError *err)
{
	AngleBytes line;

	do
	{
		ANGLE_TRY(read_line(table, &line, end, err));
		if (*end)
			return ANGLE_OK;
	} while (is_blank(line));
	return parse_object(table, line, err);
}

/* The text of a number, as JSON has it. */
static bool
number_text(AngleTable *table, const json_t *value, AngleBytes *item)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
	char *copy = text != NULL
					 ? angle_arena_strdup(table->row, text, strlen(text))
					 : NULL;

	free(text);
	if (copy != NULL)
		*item = angle_bytes_of(copy);
	return copy != NULL;
}

static AngleStatus
read_item(AngleTable *table, int column, const json_t *value, AngleBytes *item,
		  AngleError *err)
{
	if (json_is_string(value))
	{
		*item = (AngleBytes){(const uint8_t *) json_string_value(value),
							 json_string_length(value)};
		return ANGLE_OK;
	}
	if (!json_is_number(value))
		return angle_table_fail(table, column, err, ANGLE_CORRUPT,
								"neither a text nor a number");
	return number_text(table, value, item) ? ANGLE_OK : angle_no_memory(err);
}

static AngleStatus
read_field(AngleTable *table, int column, AngleError *err)
{
	const json_t *value =
		json_object_get(table->object, table->names[table->columns[column]]);
	bool is_list = json_is_array(value);
	size_t count = is_list ? json_array_size(value) : 1;
	AngleBytes *items;

	if (value == NULL)
		return angle_table_fail(table, column, err, ANGLE_CORRUPT,
								"the object has no such key");
	items = angle_arena_alloc(table->row, count > 0 ? count : 1,
							  sizeof(AngleBytes));
	if (items == NULL)
		return angle_no_memory(err);
	for (size_t i = 0; i < count; i++)
		ANGLE_TRY(read_item(table, column,
							is_list ? json_array_get(value, i) : value,
							&items[i], err));
	table->fields[column] = (AngleField){items, count, is_list};
	return ANGLE_OK;
}

static AngleStatus
next_jsonl(AngleTable *table, bool *end, AngleError *err)
{
	*end = false;
	if (!table->is_pending)
		ANGLE_TRY(read_object(table, end, err));
	table->is_pending = false;
	if (*end)
		return ANGLE_OK;
	angle_arena_reset(table->row);
	for (int i = 0; i < table->column_count; i++)
		ANGLE_TRY(read_field(table, i, err));
	return ANGLE_OK;
}

/* ---- the header --------------------------------------------------------- */

static AngleStatus
allocate_names(AngleTable *table, size_t count, AngleError *err)
{
	if (count > MAX_COLUMNS)
		return angle_table_fail(table, -1, err, ANGLE_TOO_LARGE,
								"there are more than %d columns", MAX_COLUMNS);
	table->names = angle_arena_zalloc(table->arena, count + 1, sizeof(char *));
	table->cells =
		angle_arena_zalloc(table->arena, count + 1, sizeof(AngleBytes));
	if (table->names == NULL || table->cells == NULL)
		return angle_no_memory(err);
	return ANGLE_OK;
}

static AngleStatus
add_name(AngleTable *table, const char *text, size_t size, AngleError *err)
{
	const char *name = angle_arena_strdup(table->arena, text, size);

	if (name == NULL)
		return angle_no_memory(err);
	if (angle_table_find(table, name) >= 0)
		return angle_table_fail(table, -1, err, ANGLE_CORRUPT,
								"there are two columns \"%s\"", name);
	table->names[table->name_count++] = name;
	return ANGLE_OK;
}

static AngleStatus
read_tsv_header(AngleTable *table, AngleBytes line, AngleError *err)
{
	size_t count = split(line, NULL, 0);

	ANGLE_TRY(allocate_names(table, count, err));
	if (angle_utf8_check(line, "header", NULL, err) != ANGLE_OK)
	{
		add_place(table, NULL, err);
		return ANGLE_INVALID_TEXT;
	}
	split(line, table->cells, count);
	for (size_t i = 0; i < count; i++)
		ANGLE_TRY(add_name(table, (const char *) table->cells[i].data,
						   table->cells[i].size, err));
	return ANGLE_OK;
}

static AngleStatus
read_jsonl_header(AngleTable *table, AngleBytes line, AngleError *err)
{
	const char *key;
	json_t *value;

	ANGLE_TRY(parse_object(table, line, err));
	table->is_pending = true;
	ANGLE_TRY(allocate_names(table, json_object_size(table->object), err));
	json_object_foreach(table->object, key, value)
	{
		ANGLE_TRY(add_name(table, key, strlen(key), err));
	}
	return ANGLE_OK;
}

static bool
looks_like_json(AngleBytes line)
{
	size_t i = 0;

	while (i < line.size && (line.data[i] == ' ' || line.data[i] == '\t'))
		i++;
	return i < line.size && line.data[i] == '{';
}

static void
join_names(AngleTable *table)
{
	size_t used = 0;

	for (int i = 0; i < table->name_count && used < NAMES_SIZE; i++)
		used +=
			(size_t) snprintf(table->names_text + used, NAMES_SIZE - used,
							  "%s%s", used > 0 ? ", " : "", table->names[i]);
	if (used >= NAMES_SIZE)
		strcpy(table->names_text + NAMES_SIZE - sizeof("..."), "...");
}

static AngleStatus
read_header(AngleTable *table, AngleError *err)
{
	AngleBytes line = {NULL, 0};
	bool end = false;

	while (!end && is_blank(line))
		ANGLE_TRY(read_line(table, &line, &end, err));
	if (end)
		return angle_fail(err, ANGLE_CORRUPT,
						  "file \"%s\" is empty: it needs a header or objects",
						  table->reader.name);
	if (table->syntax == ANGLE_TABLE_DETECT)
		table->syntax =
			looks_like_json(line) ? ANGLE_TABLE_JSONL : ANGLE_TABLE_TSV;
	if (table->syntax == ANGLE_TABLE_TSV)
		ANGLE_TRY(read_tsv_header(table, line, err));
	else
		ANGLE_TRY(read_jsonl_header(table, line, err));
	join_names(table);
	return ANGLE_OK;
}

/* ---- the table ---------------------------------------------------------- */

AngleStatus
angle_table_open(const char *path, AngleTableSyntax syntax,
				 const AngleCancel *cancel, AngleArena *arena,
				 AngleTable **result, AngleError *err)
{
	AngleTable *table = angle_arena_zalloc(arena, 1, sizeof(*table));
	AngleStatus status;

	if (table == NULL)
		return angle_no_memory(err);
	table->path = angle_arena_strdup(arena, path, strlen(path));
	table->row = angle_arena_create(angle_arena_allocator(arena));
	if (table->path == NULL || table->row == NULL)
		return angle_no_memory(err);
	table->cancel = cancel;
	table->syntax = syntax;
	table->arena = arena;
	angle_lines_open(&table->reader, &table->path, 1, cancel);
	status = read_header(table, err);
	if (status != ANGLE_OK)
	{
		angle_table_close(table);
		return status;
	}
	*result = table;
	return ANGLE_OK;
}

void
angle_table_close(AngleTable *table)
{
	if (table == NULL)
		return;
	angle_lines_close(&table->reader);
	angle_arena_destroy(table->row);
	json_decref(table->object);
}

int
angle_table_find(const AngleTable *table, const char *name)
{
	for (int i = 0; i < table->name_count; i++)
	{
		if (strcmp(table->names[i], name) == 0)
			return i;
	}
	return -1;
}

const char *
angle_table_names(const AngleTable *table)
{
	return table->names_text;
}

AngleStatus
angle_table_select(AngleTable *table, const int *columns, int count,
				   AngleError *err)
{
	int *copy =
		angle_arena_alloc(table->arena, (size_t) count + 1, sizeof(int));

	table->fields = angle_arena_zalloc(table->arena, (size_t) count + 1,
									   sizeof(AngleField));
	if (copy == NULL || table->fields == NULL)
		return angle_no_memory(err);
	memcpy(copy, columns, (size_t) count * sizeof(int));
	table->columns = copy;
	table->column_count = count;
	return ANGLE_OK;
}

AngleStatus
angle_table_next(AngleTable *table, const AngleField **fields, AngleError *err)
{
	bool end;

	if (table->syntax == ANGLE_TABLE_TSV)
		ANGLE_TRY(next_tsv(table, &end, err));
	else
		ANGLE_TRY(next_jsonl(table, &end, err));
	*fields = end ? NULL : table->fields;
	return ANGLE_OK;
}

uint64_t
angle_table_line(const AngleTable *table)
{
	return table->line;
}

uint64_t
angle_table_done(const AngleTable *table)
{
	return angle_lines_done(&table->reader);
}

uint64_t
angle_table_size(const AngleTable *table)
{
	return table->reader.size;
}
