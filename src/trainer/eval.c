/* angle eval: how good a model is, on sets whose answers are known. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/command.h"
#include "trainer/dataset_arguments.h"
#include "trainer/eval_report.h"
#include "trainer/interrupt.h"
#include "trainer/model_encoder.h"
#include "trainer/processors.h"

#define MAX_RETRIEVAL 64

typedef struct RetrievalArgument
{
	const char *directory;
	const char *split;
} RetrievalArgument;

typedef struct Arguments
{
	const char *model;
	AngleDatasetArguments pairs;
	bool is_sts[ANGLE_DATASET_MAX_SOURCES];
	RetrievalArgument retrieval[MAX_RETRIEVAL];
	int retrieval_count;
	double positive_label;
	AngleSimilarity similarity;
	const char *similarity_name;
	const char *prompt;
	const char *query_prompt;
	const char *passage_prompt;
	int dimensions; /* 0: the model's own */
	int threads;
	bool json;
} Arguments;

/* ---- arguments ---------------------------------------------------------- */

enum
{
	STS = 300,
	PAIRS,
	RETRIEVAL,
	SPLIT,
	POSITIVE_LABEL,
	SIMILARITY,
	PROMPT,
	QUERY_PROMPT,
	PASSAGE_PROMPT,
	DIMENSIONS,
	THREADS,
	JSON,
	MODEL,
};

static const struct option options[] = {
	ANGLE_DATA_READING_OPTIONS,
	{"dimensions", required_argument, NULL, DIMENSIONS},
	{"help", no_argument, NULL, ANGLE_OPTION_HELP},
	{"json", no_argument, NULL, JSON},
	{"model", required_argument, NULL, MODEL},
	{"pairs", required_argument, NULL, PAIRS},
	{"passage-prompt", required_argument, NULL, PASSAGE_PROMPT},
	{"positive-label", required_argument, NULL, POSITIVE_LABEL},
	{"prompt", required_argument, NULL, PROMPT},
	{"query-prompt", required_argument, NULL, QUERY_PROMPT},
	{"retrieval", required_argument, NULL, RETRIEVAL},
	{"similarity", required_argument, NULL, SIMILARITY},
	{"split", required_argument, NULL, SPLIT},
	{"sts", required_argument, NULL, STS},
	{"threads", required_argument, NULL, THREADS},
	{NULL, 0, NULL, 0},
};

static void
add_pairs(const char *path, bool is_sts, Arguments *arguments)
{
	optarg = (char *) path;
	angle_dataset_argument(&angle_eval_command, ANGLE_DATA_FILE,
						   &arguments->pairs);
	arguments->is_sts[arguments->pairs.count - 1] = is_sts;
}

static void
add_retrieval(Arguments *arguments)
{
	if (arguments->retrieval_count == MAX_RETRIEVAL)
		angle_usage_error(&angle_eval_command,
						  "there are more than %d retrieval sets",
						  MAX_RETRIEVAL);
	arguments->retrieval[arguments->retrieval_count++] =
		(RetrievalArgument){optarg, "test"};
}

static void
set_split(Arguments *arguments)
{
	if (arguments->retrieval_count == 0)
		angle_usage_error(&angle_eval_command,
						  "\"--split\" must stand behind its \"--retrieval\"");
	arguments->retrieval[arguments->retrieval_count - 1].split = optarg;
}

static void
set_similarity(Arguments *arguments)
{
	if (!angle_similarity_from_name(optarg, &arguments->similarity))
		angle_usage_error(&angle_eval_command,
						  "\"--similarity\" must be cosine, dot or angle, not "
						  "\"%s\"",
						  optarg);
	arguments->similarity_name = optarg;
}

static double
read_label(void)
{
	char *end;
	double label = strtod(optarg, &end);

	if (end == optarg || *end != '\0' || !isfinite(label))
		angle_usage_error(&angle_eval_command,
						  "\"--positive-label\" must be a number, not \"%s\"",
						  optarg);
	return label;
}

/* What adds a set or describes one. */
static bool
read_set_option(int option, Arguments *arguments)
{
	if (angle_dataset_argument(&angle_eval_command, option, &arguments->pairs))
		return true;
	switch (option)
	{
		case STS:
		case PAIRS:
			add_pairs(optarg, option == STS, arguments);
			return true;
		case RETRIEVAL:
			add_retrieval(arguments);
			return true;
		case SPLIT:
			set_split(arguments);
			return true;
	}
	return false;
}

static void
read_option(int option, Arguments *arguments)
{
	const AngleCommand *command = &angle_eval_command;

	switch (option)
	{
		case MODEL:
			arguments->model = optarg;
			break;
		case POSITIVE_LABEL:
			arguments->positive_label = read_label();
			break;
		case SIMILARITY:
			set_similarity(arguments);
			break;
		case PROMPT:
			arguments->prompt = optarg;
			break;
		case QUERY_PROMPT:
			arguments->query_prompt = optarg;
			break;
		case PASSAGE_PROMPT:
			arguments->passage_prompt = optarg;
			break;
		case DIMENSIONS:
			arguments->dimensions =
				angle_command_number(command, "--dimensions", optarg, 1, 16000);
			break;
		case THREADS:
			arguments->threads = angle_command_number(
				command, "--threads", optarg, 1, ANGLE_MAX_THREADS);
			break;
		case JSON:
			arguments->json = true;
			break;
	}
}

static void
read_arguments(int argc, char **argv, Arguments *arguments)
{
	const AngleCommand *command = &angle_eval_command;
	int option;

	*arguments =
		(Arguments){.positive_label = 0.5, .similarity_name = "cosine"};
	while ((option = angle_command_option(command, argc, argv, options)) != -1)
	{
		if (!read_set_option(option, arguments))
			read_option(option, arguments);
	}
	for (int i = optind; i < argc; i++)
		add_pairs(argv[i], true, arguments);
	if (arguments->model == NULL)
		angle_usage_error(command, "\"--model\" is needed");
	if (arguments->pairs.count == 0 && arguments->retrieval_count == 0)
		angle_usage_error(command, "there is no set to evaluate");
	if (arguments->threads == 0)
		arguments->threads = angle_processor_count();
}

/* ---- sets --------------------------------------------------------------- */

/* Everything that one run works with. */
typedef struct Session
{
	const Arguments *arguments;
	AngleArena *arena;
	AngleModelEncoder encoder;
	AngleEvalPairs *pairs;		  /* (pairs.count of the arguments) */
	AngleRetrievalSet *retrieval; /* (retrieval_count) */
	uint64_t texts;				  /* of all sets */
	AngleEvalReport report;
} Session;

static AngleStatus
read_pairs(Session *session, AngleError *err)
{
	const AngleDatasetArguments *sources = &session->arguments->pairs;

	for (int i = 0; i < sources->count; i++)
	{
		AngleEvalPairs *pairs = &session->pairs[i];

		ANGLE_TRY(angle_eval_pairs_read(&sources->sources[i],
										angle_interrupt_cancel(),
										session->arena, pairs, err));
		session->texts += 2 * pairs->count;
	}
	return ANGLE_OK;
}

static AngleStatus
read_retrieval(Session *session, AngleError *err)
{
	for (int i = 0; i < session->arguments->retrieval_count; i++)
	{
		const RetrievalArgument *argument = &session->arguments->retrieval[i];
		AngleRetrievalSet *set = &session->retrieval[i];
		AngleRetrievalFiles files;

		ANGLE_TRY(angle_retrieval_find(argument->directory, argument->split,
									   session->arena, &files, err));
		ANGLE_TRY(angle_retrieval_read(&files, angle_interrupt_cancel(),
									   session->arena, set, err));
		session->texts += set->query_count + set->document_count;
	}
	return ANGLE_OK;
}

static AngleStatus
read_sets(Session *session, AngleError *err)
{
	size_t pairs = (size_t) session->arguments->pairs.count + 1;
	size_t retrieval = (size_t) session->arguments->retrieval_count + 1;
	AngleEvalReport *report = &session->report;
	AngleArena *arena = session->arena;

	session->pairs = angle_arena_zalloc(arena, pairs, sizeof(AngleEvalPairs));
	session->retrieval =
		angle_arena_zalloc(arena, retrieval, sizeof(AngleRetrievalSet));
	report->sts = angle_arena_zalloc(arena, pairs, sizeof(AngleStsResult));
	report->classification =
		angle_arena_zalloc(arena, pairs, sizeof(AngleClassificationResult));
	report->retrieval =
		angle_arena_zalloc(arena, retrieval, sizeof(AngleRetrievalResult));
	if (session->pairs == NULL || session->retrieval == NULL ||
		report->sts == NULL || report->classification == NULL ||
		report->retrieval == NULL)
		return angle_no_memory(err);
	ANGLE_TRY(read_pairs(session, err));
	return read_retrieval(session, err);
}

/* ---- evaluation --------------------------------------------------------- */

static AngleStatus
evaluate_pairs(Session *session, int index, AngleError *err)
{
	const Arguments *arguments = session->arguments;
	const AngleEvalPairs *pairs = &session->pairs[index];
	AngleEvalReport *report = &session->report;
	const AngleEvalPairsOptions how = {
		.similarity = arguments->similarity,
		.prompt = arguments->prompt,
		.positive_label = arguments->positive_label,
	};

	if (arguments->is_sts[index])
	{
		AngleStsResult *result = &report->sts[report->sts_count++];

		result->name = pairs->name;
		result->pairs = pairs->count;
		return angle_eval_sts(pairs, &how, &session->encoder.encoder,
							  &result->scores, err);
	}
	else
	{
		AngleClassificationResult *result =
			&report->classification[report->classification_count++];

		result->name = pairs->name;
		result->pairs = pairs->count;
		return angle_eval_classification(pairs, &how, &session->encoder.encoder,
										 &result->scores, err);
	}
}

static AngleStatus
evaluate_retrieval(Session *session, int index, AngleError *err)
{
	const Arguments *arguments = session->arguments;
	const AngleModel *model = session->encoder.model;
	const AngleRetrievalSet *set = &session->retrieval[index];
	AngleRetrievalResult *result = &session->report.retrieval[index];
	AngleRetrievalOptions how = {
		.similarity = arguments->similarity,
		.query_prompt = arguments->query_prompt,
		.passage_prompt = arguments->passage_prompt,
		.executor = session->encoder.request.executor,
	};

	if (how.query_prompt == NULL)
		how.query_prompt = angle_model_query_prompt(model);
	if (how.passage_prompt == NULL)
		how.passage_prompt = angle_model_passage_prompt(model);
	result->name = set->name;
	result->queries = set->query_count;
	result->documents = set->document_count;
	session->report.retrieval_count++;
	return angle_eval_retrieval(set, &how, &session->encoder.encoder,
								&result->scores, err);
}

static AngleStatus
evaluate_sets(Session *session, AngleError *err)
{
	for (int i = 0; i < session->arguments->pairs.count; i++)
		ANGLE_TRY(evaluate_pairs(session, i, err));
	for (int i = 0; i < session->arguments->retrieval_count; i++)
		ANGLE_TRY(evaluate_retrieval(session, i, err));
	return ANGLE_OK;
}

static AngleStatus
evaluate(Session *session, AngleError *err)
{
	const Arguments *arguments = session->arguments;
	AngleStatus status;

	session->report.model = arguments->model;
	session->report.similarity = arguments->similarity_name;
	session->report.dimensions = session->encoder.encoder.dimensions;
	angle_model_encoder_show(&session->encoder, "evaluating", session->texts);
	status = evaluate_sets(session, err);
	angle_model_encoder_hide(&session->encoder, status);
	ANGLE_TRY(status);
	if (arguments->json)
		return angle_eval_report_json(&session->report, stdout, err);
	angle_eval_report_print(&session->report, stdout);
	return ANGLE_OK;
}

static AngleStatus
run(int argc, char **argv, AngleArena *arena, AngleError *err)
{
	Arguments *arguments = angle_arena_alloc(arena, 1, sizeof(*arguments));
	Session session = {.arguments = arguments, .arena = arena};
	AngleStatus status;

	if (arguments == NULL)
		return angle_no_memory(err);
	read_arguments(argc, argv, arguments);
	ANGLE_TRY(read_sets(&session, err));
	ANGLE_TRY(angle_model_encoder_open(&session.encoder, arguments->model,
									   arguments->dimensions,
									   arguments->threads, arena, err));
	status = evaluate(&session, err);
	angle_model_encoder_close(&session.encoder);
	return status;
}

const AngleCommand angle_eval_command = {
	"eval",
	"--model PATH [OPTION]… [FILE]…",
	"measure a model on sets whose answers are known",
	"Each FILE is a set of pairs of texts whose similarity people have judged (STS).\n\n"
	"Options:\n"
	"  --model PATH       a packed file or a model directory, by its path; a\n"
	"                     directory is packed on the fly, as f32\n"
	"  --sts FILE         like FILE, but options may follow that describe it\n"
	"  --pairs FILE       pairs whose label says whether they mean the same\n"
	"  --positive-label X the label from which on they do (0.5)\n"
	"  --retrieval DIR    a set with corpus, queries and qrels, as BEIR has them\n"
	"  --split NAME       of the qrels of that set (test)\n"
	"  --similarity NAME  cosine (default), dot, or angle, AnglE's score\n"
	"  --prompt PROMPT    of the texts of pairs: a prompt of the model by its\n"
	"                     name, or a template such as 'query: {text}'\n"
	"  --query-prompt P   of the queries of retrieval sets (the model's \"query\",\n"
	"                     if it has one)\n"
	"  --passage-prompt P of their documents (\"passage\" or \"document\")\n"
	"  --dimensions N     only the first N components, normalised again\n"
	"  --threads N        threads (as many as there are processors)\n"
	"  --json             the scores as JSON, not times 100\n"
	"  --help             this text\n\n"
	"Options that describe the file of the --sts or --pairs before them:\n" ANGLE_DATA_READING_HELP
	"\nFiles are TSV with a header or JSONL, plain or compressed by xz or zstd.\n"
	"docs/evaluation.md defines the scores.\n\n"
	"Examples:\n"
	"  angle eval --model m.angle sts12.tsv.xz sts13.tsv.xz stsb.test.tsv.xz\n"
	"  angle eval --model m.angle --retrieval scifact --json\n",
	NULL,
	run,
};
