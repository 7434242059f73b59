/* angle train: from a model and texts to a better model. */
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/command.h"
#include "trainer/train_run.h"

#define MAX_THREADS 1024

/* The val of each long option. */
enum
{
	OPTION_ACCUMULATE = 300,
	OPTION_ANGLE_TAU,
	OPTION_ANGLE_WEIGHT,
	OPTION_BATCH,
	OPTION_CLIP,
	OPTION_COMPRESSION_WEIGHT,
	OPTION_COSINE_TAU,
	OPTION_COSINE_WEIGHT,
	OPTION_DECAY,
	OPTION_DISTILL_MSE,
	OPTION_DISTILL_SIMILARITY,
	OPTION_DISTILL_TAU,
	OPTION_DROPOUT,
	OPTION_ELASTIC,
	OPTION_EPOCHS,
	OPTION_EVAL,
	OPTION_EVAL_PROMPT,
	OPTION_EVAL_RETRIEVAL,
	OPTION_EVAL_SPLIT,
	OPTION_EVAL_STEPS,
	OPTION_FORCE,
	OPTION_IN_BATCH_TAU,
	OPTION_IN_BATCH_WEIGHT,
	OPTION_MATRYOSHKA,
	OPTION_MAX_TOKENS,
	OPTION_MINI_BATCH,
	OPTION_MIX,
	OPTION_MIX_UNIT,
	OPTION_MODEL,
	OPTION_NEGATIVE_WEIGHT,
	OPTION_NORMALIZE,
	OPTION_OUTPUT,
	OPTION_PATIENCE,
	OPTION_POSITIVE_FROM,
	OPTION_PRESET,
	OPTION_RATE,
	OPTION_RESTART,
	OPTION_RESUME,
	OPTION_SAVE_STEPS,
	OPTION_SEED,
	OPTION_STEPS,
	OPTION_TEACHER,
	OPTION_THREADS,
	OPTION_WARMUP,
};

static const struct option options[] = {
	{"accumulate", required_argument, NULL, OPTION_ACCUMULATE},
	{"angle-tau", required_argument, NULL, OPTION_ANGLE_TAU},
	{"angle-weight", required_argument, NULL, OPTION_ANGLE_WEIGHT},
	{"batch-size", required_argument, NULL, OPTION_BATCH},
	{"clip", required_argument, NULL, OPTION_CLIP},
	{"compression-weight", required_argument, NULL, OPTION_COMPRESSION_WEIGHT},
	{"cosine-tau", required_argument, NULL, OPTION_COSINE_TAU},
	{"cosine-weight", required_argument, NULL, OPTION_COSINE_WEIGHT},
	{"distill-mse", required_argument, NULL, OPTION_DISTILL_MSE},
	{"distill-similarity", required_argument, NULL, OPTION_DISTILL_SIMILARITY},
	{"distill-tau", required_argument, NULL, OPTION_DISTILL_TAU},
	{"dropout", required_argument, NULL, OPTION_DROPOUT},
	{"elastic", required_argument, NULL, OPTION_ELASTIC},
	{"epochs", required_argument, NULL, OPTION_EPOCHS},
	{"eval", required_argument, NULL, OPTION_EVAL},
	{"eval-prompt", required_argument, NULL, OPTION_EVAL_PROMPT},
	{"eval-retrieval", required_argument, NULL, OPTION_EVAL_RETRIEVAL},
	{"eval-split", required_argument, NULL, OPTION_EVAL_SPLIT},
	{"eval-steps", required_argument, NULL, OPTION_EVAL_STEPS},
	{"force", no_argument, NULL, OPTION_FORCE},
	{"help", no_argument, NULL, ANGLE_OPTION_HELP},
	{"in-batch-tau", required_argument, NULL, OPTION_IN_BATCH_TAU},
	{"in-batch-weight", required_argument, NULL, OPTION_IN_BATCH_WEIGHT},
	{"learning-rate", required_argument, NULL, OPTION_RATE},
	{"matryoshka", required_argument, NULL, OPTION_MATRYOSHKA},
	{"max-tokens", required_argument, NULL, OPTION_MAX_TOKENS},
	{"mini-batch", required_argument, NULL, OPTION_MINI_BATCH},
	{"mix", required_argument, NULL, OPTION_MIX},
	{"mix-unit", required_argument, NULL, OPTION_MIX_UNIT},
	{"model", required_argument, NULL, OPTION_MODEL},
	{"negative-weight", required_argument, NULL, OPTION_NEGATIVE_WEIGHT},
	{"normalize", no_argument, NULL, OPTION_NORMALIZE},
	{"output", required_argument, NULL, OPTION_OUTPUT},
	{"patience", required_argument, NULL, OPTION_PATIENCE},
	{"positive-from", required_argument, NULL, OPTION_POSITIVE_FROM},
	{"preset", required_argument, NULL, OPTION_PRESET},
	{"restart", no_argument, NULL, OPTION_RESTART},
	{"resume", no_argument, NULL, OPTION_RESUME},
	{"save-steps", required_argument, NULL, OPTION_SAVE_STEPS},
	{"seed", required_argument, NULL, OPTION_SEED},
	{"steps", required_argument, NULL, OPTION_STEPS},
	{"teacher", required_argument, NULL, OPTION_TEACHER},
	{"threads", required_argument, NULL, OPTION_THREADS},
	{"warmup", required_argument, NULL, OPTION_WARMUP},
	{"weight-decay", required_argument, NULL, OPTION_DECAY},
	ANGLE_DATA_FILE_OPTIONS,
	ANGLE_DATA_TRAINING_OPTIONS,
	{NULL, 0, NULL, 0},
};

/* ---- numbers ------------------------------------------------------------ */

/* A number of the settings that an option sets. */
typedef struct WholeOption
{
	int option;
	const char *name;
	int least;
	int most;
	size_t offset;
} WholeOption;

typedef struct RealOption
{
	int option;
	const char *name;
	double most;
	size_t offset;
} RealOption;

#define SETTING(field) offsetof(AngleTrainSettings, field)

static const WholeOption wholes[] = {
	{OPTION_ACCUMULATE, "--accumulate", 1, 1000000, SETTING(accumulate)},
	{OPTION_BATCH, "--batch-size", 1, 1000000, SETTING(batch)},
	{OPTION_ELASTIC, "--elastic", 2, 16000, SETTING(elastic)},
	{OPTION_EVAL_STEPS, "--eval-steps", 1, INT_MAX, SETTING(eval_steps)},
	{OPTION_MAX_TOKENS, "--max-tokens", 3, 1000000, SETTING(max_tokens)},
	{OPTION_MINI_BATCH, "--mini-batch", 1, 1000000, SETTING(mini_batch)},
	{OPTION_PATIENCE, "--patience", 1, INT_MAX, SETTING(patience)},
	{OPTION_SAVE_STEPS, "--save-steps", 1, INT_MAX, SETTING(save_steps)},
	{OPTION_SEED, "--seed", 0, INT_MAX, SETTING(seed)},
	{OPTION_STEPS, "--steps", 1, INT_MAX, SETTING(steps)},
	{OPTION_THREADS, "--threads", 1, MAX_THREADS, SETTING(threads)},
};

static const RealOption reals[] = {
	{OPTION_ANGLE_TAU, "--angle-tau", 1e6, SETTING(objective.angle_tau)},
	{OPTION_ANGLE_WEIGHT, "--angle-weight", 1e6, SETTING(objective.angle)},
	{OPTION_CLIP, "--clip", 1e30, SETTING(clip)},
	{OPTION_COMPRESSION_WEIGHT, "--compression-weight", 1e6,
	 SETTING(objective.compression)},
	{OPTION_COSINE_TAU, "--cosine-tau", 1e6, SETTING(objective.cosine_tau)},
	{OPTION_COSINE_WEIGHT, "--cosine-weight", 1e6, SETTING(objective.cosine)},
	{OPTION_DECAY, "--weight-decay", 1e6, SETTING(decay)},
	{OPTION_DISTILL_MSE, "--distill-mse", 1e6, SETTING(objective.mse)},
	{OPTION_DISTILL_SIMILARITY, "--distill-similarity", 1e6,
	 SETTING(objective.similarity)},
	{OPTION_DISTILL_TAU, "--distill-tau", 1e6,
	 SETTING(objective.similarity_tau)},
	{OPTION_DROPOUT, "--dropout", 0.999, SETTING(dropout)},
	{OPTION_EPOCHS, "--epochs", 1e6, SETTING(epochs)},
	{OPTION_IN_BATCH_TAU, "--in-batch-tau", 1e6,
	 SETTING(objective.in_batch_tau)},
	{OPTION_IN_BATCH_WEIGHT, "--in-batch-weight", 1e6,
	 SETTING(objective.in_batch)},
	{OPTION_NEGATIVE_WEIGHT, "--negative-weight", 1e6,
	 SETTING(objective.negatives)},
	{OPTION_POSITIVE_FROM, "--positive-from", 1e30,
	 SETTING(objective.positive_from)},
	{OPTION_RATE, "--learning-rate", 1e3, SETTING(rate)},
	{OPTION_WARMUP, "--warmup", 1, SETTING(warmup)},
};

static double
read_real(const char *name, double most)
{
	char *end;
	double number = strtod(optarg, &end);

	if (end == optarg || *end != '\0' || !(number >= 0 && number <= most))
		angle_usage_error(&angle_train_command,
						  "\"%s\" must be a number from 0 to %g, not \"%s\"",
						  name, most, optarg);
	return number;
}

/* Whether option sets one number; if so it is set. */
static bool
read_number(int option, AngleTrainSettings *settings)
{
	char *base = (char *) settings;

	for (size_t i = 0; i < sizeof(wholes) / sizeof(wholes[0]); i++)
	{
		const WholeOption *o = &wholes[i];

		if (o->option != option)
			continue;
		*(int *) (base + o->offset) = angle_command_number(
			&angle_train_command, o->name, optarg, o->least, o->most);
		return true;
	}
	for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++)
	{
		if (reals[i].option != option)
			continue;
		*(double *) (base + reals[i].offset) =
			read_real(reals[i].name, reals[i].most);
		return true;
	}
	return false;
}

/* ---- words -------------------------------------------------------------- */

static void
read_lengths(AngleTrainSettings *settings)
{
	const char *text = optarg;

	settings->length_count = 0;
	while (*text != '\0')
	{
		char *end;
		long length = strtol(text, &end, 10);

		if (end == text || (*end != ',' && *end != '\0') || length < 1 ||
			length > 16000 || settings->length_count == ANGLE_MAX_LENGTHS)
			angle_usage_error(
				&angle_train_command,
				"\"--matryoshka\" must be at most %d lengths such "
				"as 256,128,64, not \"%s\"",
				ANGLE_MAX_LENGTHS, optarg);
		settings->lengths[settings->length_count++] = (int) length;
		text = *end == ',' ? end + 1 : end;
	}
}

static void
read_mixture(int option, AngleTrainSettings *settings)
{
	if (option == OPTION_MIX && strcmp(optarg, "weight") == 0)
		settings->mixture = ANGLE_MIX_BY_WEIGHT;
	else if (option == OPTION_MIX && strcmp(optarg, "round-robin") == 0)
		settings->mixture = ANGLE_MIX_ROUND_ROBIN;
	else if (option == OPTION_MIX_UNIT && strcmp(optarg, "batches") == 0)
		settings->unit = ANGLE_MIX_BATCHES;
	else if (option == OPTION_MIX_UNIT && strcmp(optarg, "rows") == 0)
		settings->unit = ANGLE_MIX_ROWS;
	else
		angle_usage_error(&angle_train_command,
						  option == OPTION_MIX
							  ? "\"--mix\" must be weight or round-robin, not "
								"\"%s\""
							  : "\"--mix-unit\" must be batches or rows, not "
								"\"%s\"",
						  optarg);
}

static void
add_evaluation(AngleTrainSettings *settings, const char *split)
{
	if (settings->evaluation_count == ANGLE_MAX_EVALUATIONS)
		angle_usage_error(&angle_train_command,
						  "there are more than %d sets to evaluate",
						  ANGLE_MAX_EVALUATIONS);
	settings->evaluations[settings->evaluation_count++] =
		(AngleTrainEvaluation){optarg, split};
}

static void
set_split(AngleTrainSettings *settings)
{
	int last = settings->evaluation_count - 1;

	if (last < 0 || settings->evaluations[last].split == NULL)
		angle_usage_error(&angle_train_command, "\"--eval-split\" must stand "
												"behind its "
												"\"--eval-retrieval\"");
	settings->evaluations[last].split = optarg;
}

static void
read_option(int option, AngleTrainSettings *settings)
{
	if (angle_dataset_argument(&angle_train_command, option, &settings->data) ||
		read_number(option, settings))
		return;
	switch (option)
	{
		case OPTION_EVAL:
			add_evaluation(settings, NULL);
			break;
		case OPTION_EVAL_RETRIEVAL:
			add_evaluation(settings, "test");
			break;
		case OPTION_EVAL_SPLIT:
			set_split(settings);
			break;
		case OPTION_EVAL_PROMPT:
			settings->evaluation_prompt = optarg;
			break;
		case OPTION_FORCE:
			settings->overwrite = ANGLE_OVERWRITE_ALLOW;
			break;
		case OPTION_MATRYOSHKA:
			read_lengths(settings);
			break;
		case OPTION_MIX:
		case OPTION_MIX_UNIT:
			read_mixture(option, settings);
			break;
		case OPTION_MODEL:
			settings->model = optarg;
			break;
		case OPTION_NORMALIZE:
			settings->normalize = true;
			break;
		case OPTION_OUTPUT:
			settings->output = optarg;
			break;
		case OPTION_RESTART:
			settings->start = ANGLE_TRAIN_RESTART;
			break;
		case OPTION_RESUME:
			settings->start = ANGLE_TRAIN_RESUME;
			break;
		case OPTION_TEACHER:
			settings->teacher = optarg;
			break;
	}
}

/* ---- the command line --------------------------------------------------- */

/* A preset sets what other options then change, wherever it stands. */
static void
find_preset(int argc, char **argv, AngleTrainSettings *settings)
{
	int option;

	settings->preset = "angle-0.6";
	while ((option = angle_command_option(&angle_train_command, argc, argv,
										  options)) != -1)
	{
		if (option == OPTION_PRESET)
			settings->preset = optarg;
	}
	optind = 1;
	if (!angle_objective_preset(settings->preset, &settings->objective))
		angle_usage_error(
			&angle_train_command,
			"\"--preset\" must be angle-0.1, angle-0.5, angle-0.6 "
			"or uae, not \"%s\"",
			settings->preset);
}

static int
processor_count(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return CPU_COUNT(&set);
}

/* Whether a shell would take the word for something else. */
static bool
needs_quotes(const char *word)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"-_./=,:+@%";

	return *word == '\0' || word[strspn(word, plain)] != '\0';
}

/* The command line, as it can be typed again. */
static const char *
join_words(int argc, char **argv, AngleArena *arena)
{
	size_t size = sizeof("angle");
	char *text;
	char *end;

	for (int i = 0; i < argc; i++)
		size += 4 * strlen(argv[i]) + 3;
	text = angle_arena_alloc(arena, size, 1);
	if (text == NULL)
		return NULL;
	end = stpcpy(text, "angle");
	for (int i = 0; i < argc; i++)
	{
		bool quotes = needs_quotes(argv[i]);

		end = stpcpy(end, quotes ? " '" : " ");
		for (const char *c = argv[i]; *c != '\0'; c++)
		{
			if (quotes && *c == '\'')
				end = stpcpy(end, "'\\'");
			*end++ = *c;
		}
		end = stpcpy(end, quotes ? "'" : "");
	}
	return text;
}

static void
check(const AngleTrainSettings *settings, int argc)
{
	const AngleCommand *command = &angle_train_command;
	const AngleObjective *objective = &settings->objective;

	if (optind != argc)
		angle_usage_error(command, "there is nothing to do with the other "
								   "arguments");
	if (settings->model == NULL)
		angle_usage_error(command, "\"--model\" is needed");
	if (settings->output == NULL)
		angle_usage_error(command, "\"--output\" is needed");
	if (strlen(settings->output) > PATH_MAX - 128)
		angle_usage_error(command, "the name of the output is too long");
	if (settings->data.count == 0)
		angle_usage_error(command, "\"--data\" is needed");
	if (settings->patience > 0 && settings->evaluation_count == 0)
		angle_usage_error(command, "\"--patience\" needs \"--eval\" or "
								   "\"--eval-retrieval\"");
	if (settings->normalize && settings->clip == 0)
		angle_usage_error(command, "\"--normalize\" needs a norm, but "
								   "\"--clip\" is 0");
	if ((objective->mse > 0 || objective->similarity > 0) !=
		(settings->teacher != NULL))
		angle_usage_error(command, "\"--teacher\" goes with \"--distill-mse\" "
								   "or \"--distill-similarity\"");
}

static void
read_arguments(int argc, char **argv, AngleTrainSettings *settings)
{
	int option;

	*settings = (AngleTrainSettings){
		.batch = 32,
		.accumulate = 1,
		.epochs = 1,
		.rate = 2e-5,
		.decay = 0.01,
		.clip = 1,
		.warmup = 0.1,
		.dropout = -1,
		.seed = 42,
		.threads = processor_count(),
	};
	find_preset(argc, argv, settings);
	while ((option = angle_command_option(&angle_train_command, argc, argv,
										  options)) != -1)
		read_option(option, settings);
	check(settings, argc);
}

static AngleStatus
run(int argc, char **argv, AngleArena *arena, AngleError *err)
{
	AngleTrainSettings *settings =
		angle_arena_alloc(arena, 1, sizeof(*settings));
	char folder[PATH_MAX];

	if (settings == NULL)
		return angle_no_memory(err);
	read_arguments(argc, argv, settings);
	snprintf(folder, sizeof(folder), "%s.training", settings->output);
	settings->folder = folder;
	settings->command = join_words(argc, argv, arena);
	if (settings->command == NULL)
		return angle_no_memory(err);
	return angle_train_run(settings, arena, err);
}

const AngleCommand angle_train_command = {
	"train",
	"--model DIRECTORY --data FILE… --output DIRECTORY [OPTION]…",
	"train a model on pairs and triples of texts",
	"Starts from the model DIRECTORY (a hub directory with safetensors) and makes\n"
	"another, which sentence-transformers and angle convert read. What a run needs\n"
	"to go on after a signal lies in OUTPUT.training until it is complete.\n\n"
	"Data; the options below --data belong to the FILE before them:\n"
	"  --data FILE        TSV with a header or JSONL, plain, .xz or .zst; again for\n"
	"                     a mixture of files\n" ANGLE_DATA_READING_HELP
		ANGLE_DATA_TRAINING_HELP
	"  --mix MIX          of several files: weight (default) or round-robin\n"
	"  --mix-unit UNIT    batches of one file (default), or rows of all in a batch\n\n"
	"Objective:\n"
	"  --preset NAME      released weights: angle-0.1, angle-0.5, angle-0.6 (the\n"
	"                     default), uae; the following change them\n"
	"  --cosine-weight X, --in-batch-weight X, --angle-weight X,\n"
	"  --negative-weight X  of the losses; 0 leaves one out\n"
	"  --cosine-tau X, --in-batch-tau X, --angle-tau X  inverse temperatures\n"
	"  --positive-from X  label from which on a pair is positive for the in-batch\n"
	"                     loss (1)\n"
	"  --matryoshka LIST  also train the first 256,128,… components\n"
	"  --elastic N        also train the first N components behind every layer\n"
	"  --compression-weight X  how much these learn the principal components of\n"
	"                     all (1); 0: not\n"
	"  --teacher MODEL    learn from a model's embeddings, by\n"
	"  --distill-mse X, --distill-similarity X  weights of the squared difference\n"
	"                     and of the divergence of similarities within a batch,\n"
	"  --distill-tau X    whose inverse temperature this is (20)\n\n"
	"Training:\n"
	"  --batch-size N     rows of a batch (32)\n"
	"  --mini-batch N     rows that are encoded at once: less memory for the same\n"
	"                     gradient, at the cost of encoding twice (GradCache)\n"
	"  --accumulate N     batches of a step (1)\n"
	"  --epochs X         how often the data is read (1)\n"
	"  --steps N          end after so many steps instead\n"
	"  --max-tokens N     cut texts (the model's limit)\n"
	"  --learning-rate X  the greatest (2e-5), after a linear warm-up, falling to 0\n"
	"  --warmup X         part of the steps in which it grows (0.1)\n"
	"  --weight-decay X   AdamW's, not of biases and norms (0.01)\n"
	"  --clip X           limit of the gradient's norm (1); 0: none\n"
	"  --normalize        scale every gradient to that norm, smaller ones too\n"
	"  --dropout X        0 to turn it off (what config.json says)\n"
	"  --seed N           (42)\n"
	"  --threads N        (as many as there are processors)\n\n"
	"The run:\n"
	"  --eval FILE        labelled pairs, as in --data, for Spearman; the weights\n"
	"                     with the best mean of all sets are kept; again for more\n"
	"  --eval-prompt P    prompt of both texts\n"
	"  --eval-retrieval DIR  a set as in angle eval, for nDCG@10\n"
	"  --eval-split NAME  of the qrels of the set before (test)\n"
	"  --eval-steps N     steps between evaluations (a tenth of all)\n"
	"  --patience N       end after N evaluations without a better score\n"
	"  --save-steps N     steps between checkpoints (a tenth of all, at\n"
	"                     least 100)\n"
	"  --resume           go on with a run that was stopped; same options\n"
	"  --restart          forget such a run\n"
	"  --output DIRECTORY where the model appears when it is complete\n"
	"  --force            replace it if it exists\n"
	"  --help             this text\n\n"
	"The same seed and number of threads give the same bits, whether or not the\n"
	"run was stopped and resumed.\n\n"
	"Example:\n"
	"  angle train --model all-MiniLM-L6-v2 --output my-model \\\n"
	"    --data triples.tsv.xz --columns query=anchor --eval stsb.dev.tsv.xz\n",
	NULL,
	run,
};
