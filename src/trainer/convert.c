/* angle convert: from a model directory to the packed file that the server
 * maps, or to a directory whose weights are safetensors. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "trainer/command.h"
#include "trainer/export.h"
#include "trainer/interrupt.h"
#include "trainer/model_source.h"
#include "trainer/output.h"
#include "trainer/packing.h"
#include "trainer/progress.h"

typedef enum Target
{
	TARGET_PACKED,
	TARGET_SAFETENSORS,
} Target;

typedef struct Arguments
{
	const char *directory;
	const char *output;
	Target target;
	AngleOverwrite overwrite;
	AnglePacking packing;
} Arguments;

/* ---- arguments ---------------------------------------------------------- */

static const struct option options[] = {
	{"force", no_argument, NULL, 'f'},
	{"format", required_argument, NULL, 'F'},
	{"help", no_argument, NULL, ANGLE_OPTION_HELP},
	ANGLE_PACKING_OPTIONS,
	{NULL, 0, NULL, 0},
};

static Target
target_from_name(const char *name)
{
	if (strcmp(name, "packed") == 0)
		return TARGET_PACKED;
	if (strcmp(name, "safetensors") == 0)
		return TARGET_SAFETENSORS;
	angle_usage_error(&angle_convert_command,
					  "\"--format\" must be packed or safetensors, not \"%s\"",
					  name);
}

static void
read_option(int option, Arguments *arguments)
{
	if (option == 'f')
		arguments->overwrite = ANGLE_OVERWRITE_ALLOW;
	else if (option == 'F')
		arguments->target = target_from_name(optarg);
	else
		angle_packing_option(&arguments->packing, &angle_convert_command,
							 option);
}

static void
read_arguments(int argc, char **argv, Arguments *arguments)
{
	const AngleCommand *command = &angle_convert_command;
	int option;

	*arguments = (Arguments){.target = TARGET_PACKED};
	angle_packing_init(&arguments->packing);
	while ((option = angle_command_option(command, argc, argv, options)) != -1)
		read_option(option, arguments);
	if (argc - optind != 2)
		angle_usage_error(command, "a DIRECTORY and an OUTPUT are needed");
	if (arguments->packing.chosen && arguments->target != TARGET_PACKED)
		angle_usage_error(command, "\"--quantize\", \"--pooling\" and "
								   "\"--model-name\" are for the packed format "
								   "only");
	arguments->directory = argv[optind];
	arguments->output = argv[optind + 1];
}

/* ---- work --------------------------------------------------------------- */

/* The bytes of an export, and how they are shown. */
typedef struct Conversion
{
	AngleProgress progress;
	uint64_t done;
	uint64_t total;
} Conversion;

static void
show_exported(void *context, uint64_t bytes)
{
	Conversion *conversion = context;

	conversion->done += bytes;
	angle_progress_update(
		&conversion->progress,
		(double) conversion->done /
			(double) (conversion->total > 0 ? conversion->total : 1),
		conversion->done);
}

static AngleStatus
pack(Arguments *arguments, AngleOutput *output, AngleArena *arena,
	 AngleError *err)
{
	AngleStatus status;
	char scratch[4096];

	snprintf(scratch, sizeof(scratch), "%s.dir", output->temporary);
	angle_packing_start(&arguments->packing);
	status =
		angle_source_pack(arguments->directory, &arguments->packing.options,
						  scratch, output->stream, arena, err);
	angle_packing_end(&arguments->packing, status);
	return status;
}

static AngleStatus export(const Arguments *arguments, AngleOutput *output,
						  AngleArena *arena, AngleError *err)
{
	Conversion conversion = {.done = 0};
	AngleExport work = {.source = arguments->directory,
						.target = output->temporary,
						.cancel = angle_interrupt_cancel(),
						.progress = show_exported,
						.progress_context = &conversion};
	AngleStatus status;

	ANGLE_TRY(
		angle_export_size(arguments->directory, arena, &conversion.total, err));
	angle_progress_start(&conversion.progress, "converting", NULL);
	status = angle_export_run(&work, arena, err);
	angle_progress_end(&conversion.progress, status == ANGLE_OK,
					   conversion.done);
	return status;
}

/* ---- the command -------------------------------------------------------- */

static AngleStatus
check_directory(const Arguments *arguments, AngleError *err)
{
	struct stat source;
	struct stat target;

	if (!angle_source_is_directory(arguments->directory))
	{
		angle_fail(err, ANGLE_NOT_FOUND, "\"%s\" is not a directory",
				   arguments->directory);
		angle_hint(err, "Name the folder that holds the model's config.json.");
		return ANGLE_NOT_FOUND;
	}
	if (stat(arguments->directory, &source) == 0 &&
		stat(arguments->output, &target) == 0 &&
		source.st_dev == target.st_dev && source.st_ino == target.st_ino)
		return angle_fail(err, ANGLE_INVALID_ARGUMENT,
						  "a model cannot be converted onto itself");
	return ANGLE_OK;
}

static AngleStatus
run(int argc, char **argv, AngleArena *arena, AngleError *err)
{
	Arguments arguments;
	AngleOutput output;
	AngleStatus status;
	bool packed;

	read_arguments(argc, argv, &arguments);
	packed = arguments.target == TARGET_PACKED;
	ANGLE_TRY(check_directory(&arguments, err));
	ANGLE_TRY(angle_output_begin(
		arguments.output, packed ? ANGLE_OUTPUT_FILE : ANGLE_OUTPUT_DIRECTORY,
		arguments.overwrite, arena, &output, err));
	status = packed ? pack(&arguments, &output, arena, err)
					: export(&arguments, &output, arena, err);
	if (status != ANGLE_OK)
	{
		angle_output_name_failure(&output, err);
		angle_output_discard(&output);
		return status;
	}
	return angle_output_commit(&output, err);
}

const AngleCommand angle_convert_command = {
	"convert",
	"[OPTION]… DIRECTORY OUTPUT",
	"turn a model directory into a packed file or into safetensors",
	"DIRECTORY is a model as it lies on the Hugging Face hub: config.json, a\n"
	"tokenizer, and weights as safetensors or as pytorch_model.bin, in one file\n"
	"or in shards. OUTPUT appears under its name when it is complete.\n\n"
	"Options:\n"
	"  --format packed       a file for the PostgreSQL extension (the default)\n"
	"  --format safetensors  a model directory with model.safetensors, element\n"
	"                        types unchanged\n" ANGLE_PACKING_HELP
	"  --force               replace OUTPUT if it exists\n"
	"  --help                this text\n\n"
	"Of pytorch_model.bin only tensors are read: whatever else such a file asks\n"
	"Python to run is refused.\n\n"
	"Examples:\n"
	"  angle convert UAE-Large-V1 uae-large-v1.angle\n"
	"  angle convert --format safetensors old-model new-model\n",
	NULL,
	run,
};
