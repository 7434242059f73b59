/* angle merge: the weighted mean of models that share an architecture. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/command.h"
#include "trainer/interrupt.h"
#include "trainer/merging.h"
#include "trainer/output.h"

typedef struct Arguments
{
	AngleMerging merging;
	const char *output;
	AngleOverwrite overwrite;
} Arguments;

/* ---- arguments ---------------------------------------------------------- */

enum
{
	MODEL = 300,
	OUTPUT,
	WEIGHT,
	FORCE,
};

static const struct option options[] = {
	{"force", no_argument, NULL, FORCE},
	{"help", no_argument, NULL, ANGLE_OPTION_HELP},
	{"model", required_argument, NULL, MODEL},
	{"output", required_argument, NULL, OUTPUT},
	{"weight", required_argument, NULL, WEIGHT},
	{NULL, 0, NULL, 0},
};

static void
add_model(AngleMerging *merging)
{
	if (merging->count == ANGLE_MAX_MERGED)
		angle_usage_error(&angle_merge_command, "there are more than %d models",
						  ANGLE_MAX_MERGED);
	merging->models[merging->count] = optarg;
	merging->weights[merging->count++] = 1;
}

static void
set_weight(AngleMerging *merging)
{
	char *end;
	double weight = strtod(optarg, &end);

	if (merging->count == 0)
		angle_usage_error(&angle_merge_command,
						  "\"--weight\" must stand behind its \"--model\"");
	if (end == optarg || *end != '\0' || !isfinite(weight))
		angle_usage_error(&angle_merge_command,
						  "\"--weight\" must be a number, not \"%s\"", optarg);
	merging->weights[merging->count - 1] = weight;
}

static void
check(const Arguments *arguments)
{
	const AngleMerging *merging = &arguments->merging;
	double sum = 0;

	if (merging->count < 2)
		angle_usage_error(&angle_merge_command,
						  "two or more \"--model\" are needed");
	if (arguments->output == NULL)
		angle_usage_error(&angle_merge_command, "\"--output\" is needed");
	for (int i = 0; i < merging->count; i++)
		sum += merging->weights[i];
	if (!(fabs(sum) > 1e-9))
		angle_usage_error(&angle_merge_command,
						  "the weights must not add up to 0");
}

static void
read_arguments(int argc, char **argv, Arguments *arguments)
{
	int option;

	while ((option = angle_command_option(&angle_merge_command, argc, argv,
										  options)) != -1)
	{
		if (option == MODEL)
			add_model(&arguments->merging);
		else if (option == WEIGHT)
			set_weight(&arguments->merging);
		else if (option == OUTPUT)
			arguments->output = optarg;
		else
			arguments->overwrite = ANGLE_OVERWRITE_ALLOW;
	}
	if (optind != argc)
		angle_usage_error(&angle_merge_command,
						  "there is nothing to do with the other arguments");
	check(arguments);
}

/* ---- work --------------------------------------------------------------- */

static AngleStatus
run(int argc, char **argv, AngleArena *arena, AngleError *err)
{
	Arguments arguments = {.overwrite = ANGLE_OVERWRITE_REFUSE};
	AngleOutput output;
	AngleStatus status;

	read_arguments(argc, argv, &arguments);
	ANGLE_TRY(angle_output_begin(arguments.output, ANGLE_OUTPUT_DIRECTORY,
								 arguments.overwrite, arena, &output, err));
	status = angle_merge_models(&arguments.merging, output.temporary,
								angle_interrupt_cancel(), arena, err);
	if (status == ANGLE_OK)
		return angle_output_commit(&output, err);
	angle_output_discard(&output);
	return status;
}

const AngleCommand angle_merge_command = {
	"merge",
	"--model DIRECTORY [--weight X] --model DIRECTORY … --output DIRECTORY",
	"average the weights of models that were trained from the same one",
	"Writes a model whose weights are the weighted means of the models' weights, in\n"
	"single precision; all else is that of the first model. Models that were\n"
	"trained from the same start can be averaged, with each other and with the\n"
	"start; of others the mean is worth nothing.\n\n"
	"Options:\n"
	"  --model DIRECTORY  a model directory, as the hub has them; again for each\n"
	"  --weight X         of the model before it (1); all are divided by their sum\n"
	"  --output DIRECTORY where the mean appears when it is complete\n"
	"  --force            replace it if it exists\n"
	"  --help             this text\n\n"
	"Example, three quarters of what training changed:\n"
	"  angle merge --model trained --weight 0.75 \\\n"
	"    --model all-MiniLM-L6-v2 --weight 0.25 --output my-model\n",
	NULL,
	run,
};
