#include "trainer/dataset_arguments.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static AngleDatasetSource *
last_source(const AngleCommand *command, AngleDatasetArguments *arguments)
{
	if (arguments->count == 0)
		angle_usage_error(command,
						  "an option that describes a file must stand behind "
						  "it");
	return &arguments->sources[arguments->count - 1];
}

static void
add_source(const AngleCommand *command, AngleDatasetArguments *arguments)
{
	if (arguments->count == ANGLE_DATASET_MAX_SOURCES)
		angle_usage_error(command, "there are more than %d files",
						  ANGLE_DATASET_MAX_SOURCES);
	arguments->sources[arguments->count++] =
		(AngleDatasetSource){.path = optarg};
}

static double
positive_number(const AngleCommand *command, const char *option)
{
	char *end;
	double number = strtod(optarg, &end);

	if (end == optarg || *end != '\0' || !(number > 0) || !isfinite(number))
		angle_usage_error(command,
						  "\"%s\" must be a number above 0, not \"%s\"", option,
						  optarg);
	return number;
}

static AngleEmptyText
empty_text(const AngleCommand *command)
{
	if (strcmp(optarg, "refuse") == 0)
		return ANGLE_EMPTY_REFUSE;
	if (strcmp(optarg, "skip") == 0)
		return ANGLE_EMPTY_SKIP;
	if (strcmp(optarg, "keep") == 0)
		return ANGLE_EMPTY_KEEP;
	angle_usage_error(command,
					  "\"--empty\" must be refuse, skip or keep, not \"%s\"",
					  optarg);
}

static AngleRowShape
row_shape(const AngleCommand *command)
{
	if (strcmp(optarg, "A") == 0)
		return ANGLE_ROW_LABELLED;
	if (strcmp(optarg, "B") == 0)
		return ANGLE_ROW_POSITIVE;
	if (strcmp(optarg, "C") == 0)
		return ANGLE_ROW_NEGATIVE;
	angle_usage_error(command, "\"--shape\" must be A, B or C, not \"%s\"",
					  optarg);
}

static AngleTableSyntax
table_syntax(const AngleCommand *command)
{
	if (strcmp(optarg, "tsv") == 0)
		return ANGLE_TABLE_TSV;
	if (strcmp(optarg, "jsonl") == 0)
		return ANGLE_TABLE_JSONL;
	angle_usage_error(command, "\"--syntax\" must be tsv or jsonl, not \"%s\"",
					  optarg);
}

/* What describes a file but is no string. */
static void
describe(const AngleCommand *command, int option, AngleDatasetSource *source)
{
	switch (option)
	{
		case ANGLE_DATA_SHAPE:
			source->shape = row_shape(command);
			break;
		case ANGLE_DATA_SYNTAX:
			source->syntax = table_syntax(command);
			break;
		case ANGLE_DATA_EMPTY:
			source->empty = empty_text(command);
			break;
		case ANGLE_DATA_DIVISOR:
			source->label_divisor = positive_number(command, "--label-divisor");
			break;
		case ANGLE_DATA_WEIGHT:
			source->weight = positive_number(command, "--weight");
			break;
		case ANGLE_DATA_NEGATIVES:
			source->negatives = angle_command_number(
				command, "--negatives", optarg, 1, ANGLE_DATASET_MAX_TEXTS - 2);
			break;
	}
}

bool
angle_dataset_argument(const AngleCommand *command, int option,
					   AngleDatasetArguments *arguments)
{
	AngleDatasetSource *source;

	if (option < ANGLE_DATA_FILE || option > ANGLE_DATA_LAST)
		return false;
	if (option == ANGLE_DATA_FILE)
	{
		add_source(command, arguments);
		return true;
	}
	source = last_source(command, arguments);
	if (option == ANGLE_DATA_COLUMNS)
		source->columns = optarg;
	else if (option == ANGLE_DATA_LABELS)
		source->labels = optarg;
	else if (option == ANGLE_DATA_WHERE)
		source->where = optarg;
	else if (option == ANGLE_DATA_QUERY_PROMPT)
		source->query_prompt = optarg;
	else if (option == ANGLE_DATA_PASSAGE_PROMPT)
		source->passage_prompt = optarg;
	else
		describe(command, option, source);
	return true;
}
