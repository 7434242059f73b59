/* angle mine: hard negatives for training. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trainer/command.h"
#include "trainer/dataset_arguments.h"
#include "trainer/mining.h"
#include "trainer/output.h"
#include "trainer/processors.h"

typedef struct Arguments
{
	const char *model;
	AngleDatasetArguments data;
	AngleMiningOptions mining;
	const char *output; /* NULL: standard output */
	AngleOverwrite overwrite;
	int dimensions; /* 0: the model's own */
	int threads;
} Arguments;

/* ---- arguments ---------------------------------------------------------- */

enum
{
	MODEL = 300,
	CORPUS,
	CORPUS_COLUMN,
	SIMILARITY,
	QUERY_PROMPT,
	PASSAGE_PROMPT,
	RANK_MIN,
	RANK_MAX,
	MARGIN,
	RELATIVE_MARGIN,
	SCORE_MIN,
	SCORE_MAX,
	NEGATIVES,
	CHOOSE,
	SEED,
	FORMAT,
	OUTPUT,
	FORCE,
	DIMENSIONS,
	THREADS,
};

static const struct option options[] = {
	ANGLE_DATA_FILE_OPTIONS,
	{"choose", required_argument, NULL, CHOOSE},
	{"corpus", required_argument, NULL, CORPUS},
	{"corpus-column", required_argument, NULL, CORPUS_COLUMN},
	{"dimensions", required_argument, NULL, DIMENSIONS},
	{"force", no_argument, NULL, FORCE},
	{"format", required_argument, NULL, FORMAT},
	{"help", no_argument, NULL, ANGLE_OPTION_HELP},
	{"margin", required_argument, NULL, MARGIN},
	{"model", required_argument, NULL, MODEL},
	{"negatives", required_argument, NULL, NEGATIVES},
	{"output", required_argument, NULL, OUTPUT},
	{"passage-prompt", required_argument, NULL, PASSAGE_PROMPT},
	{"query-prompt", required_argument, NULL, QUERY_PROMPT},
	{"rank-max", required_argument, NULL, RANK_MAX},
	{"rank-min", required_argument, NULL, RANK_MIN},
	{"relative-margin", required_argument, NULL, RELATIVE_MARGIN},
	{"score-max", required_argument, NULL, SCORE_MAX},
	{"score-min", required_argument, NULL, SCORE_MIN},
	{"seed", required_argument, NULL, SEED},
	{"similarity", required_argument, NULL, SIMILARITY},
	{"threads", required_argument, NULL, THREADS},
	{NULL, 0, NULL, 0},
};

static double
read_number(const char *option)
{
	char *end;
	double number = strtod(optarg, &end);

	if (end == optarg || *end != '\0' || !isfinite(number))
		angle_usage_error(&angle_mine_command,
						  "\"%s\" must be a number, not \"%s\"", option,
						  optarg);
	return number;
}

static void
set_choice(AngleMiningOptions *mining)
{
	if (strcmp(optarg, "nearest") == 0)
		mining->choice = ANGLE_MINING_NEAREST;
	else if (strcmp(optarg, "random") == 0)
		mining->choice = ANGLE_MINING_RANDOM;
	else
		angle_usage_error(&angle_mine_command,
						  "\"--choose\" must be nearest or random, not \"%s\"",
						  optarg);
}

static void
set_format(AngleMiningOptions *mining)
{
	if (strcmp(optarg, "tsv") == 0)
		mining->format = ANGLE_MINING_TSV;
	else if (strcmp(optarg, "jsonl") == 0)
		mining->format = ANGLE_MINING_JSONL;
	else
		angle_usage_error(&angle_mine_command,
						  "\"--format\" must be tsv or jsonl, not \"%s\"",
						  optarg);
}

static void
set_similarity(AngleMiningOptions *mining)
{
	if (!angle_similarity_from_name(optarg, &mining->similarity))
		angle_usage_error(&angle_mine_command,
						  "\"--similarity\" must be cosine, dot or angle, not "
						  "\"%s\"",
						  optarg);
}

/* What bounds the candidates. */
static bool
read_bound(int option, AngleMiningOptions *mining)
{
	const AngleCommand *command = &angle_mine_command;

	switch (option)
	{
		case RANK_MIN:
			mining->rank_min =
				angle_command_number(command, "--rank-min", optarg, 1, 10000);
			return true;
		case RANK_MAX:
			mining->rank_max =
				angle_command_number(command, "--rank-max", optarg, 1, 10000);
			return true;
		case MARGIN:
			mining->margin = read_number("--margin");
			return true;
		case RELATIVE_MARGIN:
			mining->relative_margin = read_number("--relative-margin");
			return true;
		case SCORE_MIN:
			mining->score_min = read_number("--score-min");
			return true;
		case SCORE_MAX:
			mining->score_max = read_number("--score-max");
			return true;
	}
	return false;
}

/* What else decides what is found. */
static bool
read_search_option(int option, AngleMiningOptions *mining)
{
	const AngleCommand *command = &angle_mine_command;

	switch (option)
	{
		case CORPUS:
			mining->corpus = optarg;
			return true;
		case CORPUS_COLUMN:
			mining->corpus_column = optarg;
			return true;
		case SIMILARITY:
			set_similarity(mining);
			return true;
		case QUERY_PROMPT:
			mining->query_prompt = optarg;
			return true;
		case PASSAGE_PROMPT:
			mining->passage_prompt = optarg;
			return true;
		case NEGATIVES:
			mining->negatives = angle_command_number(
				command, "--negatives", optarg, 1, ANGLE_DATASET_MAX_TEXTS - 2);
			return true;
		case CHOOSE:
			set_choice(mining);
			return true;
		case SEED:
			mining->seed = (uint64_t) angle_command_number(
				command, "--seed", optarg, 0, INT32_MAX);
			return true;
	}
	return false;
}

static void
read_option(int option, Arguments *arguments)
{
	const AngleCommand *command = &angle_mine_command;

	switch (option)
	{
		case MODEL:
			arguments->model = optarg;
			break;
		case FORMAT:
			set_format(&arguments->mining);
			break;
		case OUTPUT:
			arguments->output = optarg;
			break;
		case FORCE:
			arguments->overwrite = ANGLE_OVERWRITE_ALLOW;
			break;
		case DIMENSIONS:
			arguments->dimensions =
				angle_command_number(command, "--dimensions", optarg, 1, 16000);
			break;
		case THREADS:
			arguments->threads = angle_command_number(
				command, "--threads", optarg, 1, ANGLE_MAX_THREADS);
			break;
	}
}

static void
check_arguments(int argc, Arguments *arguments)
{
	const AngleCommand *command = &angle_mine_command;
	AngleMiningOptions *mining = &arguments->mining;

	if (arguments->model == NULL)
		angle_usage_error(command, "\"--model\" is needed");
	if (arguments->data.count != 1 || optind != argc)
		angle_usage_error(command, "one \"--data\" is needed");
	if (mining->rank_max < mining->rank_min + mining->negatives - 1)
		angle_usage_error(
			command, "ranks %d to %d have no room for %d negatives",
			mining->rank_min, mining->rank_max, mining->negatives);
	if (arguments->threads == 0)
		arguments->threads = angle_processor_count();
	mining->source = arguments->data.sources[0];
}

static void
read_arguments(int argc, char **argv, Arguments *arguments)
{
	const AngleCommand *command = &angle_mine_command;
	int option;

	*arguments = (Arguments){
		.mining = {.rank_min = 1,
				   .rank_max = 50,
				   .margin = -INFINITY,
				   .relative_margin = -INFINITY,
				   .score_min = -INFINITY,
				   .score_max = INFINITY,
				   .negatives = 1},
	};
	while ((option = angle_command_option(command, argc, argv, options)) != -1)
	{
		if (!angle_dataset_argument(command, option, &arguments->data) &&
			!read_bound(option, &arguments->mining) &&
			!read_search_option(option, &arguments->mining))
			read_option(option, arguments);
	}
	check_arguments(argc, arguments);
}

/* ---- a run -------------------------------------------------------------- */

static AngleStatus
mine_to(Arguments *arguments, AngleModelEncoder *encoder, FILE *stream,
		AngleError *err)
{
	AngleMiningOptions *mining = &arguments->mining;
	AngleMiningCounts counts;
	AngleStatus status;

	if (mining->query_prompt == NULL)
		mining->query_prompt = angle_model_query_prompt(encoder->model);
	if (mining->passage_prompt == NULL)
		mining->passage_prompt = angle_model_passage_prompt(encoder->model);
	angle_model_encoder_show(encoder, "mining", 0);
	status = angle_mine(mining, encoder, stream, &counts, err);
	angle_model_encoder_hide(encoder, status);
	ANGLE_TRY(status);
	fprintf(stderr, "%llu of %llu rows written",
			(unsigned long long) counts.written,
			(unsigned long long) counts.rows);
	if (counts.written < counts.rows)
		fprintf(stderr, "; the others have fewer than %d candidates",
				mining->negatives);
	fputc('\n', stderr);
	return ANGLE_OK;
}

static AngleStatus
mine_to_file(Arguments *arguments, AngleModelEncoder *encoder,
			 AngleArena *arena, AngleError *err)
{
	AngleOutput output;
	AngleStatus status;

	ANGLE_TRY(angle_output_begin(arguments->output, ANGLE_OUTPUT_FILE,
								 arguments->overwrite, arena, &output, err));
	status = mine_to(arguments, encoder, output.stream, err);
	if (status != ANGLE_OK)
	{
		angle_output_discard(&output);
		return status;
	}
	return angle_output_commit(&output, err);
}

static AngleStatus
run(int argc, char **argv, AngleArena *arena, AngleError *err)
{
	Arguments *arguments = angle_arena_alloc(arena, 1, sizeof(*arguments));
	AngleModelEncoder encoder;
	AngleStatus status;

	if (arguments == NULL)
		return angle_no_memory(err);
	read_arguments(argc, argv, arguments);
	ANGLE_TRY(angle_model_encoder_open(&encoder, arguments->model,
									   arguments->dimensions,
									   arguments->threads, arena, err));
	if (arguments->output == NULL)
		status = mine_to(arguments, &encoder, stdout, err);
	else
		status = mine_to_file(arguments, &encoder, arena, err);
	angle_model_encoder_close(&encoder);
	return status;
}

const AngleCommand angle_mine_command = {
	"mine",
	"--model PATH --data FILE [OPTION]…",
	"find hard negatives for training",
	"Writes the queries and positives of FILE with negatives: texts that the model\n"
	"finds near the query. They come from a corpus, or else from the positives of\n"
	"other queries.\n\n"
	"Options:\n"
	"  --model PATH       a packed file or a model directory, by its path\n"
	"  --data FILE        rows of query and positive\n"
	"  --corpus FILE      texts to choose from, TSV or JSONL\n"
	"  --corpus-column C  the column with them (text)\n"
	"  --negatives N      of each row; rows that find fewer are left out (1)\n"
	"  --rank-min N       leave out the nearest candidates up to rank N − 1 (1)\n"
	"  --rank-max N       leave out candidates behind rank N (50)\n"
	"  --margin X         the similarity to the query must be at least X below\n"
	"                     that of the positive\n"
	"  --relative-margin X  the same for X times that of the positive\n"
	"  --score-min X      the similarity must be at least X\n"
	"  --score-max X      the similarity must be at most X\n"
	"  --choose HOW       nearest (default), or random among the candidates\n"
	"  --seed N           of the random choice (0)\n"
	"  --similarity NAME  cosine (default), dot, or angle, AnglE's score\n"
	"  --query-prompt P   of queries (the model's \"query\", if it has one)\n"
	"  --passage-prompt P of the others (\"passage\" or \"document\")\n"
	"  --dimensions N     only the first N components, normalised again\n"
	"  --threads N        threads (as many as there are processors)\n"
	"  --format FORMAT    tsv (default) or jsonl\n"
	"  --output FILE      write to FILE, which appears when it is complete\n"
	"  --force            replace FILE if it exists\n"
	"  --help             this text\n\n"
	"Options that describe the file of --data:\n" ANGLE_DATA_READING_HELP
	"\nWithout a margin a negative may be nearer than the positive. The same input\n"
	"gives the same output.\n\n"
	"Example:\n"
	"  angle mine --model m.angle --data pairs.tsv --negatives 5 --rank-min 5 \\\n"
	"    --relative-margin 0.05 --output triples.tsv\n",
	NULL,
	run,
};
