/*
 * The options of a command line that say what training data is, for every
 * subcommand that reads some. Those that describe a file belong to the FILE of the
 * --data before them:
 *
 *     --data nli.tsv.xz --columns query=anchor --data sts.tsv --weight 2
 */
#ifndef ANGLE_DATASET_ARGUMENTS_H
#define ANGLE_DATASET_ARGUMENTS_H

#include "trainer/command.h"
#include "trainer/dataset.h"

/* The val of each, above those that a subcommand has itself. */
enum
{
	ANGLE_DATA_FILE = 512,
	ANGLE_DATA_COLUMNS,
	ANGLE_DATA_LABELS,
	ANGLE_DATA_WHERE,
	ANGLE_DATA_FORMAT,
	ANGLE_DATA_DIVISOR,
	ANGLE_DATA_EMPTY,
	ANGLE_DATA_NEGATIVES,
	ANGLE_DATA_QUERY_PROMPT,
	ANGLE_DATA_PASSAGE_PROMPT,
	ANGLE_DATA_WEIGHT,
};

/* Rows of the table of long options. */
#define ANGLE_DATA_OPTIONS                                                  \
	{"data", required_argument, NULL, ANGLE_DATA_FILE},                     \
		{"columns", required_argument, NULL, ANGLE_DATA_COLUMNS},           \
		{"labels", required_argument, NULL, ANGLE_DATA_LABELS},             \
		{"where", required_argument, NULL, ANGLE_DATA_WHERE},               \
		{"data-format", required_argument, NULL, ANGLE_DATA_FORMAT},        \
		{"label-divisor", required_argument, NULL, ANGLE_DATA_DIVISOR},     \
		{"empty", required_argument, NULL, ANGLE_DATA_EMPTY},               \
		{"negatives", required_argument, NULL, ANGLE_DATA_NEGATIVES},       \
		{"query-prompt", required_argument, NULL, ANGLE_DATA_QUERY_PROMPT}, \
		{"passage-prompt", required_argument, NULL,                         \
		 ANGLE_DATA_PASSAGE_PROMPT},                                        \
	{                                                                       \
		"weight", required_argument, NULL, ANGLE_DATA_WEIGHT                \
	}

/* The sources so far; starts as zeros. */
typedef struct AngleDatasetArguments
{
	AngleDatasetSource sources[256];
	int count;
} AngleDatasetArguments;

/* Takes an option if it is one of these, with its argument in optarg, or ends the
 * process with a usage error; false if it is another. */
bool angle_dataset_argument(const AngleCommand *command, int option,
							AngleDatasetArguments *arguments);

#endif
