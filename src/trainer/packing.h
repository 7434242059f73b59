/* How a model directory is packed: the options that several subcommands share,
 * and what is shown while it goes on. */
#ifndef ANGLE_PACKING_H
#define ANGLE_PACKING_H

#include "core/encoder/pack.h"
#include "trainer/command.h"
#include "trainer/progress.h"

typedef struct AnglePacking
{
	AnglePackOptions options;
	AnglePooling pooling; /* what options.hub.pooling points to */
	bool chosen;		  /* some option has been given */
	AngleProgress progress;
	uint64_t done; /* bytes */
} AnglePacking;

/* For the table of getopt_long(); above all letters. */
enum
{
	ANGLE_OPTION_MODEL_NAME = 512,
	ANGLE_OPTION_POOLING,
	ANGLE_OPTION_QUANTIZE,
};

#define ANGLE_PACKING_OPTIONS                                         \
	{"model-name", required_argument, NULL, ANGLE_OPTION_MODEL_NAME}, \
		{"pooling", required_argument, NULL, ANGLE_OPTION_POOLING},   \
	{                                                                 \
		"quantize", required_argument, NULL, ANGLE_OPTION_QUANTIZE    \
	}

#define ANGLE_PACKING_HELP                                                   \
	"  --quantize int8|f32   how the packed file holds the weights (int8)\n" \
	"  --pooling NAME        cls, mean, cls_avg, last or max, instead of "   \
	"what\n"                                                                 \
	"                        the directory says\n"                           \
	"  --model-name NAME     the model's name on the hub, such as\n"         \
	"                        WhereIsAI/UAE-Large-V1, for directories that "  \
	"lack\n"                                                                 \
	"                        the files that say pooling and prompts\n"

/* 8-bit weights, and all else as the directory says; ends at a signal. It is
 * referred to by its options: do not copy it. */
void angle_packing_init(AnglePacking *packing);

/* Takes an option of the table with its argument in optarg; others are left
 * alone. A wrong argument is a usage error. */
void angle_packing_option(AnglePacking *packing, const AngleCommand *command,
						  int option);

/* Before and after the work: the line that shows how far it is. */
void angle_packing_start(AnglePacking *packing);
void angle_packing_end(AnglePacking *packing, AngleStatus status);

#endif
