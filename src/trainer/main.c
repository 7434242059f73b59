/* The command line tool `angle`: dispatch, help and the end of the process. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/command.h"
#include "trainer/interrupt.h"

static const AngleCommand *const commands[] = {
	&angle_convert_command, &angle_embed_command, &angle_eval_command,
	&angle_inspect_command, &angle_merge_command, &angle_mine_command,
	&angle_push_command,	&angle_train_command,
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

/* ---- help and usage ----------------------------------------------------- */

static void
print_help(void)
{
	printf("angle: text embeddings, with the models of the PostgreSQL "
		   "extension angle\n\n"
		   "Usage: angle SUBCOMMAND [OPTION]… ARGUMENT…\n"
		   "       angle SUBCOMMAND --help\n"
		   "       angle --help | --version\n\n"
		   "Subcommands:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  %-10s%s\n", commands[i]->name, commands[i]->summary);
	printf("\nExit status: 0 if all went well, 1 if the work failed, 2 if the "
		   "command\nline was wrong. A signal ends the tool as usual, after "
		   "it has removed what\nwas half written.\n");
}

static void
print_command_help(const AngleCommand *command)
{
	printf("angle %s: %s\n\nUsage: angle %s %s\n\n%s", command->name,
		   command->summary, command->name, command->arguments, command->help);
}

/* Ends a successful run; a full disk shows up here at the latest. */
static _Noreturn void
leave(void)
{
	if (fflush(stdout) != 0 || ferror(stdout))
	{
		fprintf(stderr, "angle: could not write to standard output: %s\n",
				strerror(errno));
		exit(ANGLE_EXIT_FAILURE);
	}
	exit(ANGLE_EXIT_OK);
}

void
angle_usage_error(const AngleCommand *command, const char *format, ...)
{
	va_list args;

	fputs("angle: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nhint: Try \"angle %s%s--help\".\n",
			command ? command->name : "", command ? " " : "");
	exit(ANGLE_EXIT_USAGE);
}

/* Whether getopt_long() stumbled over a letter, which may stand in the middle
 * of an argument, and not over an option in whose place it is the val. */
static bool
is_lone_letter(int letter, const struct option *options)
{
	if (letter <= 0 || letter > UCHAR_MAX)
		return false;
	while (options->name != NULL && options->val != letter)
		options++;
	return options->name == NULL;
}

int
angle_command_option(const AngleCommand *command, int argc, char **argv,
					 const struct option *options)
{
	const char *letters = command->letters != NULL ? command->letters : ":h";
	int option;

	/* getopt's own messages do not say where help is */
	opterr = 0;
	option = getopt_long(argc, argv, letters, options, NULL);
	if (option == ANGLE_OPTION_HELP ||
		(option == 'h' && command->letters == NULL))
	{
		print_command_help(command);
		leave();
	}
	if (option == ':')
		angle_usage_error(command, "option \"%s\" needs an argument",
						  argv[optind - 1]);
	if (option == '?' && is_lone_letter(optopt, options))
		angle_usage_error(command, "wrong option \"-%c\"", optopt);
	if (option == '?')
		angle_usage_error(command, "wrong option \"%s\"", argv[optind - 1]);
	return option;
}

int
angle_command_number(const AngleCommand *command, const char *option,
					 const char *text, int least, int most)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || number < least ||
		number > most)
		angle_usage_error(command,
						  "\"%s\" must be a whole number from %d to %d, not "
						  "\"%s\"",
						  option, least, most, text);
	return (int) number;
}

/* ---- errors ------------------------------------------------------------- */

void
angle_print_error(const AngleError *err)
{
	fprintf(stderr, "angle: %s\n", err->message);
	if (err->hint[0] != '\0')
		fprintf(stderr, "hint: %s\n", err->hint);
}

static _Noreturn void
die(const AngleError *err)
{
	angle_interrupt_reraise();
	angle_print_error(err);
	exit(ANGLE_EXIT_FAILURE);
}

/* ---- dispatch ----------------------------------------------------------- */

static const AngleCommand *
find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
	{
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	angle_usage_error(NULL, "there is no subcommand \"%s\"", name);
}

static void
run(const AngleCommand *command, int argc, char **argv)
{
	AngleArena *arena = angle_arena_create(NULL);
	AngleError err = {.message = "out of memory"};
	AngleStatus status;

	if (arena == NULL)
		die(&err);
	angle_interrupt_install();
	status = command->run(argc, argv, arena, &err);
	angle_arena_destroy(arena);
	if (status != ANGLE_OK)
		die(&err);
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		angle_usage_error(NULL, "a subcommand is needed");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		print_help();
	else if (strcmp(argv[1], "--version") == 0)
		printf("angle %s\n", ANGLE_VERSION);
	else
		run(find_command(argv[1]), argc - 1, argv + 1);
	leave();
}
