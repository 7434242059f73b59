#include "trainer/row_parts.h"

#include <stdio.h>
#include <string.h>

typedef enum Part
{
	TEXT1,
	TEXT2,
	LABEL,
	QUERY,
	POSITIVE,
	NEGATIVE,
	PART_COUNT,
} Part;

/* What columns are called that play a part without being told to; the first is
 * the name of the part. */
static const char *const part_names[PART_COUNT][5] = {
	[TEXT1] = {"text1", "sentence1", "premise"},
	[TEXT2] = {"text2", "sentence2", "hypothesis"},
	[LABEL] = {"label", "score", "similarity"},
	[QUERY] = {"query", "anchor", "question"},
	[POSITIVE] = {"positive", "answer"},
	[NEGATIVE] = {"negative", "negatives"},
};

/* The columns of the table that play each part. */
typedef struct Roles
{
	int columns[PART_COUNT][ANGLE_DATASET_MAX_TEXTS];
	int counts[PART_COUNT];
} Roles;

/* Everything that finding the parts works with. */
typedef struct Search
{
	const AngleDatasetSource *source;
	const AngleTable *table;
	AngleArena *arena;
	Roles roles;
	int selected[ANGLE_ROW_MAX_SELECTED]; /* columns of the table */
	int selected_count;
} Search;

static AngleStatus
fail_columns(const Search *search, AngleError *err, const char *what,
			 const char *name)
{
	angle_fail(err, ANGLE_INVALID_ARGUMENT, "file \"%s\": %s \"%s\"",
			   search->source->path, what, name);
	angle_hint(err, "Its columns are: %s.", angle_table_names(search->table));
	return ANGLE_INVALID_ARGUMENT;
}

/* ---- NAME=VALUE,NAME=VALUE ---------------------------------------------- */

/* Takes the next item off *list, NULL at its end. */
static AngleStatus
next_item(Search *search, const char **list, const char **item, AngleError *err)
{
	size_t length = strcspn(*list, ",");

	*item = NULL;
	if (**list == '\0')
		return ANGLE_OK;
	*item = angle_arena_strdup(search->arena, *list, length);
	if (*item == NULL)
		return angle_no_memory(err);
	*list += length + ((*list)[length] == ',');
	return ANGLE_OK;
}

/* Cuts "name=value" in two; *value is NULL if there is no "=". */
static AngleStatus
cut_item(Search *search, const char *item, const char **name,
		 const char **value, AngleError *err)
{
	const char *sign = strchr(item, '=');
	size_t length = sign != NULL ? (size_t) (sign - item) : strlen(item);

	*value = sign != NULL ? sign + 1 : NULL;
	*name = angle_arena_strdup(search->arena, item, length);
	return *name != NULL ? ANGLE_OK : angle_no_memory(err);
}

/* ---- roles -------------------------------------------------------------- */

static AngleStatus
add_role(Search *search, Part part, int column, AngleError *err)
{
	Roles *roles = &search->roles;
	int most = part == NEGATIVE ? ANGLE_DATASET_MAX_TEXTS - 2 : 1;

	if (roles->counts[part] == most)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "file \"%s\": more than %d columns are %s",
						  search->source->path, most, part_names[part][0]);
	roles->columns[part][roles->counts[part]++] = column;
	return ANGLE_OK;
}

static AngleStatus
name_role(Search *search, const char *item, AngleError *err)
{
	const char *name;
	const char *value;
	int column;
	int part = 0;

	ANGLE_TRY(cut_item(search, item, &name, &value, err));
	while (part < PART_COUNT && strcmp(part_names[part][0], name) != 0)
		part++;
	if (part == PART_COUNT || value == NULL)
	{
		angle_fail(err, ANGLE_INVALID_ARGUMENT,
				   "\"%s\" does not say which column plays which part", item);
		angle_hint(err, "Write PART=COLUMN; the parts are text1, text2, label, "
						"query, positive and negative.");
		return ANGLE_INVALID_ARGUMENT;
	}
	column = angle_table_find(search->table, value);
	if (column < 0)
		return fail_columns(search, err, "there is no column", value);
	return add_role(search, (Part) part, column, err);
}

static AngleStatus
name_roles(Search *search, AngleError *err)
{
	const char *list = search->source->columns;
	const char *item;

	for (;;)
	{
		ANGLE_TRY(next_item(search, &list, &item, err));
		if (item == NULL)
			return ANGLE_OK;
		ANGLE_TRY(name_role(search, item, err));
	}
}

/* negative1, negative_1 and so on, for as long as there is one, beside a plain
 * negative. */
static AngleStatus
guess_numbered(Search *search, AngleError *err)
{
	for (int i = 1; i <= ANGLE_DATASET_MAX_TEXTS; i++)
	{
		char name[32];
		int column;

		snprintf(name, sizeof(name), "negative%d", i);
		column = angle_table_find(search->table, name);
		snprintf(name, sizeof(name), "negative_%d", i);
		if (column < 0)
			column = angle_table_find(search->table, name);
		if (column < 0)
			break;
		ANGLE_TRY(add_role(search, NEGATIVE, column, err));
	}
	return ANGLE_OK;
}

/* For the parts that were not named. */
static AngleStatus
guess_roles(Search *search, AngleError *err)
{
	bool knows_negatives = search->roles.counts[NEGATIVE] > 0;

	for (int part = 0; part < PART_COUNT; part++)
	{
		int column = -1;

		if (search->roles.counts[part] > 0)
			continue;
		for (int i = 0; part_names[part][i] != NULL && column < 0; i++)
			column = angle_table_find(search->table, part_names[part][i]);
		if (column >= 0)
			ANGLE_TRY(add_role(search, (Part) part, column, err));
	}
	return knows_negatives ? ANGLE_OK : guess_numbered(search, err);
}

/* ---- shape -------------------------------------------------------------- */

static bool
has(const Search *search, Part part)
{
	return search->roles.counts[part] > 0;
}

static bool
allows(const Search *search, AngleRowShape shape)
{
	if (shape == ANGLE_ROW_LABELLED)
		return has(search, TEXT1) && has(search, TEXT2) && has(search, LABEL);
	return has(search, QUERY) && has(search, POSITIVE) &&
		   (shape == ANGLE_ROW_POSITIVE || has(search, NEGATIVE));
}

static AngleStatus
fail_shape(const Search *search, AngleError *err)
{
	static const char *const needs[] = {
		[ANGLE_ROW_DETECT] = "text1, text2 and label, or query and positive",
		[ANGLE_ROW_LABELLED] = "text1, text2 and label",
		[ANGLE_ROW_POSITIVE] = "query and positive",
		[ANGLE_ROW_NEGATIVE] = "query, positive and negative",
	};

	angle_fail(err, ANGLE_INVALID_ARGUMENT,
			   "file \"%s\": no columns for %s were found",
			   search->source->path, needs[search->source->shape]);
	angle_hint(err,
			   "Say which they are, as in \"--columns text1=premise,text2="
			   "hypothesis\". Its columns are: %s.",
			   angle_table_names(search->table));
	return ANGLE_INVALID_ARGUMENT;
}

static AngleStatus
find_shape(const Search *search, AngleRowShape *shape, AngleError *err)
{
	static const AngleRowShape by_richness[] = {
		ANGLE_ROW_NEGATIVE, ANGLE_ROW_LABELLED, ANGLE_ROW_POSITIVE};

	for (size_t i = 0; i < sizeof(by_richness) / sizeof(by_richness[0]); i++)
	{
		*shape = by_richness[i];
		if ((search->source->shape == ANGLE_ROW_DETECT ||
			 search->source->shape == *shape) &&
			allows(search, *shape))
			return ANGLE_OK;
	}
	return fail_shape(search, err);
}

/* ---- selection ---------------------------------------------------------- */

static int
select_column(Search *search, int column)
{
	search->selected[search->selected_count] = column;
	return search->selected_count++;
}

static void
select_part(Search *search, Part part)
{
	for (int i = 0; i < search->roles.counts[part]; i++)
		select_column(search, search->roles.columns[part][i]);
}

static void
select_parts(Search *search, AngleRowParts *parts)
{
	parts->label_column = -1;
	if (parts->shape == ANGLE_ROW_LABELLED)
	{
		select_part(search, TEXT1);
		select_part(search, TEXT2);
	}
	else
	{
		select_part(search, QUERY);
		select_part(search, POSITIVE);
	}
	if (parts->shape == ANGLE_ROW_NEGATIVE)
		select_part(search, NEGATIVE);
	parts->text_count = search->selected_count;
	if (parts->shape == ANGLE_ROW_LABELLED)
		parts->label_column =
			select_column(search, search->roles.columns[LABEL][0]);
}

/* ---- conditions --------------------------------------------------------- */

static AngleStatus
add_condition(Search *search, const char *item, AngleRowParts *parts,
			  AngleError *err)
{
	AngleRowCondition *condition = &parts->conditions[parts->condition_count];
	const char *name;
	const char *value;
	size_t length;
	int column;

	ANGLE_TRY(cut_item(search, item, &name, &value, err));
	if (value == NULL || parts->condition_count == ANGLE_ROW_MAX_CONDITIONS)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  value != NULL
							  ? "\"%s\" is one condition too many"
							  : "\"%s\" is no condition COLUMN=VALUE or "
								"COLUMN!=VALUE",
						  item);
	length = strlen(name);
	condition->is_equal = length == 0 || name[length - 1] != '!';
	if (!condition->is_equal)
		name = angle_arena_strdup(search->arena, name, length - 1);
	if (name == NULL)
		return angle_no_memory(err);
	column = angle_table_find(search->table, name);
	if (column < 0)
		return fail_columns(search, err, "there is no column", name);
	condition->value = angle_bytes_of(value);
	condition->column = select_column(search, column);
	parts->condition_count++;
	return ANGLE_OK;
}

static AngleStatus
add_conditions(Search *search, AngleRowParts *parts, AngleError *err)
{
	const char *list =
		search->source->where != NULL ? search->source->where : "";
	const char *item;

	for (;;)
	{
		ANGLE_TRY(next_item(search, &list, &item, err));
		if (item == NULL)
			return ANGLE_OK;
		ANGLE_TRY(add_condition(search, item, parts, err));
	}
}

AngleStatus
angle_row_parts_find(const AngleDatasetSource *source, AngleTable *table,
					 AngleArena *arena, AngleRowParts *parts, AngleError *err)
{
	Search search = {.source = source, .table = table, .arena = arena};

	*parts = (AngleRowParts){.shape = ANGLE_ROW_DETECT};
	if (source->columns != NULL)
		ANGLE_TRY(name_roles(&search, err));
	ANGLE_TRY(guess_roles(&search, err));
	ANGLE_TRY(find_shape(&search, &parts->shape, err));
	select_parts(&search, parts);
	ANGLE_TRY(add_conditions(&search, parts, err));
	return angle_table_select(table, search.selected, search.selected_count,
							  err);
}
