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
	ANGLE_DATA_SHAPE,
	ANGLE_DATA_SYNTAX,
	ANGLE_DATA_COLUMNS,
	ANGLE_DATA_LABELS,
	ANGLE_DATA_WHERE,
	ANGLE_DATA_DIVISOR,
	ANGLE_DATA_EMPTY,
	ANGLE_DATA_NEGATIVES,
	ANGLE_DATA_QUERY_PROMPT,
	ANGLE_DATA_PASSAGE_PROMPT,
	ANGLE_DATA_WEIGHT,
	ANGLE_DATA_LAST = ANGLE_DATA_WEIGHT,
};

#define ANGLE_DATA_OPTION(name, val)       \
	{                                      \
		name, required_argument, NULL, val \
	}

/* Rows of a table of long options: how a file is read, */
#define ANGLE_DATA_READING_OPTIONS                        \
	ANGLE_DATA_OPTION("syntax", ANGLE_DATA_SYNTAX),       \
		ANGLE_DATA_OPTION("columns", ANGLE_DATA_COLUMNS), \
		ANGLE_DATA_OPTION("labels", ANGLE_DATA_LABELS),   \
		ANGLE_DATA_OPTION("where", ANGLE_DATA_WHERE),     \
		ANGLE_DATA_OPTION("empty", ANGLE_DATA_EMPTY)
#define ANGLE_DATA_FILE_OPTIONS \
	ANGLE_DATA_OPTION("data", ANGLE_DATA_FILE), ANGLE_DATA_READING_OPTIONS

/* and what training makes of it. */
#define ANGLE_DATA_TRAINING_OPTIONS                                     \
	ANGLE_DATA_OPTION("shape", ANGLE_DATA_SHAPE),                       \
		ANGLE_DATA_OPTION("label-divisor", ANGLE_DATA_DIVISOR),         \
		ANGLE_DATA_OPTION("negatives", ANGLE_DATA_NEGATIVES),           \
		ANGLE_DATA_OPTION("query-prompt", ANGLE_DATA_QUERY_PROMPT),     \
		ANGLE_DATA_OPTION("passage-prompt", ANGLE_DATA_PASSAGE_PROMPT), \
		ANGLE_DATA_OPTION("weight", ANGLE_DATA_WEIGHT)

/* The lines of --help for those behind --data. */
#define ANGLE_DATA_READING_HELP                                                      \
	"  --syntax SYNTAX    tsv or jsonl (jsonl if the file starts with \"{\")\n"      \
	"  --columns LIST     which column plays which part: text1=premise,text2=…;\n" \
	"                     the parts are text1, text2, label, query, positive,\n"     \
	"                     negative\n"                                                \
	"  --labels LIST      what labels stand for: entailment=1,contradiction=0\n"     \
	"  --where LIST       only rows for which all hold: split=train,source!=x\n"     \
	"  --empty POLICY     rows with an empty text: refuse (default), skip, keep\n"

/* The lines of --help for what training makes of it. */
#define ANGLE_DATA_TRAINING_HELP                                                     \
	"  --shape SHAPE      A (text1, text2, label), B (query, positive), C (query,\n" \
	"                     positive, negatives); else what the columns allow\n"       \
	"  --label-divisor X  labels are divided by it\n"                                \
	"  --negatives N      take N elements of a list of negatives (1)\n"              \
	"  --query-prompt P   a prompt of the model by its name, or a template such\n"   \
	"                     as 'query: {text}', for query, text1 and text2\n"          \
	"  --passage-prompt P the same for positive and negatives\n"                     \
	"  --weight X         of the file in the mixture (its number of rows)\n"

#define ANGLE_DATASET_MAX_SOURCES 256

/* The sources so far; starts as zeros. */
typedef struct AngleDatasetArguments
{
	AngleDatasetSource sources[ANGLE_DATASET_MAX_SOURCES];
	int count;
} AngleDatasetArguments;

/* Takes an option if it is one of these, with its argument in optarg, or ends the
 * process with a usage error; false if it is another. */
bool angle_dataset_argument(const AngleCommand *command, int option,
							AngleDatasetArguments *arguments);

#endif
