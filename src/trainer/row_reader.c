#include "trainer/row_reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "trainer/row_parts.h"

#define MAX_LABELS 64
#define MAX_NUMBER 64

typedef struct LabelName
{
	AngleBytes name;
	double value;
} LabelName;

struct AngleRowReader
{
	const AngleDatasetSource *source;
	const AngleCancel *cancel;
	uint64_t seed;
	AngleArena *memory; /* the reader itself and its labels */
	AngleArena *arena;	/* of the table */
	AngleTable *table;
	AngleRowParts parts;
	LabelName labels[MAX_LABELS];
	int label_count;
	int columns; /* texts of each row; 0 before the first one */
	uint64_t number;
	uint64_t skipped;
	const AngleField *fields; /* of the last row */
};

/* ---- labels ------------------------------------------------------------- */

/* A whole text as a finite number. */
static bool
read_number(AngleBytes text, double *number)
{
	char copy[MAX_NUMBER];
	char *end;

	if (text.size == 0 || text.size >= sizeof(copy))
		return false;
	memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	*number = strtod(copy, &end);
	return *end == '\0' && end == copy + text.size && isfinite(*number);
}

static AngleStatus
add_label(AngleRowReader *reader, AngleBytes item, AngleError *err)
{
	const uint8_t *sign = memchr(item.data, '=', item.size);
	LabelName *label = &reader->labels[reader->label_count];
	AngleBytes value;

	if (sign != NULL)
	{
		label->name = (AngleBytes){item.data, (size_t) (sign - item.data)};
		value = (AngleBytes){sign + 1, item.size - label->name.size - 1};
	}
	if (sign == NULL || !read_number(value, &label->value))
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "\"%.*s\" is no label WORD=NUMBER", (int) item.size,
						  (const char *) item.data);
	reader->label_count++;
	return ANGLE_OK;
}

static AngleStatus
read_labels(AngleRowReader *reader, AngleError *err)
{
	const char *list = reader->source->labels;

	while (list != NULL && *list != '\0')
	{
		size_t length = strcspn(list, ",");

		if (reader->label_count == MAX_LABELS)
			return angle_fail(err, ANGLE_INVALID_ARGUMENT,
							  "there are more than %d labels", MAX_LABELS);
		ANGLE_TRY(add_label(reader,
							(AngleBytes){(const uint8_t *) list, length}, err));
		list += length + (list[length] == ',');
	}
	return ANGLE_OK;
}

static AngleStatus
fail_label(const AngleRowReader *reader, AngleBytes text, AngleError *err)
{
	int length = text.size < 60 ? (int) text.size : 60;

	angle_table_fail(
		reader->table, reader->parts.label_column, err, ANGLE_CORRUPT,
		reader->label_count > 0 ? "\"%.*s\" is none of the labels"
								: "the label \"%.*s\" is not a number",
		length, (const char *) text.data);
	if (reader->label_count == 0)
		angle_hint(err, "For labels that are words say what they stand for, as "
						"in --labels entailment=1,neutral=0.5,contradiction=0");
	return ANGLE_CORRUPT;
}

static AngleStatus
convert_label(const AngleRowReader *reader, AngleRow *row, AngleError *err)
{
	double divisor = reader->source->label_divisor;
	AngleBytes text = reader->fields[reader->parts.label_column].items[0];
	bool found = reader->label_count == 0 && read_number(text, &row->label);

	for (int i = 0; i < reader->label_count && !found; i++)
	{
		found = angle_bytes_equal(text, reader->labels[i].name);
		row->label = reader->labels[i].value;
	}
	if (!found)
		return fail_label(reader, text, err);
	if (divisor != 0)
		row->label /= divisor;
	return ANGLE_OK;
}

/* ---- fields ------------------------------------------------------------- */

/* What is no text to choose must be one value. */
static AngleStatus
check_single(const AngleRowReader *reader, int column, AngleError *err)
{
	if (!reader->fields[column].is_list)
		return ANGLE_OK;
	return angle_table_fail(reader->table, column, err, ANGLE_CORRUPT,
							"a list where one value is needed");
}

static AngleStatus
meets_conditions(const AngleRowReader *reader, bool *meets, AngleError *err)
{
	*meets = true;
	for (int i = 0; i < reader->parts.condition_count; i++)
	{
		const AngleRowCondition *condition = &reader->parts.conditions[i];

		ANGLE_TRY(check_single(reader, condition->column, err));
		*meets &= angle_bytes_equal(reader->fields[condition->column].items[0],
									condition->value) == condition->is_equal;
	}
	return ANGLE_OK;
}

static bool
is_empty(AngleBytes text)
{
	size_t i = 0;

	while (i < text.size && (text.data[i] == ' ' ||
							 (text.data[i] >= '\t' && text.data[i] <= '\r')))
		i++;
	return i == text.size;
}

static bool
field_has_empty(const AngleField *field)
{
	for (size_t i = 0; i < field->count; i++)
	{
		if (is_empty(field->items[i]))
			return true;
	}
	return false;
}

/* Looks at all elements of lists: whether a row is left out must not change from
 * pass to pass. */
static AngleStatus
has_empty(const AngleRowReader *reader, bool *result, AngleError *err)
{
	*result = false;
	for (int i = 0; i < reader->parts.text_count; i++)
	{
		if (reader->source->empty == ANGLE_EMPTY_KEEP ||
			!field_has_empty(&reader->fields[i]))
			continue;
		if (reader->source->empty == ANGLE_EMPTY_SKIP)
		{
			*result = true;
			continue;
		}
		angle_table_fail(reader->table, i, err, ANGLE_CORRUPT,
						 "the text is empty");
		angle_hint(err, "Leave such rows out with --empty skip, or take them "
						"as they are with --empty keep.");
		return ANGLE_CORRUPT;
	}
	return ANGLE_OK;
}

/* ---- texts -------------------------------------------------------------- */

/* Of a list in the column of negatives several are taken, of others one. */
static size_t
wanted_of(const AngleRowReader *reader, int column)
{
	bool is_negative = reader->parts.shape == ANGLE_ROW_NEGATIVE && column >= 2;
	int wanted = reader->source->negatives;

	return reader->fields[column].is_list && is_negative && wanted > 0
			   ? (size_t) wanted
			   : 1;
}

/* Takes wanted different elements, in random order: the ith is drawn from those
 * that are left, counted over the gaps that taken, ascending, has in them. */
static void
sample(const AngleField *field, size_t wanted, AngleRng *rng, AngleRow *row)
{
	size_t taken[ANGLE_DATASET_MAX_TEXTS];

	for (size_t i = 0; i < wanted; i++)
	{
		size_t chosen = angle_rng_below(rng, field->count - i);
		size_t at = 0;

		for (; at < i && taken[at] <= chosen; at++)
			chosen++;
		memmove(taken + at + 1, taken + at, (i - at) * sizeof(*taken));
		taken[at] = chosen;
		row->texts[row->columns++] = field->items[chosen];
	}
}

static AngleStatus
take_texts(const AngleRowReader *reader, int column, AngleRng *rng,
		   AngleRow *row, AngleError *err)
{
	const AngleField *field = &reader->fields[column];
	size_t wanted = wanted_of(reader, column);

	if (field->count < wanted)
		return angle_table_fail(reader->table, column, err, ANGLE_CORRUPT,
								"the list has %zu elements, and %zu are needed",
								field->count, wanted);
	if ((size_t) row->columns + wanted > ANGLE_DATASET_MAX_TEXTS)
		return angle_table_fail(reader->table, column, err, ANGLE_TOO_LARGE,
								"the row has more than %d texts",
								ANGLE_DATASET_MAX_TEXTS);
	if (field->is_list)
		sample(field, wanted, rng, row);
	else
		row->texts[row->columns++] = field->items[0];
	return ANGLE_OK;
}

AngleStatus
angle_rows_again(AngleRowReader *reader, uint64_t pass, AngleRow *row,
				 AngleError *err)
{
	AngleRng rng;

	/* a generator of its own for each row: rows can be had in any order */
	angle_rng_seed(&rng, reader->seed);
	angle_rng_seed(&rng, angle_rng_next(&rng) + pass);
	angle_rng_seed(&rng, angle_rng_next(&rng) + reader->number);
	row->number = reader->number;
	row->label = 0;
	row->columns = 0;
	for (int i = 0; i < reader->parts.text_count; i++)
		ANGLE_TRY(take_texts(reader, i, &rng, row, err));
	if (reader->columns == 0)
		reader->columns = row->columns;
	if (row->columns != reader->columns)
		return angle_table_fail(reader->table, -1, err, ANGLE_CORRUPT,
								"the row has %d texts where those before have "
								"%d",
								row->columns, reader->columns);
	if (reader->parts.label_column >= 0)
		return convert_label(reader, row, err);
	return ANGLE_OK;
}

/* ---- rows --------------------------------------------------------------- */

/* Whether the row that was read is one to take. */
static AngleStatus
is_taken(AngleRowReader *reader, bool *taken, AngleError *err)
{
	bool meets;
	bool empty;

	ANGLE_TRY(meets_conditions(reader, &meets, err));
	*taken = false;
	if (!meets)
		return ANGLE_OK;
	if (reader->parts.label_column >= 0)
		ANGLE_TRY(check_single(reader, reader->parts.label_column, err));
	ANGLE_TRY(has_empty(reader, &empty, err));
	reader->skipped += empty;
	*taken = !empty;
	return ANGLE_OK;
}

AngleStatus
angle_rows_next(AngleRowReader *reader, uint64_t pass, AngleRow *row, bool *end,
				AngleError *err)
{
	bool taken = false;

	while (!taken)
	{
		ANGLE_TRY(angle_table_next(reader->table, &reader->fields, err));
		*end = reader->fields == NULL;
		if (*end)
			return ANGLE_OK;
		ANGLE_TRY(is_taken(reader, &taken, err));
	}
	/* from UINT64_MAX to 0 at the first one */
	reader->number++;
	return angle_rows_again(reader, pass, row, err);
}

AngleStatus
angle_rows_rewind(AngleRowReader *reader, AngleError *err)
{
	angle_table_close(reader->table);
	reader->table = NULL;
	angle_arena_reset(reader->arena);
	reader->number = UINT64_MAX;
	reader->skipped = 0;
	ANGLE_TRY(angle_table_open(reader->source->path, reader->source->syntax,
							   reader->cancel, reader->arena, &reader->table,
							   err));
	return angle_row_parts_find(reader->source, reader->table, reader->arena,
								&reader->parts, err);
}

/* ---- the reader --------------------------------------------------------- */

static AngleRowReader *
create(void)
{
	AngleArena *memory = angle_arena_create(NULL);
	AngleRowReader *reader =
		memory != NULL ? angle_arena_zalloc(memory, 1, sizeof(*reader)) : NULL;

	if (reader == NULL)
	{
		angle_arena_destroy(memory);
		return NULL;
	}
	reader->memory = memory;
	reader->arena = angle_arena_create(NULL);
	return reader;
}

AngleStatus
angle_rows_open(const AngleDatasetSource *source, uint64_t seed,
				const AngleCancel *cancel, AngleRowReader **result,
				AngleError *err)
{
	AngleRowReader *reader = create();
	AngleStatus status;

	if (reader == NULL || reader->arena == NULL)
	{
		angle_rows_close(reader);
		return angle_no_memory(err);
	}
	reader->source = source;
	reader->seed = seed;
	reader->cancel = cancel;
	status = read_labels(reader, err);
	if (status == ANGLE_OK)
		status = angle_rows_rewind(reader, err);
	if (status != ANGLE_OK)
	{
		angle_rows_close(reader);
		return status;
	}
	*result = reader;
	return ANGLE_OK;
}

void
angle_rows_close(AngleRowReader *reader)
{
	if (reader == NULL)
		return;
	angle_table_close(reader->table);
	angle_arena_destroy(reader->arena);
	angle_arena_destroy(reader->memory);
}

AngleRowShape
angle_rows_shape(const AngleRowReader *reader)
{
	return reader->parts.shape;
}

uint64_t
angle_rows_skipped(const AngleRowReader *reader)
{
	return reader->skipped;
}

const AngleTable *
angle_rows_table(const AngleRowReader *reader)
{
	return reader->table;
}
