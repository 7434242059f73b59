/* The subcommands of the command line tool, and what they share. */
#ifndef ANGLE_COMMAND_H
#define ANGLE_COMMAND_H

#include <getopt.h>

#include "core/base/arena.h"
#include "core/base/status.h"

/* The process ends with one of these. */
typedef enum AngleExit
{
	ANGLE_EXIT_OK = 0,
	ANGLE_EXIT_FAILURE = 1,
	ANGLE_EXIT_USAGE = 2,
} AngleExit;

typedef struct AngleCommand
{
	const char *name;
	const char *arguments; /* "[OPTION]… DIRECTORY OUTPUT" */
	const char *summary;   /* one line */
	const char *help;	   /* the options, and what there is to know */
	/* its options of one letter for getopt_long(), with a colon first; NULL:
	 * only -h, for help */
	const char *letters;
	/* argv[0] is the subcommand; everything allocated may lie in arena */
	AngleStatus (*run)(int argc, char **argv, AngleArena *arena,
					   AngleError *err);
} AngleCommand;

extern const AngleCommand angle_convert_command;
extern const AngleCommand angle_embed_command;
extern const AngleCommand angle_eval_command;
extern const AngleCommand angle_inspect_command;
extern const AngleCommand angle_merge_command;
extern const AngleCommand angle_mine_command;
extern const AngleCommand angle_push_command;
extern const AngleCommand angle_train_command;

/* The val of --help in every table of long options. */
enum
{
	ANGLE_OPTION_HELP = 256,
};

/* getopt_long() for a subcommand whose long options are these: the val of the
 * next one, its argument in optarg; −1 after the last. "--help" prints the
 * command's help, and an unknown option an error; both end the process. The val
 * of a long option is its letter, or above all letters if it has none and the
 * command has others. */
int angle_command_option(const AngleCommand *command, int argc, char **argv,
						 const struct option *options);

/* Ends the process with a message about how the command was called. */
_Noreturn void angle_usage_error(const AngleCommand *command,
								 const char *format, ...) ANGLE_PRINTF(2, 3);

/* The whole number in text, the argument of option, or a usage error. */
int angle_command_number(const AngleCommand *command, const char *option,
						 const char *text, int least, int most);

/* Prints the error and its hint on stderr, in one place for the whole tool. */
void angle_print_error(const AngleError *err);

#endif
